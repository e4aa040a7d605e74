// SPDX-License-Identifier: GPL-2.0-only
/** Before 79104becf42b (v6.19-rc1, 6.12.y): a yield moves the deadline by one virtual slice, and no vruntime. */
import { add } from '../../lib/types.js';
import type { rq } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: yield_task_fair() */
export function yield_task_fair(this: vmlinux, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const cfs_rq = this.task_cfs_rq(curr);
  const se = this.m.se[curr.se];

  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  this.update_rq_clock(rq);
  this.update_curr(cfs_rq);
  this.rq_clock_skip_update(rq);

  se.deadline = add(se.deadline, this.calc_delta_fair(se.slice, se));
}

export default defineSeries({
  id: 'revert-79104becf42b',
  title: 'a yielder keeps its vruntime',
  base: 'v6.12.117',
  notices: 'deadline - vruntime beyond a slice; after a yield of an eligible task vruntime is below its old deadline',
  patches: [
    {
      subject: 'Revert "sched/fair: Forfeit vruntime on yield"',
      commit: '79104becf42b',
      funcs: { yield_task_fair },
    },
  ],
});
