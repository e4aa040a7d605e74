// SPDX-License-Identifier: GPL-2.0-only
/** A check report as it appears in a terminal: ASCII, as wide as the terminal. */
import { ascii, count, inWidth, wrap } from '../base/text.js';
import type { CheckReport, ClaimResult, PropertyResult } from './check-report.js';
import { claimsTable } from './claims-table.js';
import { differenceLines, differenceRows, nothingNoticed } from './difference-text.js';
import { measuresTable, movesOf } from './measures-table.js';
import { counterexampleLines } from './transcript.js';
import {
  changedVerdicts,
  findings,
  hasRecord,
  isNotAsked,
  partsOf,
  refutedOtherwise,
  summary,
  tellingVerdict,
  unrecordedFailures,
  withSetting,
  worthShowing,
} from './verdicts.js';

export const WIDTH = 80;

export interface TextOptions {
  /** characters a line */
  width: number;
  /** every finding at length, however many there are */
  all: boolean;
  /** what the reader types to see them: `kvmodel check SERIES` */
  command: string;
}

/** More findings than this are listed; a transcript each would scroll the table away. */
const FINDINGS_MAX = 3;

/** The whole report, ending in a line break. */
export function reportText(report: CheckReport, options: TextOptions): string {
  const shown = report.claims.flatMap((claim) => findings(claim, report));
  const short = !options.all && shown.length > FINDINGS_MAX;
  const { width } = options;
  const lines = [
    ...wrap(`${report.series}: ${report.title}`, width, '  '),
    ...wrap(runLine(report), width, '  '),
    '',
    ...claimsTable(report, width),
    '',
    ...(short ? shortLines(report, shown, options) : longLines(report, width)),
    ...verdictLines(report, width),
  ];
  return `${lines.map(ascii).join('\n')}\n`;
}

function runLine(report: CheckReport): string {
  const seeds =
    report.seeds === 1 ? `seed ${report.seed}` : `seeds ${report.seed} to ${report.seed + report.seeds - 1}`;
  const partial =
    report.partial === null
      ? ''
      : `; INTERRUPTED: ${report.partial.answered} of ${report.partial.asked} questions answered`;
  return `kvmodel ${report.version}, ${seeds}, ${count(report.runs * report.seeds, 'run')} a property${partial}`;
}

/** Everything at length. */
function longLines(report: CheckReport, width: number): string[] {
  const parts = partsOf(report);
  const measures = measuresTable(report);
  const beside = differenceRows(report);
  return [
    ...unanswerableLines(report, width),
    ...(measures.length > 0 ? [...measures, ''] : []),
    ...(beside.length > 0 ? [...beside, '', ...differenceLines(report, width)] : []),
    ...report.claims.flatMap((claim) => claimLines(claim, report, parts.base, width)),
    ...unreachedLines(report, width),
  ];
}

/** What fits on a screen beside the table: what moved, what was found, and how to see it. */
function shortLines(report: CheckReport, shown: readonly PropertyResult[], options: TextOptions): string[] {
  const { width, command } = options;
  const moves = movesOf(report).map(({ name, from, to, percent, verdict }) => {
    const by = percent === null ? '' : ` (${percent > 0 ? '+' : ''}${percent} %)`;
    return `${name}: ${from} -> ${to}${by}, ${verdict}`;
  });
  const ids = (verdict: string): string => {
    const of = shown.flatMap((p) => {
      const telling = tellingVerdict(p, report);
      return telling.verdict === verdict ? [`${p.id}${withSetting(telling.kernel)}`] : [];
    });
    return of.length === 0 ? '' : `${verdict}: ${of.join(', ')}`;
  };
  const nothing = nothingNoticed(report);
  const first = report.difference?.counterexample;
  const branches = report.unreached.length;
  const said = [ids('refuted'), ids('unreachable')].filter((text) => text !== '');
  if (nothing !== null) said.push(nothing);
  if (first !== undefined)
    said.push(`first difference from the base, after ${count(first.events.length, 'event')}: ${first.message}`);
  if (branches > 0) said.push(`${count(branches, 'branch', 'branches')} of the series that no run took`);
  return [
    '-'.repeat(width),
    ...(moves.length === 0 ? [] : ['measures that moved by more than noise:', ...moves.map((m) => `  ${m}`)]),
    ...said.flatMap((text) => wrap(text, width, '  ')),
    ...wrap(`One at length: ${command} --only ${shown[0].id}; all of it: --all, or --out DIR for files.`, width, '  '),
  ];
}

function claimLines(claim: ClaimResult, report: CheckReport, base: string, width: number): string[] {
  const found = findings(claim, report);
  if (found.length === 0) return [];
  return [
    '-'.repeat(width),
    ...wrap(`${claim.id}  ${claim.words}`, width, ' '.repeat(claim.id.length + 2)),
    '',
    ...found.flatMap((property) => [
      ...propertyLines(property, base, tellingVerdict(property, report).kernel, width),
      '',
    ]),
  ];
}

function propertyLines(p: PropertyResult, base: string, patched: string, width: number): string[] {
  const verdict = p.verdicts[patched];
  const before = base === patched ? '' : `${withSetting(patched)} (${p.verdicts[base] ?? 'not asked'} on base)`;
  const head = wrap(`${p.id}  ${p.word}: ${p.says}: ${verdict}${before}`, width, ' '.repeat(p.id.length + 2));
  const means = p.means === undefined ? [] : wrap(`    (${p.means})`, width, '     ');
  const c = p.counterexample;
  if (c === undefined) return [...head, ...means, ...wrap(`    ${searched(p, patched)}`, width, '    ')];
  const shrunk = c.foundAt > c.events.length ? `, shrunk from ${c.foundAt}` : '';
  const otherwise = refutedOtherwise(c.message);
  return [
    ...head,
    ...means,
    ...(otherwise === null ? [] : wrap(`    (${otherwise})`, width, '     ')),
    ...wrap(`    ${c.message}`, width, '    '),
    ...wrap(`    after ${count(c.events.length, 'event')}${shrunk}, on ${c.kernel}:`, width, '    '),
    '',
    ...counterexampleLines(c, base, width),
    '',
    c.replay,
  ];
}

/** What was searched where nothing was found. */
export function searched(p: PropertyResult, kernel: string): string {
  const e = p.evidence[kernel];
  if (e === undefined) return 'nothing was searched';
  if (e.runs === 0 && e.note !== undefined) return e.note;
  const random = `${count(e.runs, 'random run')} of ${count(e.events, 'event')} together`;
  const x = e.exhaustive;
  if (x === undefined) return `not in ${random}`;
  const scope = x.complete ? `in none of all ${x.states} states to depth ${x.depth}` : `not in ${x.states} states`;
  return `${scope}${x.complete ? '' : ` to depth ${x.depth} (search not complete)`}, nor in ${random}`;
}

/** Claims that no model can answer, and why. */
function unanswerableLines(report: CheckReport, width: number): string[] {
  const open = report.claims.filter((c) => c.unanswerable !== undefined && !isNotAsked(c));
  const later = report.claims.filter(isNotAsked);
  const told = (claims: typeof open): string[] =>
    claims.flatMap((c) => wrap(`  ${c.id}: ${c.unanswerable}`, width, '      '));
  return [
    ...(open.length === 0 ? [] : ['no model can say:', ...told(open), '']),
    ...(later.length === 0 ? [] : ['not asked yet:', ...told(later), '']),
  ];
}

function unreachedLines(report: CheckReport, width: number): string[] {
  if (report.unreached.length === 0) return [];
  const { folder, rows } = unreachedRows(report.unreached, width);
  const where = folder === '' ? '' : `, in ${folder}`;
  return ['-'.repeat(width), `branches of the series that no run took${where}:`, ...rows, ''];
}

/** File by file: line, function, and the line's text as far as it fits; `folder` is what all paths begin with. */
export function unreachedRows(unreached: CheckReport['unreached'], width: number): { folder: string; rows: string[] } {
  const files = [...new Set(unreached.map((u) => u.file))];
  const folders = new Set(files.map((file) => file.slice(0, file.lastIndexOf('/') + 1)));
  const folder = folders.size === 1 ? [...folders][0] : '';
  const rows = files.flatMap((file) => [
    inWidth(file.slice(folder.length), width).trimEnd(),
    ...unreached
      .filter((u) => u.file === file)
      .flatMap((u) => [
        `${String(u.line).padStart(6)}  ${u.function}()`,
        inWidth(`        ${u.text}`, width).trimEnd(),
      ]),
  ]);
  return { folder, rows };
}

function verdictLines(report: CheckReport, width: number): string[] {
  const lines = ['-'.repeat(width), ...wrap(summary(report), width)];
  if (report.partial !== null) lines.push('Interrupted: what is not in the table was not asked.');
  if (report.changed.length > 0) {
    lines.push(changedVerdicts(report).length > 0 ? 'Not as recorded:' : 'The base itself is not as recorded:');
    for (const c of report.changed) {
      lines.push(...wrap(`  ${c.property} on ${c.kernel}: recorded ${c.recorded}, found ${c.found}`, width, '    '));
    }
  } else if (hasRecord(report)) {
    lines.push(
      report.partial === null
        ? 'Every verdict that is recorded was found again.'
        : 'Nothing asked so far differs from its record.',
    );
  } else {
    lines.push('No verdict on this series is recorded: it is held against its base.');
  }
  const bad = unrecordedFailures(report);
  if (bad.length > 0) {
    const list = bad.map((f) => `${f.property} ${f.verdict}${withSetting(f.kernel)}`).join(', ');
    lines.push(...wrap(`Not recorded, and not what the base does: ${list}.`, width, '  '));
  }
  const worse = movesOf(report).filter((m) => m.verdict === 'worse');
  if (worse.length > 0 && !report.claims.some((c) => worthShowing(c.verdicts[partsOf(report).patched])))
    lines.push(
      ...wrap(`Nothing is refuted, but worse by measure: ${worse.map((m) => m.name).join('; ')}.`, width, '  '),
    );
  return lines;
}
