// SPDX-License-Identifier: GPL-2.0-only
/** A ruled table in plain ASCII, cells wrapped to fixed widths. */
import Table from 'cli-table3';
import { ascii, wrap } from './text.js';

export interface Column {
  head: string;
  /** characters, without the two spaces to the next column */
  width: number;
  right?: boolean;
}

const none = '';
const chars = {
  top: none, 'top-mid': none, 'top-left': none, 'top-right': none,
  bottom: none, 'bottom-mid': none, 'bottom-left': none, 'bottom-right': none,
  left: none, 'left-mid': none, mid: none, 'mid-mid': none, right: none, 'right-mid': none,
  middle: none,
}; // biome-ignore format: a table of nothing

/** The table's lines: a head, a rule, then each row in as many lines as its longest cell needs. */
export function table(cols: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const made = new Table({
    chars,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colWidths: cols.map((c) => c.width + 2),
    colAligns: cols.map((c) => (c.right === true ? 'right' : 'left')),
  });
  const cell = (text: string, i: number): string => wrap(ascii(text), cols[i].width).join('\n');
  made.push(cols.map((c, i) => cell(c.head, i)));
  made.push(cols.map((c) => '-'.repeat(c.width)));
  for (const row of rows) made.push(row.map(cell));
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}
