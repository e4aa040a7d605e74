// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: attributes of a task without priority inheritance
 *
 * What a host framework needs of the scheduler: to set attributes where the chain of priority inheritance may not be walked, and to see
 * what a task has.
 */
import { EINVAL } from '../../lib/errno.js';
import { type bool, type u64, ZERO } from '../../lib/types.js';
import { SCHED_DEADLINE, type task_struct } from '../../sched/sched.js';
import type { sched_attr } from '../../sched/syscalls.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched_v3 } from './adds.js';

/** struct sched_task_state, without timer slack (MODEL: timers have none) and sched_ext (there is none) */
export interface sched_task_state {
  policy: number;
  nice: number;
  rt_priority: number;
  reset_on_fork: bool;
  custom_slice: bool;
  slice_ns: u64;
}

/** kernel/sched/syscalls.c: sched_setattr_nocheck_nopi(), new: no deadline task, no clamps. */
export function sched_setattr_nocheck_nopi(this: pvsched_v3, p: task_struct, attr: sched_attr): number {
  if (attr.sched_policy === SCHED_DEADLINE) return -EINVAL;
  return this.__sched_setscheduler(p, attr, false, false);
}

/** kernel/sched/syscalls.c: sched_get_task_state(), new */
export function sched_get_task_state(this: pvsched_v3, p: task_struct): sched_task_state {
  const se = this.m.se[p.se];
  return {
    policy: p.policy,
    nice: this.task_nice(p),
    rt_priority: p.rt_priority,
    reset_on_fork: p.sched_reset_on_fork !== 0,
    custom_slice: se.custom_slice !== 0,
    slice_ns: se.custom_slice !== 0 ? se.slice : ZERO,
  };
}

/** kernel/sched/core.c: task_sched_runtime(), of use to nobody that was mirrored before */
export function task_sched_runtime(this: pvsched_v3, p: task_struct): u64 {
  const se = this.m.se[p.se];
  // WHY the test: only who runs has time that is not accounted yet
  const rq = this.task_rq(p);
  if (this.task_current(rq, p) && this.task_on_rq_queued(p)) {
    this.update_rq_clock(rq);
    this.classUpdateCurrOf(rq, p);
  }
  return se.sum_exec_runtime;
}

/** p->sched_class->update_curr() */
export function classUpdateCurrOf(
  this: pvsched_v3,
  rq: Parameters<pvsched_v3['update_rq_clock']>[0],
  p: task_struct,
): void {
  if (p.sched_class === 'fair_sched_class') this.update_curr_fair(rq);
  else if (p.sched_class === 'rt_sched_class') this.update_curr_rt(rq);
}

export default {
  subject: 'sched: attributes of a task without priority inheritance',
  adds: { sched_setattr_nocheck_nopi, sched_get_task_state, task_sched_runtime, classUpdateCurrOf },
} satisfies Patch<Adds>;
