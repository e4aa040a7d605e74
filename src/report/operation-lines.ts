// SPDX-License-Identifier: GPL-2.0-only
/** How operations of a differential run are printed. */
import type { Operation } from '../operation/sched.js';

/** `TICK cpu 1`: the members that count. */
export function operationText(op: Operation): string {
  const members = ['cpu', 'id', 'a', 'b', 'flags'] as const;
  const rest = members.filter((m) => Number(op[m]) !== 0).map((m) => `${m} ${op[m]}`);
  return [op.op, ...rest].join(' ');
}

/** Numbered, one a line, indented by two. */
export const operationLines = (ops: readonly Operation[]): string[] =>
  ops.map((op, i) => `  ${String(i).padStart(3)}  ${operationText(op)}`);
