// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel scan` prints. */
import { table } from '../base/table.js';
import { wrap } from '../base/text.js';
import type { Finding, Scanned } from '../conform/scan/scan.js';

const ORDER: readonly Finding[] = ['present', 'not told', 'absent'];
const COLUMNS = [
  { head: 'fixed by', width: 15 },
  { head: 'the bug', width: 31 },
  { head: 'shown by', width: 30 },
];

/** `revert-79104becf42b`: the commit that fixed it. */
const fixOf = ({ id }: Scanned): string => id.replace(/^revert-/, '');

const shownBy = ({ signs }: Scanned): string =>
  signs.map(({ tried, like }) => (like === null ? '' : tried)).find((text) => text !== '') ?? '';

/** Why a bug is not told, or a sign that says nothing beside those that do. */
function reasons(scanned: Scanned): string[] {
  return scanned.signs.flatMap(({ tried, like, otherwise }) => {
    if (like !== null && scanned.finding !== 'not told') return [];
    const said = like === null ? otherwise : like === 'fixed' ? 'as with the fix' : 'as without the fix';
    return [tried === '' ? said : `${tried}: ${said}`];
  });
}

/** A table for each finding, what is present first, with reasons for what is not told. `all` adds the operations that show each. */
export function scanText(version: string, list: readonly Scanned[], all: boolean): string {
  const of = (finding: Finding): Scanned[] => list.filter((one) => one.finding === finding);
  const lines = ORDER.flatMap((finding) => {
    const found = of(finding);
    if (found.length === 0) return [];
    const rows = found.map((one) => [fixOf(one), one.says, shownBy(one)]);
    const why = found.flatMap((one) => reasons(one).map((said) => `${fixOf(one)}: ${said}`));
    return [
      '',
      `${finding}:`,
      '',
      ...table(COLUMNS, rows),
      ...(why.length === 0 ? [] : ['']),
      ...why.flatMap(indented),
    ];
  });
  const shown = list.flatMap((one) => one.signs.map(({ sequence }) => [fixOf(one), sequence] as const));
  const sequences = shown
    .filter(([, text]) => text !== '')
    .flatMap(([fix, text]) => ['', `${fix}:`, ...indented(text)]);
  const n = (finding: Finding): number => of(finding).length;
  return [
    `${version}: ${n('present')} of ${list.length} known bugs present, ${n('absent')} absent, ${n('not told')} not told`,
    ...lines,
    ...(all ? sequences : []),
    '',
  ].join('\n');
}

const indented = (text: string): string[] => wrap(`  ${text}`, 80, '    ');
