// SPDX-License-Identifier: GPL-2.0-only
/** Before d4ac164bde7a (v6.12): whether curr is alone is asked of the runqueue, not of its queue. */
import { add, S64_ZERO, s64_le, to_u64 } from '../../lib/types.js';
import { type cfs_rq, NULL } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: update_curr() */
export function update_curr(this: vmlinux, cfs_rq: cfs_rq): void {
  if (cfs_rq.curr === NULL) return;
  const curr = this.m.se[cfs_rq.curr];
  const rq = this.rq_of(cfs_rq);

  const delta_exec = this.update_curr_se(rq, curr);
  if (s64_le(delta_exec, S64_ZERO)) return;

  curr.vruntime = add(curr.vruntime, this.calc_delta_fair(to_u64(delta_exec), curr));
  const resched = this.update_deadline(cfs_rq, curr);

  if (this.entity_is_task(curr)) {
    this.update_curr_task(this.task_of(curr), delta_exec);
    if (this.dl_server_active(rq.fair_server)) this.dl_server_update(rq.fair_server, delta_exec);
  }

  this.account_cfs_rq_runtime(cfs_rq, to_u64(delta_exec));

  if (rq.nr_running === 1) return;

  if (resched || this.did_preempt_short(cfs_rq, curr)) {
    this.resched_curr(rq);
    this.clear_buddies(cfs_rq, curr);
  }
}

export default defineSeries({
  id: 'revert-d4ac164bde7a',
  title: 'an entity alone on its queue reschedules itself',
  base: 'v6.12.117',
  notices: 'need_resched of a task that is alone on every queue of its path',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Fix wakeup-preempt by checking cfs_rq->nr_running"',
      commit: 'd4ac164bde7a',
      funcs: { update_curr },
    },
  ],
});
