// SPDX-License-Identifier: GPL-2.0-only
/** What an import has found: of the recording, of the first differences, and last how real the model is. */
import { ascii, count, wrap } from '../base/text.js';
import type { Difference, Imported } from './difference.js';
import type { Note, Recording } from './read-trace.js';

/** Notes of a kind that are told one by one. */
const SHOWN = 5;
const UNUSED_SHOWN = 6;

const KINDS: Readonly<Record<Note['kind'], string>> = {
  unreadable: 'not read',
  lost: 'lost',
  clock: 'clock',
  order: 'order',
  missing: 'missing',
  limit: 'limit',
};

function noteLines(notes: readonly Note[], width: number): string[] {
  const lines: string[] = [];
  for (const kind of Object.keys(KINDS) as Note['kind'][]) {
    const own = notes.filter((note) => note.kind === kind);
    for (const { line, says } of own.slice(0, SHOWN)) {
      const at = line === null ? '' : `line ${line}: `;
      lines.push(...wrap(ascii(`${KINDS[kind]}: ${at}${says}`), width, '  '));
    }
    if (own.length > SHOWN) lines.push(`${KINDS[kind]}: ${own.length - SHOWN} more of these`);
  }
  return lines;
}

function unusedLines(unused: ReadonlyMap<string, number>, width: number): string[] {
  if (unused.size === 0) return [];
  const all = [...unused].sort((a, b) => b[1] - a[1]);
  const first = all.slice(0, UNUSED_SHOWN).map(([name, n]) => `${name} ${n}`);
  const rest = all.length > UNUSED_SHOWN ? `, and ${count(all.length - UNUSED_SHOWN, 'other kind')}` : '';
  return wrap(ascii(`not used: ${first.join(', ')}${rest}`), width, '  ');
}

/** ns as seconds */
const seconds = (ns: number): string => `${Math.floor(ns / 1e9)}.${String(ns % 1e9).padStart(9, '0')}`;

function differenceLines(d: Difference, width: number): string[] {
  return [
    `line ${d.line}, ${seconds(d.at)} s, CPU ${d.cpu}`,
    ...wrap(`  kernel: ${d.kernel}`, width, '    '),
    ...wrap(`  model:  ${d.model}`, width, '    '),
    ...(d.queue.length === 0 ? [] : ['  queue:']),
    ...d.queue.flatMap((line) => wrap(`    ${line}`, width, '           ')),
    ...wrap(`  likely: ${d.cause}`, width, '    '),
    '',
  ].map(ascii);
}

/** In percent, one decimal; 100.0 for nothing but all. */
export function percent(part: number, all: number): string {
  if (all === 0) return '-';
  if (part === all) return '100.0';
  return Math.min(99.9, Math.floor((part / all) * 1000) / 10).toFixed(1);
}

/** The last line. */
export function realism({ alike, decisions, timesAlike, times }: Imported): string {
  return (
    `realism: ${percent(alike, decisions)} % of ${count(decisions, 'scheduling decision')}, ` +
    `virtual times equal in ${timesAlike} of ${times}`
  );
}

/** The whole report. */
export function importLines(recording: Recording, imported: Imported, kernel: string, width: number): string[] {
  const { scenario, notes, differences, differing, told } = imported;
  const tasks = scenario.tasks?.length ?? 0;
  const says = [
    ...(told.migrations > 0 ? [`${count(told.migrations, 'move')} by load balancing taken as recorded`] : []),
    ...(told.yields > 0 ? [`${count(told.yields, 'directed yield')} taken to be for whoever came`] : []),
    ...(told.placements > 0
      ? [`${count(told.placements, 'task')} put where a pick showed ${told.placements === 1 ? 'it' : 'them'} to stand`]
      : []),
  ];
  const more = differing - differences.length;
  return [
    ...wrap(
      `${count(recording.lines, 'line')} of events, ${count(scenario.cpus, 'CPU')}, ${count(tasks, 'task')}, HZ ${scenario.hz}, on ${kernel}`,
      width,
    ),
    ...noteLines(notes, width),
    ...unusedLines(recording.unused, width),
    ...says.flatMap((it) => wrap(it, width, '  ')),
    '',
    ...differences.flatMap((d) => differenceLines(d, width)),
    ...(more > 0 ? [`${count(more, 'more difference')}`, ''] : []),
    realism(imported),
  ];
}
