// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/cpupri.c (6.12.117): which CPUs run at which real-time priority.
 *
 * MODEL: one root domain; the mask of each priority is read off from the priorities of the CPUs.
 */
import { KernelBug } from '../lib/bug.js';
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

/** kernel/sched/cpupri.c: cpupri_find(): the CPUs that p may run on at the lowest priority below its own; empty for none. */
export function cpupri_find(this: vmlinux, p: task_struct): number[] {
  const pri = this.m.cpupri;
  const task_pri = this.convert_prio(p.prio);
  let lowest = task_pri;
  for (const cpu of p.cpus_ptr) if (pri[cpu] >= 0 && pri[cpu] < lowest) lowest = pri[cpu];
  if (lowest === task_pri) return [];
  return p.cpus_ptr.filter((cpu) => pri[cpu] === lowest && this.cpu_active(cpu));
}

/** kernel/sched/cpupri.c: cpupri_set() */
export function cpupri_set(this: vmlinux, cpu: number, newpri: number): void {
  this.m.cpupri[cpu] = this.convert_prio(newpri);
}
