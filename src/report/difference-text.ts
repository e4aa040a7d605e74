// SPDX-License-Identifier: GPL-2.0-only
/** Whether the series does what its base does, and the first thing that it does differently. */
import { columns, count, wrap } from '../base/text.js';
import type { CheckReport } from './check-report.js';
import { isUnmoved } from './measures-table.js';
import { counterexampleLines } from './transcript.js';
import { partsOf } from './verdicts.js';

/** What was compared, world by world; no line when nothing was. */
export function differenceRows(report: CheckReport): string[] {
  const { difference } = report;
  if (difference === null) return [];
  const rows = difference.worlds.map((w) => [
    w.says,
    w.differs ? `differs in run ${w.runs}` : `no difference in ${count(w.events, 'event')}`,
  ]);
  return columns([['beside its base, event by event', ''], ...rows]);
}

/** The sentence for a patch that nothing noticed; null when something did. */
export function nothingNoticed(report: CheckReport): string | null {
  const { difference } = report;
  const { base, patched } = partsOf(report);
  if (difference === null || difference.worlds.some((w) => w.differs)) return null;
  const events = difference.worlds.reduce((sum, w) => sum + w.events, 0);
  const measured = report.measures[patched] !== undefined && isUnmoved(report) ? ', and every measure is the same' : '';
  const told = report.claims.flatMap((c) => c.properties).some((p) => p.verdicts[base] !== p.verdicts[patched]);
  if (told)
    return `Beside ${base}, event by event, no field differs in ${count(events, 'event')}: these runs do not reach what the series changes. Verdicts above that differ are from runs made for them.`;
  return `The series does what ${base} does: no field differs in ${count(events, 'event')}${measured}. What it changes was not reached, or changes nothing here; no verdict above is about it.`;
}

/** The sentence that names the first difference, and its transcript. */
export function differenceLines(report: CheckReport, width: number): string[] {
  const { difference } = report;
  if (difference === null) return [];
  const { base, patched } = partsOf(report);
  const turned =
    difference.turned.length === 0 ? [] : wrap(`turned on the way: ${difference.turned.join(', ')}`, width);
  const c = difference.counterexample;
  if (c === undefined) {
    const nothing = nothingNoticed(report);
    return [...turned, ...(nothing === null ? [] : wrap(nothing, width)), ''];
  }
  return [
    ...turned,
    ...wrap(`The shortest run that tells ${patched} from its base, ${count(c.events.length, 'event')}:`, width),
    ...wrap(`    ${c.message}`, width, '    '),
    '',
    ...counterexampleLines(c, base, width),
    '',
    c.replay,
    '',
  ];
}
