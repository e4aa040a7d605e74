// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel conform` says of functions that are held alone, each cut out of the tree. */
import { count, wrap } from '../base/text.js';
import type { HeldDifference, HeldRow } from '../conform/held/compare.js';
import type { HeldReport } from '../conform/held/hold-all.js';
import { type Again, againCommand } from './again.js';

/** One line for all, and a paragraph for each that differs or could not be held. */
export function heldLines(report: HeldReport, again: Again): string[] {
  const differing = report.rows.filter((row) => row.differing > 0);
  const calls = report.rows.reduce((n, row) => n + row.calls, 0);
  return [
    `${count(report.rows.length, 'function')} of KVM, each alone: ${count(calls, 'call')}, ${count(differing.length, 'function')} differing`,
    ...leftLines(report),
    ...report.lackingFields
      .slice(0, 5)
      .flatMap((name) => wrap(`  not compared: ${name}, which the tree lacks`, 80, '    ')),
    ...differing.flatMap((row) => differenceLines(row, row.difference!, again)),
  ];
}

/** By reason: one that holds for many is said once. */
function leftLines({ left }: HeldReport): string[] {
  return [...new Set(left.map((one) => one.why))].flatMap((why) => {
    const names = left.filter((one) => one.why === why).map((one) => `${one.name}()`);
    const shown = names.length > 6 ? count(names.length, 'function') : names.join(', ');
    return wrap(`  not held: ${shown}: ${why}`, 80, '    ');
  });
}

function differenceLines(row: HeldRow, d: HeldDifference, again: Again): string[] {
  return [
    '',
    `  ${d.file}: ${d.name}(): ${d.what} (${row.differing} of ${count(row.calls, 'call')})`,
    `    model   ${d.model}`,
    `    C code  ${d.native}`,
    '    with',
    ...d.input.flatMap((line) => wrap(`      ${line}`, 80, '        ')),
    `    again: ${againCommand(again, `--held ${d.as}`)}`,
  ];
}
