// SPDX-License-Identifier: GPL-2.0-only
/** Before 3429dd57f0de (v6.14): a delayed group entity is counted as if it were a task. */
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: set_delayed() */
export function set_delayed(this: vmlinux, se: sched_entity): void {
  se.sched_delayed = 1;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable - 1) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed + 1) >>> 0;
    if (this.cfs_rq_throttled(cfs_rq)) break;
  }
}

/** kernel/sched/fair.c: clear_delayed() */
export function clear_delayed(this: vmlinux, se: sched_entity): void {
  se.sched_delayed = 0;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable + 1) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed - 1) >>> 0;
    if (this.cfs_rq_throttled(cfs_rq)) break;
  }
}

export default defineSeries({
  id: 'revert-3429dd57f0de',
  title: 'delayed groups count as delayed tasks',
  base: 'v6.12.117',
  notices: 'h_nr_runnable and h_nr_delayed differ from a count of tasks',
  patches: [
    {
      subject: 'Revert "sched/fair: Fix inaccurate h_nr_runnable accounting with delayed dequeue"',
      commit: '3429dd57f0de',
      funcs: { set_delayed, clear_delayed },
    },
  ],
});
