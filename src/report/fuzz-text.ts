// SPDX-License-Identifier: GPL-2.0-only
/** What a campaign found, in words. */
import { columns, count, wrap } from '../base/text.js';
import type { Found, Summary } from '../fuzz/campaign.js';

/** A finding with what only the command knows of it. */
export interface ShownFinding extends Found {
  /** what is recorded of the property on this kernel: `refuted` where it is known not to hold */
  recorded?: string;
  /** the command that replays it */
  replay: string;
  /** the property's own sentence */
  says: string;
  /** a difference from C, and no property */
  isBeside?: boolean;
}

export interface FuzzShown {
  kernel: string;
  base: string | null;
  seed: number;
  guided: boolean;
  summary: Summary;
  findings: readonly ShownFinding[];
  /** C beside the campaign: what was held against it */
  beside?: { tree: string; runs: number; events: number; leftOut: number };
}

/** Speaks against the kernel: the base does not do the same, and it is not known of it. */
export const isNews = (f: Pick<ShownFinding, 'onBase' | 'recorded'>): boolean => !f.onBase && f.recorded !== 'refuted';

/** Whose it is. */
export function standing(f: ShownFinding, base: string | null): string {
  if (f.isBeside === true) return f.onBase ? 'C without the patches differs there as well' : 'the model and C differ';
  if (f.onBase) return `${base ?? 'the base'} shows it as well`;
  if (f.recorded === 'refuted') return 'known: this kernel is recorded not to keep the property';
  return base === null ? 'not recorded of this kernel' : `${base} does not show it`;
}

export function findingText(f: ShownFinding, base: string | null, n: number): string {
  const where = f.fn === '' ? '' : ` in ${f.fn}`;
  const lines = [
    ...wrap(`[${n}] ${f.property}${where}: ${f.message}`, 80, '    '),
    ...wrap(`    ${f.says}`, 80, '    '),
    ...wrap(
      `    ${count(f.events.length, 'event')}, found as ${f.foundAt}; seen ${f.seen}x, first within ${f.after} events; ${standing(f, base)}`,
      80,
      '    ',
    ),
    `    ${f.replay}`,
  ];
  return lines.join('\n');
}

const WHY_STOPPED: Readonly<Record<Summary['stopped'], string>> = {
  events: 'all events were run',
  time: 'the time is over',
  interrupted: 'interrupted',
  enough: 'stopped with what was looked for',
};

/** The summary. What was not asked, or never reached, is said. */
export function fuzzText({ kernel, base, seed, guided, summary, findings, beside }: FuzzShown): string {
  const { runs, events, asked, notModelled, notModelledWhat, refused, curve, stopped } = summary;
  const last = curve.at(-1);
  const news = findings.filter(isNews);
  const head = base === null ? kernel : `${kernel}, compared with ${base}`;
  const covered =
    last === undefined || !guided
      ? 'drawn blindly, branches not looked at'
      : `${last.branches} branches of mirrored code, ${last.states} kinds of state, corpus of ${last.corpus}`;
  const never = [...asked].filter(([, { reached }]) => reached === 0).map(([id]) => id);
  const lines = [
    head,
    ...wrap(
      `${count(runs, 'run')}, ${count(events, 'event')}, seed ${seed}: ${covered}; ${WHY_STOPPED[stopped]}.`,
      80,
      '  ',
    ),
  ];
  if (notModelled > 0)
    lines.push(
      ...wrap(`${count(notModelled, 'run')} ended at what is not modelled, first ${notModelledWhat}.`, 80, '  '),
    );
  if (beside !== undefined)
    lines.push(
      ...wrap(
        `${count(beside.runs, 'run')} of those kept, ${count(beside.events, 'event')}, held against ${beside.tree}; ${beside.leftOut} are none that its driver has.`,
        80,
        '  ',
      ),
    );
  if (never.length > 0) lines.push(...wrap(`Case never reached, so nothing said: ${never.join(', ')}.`, 80, '  '));
  for (const { entry, why } of refused.slice(0, 20))
    lines.push(...wrap(`Not run: an entry for ${entry.property}: ${why}`, 80, '  '));
  if (refused.length > 20) lines.push(`... and ${refused.length - 20} entries more.`);
  lines.push('');
  if (findings.length === 0) lines.push('Nothing was found in these runs. That is no proof.');
  findings.forEach((f, i) => {
    lines.push(findingText(f, base, i + 1), '');
  });
  if (findings.length > 0) {
    const rows = findings.map((f, i) => [
      `[${i + 1}] ${f.property}`,
      f.fn,
      String(f.events.length),
      `${f.seen}x`,
      f.onBase ? 'base as well' : f.recorded === 'refuted' ? 'known' : 'new',
    ]);
    lines.push(...columns([['finding', 'in', 'events', 'seen', 'whose'], ...rows], [2, 3]), '');
    lines.push(`${count(findings.length, 'finding')}, ${news.length} of them new.`);
  }
  return `${lines.join('\n')}\n`;
}

/** What a campaign did, to be added up with others. */
export function fuzzRecord(shown: FuzzShown, shard: string): Record<string, unknown> {
  const { kernel, base, seed, guided, summary, findings } = shown;
  const { runs, events, curve, knowledge, notModelled } = summary;
  return {
    schema: 'kvmodel-campaign-1',
    kernel,
    base,
    seed,
    shard,
    guided,
    runs,
    events,
    notModelled,
    branches: [...knowledge.branches].sort(),
    curve,
    findings: findings.map(({ property, cause, seen, after, onBase, recorded }) => ({
      property,
      cause,
      seen,
      after,
      onBase,
      isKnown: recorded === 'refuted',
    })),
  };
}
