// SPDX-License-Identifier: GPL-2.0-only
/** An order that breaks something, one column a CPU, in 80 columns. */
import { wrap } from '../base/text.js';
import { IDLE } from '../races/one-order.js';
import type { LoggedStep } from '../races/order-log.js';

const WIDTH = 80;
const GAP = 2;

/** What a column is about. */
export interface Column {
  cpu: number;
  does: string;
}

/**
 * Each step in its CPU's column: what it stored, and the function in which it stopped; where another CPU comes in, why
 * it may.
 */
export function orderText(columns: readonly Column[], steps: readonly LoggedStep[]): string[] {
  const width = Math.floor((WIDTH - GAP * (columns.length - 1)) / columns.length);
  const put = (cpu: number, cell: readonly string[]): string[] =>
    rows(
      columns.map((it) => (it.cpu === cpu ? cell : [])),
      width,
    );
  const lines = rows(
    columns.map(({ cpu, does }) => [`CPU ${cpu}`, ...wrap(does === '' ? 'nothing' : does, width)]),
    width,
  );
  lines.push(columns.map(() => '-'.repeat(width)).join(' '.repeat(GAP)));
  let said = '';
  for (const [i, step] of steps.entries()) {
    const { cpu, until, stores } = step;
    const cell = stores.map((it) =>
      it.split(' ')[0].length > width ? it.replace(/\.(?=\w+(?:\[\w+\])? =)/, ' .') : it,
    );
    const fn = until.replace(/\(\): .*/, '()');
    if (steps[i + 1]?.cpu !== cpu) cell.push(`- ${until}`);
    else if (fn !== said && until !== IDLE) cell.push(`- ${fn}`);
    said = fn;
    lines.push(
      ...put(
        cpu,
        cell.flatMap((text) => wrap(text, width, '  ')),
      ),
    );
  }
  return lines;
}

/** Cells side by side. */
function rows(cells: readonly (readonly string[])[], width: number): string[] {
  const height = Math.max(0, ...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, y) =>
    cells
      .map((cell) => (cell[y] ?? '').padEnd(width))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}
