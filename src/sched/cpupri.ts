// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/cpupri.c (6.12.117): which CPUs run at which real-time priority.
 *
 * MODEL: one root domain; the mask of each priority is read off from the priorities of the CPUs.
 */
import { KernelBug } from '../lib/bug.js';
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { MAX_RT_PRIO, type task_struct } from './sched.js';

export const CPUPRI_INVALID = -1;
/** no real-time task */
export const CPUPRI_NORMAL = 0;
/** a deadline task, or the fair server */
export const CPUPRI_HIGHER = 100;

/** kernel/sched/cpupri.c: convert_prio(): from the kernel's priorities, low is urgent, to 0 ... 100, high is urgent. */
export function convert_prio(this: vmlinux, prio: number): number {
  if (prio === CPUPRI_INVALID) return CPUPRI_INVALID;
  if (prio >= 0 && prio <= MAX_RT_PRIO - 2) return MAX_RT_PRIO - 1 - prio;
  if (prio === MAX_RT_PRIO - 1) return CPUPRI_NORMAL;
  if (prio === MAX_RT_PRIO) return CPUPRI_HIGHER;
  throw new KernelBug('BUG_ON', `convert_prio: ${prio}`);
}

/**
 * kernel/sched/cpupri.c: __cpupri_find(): whether p may run on a CPU of this priority. Where a `lowest_mask` is asked for,
 * it gets those that are active, and one of them has to be.
 */
export function __cpupri_find(this: vmlinux, p: task_struct, lowest_mask: number[] | null, idx: number): bool {
  const pri = this.m.cpupri;
  const mask = p.cpus_ptr.filter((cpu) => pri[cpu] === idx);
  if (mask.length === 0) return false;
  if (lowest_mask === null) return true;
  const active = mask.filter((cpu) => this.cpu_active(cpu));
  if (active.length > 0) lowest_mask.splice(0, lowest_mask.length, ...active);
  return active.length > 0;
}

/** kernel/sched/cpupri.c: cpupri_find() */
export function cpupri_find(this: vmlinux, p: task_struct, lowest_mask: number[] | null): bool {
  return this.cpupri_find_fitness(p, lowest_mask);
}

/**
 * kernel/sched/cpupri.c: cpupri_find_fitness(): the CPUs that p may run on at the lowest priority below its own.
 *
 * MODEL: without a fitness_fn, which is for CPUs of different capacity. Levels at which no allowed CPU is are passed over
 * at once; Linux counts through them.
 */
export function cpupri_find_fitness(this: vmlinux, p: task_struct, lowest_mask: number[] | null): bool {
  const pri = this.m.cpupri;
  const task_pri = this.convert_prio(p.prio);
  for (let least = CPUPRI_NORMAL; ; ) {
    let idx = task_pri;
    for (const cpu of p.cpus_ptr) if (pri[cpu] >= least && pri[cpu] < idx) idx = pri[cpu];
    if (idx === task_pri) return false;
    if (this.__cpupri_find(p, lowest_mask, idx)) return true;
    least = idx + 1;
  }
}

/** kernel/sched/cpupri.c: cpupri_set() */
export function cpupri_set(this: vmlinux, cpu: number, newpri: number): void {
  this.m.cpupri[cpu] = this.convert_prio(newpri);
}
