// SPDX-License-Identifier: GPL-2.0-only
import { defineSeries, type rq, type vmlinux_x86 } from 'kvmodel';
import { moves } from './claim.ts';

/** A yield that costs nothing: the deadline stays where it is. */
function yield_task_fair(this: vmlinux_x86, rq: rq): void {
  const curr = this.m.task[rq.curr];
  if (rq.nr_running === 1) return;
  this.clear_buddies(this.task_cfs_rq(curr), this.m.se[curr.se]);
  this.update_rq_clock(rq);
  this.rq_clock_skip_update(rq);
}

export default defineSeries({
  id: 'free-yield',
  title: 'sched/fair: A yield costs nothing',
  base: 'v6.12.117',
  patches: [{ subject: 'sched/fair: Leave the deadline alone on yield', funcs: { yield_task_fair } }],
});
export const claims = [moves];
