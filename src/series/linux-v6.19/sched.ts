// SPDX-License-Identifier: GPL-2.0-only
/** kernel/sched/fair.c, deadline.c (v6.19), as far as they differ from v6.19-rc1. */
import { lt, S64_ZERO, type s64, s64_le, s64_sub } from '../../lib/types.js';
import {
  ENQUEUE_WAKEUP,
  type rq,
  type sched_dl_entity,
  type task_struct,
  WF_FORK,
  WF_SYNC,
} from '../../sched/sched.js';
import type { vmlinux_6_19 } from '../linux-v6.19-rc1/adds.js';
import {
  PREEMPT_WAKEUP_NONE,
  PREEMPT_WAKEUP_PICK,
  PREEMPT_WAKEUP_RESCHED,
  PREEMPT_WAKEUP_SHORT,
} from '../linux-v6.19-rc1/fair.js';

/** kernel/sched/fair.c: check_preempt_wakeup_fair(): a waker that is not eligible is not preempted for that alone. */
export function check_preempt_wakeup_fair(this: vmlinux_6_19, rq: rq, p: task_struct, wake_flags: number): void {
  let preempt_action = PREEMPT_WAKEUP_PICK;
  const donor = this.m.task[rq.donor];
  if (donor.se === p.se) return;

  if (this.test_tsk_need_resched(this.m.task[rq.curr])) return;

  if (!this.m.sched_feat.WAKEUP_PREEMPTION) return;

  const [se, pse] = this.find_matching_se(this.m.se[donor.se], this.m.se[p.se]);

  const cse_is_idle = this.se_is_idle(se);
  const pse_is_idle = this.se_is_idle(pse);

  if (cse_is_idle && !pse_is_idle) {
    this.cancel_protect_slice(se);
    this.resched_curr_lazy(rq);
    return;
  }
  if (cse_is_idle !== pse_is_idle) return;

  if (!this.normal_policy(p.policy)) return;

  const cfs_rq = this.cfs_rq_of(se);
  this.update_curr(cfs_rq);

  if (this.m.sched_feat.PREEMPT_SHORT && lt(pse.slice, se.slice)) {
    preempt_action = PREEMPT_WAKEUP_SHORT;
  } else {
    if ((wake_flags & WF_FORK) !== 0 || pse.sched_delayed !== 0) return;

    if (this.m.sched_feat.NEXT_BUDDY && this.set_preempt_buddy(cfs_rq, wake_flags, pse, se)) {
      if ((wake_flags & WF_SYNC) !== 0) preempt_action = this.preempt_sync(rq, wake_flags, pse, se);
    }

    if (preempt_action === PREEMPT_WAKEUP_NONE) return;
    if (preempt_action === PREEMPT_WAKEUP_RESCHED) {
      this.resched_curr_lazy(rq);
      return;
    }
  }

  const best = this.__pick_eevdf(cfs_rq, preempt_action !== PREEMPT_WAKEUP_SHORT);
  if (best !== null && best.id === pse.id) {
    if (preempt_action === PREEMPT_WAKEUP_SHORT) this.cancel_protect_slice(se);
    this.resched_curr_lazy(rq);
    return;
  }

  if (this.m.sched_feat.RUN_TO_PARITY) this.update_protect_slice(cfs_rq, se);
}

/** kernel/sched/deadline.c: update_dl_entity(): a new period begins with the server deferred. */
export function update_dl_entity(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);

  if (this.dl_time_before(dl_se.deadline, this.rq_clock(rq)) || this.dl_entity_overflow(dl_se, this.rq_clock(rq))) {
    if (!this.dl_is_implicit(dl_se) && !this.dl_time_before(dl_se.deadline, this.rq_clock(rq))) {
      this.update_dl_revised_wakeup(dl_se, rq);
      return;
    }
    dl_se.dl_defer_running = 0;
    this.replenish_dl_new_period(dl_se, rq);
  } else if (this.dl_server(dl_se) && dl_se.dl_defer && !dl_se.dl_defer_running) {
    dl_se.dl_defer_armed = 1;
    dl_se.dl_throttled = 1;
  }
}

/** kernel/sched/deadline.c: update_curr_dl_se(): a CPU with a wake-up on its way is not idle. */
export function update_curr_dl_se(this: vmlinux_6_19, rq: rq, dl_se: sched_dl_entity, delta_exec: s64): void {
  const idle = this.idle_cpu(this.cpu_of(rq));

  if (s64_le(delta_exec, S64_ZERO)) {
    if (dl_se.dl_yielded) this.throttleDlEntity(rq, dl_se);
    return;
  }

  if (this.dl_server(dl_se) && dl_se.dl_throttled && !dl_se.dl_defer) return;

  dl_se.runtime = s64_sub(dl_se.runtime, delta_exec);

  if (dl_se.dl_defer_idle && !idle) dl_se.dl_defer_idle = 0;

  if (dl_se.dl_defer && dl_se.dl_throttled && this.dl_runtime_exceeded(dl_se)) {
    this.warnOn(!this.dl_server(dl_se), 'update_curr_dl_se: !dl_server(dl_se)');

    // Idle time has pushed the activation once already: the timer will find it idle, and stop it.
    if (dl_se.dl_defer_idle && idle) {
      dl_se.runtime = S64_ZERO;
      return;
    }

    dl_se.dl_defer_running = 0;
    this.hrtimer_cancel(dl_se.dl_timer);
    this.replenish_dl_new_period(dl_se, rq);
    if (idle) dl_se.dl_defer_idle = 1;
    this.warnOn(!this.start_dl_timer(dl_se), 'update_curr_dl_se: !start_dl_timer(dl_se)');
    return;
  }

  this.throttleDlEntity(rq, dl_se);
}

/** kernel/sched/deadline.c: dl_server_start(): whoever needs it says that it is not idle. */
export function dl_server_start(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);

  if (dl_se.dl_defer_idle) dl_se.dl_defer_idle = 0;
  if (!this.dl_server(dl_se) || dl_se.dl_server_active) return;

  this.classUpdateCurr(rq);

  if (this.warnOn(!this.cpu_online(this.cpu_of(rq)), 'dl_server_start: !cpu_online(cpu_of(rq))')) return;

  dl_se.dl_server_active = 1;
  this.enqueue_dl_entity(dl_se, ENQUEUE_WAKEUP);
  this.resched_curr(rq);
}
