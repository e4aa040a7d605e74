// SPDX-License-Identifier: GPL-2.0-only
/** Before f553741ac8c0 (v6.15): a SCHED_IDLE entity that a normal one preempts keeps its slice protection. */
import { type rq, type task_struct, WF_FORK } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: check_preempt_wakeup_fair() */
export function check_preempt_wakeup_fair(this: vmlinux, rq: rq, p: task_struct, wake_flags: number): void {
  const m = this.m;
  const curr = m.task[rq.curr];
  let se = m.se[curr.se];
  let pse = m.se[p.se];

  if (se.id === pse.id) return;
  if (this.throttled_hierarchy(this.cfs_rq_of(pse))) return;

  if (m.sched_feat.NEXT_BUDDY && !(wake_flags & WF_FORK) && !pse.sched_delayed) this.set_next_buddy(pse);

  if (this.test_tsk_need_resched(curr)) return;
  if (!m.sched_feat.WAKEUP_PREEMPTION) return;

  [se, pse] = this.find_matching_se(se, pse);

  const cse_is_idle = this.se_is_idle(se);
  const pse_is_idle = this.se_is_idle(pse);

  if (cse_is_idle && !pse_is_idle) {
    this.resched_curr(rq);
    return;
  }
  if (cse_is_idle !== pse_is_idle) return;

  if (!this.normal_policy(p.policy)) return;

  const cfs_rq = this.cfs_rq_of(se);
  this.update_curr(cfs_rq);

  if (this.do_preempt_short(cfs_rq, pse, se)) this.cancel_protect_slice(se);

  const best = this.pick_eevdf(cfs_rq);
  if (best !== null && best.id === pse.id) this.resched_curr(rq);
}

export default defineSeries({
  id: 'revert-f553741ac8c0',
  title: 'an idle entity holds off a normal wakee by its protection',
  base: 'v6.12.117',
  notices: 'after a normal task wakes beside an idle one that runs, the idle one is picked again',
  patches: [
    {
      subject: 'Revert "sched: Cancel the slice protection of the idle entity"',
      commit: 'f553741ac8c0',
      funcs: { check_preempt_wakeup_fair },
    },
  ],
});
