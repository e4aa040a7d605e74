// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 2/8] sched/core: sched_setscheduler_pi_nocheck for interrupt context usage
 *
 * The policy of a task may be changed where the chain of its priority inheritance may not be walked.
 */
import { type u32, ZERO } from '../../lib/types.js';
import { PRIO_TO_NICE, type task_struct } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched } from './adds.js';

/** kernel/sched/core.c: sched_setscheduler_pi_nocheck(), new: the nice value stays, the policy that was there is forgotten. */
export function sched_setscheduler_pi_nocheck(
  this: pvsched,
  p: task_struct,
  policy: number,
  sched_priority: u32,
  pi: boolean,
): number {
  const se = this.m.se[p.se];
  const attr = {
    sched_policy: policy,
    sched_flags: 0,
    sched_nice: PRIO_TO_NICE(p.static_prio),
    sched_priority,
    sched_runtime: se.custom_slice ? se.slice : ZERO,
  };
  return this.__sched_setscheduler(p, attr, false, pi);
}

export default {
  subject: 'sched/core: sched_setscheduler_pi_nocheck for interrupt context usage',
  adds: { sched_setscheduler_pi_nocheck },
} satisfies Patch<Adds>;
