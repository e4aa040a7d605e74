// SPDX-License-Identifier: GPL-2.0-only
/** What a search through orders found; an order that breaks something, one column a CPU, in 80 columns. */
import { count, wrap } from '../base/text.js';
import type { Broken, Interleaved } from '../races/every-order.js';
import { IDLE, type Setting } from '../races/one-order.js';
import { type LoggedStep, logOrder } from '../races/order-log.js';
import { orderName } from '../races/random-order.js';

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

/** What can be said of a test after the search. */
export function orderVerdict(found: Interleaved): string {
  if (found.broken !== null) return 'refuted';
  return found.complete ? 'holds' : 'no fault';
}

export function searched(found: Interleaved): string {
  const skipped = found.skipped === 0 ? '' : `, ${found.skipped} not modelled`;
  return `${found.complete ? 'all ' : ''}${count(found.states, 'state')}${skipped}`;
}

/** A column a CPU; a step stands in the column of the CPU that made it. */
export function brokenText(setting: Setting, broken: Broken): string[] {
  const { litmus } = setting;
  return [
    ...wrap(litmus.name, 80),
    ...wrap(`${litmus.says}: ${broken.message}`, 76).map((line) => `  ${line}`),
    '',
    ...orderText(litmus.cpus, logOrder(setting, broken.moves)),
  ];
}

/** The order, and the command that plays it again. */
export function failingText(
  setting: Setting,
  broken: Broken,
  asked: { invocation: string; again: string[] },
): string[] {
  const words = [
    `${asked.invocation} races`,
    ...asked.again,
    `--case '${setting.litmus.name}'`,
    `--order ${orderName(broken.moves)}`,
  ];
  const command: string[] = [''];
  for (const word of words) {
    const line = command[command.length - 1];
    if (line !== '' && line.length + word.length > 76) command.push(`  ${word}`);
    else command[command.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return [...brokenText(setting, broken), '', command.join(' \\\n')];
}
