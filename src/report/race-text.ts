// SPDX-License-Identifier: GPL-2.0-only
/** An order that breaks something, one column a CPU, in 80 columns. */
import { wrap } from '../base/text.js';
import { IDLE } from '../machine/one-order.js';
import type { LoggedStep } from '../machine/order-log.js';

const WIDTH = 80;
const GAP = 2;

/** What a column is about. */
export interface Column {
  cpu: number;
  does: string;
}

/** Each step in its CPU's column: what it stored, and then where it stopped. Steps that did nothing are left out. */
export function orderText(columns: readonly Column[], steps: readonly LoggedStep[]): string[] {
  const width = Math.floor((WIDTH - GAP * (columns.length - 1)) / columns.length);
  const lines = rows(
    columns.map(({ cpu, does }) => [`CPU ${cpu}`, ...wrap(does === '' ? 'nothing' : does, width)]),
    width,
  );
  lines.push(columns.map(() => '-'.repeat(width)).join(' '.repeat(GAP)));
  for (const [i, step] of steps.entries()) {
    const cell = stepCell(step, steps[i + 1]?.cpu !== step.cpu, width);
    lines.push(
      ...rows(
        columns.map(({ cpu }) => (cpu === step.cpu ? cell : [])),
        width,
      ),
    );
  }
  return lines;
}

function stepCell(step: LoggedStep, lastOfTurn: boolean, width: number): string[] {
  const quiet = step.until === IDLE || step.until === 'done';
  const stop = quiet ? (lastOfTurn ? [step.until] : []) : [step.until];
  return [...step.stores, ...stop.map((it) => `- ${it}`)].flatMap((text) => wrap(text, width, '  '));
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
