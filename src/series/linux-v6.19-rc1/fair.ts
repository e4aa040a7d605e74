// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.19-rc1): accounting, reweighting, wakeup preemption and yielding, as far as they
 * differ from the pin.
 *
 * Read as text in mails: e837456fdca8, e636ffb9e31b, 7c70cb94d29c, 127b90315ca0, hunks of 0b9ca2dcabc3.
 * Held against the C code of v6.19. DEVIATION DV-620: no tree of the release candidate was at hand.
 * MODEL: CONFIG_SCHED_PROXY_EXEC is off, so that rq->donor is rq->curr; CONFIG_CFS_BANDWIDTH is off as at the pin.
 */
import { nullDereference } from '../../lib/bug.js';
import { div_s64_long, div_u64 } from '../../lib/math64.js';
import {
  add,
  type bool,
  ge,
  lt,
  mul,
  S64_ZERO,
  type s64,
  s64_diff,
  s64_le,
  s64_lt,
  s64_mul,
  shr,
  sub,
  to_s64,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import {
  type cfs_rq,
  DEQUEUE_DELAYED,
  DEQUEUE_SLEEP,
  NULL,
  type rq,
  type sched_entity,
  type task_struct,
  WF_FORK,
  WF_RQ_SELECTED,
  WF_SYNC,
  WF_TTWU,
} from '../../sched/sched.js';
import type { vmlinux_6_19 } from './adds.js';

/**
 * kernel/sched/fair.c: update_se(): what update_curr_se() was; a task's tracepoint and cgroup time are now in it.
 */
export function update_se(this: vmlinux_6_19, rq: rq, se: sched_entity): s64 {
  const now = this.rq_clock_task(rq);
  const delta_exec = s64_diff(now, se.exec_start);
  if (s64_le(delta_exec, S64_ZERO)) return delta_exec;

  se.exec_start = now;
  if (this.entity_is_task(se)) {
    // the time goes to the task that runs, which a proxied donor is not
    const running = this.m.task[rq.curr];
    const runningSe = this.m.se[running.se];
    runningSe.exec_start = now;
    runningSe.sum_exec_runtime = add(runningSe.sum_exec_runtime, to_u64(delta_exec));
    this.update_curr_task(running, delta_exec);
  } else {
    se.sum_exec_runtime = add(se.sum_exec_runtime, to_u64(delta_exec));
  }

  return delta_exec;
}

/** kernel/sched/fair.c: update_curr_common() */
export function update_curr_common(this: vmlinux_6_19, rq: rq): s64 {
  return this.update_se(rq, this.m.se[this.m.task[rq.donor].se]);
}

/** kernel/sched/fair.c: update_curr(): the end of the protected time asks for a reschedule, eligible or not. */
export function update_curr(this: vmlinux_6_19, cfs_rq: cfs_rq): void {
  if (cfs_rq.curr === NULL) return;
  const curr = this.m.se[cfs_rq.curr];
  const rq = this.rq_of(cfs_rq);

  const delta_exec = this.update_se(rq, curr);
  if (s64_le(delta_exec, S64_ZERO)) return;

  curr.vruntime = add(curr.vruntime, this.calc_delta_fair(to_u64(delta_exec), curr));
  const resched = this.update_deadline(cfs_rq, curr);

  // the server pays for fair time whether or not the task was picked through it
  if (this.entity_is_task(curr)) this.dl_server_update(rq.fair_server, delta_exec);

  this.account_cfs_rq_runtime(cfs_rq, to_u64(delta_exec));

  if (cfs_rq.nr_running === 1) return;

  if (resched || !this.protect_slice(curr)) {
    this.resched_curr_lazy(rq);
    this.clear_buddies(cfs_rq, curr);
  }
}

/**
 * kernel/sched/fair.c: reweight_entity()
 *
 *   vl' = vl * w / w'      (d - v)' = (d - v) * w / w'      vl vlag, d deadline, v vruntime, w weight
 *
 * and then the entity is placed anew. Lag overwrites vprot, one word with it, if the entity runs.
 */
export function reweight_entity(this: vmlinux_6_19, cfs_rq: cfs_rq, se: sched_entity, weight: u64): void {
  const curr = cfs_rq.curr === se.id;

  if (se.on_rq !== 0) {
    this.update_curr(cfs_rq);
    this.update_entity_lag(cfs_rq, se);
    se.deadline = sub(se.deadline, se.vruntime);
    se.rel_deadline = 1;
    cfs_rq.nr_running = (cfs_rq.nr_running - 1) >>> 0;
    if (!curr) this.__dequeue_entity(cfs_rq, se);
    this.update_load_sub(cfs_rq.load, se.load.weight);
  }
  this.dequeue_load_avg(cfs_rq, se);

  const old = to_s64(se.load.weight);
  se.vlag = div_s64_long(s64_mul(se.vlag, old), weight);
  if (se.rel_deadline !== 0) {
    se.deadline = to_u64(div_s64_long(s64_mul(to_s64(se.deadline), old), weight));
  }

  this.update_load_set(se.load, weight);

  const divider = this.get_pelt_divider(se.avg);
  se.avg.load_avg = div_u64(mul(to_u64(this.se_weight(se)), se.avg.load_sum), divider);

  this.enqueue_load_avg(cfs_rq, se);
  if (se.on_rq !== 0) {
    this.place_entity(cfs_rq, se, 0);
    this.update_load_add(cfs_rq.load, se.load.weight);
    if (!curr) this.__enqueue_entity(cfs_rq, se);
    cfs_rq.nr_running = (cfs_rq.nr_running + 1) >>> 0;
  }
}

/** kernel/sched/fair.c: pick_next_entity(): the buddy is __pick_eevdf()'s affair now. */
export function pick_next_entity(this: vmlinux_6_19, rq: rq, cfs_rq: cfs_rq): sched_entity | null {
  const se = this.pick_eevdf(cfs_rq);
  if (se === null) return nullDereference('pick_next_entity: se->sched_delayed');
  if (se.sched_delayed !== 0) {
    this.dequeue_entities(rq, se, DEQUEUE_SLEEP | DEQUEUE_DELAYED);
    return null;
  }
  return se;
}

/* enum preempt_wakeup_action */
/** no preemption */
export const PREEMPT_WAKEUP_NONE = 0;
/** whatever protects current is ignored */
export const PREEMPT_WAKEUP_SHORT = 1;
/** __pick_eevdf() decides */
export const PREEMPT_WAKEUP_PICK = 2;
/** in any case */
export const PREEMPT_WAKEUP_RESCHED = 3;

/** kernel/sched/fair.c: set_preempt_buddy(): a buddy with an earlier deadline stays. */
export function set_preempt_buddy(
  this: vmlinux_6_19,
  cfs_rq: cfs_rq,
  _wake_flags: number,
  pse: sched_entity,
  _se: sched_entity,
): bool {
  if (cfs_rq.next !== NULL && this.entity_before(this.m.se[cfs_rq.next], pse)) return false;

  this.set_next_buddy(pse);
  return true;
}

/** kernel/sched/fair.c: preempt_sync(): whether a waker that says it will sleep has had time for more wakeups. */
export function preempt_sync(
  this: vmlinux_6_19,
  rq: rq,
  wake_flags: number,
  pse: sched_entity,
  se: sched_entity,
): number {
  this.warnOn((wake_flags & WF_TTWU) === 0, 'preempt_sync: !(wake_flags & WF_TTWU)');

  let threshold = u64(this.m.sysctl_sched_migration_cost);
  let delta = sub(this.rq_clock_task(rq), se.exec_start);
  if (s64_lt(to_s64(delta), S64_ZERO)) delta = ZERO;

  // both are on one CPU although the wakee might run elsewhere
  if ((wake_flags & WF_RQ_SELECTED) !== 0) threshold = shr(threshold, 2);

  if (this.entity_before(pse, se) && ge(delta, threshold)) return PREEMPT_WAKEUP_RESCHED;

  return PREEMPT_WAKEUP_NONE;
}

/** kernel/sched/fair.c: check_preempt_wakeup_fair() */
export function check_preempt_wakeup_fair(this: vmlinux_6_19, rq: rq, p: task_struct, wake_flags: number): void {
  let preempt_action = PREEMPT_WAKEUP_PICK;
  const donor = this.m.task[rq.donor];
  if (donor.se === p.se) return;

  // MODEL: task_is_throttled() is false without CFS_BANDWIDTH

  if (this.test_tsk_need_resched(this.m.task[rq.curr])) return;

  if (!this.m.sched_feat.WAKEUP_PREEMPTION) return;

  const [se, pse] = this.find_matching_se(this.m.se[donor.se], this.m.se[p.se]);

  const cse_is_idle = this.se_is_idle(se);
  const pse_is_idle = this.se_is_idle(pse);

  // an idle entity is preempted by any other, its slice is not protected from it; never the other way round
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

    if (this.in_task() && !this.entity_eligible(cfs_rq, se)) {
      this.resched_curr_lazy(rq);
      return;
    }

    if (this.m.sched_feat.NEXT_BUDDY && this.set_preempt_buddy(cfs_rq, wake_flags, pse, se)) {
      // only of a new buddy: what the waker says is of no meaning for an old one
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

/** kernel/sched/fair.c: yield_task_fair() */
export function yield_task_fair(this: vmlinux_6_19, rq: rq): void {
  const donor = this.m.task[rq.donor];
  const cfs_rq = this.task_cfs_rq(donor);
  const se = this.m.se[donor.se];

  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  this.update_rq_clock(rq);
  this.update_curr(cfs_rq);
  // schedule() follows at once
  this.rq_clock_skip_update(rq);

  // WHY eligible only: core scheduling may pick an ineligible yielder again and again, and its vruntime would run away.
  if (this.entity_eligible(cfs_rq, se)) {
    se.vruntime = se.deadline;
    se.deadline = add(se.deadline, this.calc_delta_fair(se.slice, se));
  }
}

/** kernel/sched/fair.c: yield_to_task_fair(): a throttled task is off the queue in this release. */
export function yield_to_task_fair(this: vmlinux_6_19, rq: rq, p: task_struct): bool {
  const se = this.m.se[p.se];

  if (se.on_rq === 0) return false;

  this.set_next_buddy(se);

  this.yield_task_fair(rq);

  return true;
}
