// SPDX-License-Identifier: GPL-2.0-only
import { defineSeries, type rq, type vmlinux } from 'kvmodel';

/** A yield that costs nothing where FREE_YIELD is on, which it is not at first. */
function yield_task_fair(this: vmlinux, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const cfs_rq = this.task_cfs_rq(curr);
  const se = this.m.se[curr.se];
  const feat = this.m.sched_feat as unknown as Record<string, boolean>;
  if (rq.nr_running === 1) return;
  this.clear_buddies(cfs_rq, se);
  this.update_rq_clock(rq);
  this.update_curr(cfs_rq);
  this.rq_clock_skip_update(rq);
  if (feat['FREE_YIELD'] || !this.entity_eligible(cfs_rq, se)) return;
  se.vruntime = se.deadline;
  this.update_deadline(cfs_rq, se);
}

export default defineSeries({
  id: 'free-feature',
  title: 'sched/fair: Let a feature decide what a yield costs',
  base: 'v6.12.117',
  patches: [{ subject: 'sched/fair: Add FREE_YIELD', sched_feat: { FREE_YIELD: false }, funcs: { yield_task_fair } }],
});
