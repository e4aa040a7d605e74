// SPDX-License-Identifier: GPL-2.0-only
/** As in the first postings of 79104becf42b: the forfeit does not ask for eligibility. */
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

  se.vruntime = se.deadline;
  this.update_deadline(cfs_rq, se);
}

export default defineSeries({
  id: 'mutant-forfeit-always',
  title: 'every yielder forfeits, eligible or not',
  base: 'v6.12.117',
  notices: 'the vruntime of an ineligible yielder changes; nothing else tells',
  patches: [
    {
      subject: 'sched/fair: Forfeit vruntime on yield, without the eligibility check',
      funcs: { yield_task_fair },
    },
  ],
});
