// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where a difference probably comes from: the functions that one side calls in the last operation and the other does
 * not, or as often; if both call the same, those that assign the differing member.
 */
import type { NativeEngine } from '../../native/engine.js';
import type { Operation } from '../../operation/sched.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { type CallCounts, countingKernel } from '../count-calls.js';
import { type Difference, modelLockstep } from './differ.js';

/** A column of the state under the name of its member in the model. */
const MEMBERS: Readonly<Record<string, string>> = {
  sum_w_vruntime: 'avg_vruntime',
  sum_weight: 'avg_load',
  nr_queued: 'nr_running',
  'avg_vruntime()': 'zero_vruntime',
  need_resched: 'tif_need_resched',
  state: '__state',
  root: 'rb_node',
  leftmost: 'rb_leftmost',
  left: 'rb_left',
  right: 'rb_right',
  red: 'color',
};

/** Calls of each function by the model in the last of `ops`. */
function modelCallsOfLast(kernel: Kernel, cpus: number, ops: readonly Operation[]): ReadonlyMap<string, number> {
  const counts: CallCounts = { active: false, calls: new Map() };
  const counted = modelLockstep(countingKernel(kernel, counts), cpus, {
    before: (op) => {
      counts.active = op === ops.length - 1;
    },
    after: () => {
      counts.active = false;
    },
  });
  counted.run(ops);
  return counts.calls;
}

/** Calls of each function by the C code in the last of `ops`. */
function nativeCallsOfLast(counting: NativeEngine, ops: readonly Operation[]): ReadonlyMap<string, number> {
  counting.reset();
  counting.run(ops.slice(0, -1), 'return');
  const before = counting.calls();
  counting.run(ops.slice(-1), 'return');
  const calls = new Map<string, number>();
  for (const [name, n] of counting.calls()) {
    const more = n - (before.get(name) ?? 0);
    if (more > 0) calls.set(name, more);
  }
  return calls;
}

/** Does the function assign this member? Read from its own text. */
export function assigns(kernel: Kernel, name: string, member: string): boolean {
  const text = kernel.table[name]?.toString() ?? '';
  return new RegExp(
    `\\b${member}(\\[[^\\]]*\\])?\\s*(=(?!=)|\\+=|-=|\\|=|&=|\\+\\+|--)|(\\+\\+|--)[\\w.]*\\b${member}\\b`,
  ).test(text);
}

/** Functions, the likeliest first; `counting` is an engine with coverage, or null when there is none. */
export function suspectsOf(
  kernel: Kernel,
  cpus: number,
  counting: NativeEngine | null,
  ops: readonly Operation[],
  difference: Difference,
): string[] {
  const column = difference.field.split('.').at(-1)!;
  const member = MEMBERS[column] ?? column;
  const model = modelCallsOfLast(kernel, cpus, ops);
  const writers = [...model.keys()].filter((name) => assigns(kernel, name, member));
  if (counting === null) return writers;
  const native = nativeCallsOfLast(counting, ops);
  const mirrored = (name: string) => kernel.table[name] !== undefined;
  const uneven = [...new Set([...model.keys(), ...native.keys()])].filter(
    (name) => mirrored(name) && native.has(name) && (model.get(name) ?? 0) !== native.get(name),
  );
  return [...new Set([...writers.filter((name) => uneven.includes(name)), ...writers, ...uneven])];
}
