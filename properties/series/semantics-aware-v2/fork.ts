// SPDX-License-Identifier: GPL-2.0-only
/** What another kernel would do from the present state: a copy of the machine on which the same event happens. */
import { toBigInt, toNumber } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import type { machine } from '../../../src/machine/state.js';
import { kernelByName } from '../../../src/series/registry.js';
import { type AnyFunction, bind } from '../../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import type { Step } from '../../vocabulary.js';
import { currentOf, entityName } from './monitors.js';

export const BASE = 'v6.19-rc1';
export const ALTERNATIVE_1 = 'v6.19-rc1+yield-hierarchy';
export const ALTERNATIVE_2 = 'v6.19-rc1+yield-hierarchy-weighted';

/** The event of this step on a copy of the machine before it, by the kernel of that name. Ask in `before`. */
export function elsewhere(step: Step, kernel: string): machine {
  const m = cloneMachine(step.m);
  apply(bind(kernelByName(kernel), m), step.event);
  return m;
}

/** The first difference of what two machines' schedulers will do next, in kernel terms; null when there is none. */
export function differs(here: machine, there: machine): string | null {
  for (const se of here.se) {
    const other = there.se[se.id];
    for (const field of ['vruntime', 'deadline', 'vlag', 'on_rq', 'sched_delayed'] as const) {
      if (se[field] === other[field]) continue;
      const [a, b] = [se[field], other[field]].map((x) => (typeof x === 'number' ? x : toNumber(x as never)));
      const name = entityName(here, se);
      return `${name}'s ${field} is ${a} here and ${b} there`;
    }
  }
  for (const queue of here.cfs_rq) {
    const other = there.cfs_rq[queue.id];
    if (queue.curr !== other.curr || queue.next !== other.next) return `cfs_rq ${queue.id} has another curr or next`;
  }
  for (const rq of here.rq) {
    const other = there.rq[rq.id];
    if (toBigInt(rq.clock) !== toBigInt(other.clock)) return `the clock of CPU ${rq.id}`;
    if (rq.curr !== other.curr) {
      const [a, b] = [currentOf(here, rq.id), currentOf(there, rq.id)].map((task) => here.task[task].comm);
      return `CPU ${rq.id} runs ${a} here and ${b} there`;
    }
  }
  return null;
}

/** The bound kernel with some functions of its own in place of the table's. Changes and returns it. */
export function withFunctions(k: vmlinux_x86, funcs: Readonly<Record<string, AnyFunction>>): vmlinux_x86 {
  // WHY not an assignment: the table that it inherits from is frozen, and so would this be
  for (const [name, value] of Object.entries(funcs)) Object.defineProperty(k, name, { value });
  return k;
}
