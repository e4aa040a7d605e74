// SPDX-License-Identifier: GPL-2.0-only
/** 79104becf42b taken back: sched/fair: Forfeit vruntime on yield. */
import { add } from '../../lib/types.js';
import type { rq } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { Patch } from '../series.js';

/** kernel/sched/fair.c: yield_task_fair(): one virtual slice on the deadline, eligible or not, and no vruntime. */
export function yield_task_fair(this: vmlinux, rq: rq): void {
  const donor = this.m.task[rq.donor];
  const cfs_rq = this.task_cfs_rq(donor);
  const se = this.m.se[donor.se];

  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  this.update_rq_clock(rq);
  this.update_curr(cfs_rq);
  this.rq_clock_skip_update(rq);

  se.deadline = add(se.deadline, this.calc_delta_fair(se.slice, se));
}

export default {
  subject: 'Revert "sched/fair: Forfeit vruntime on yield"',
  funcs: { yield_task_fair },
} satisfies Patch;
