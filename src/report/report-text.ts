// SPDX-License-Identifier: GPL-2.0-only
/** A check report as it appears in a terminal: 80 columns, ASCII. */
import { ascii, count, inWidth, wrap } from '../base/text.js';
import type { CheckReport, ClaimResult, PropertyResult } from './check-report.js';
import { claimsTable } from './claims-table.js';
import { measuresTable } from './measures-table.js';
import { counterexampleLines } from './transcript.js';
import { findings, hasRecord, partsOf, summary, unrecordedFailures } from './verdicts.js';

export const WIDTH = 80;

/** The whole report, ending in a line break. */
export function reportText(report: CheckReport): string {
  const parts = partsOf(report);
  const measures = measuresTable(report);
  const lines = [
    ...wrap(`${report.series}: ${report.title}`, WIDTH, '  '),
    ...wrap(`kvmodel ${report.version}, seed ${report.seed}, ${count(report.runs, 'run')} a property`, WIDTH, '  '),
    '',
    ...claimsTable(report, WIDTH),
    '',
    ...unanswerableLines(report),
    ...(measures.length > 0 ? [...measures, ''] : []),
    ...report.claims.flatMap((claim) => claimLines(claim, report, parts.base, parts.patched)),
    ...unreachedLines(report),
    ...verdictLines(report),
  ];
  return `${lines.map(ascii).join('\n')}\n`;
}

function claimLines(claim: ClaimResult, report: CheckReport, base: string, patched: string): string[] {
  const found = findings(claim, report);
  if (found.length === 0) return [];
  return [
    '-'.repeat(WIDTH),
    ...wrap(`${claim.id}  ${claim.words}`, WIDTH, ' '.repeat(claim.id.length + 2)),
    '',
    ...found.flatMap((property) => [...propertyLines(property, base, patched), '']),
  ];
}

function propertyLines(p: PropertyResult, base: string, patched: string): string[] {
  const verdict = p.verdicts[patched];
  const before = base === patched ? '' : ` (${p.verdicts[base] ?? 'not asked'} on base)`;
  const head = wrap(`${p.id}  ${p.word}: ${p.says}: ${verdict}${before}`, WIDTH, ' '.repeat(p.id.length + 2));
  const c = p.counterexample;
  if (c === undefined) return [...head, ...wrap(`    ${searched(p, patched)}`, WIDTH, '    ')];
  const shrunk = c.foundAt > c.events.length ? `, shrunk from ${c.foundAt}` : '';
  return [
    ...head,
    ...wrap(`    ${c.message}`, WIDTH, '    '),
    ...wrap(`    after ${count(c.events.length, 'event')}${shrunk}, on ${c.kernel}:`, WIDTH, '    '),
    '',
    ...counterexampleLines(c, base, WIDTH),
    '',
    c.replay,
  ];
}

/** What was searched where nothing was found. */
export function searched(p: PropertyResult, kernel: string): string {
  const e = p.evidence[kernel];
  if (e === undefined) return 'nothing was searched';
  const random = `${count(e.runs, 'random run')} of ${count(e.events, 'event')} together`;
  const x = e.exhaustive;
  if (x === undefined) return `not in ${random}`;
  const scope = x.complete ? `in none of all ${x.states} states to depth ${x.depth}` : `not in ${x.states} states`;
  return `${scope}${x.complete ? '' : ` to depth ${x.depth} (search not complete)`}, nor in ${random}`;
}

/** Claims that no model can answer, and why. */
function unanswerableLines(report: CheckReport): string[] {
  const open = report.claims.filter((c) => c.unanswerable !== undefined);
  if (open.length === 0) return [];
  const told = open.flatMap((c) => wrap(`  ${c.id}: ${c.unanswerable}`, WIDTH, '      '));
  return ['no model can say:', ...told, ''];
}

function unreachedLines(report: CheckReport): string[] {
  if (report.unreached.length === 0) return [];
  const { folder, rows } = unreachedRows(report.unreached, WIDTH);
  const where = folder === '' ? '' : `, in ${folder}`;
  return ['-'.repeat(WIDTH), `branches of the series that no run took${where}:`, ...rows, ''];
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

function verdictLines(report: CheckReport): string[] {
  const lines = ['-'.repeat(WIDTH), ...wrap(summary(report), WIDTH)];
  if (report.changed.length > 0) {
    lines.push('Not as recorded:');
    for (const c of report.changed) {
      lines.push(...wrap(`  ${c.property} on ${c.kernel}: recorded ${c.recorded}, found ${c.found}`, WIDTH, '    '));
    }
  } else if (hasRecord(report)) {
    lines.push('Every verdict that is recorded was found again.');
  } else {
    lines.push('No verdict on this series is recorded: it is held against its base.');
  }
  const bad = unrecordedFailures(report);
  if (bad.length > 0) {
    const list = bad.map((f) => `${f.property} ${f.verdict}`).join(', ');
    lines.push(...wrap(`Not recorded, and not what the base does: ${list}.`, WIDTH, '  '));
  }
  return lines;
}
