// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.1): the pick, the buddies last, next and skip, preemption by a wake-up, yielding; what differs from the
 * pin. Held against the C code of 6.1.192.
 */
import { nullDereference } from '../../lib/bug.js';
import { type bool, S64_ZERO, s64_diff, s64_gt, s64_le, to_s64, u64, ZERO } from '../../lib/types.js';
import { UPDATE_TG } from '../../sched/fair.js';
import {
  type cfs_rq,
  NULL,
  type rq,
  SCHED_BATCH,
  SCHED_NORMAL,
  type sched_entity,
  type task_struct,
  WF_FORK,
} from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/* ---- picking ---- */

/** kernel/sched/fair.c: set_next_entity() */
export function set_next_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity): void {
  this.clear_buddies(cfs_rq, se);

  if (se.on_rq) {
    this.__dequeue_entity(cfs_rq, se);
    this.update_load_avg(cfs_rq, se, UPDATE_TG);
  }

  this.update_stats_curr_start(cfs_rq, se);
  cfs_rq.curr = se.id;
  se.prev_sum_exec_runtime = se.sum_exec_runtime;
}

/**
 * kernel/sched/fair.c: pick_next_entity(): `curr` is the running entity if it may run on, for it is not in the tree.
 *
 * The leftmost, or its second when it yielded; a buddy goes before it unless that would be too unfair.
 */
export function pick_next_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, curr: sched_entity | null): sched_entity | null {
  const { m } = this;
  let left = this.__pick_first_entity(cfs_rq);

  if (left === null || (curr !== null && this.entity_before(curr, left))) left = curr;

  let se = left;

  if (cfs_rq.skip !== NULL && se !== null && cfs_rq.skip === se.id) {
    let second: sched_entity | null;
    if (curr !== null && se.id === curr.id) {
      second = this.__pick_first_entity(cfs_rq);
    } else {
      second = this.__pick_next_entity(se);
      if (second === null || (curr !== null && this.entity_before(curr, second))) second = curr;
    }
    if (second !== null && this.wakeup_preempt_entity(second, left!) < 1) se = second;
  }

  if (cfs_rq.next !== NULL && this.wakeup_preempt_entity(m.se[cfs_rq.next], orOops(left)) < 1) {
    se = m.se[cfs_rq.next];
  } else if (cfs_rq.last! !== NULL && this.wakeup_preempt_entity(m.se[cfs_rq.last!], orOops(left)) < 1) {
    se = m.se[cfs_rq.last!];
  }

  return se;
}

const orOops = (left: sched_entity | null): sched_entity => left ?? nullDereference('pick_next_entity: left->vruntime');

/** kernel/sched/fair.c: put_prev_entity() */
export function put_prev_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, prev: sched_entity): void {
  if (prev.on_rq) this.update_curr(cfs_rq);

  this.check_cfs_rq_runtime(cfs_rq);

  if (prev.on_rq) {
    this.__enqueue_entity(cfs_rq, prev);
    this.update_load_avg(cfs_rq, prev, 0);
  }
  cfs_rq.curr = NULL;
}

/** kernel/sched/fair.c: pick_task_fair() */
export function pick_task_fair(this: vmlinux_6_1, rq: rq): task_struct | null {
  let cfs_rq: cfs_rq | null = this.m.cfs_rq[rq.cfs];
  if (!cfs_rq.nr_running) return null;

  let se: sched_entity;
  do {
    se = this.pickOnQueue(cfs_rq);
    cfs_rq = this.group_cfs_rq(se);
  } while (cfs_rq !== null);

  return this.task_of(se);
}

/** The body of the loop that pick_task_fair() and pick_next_task_fair() have in common. */
export function pickOnQueue(this: vmlinux_6_1, cfs_rq: cfs_rq): sched_entity {
  let curr = cfs_rq.curr === NULL ? null : this.m.se[cfs_rq.curr];
  if (curr !== null) {
    if (curr.on_rq) this.update_curr(cfs_rq);
    else curr = null;
    // false without CONFIG_CFS_BANDWIDTH
    this.check_cfs_rq_runtime(cfs_rq);
  }
  return this.pick_next_entity(cfs_rq, curr) ?? nullDereference('group_cfs_rq: se->my_q');
}

/** kernel/sched/fair.c: pick_next_task_fair(): `prev` is null when it has been put already. */
export function pick_next_task_fair(this: vmlinux_6_1, rq: rq, prev: task_struct | null, rf: bool): task_struct | null {
  if (!this.sched_fair_runnable(rq)) {
    if (rf) this.sched_balance_newidle(rq);
    return null;
  }

  const p =
    prev === null || prev.sched_class !== 'fair_sched_class'
      ? this.pickAfterPut(rq, prev)
      : this.pickBesidePrev(rq, prev);

  if (this.hrtick_enabled_fair(rq)) this.hrtick_start_fair(rq, p);
  return p;
}

/** The part of pick_next_task_fair() from its label `simple` on. */
export function pickAfterPut(this: vmlinux_6_1, rq: rq, prev: task_struct | null): task_struct {
  if (prev !== null) this.put_prev_task(rq, prev);

  let cfs_rq: cfs_rq | null = this.m.cfs_rq[rq.cfs];
  let se: sched_entity;
  do {
    se = this.pick_next_entity(cfs_rq, null) ?? nullDereference('set_next_entity: se');
    this.set_next_entity(cfs_rq, se);
    cfs_rq = this.group_cfs_rq(se);
  } while (cfs_rq !== null);

  return this.task_of(se);
}

/** The part of pick_next_task_fair() for a fair `prev`: only what changes of the hierarchy is put and set. */
export function pickBesidePrev(this: vmlinux_6_1, rq: rq, prev: task_struct): task_struct {
  let below: cfs_rq | null = this.m.cfs_rq[rq.cfs];
  let se: sched_entity;
  do {
    se = this.pickOnQueue(below);
    below = this.group_cfs_rq(se);
  } while (below !== null);

  const p = this.task_of(se);
  if (prev.id === p.id) return p;

  let pse = this.m.se[prev.se];
  let cfs_rq = this.is_same_group(se, pse);
  while (cfs_rq === null) {
    const se_depth = se.depth;
    const pse_depth = pse.depth;
    if (se_depth <= pse_depth) {
      this.put_prev_entity(this.cfs_rq_of(pse), pse);
      pse = this.parent_entity(pse) ?? nullDereference('pick_next_task_fair: pse');
    }
    if (se_depth >= pse_depth) {
      this.set_next_entity(this.cfs_rq_of(se), se);
      se = this.parent_entity(se) ?? nullDereference('pick_next_task_fair: se');
    }
    cfs_rq = this.is_same_group(se, pse);
  }
  this.put_prev_entity(cfs_rq, pse);
  this.set_next_entity(cfs_rq, se);
  return p;
}

/** kernel/sched/fair.c: __pick_next_task_fair() */
export function __pick_next_task_fair(this: vmlinux_6_1, rq: rq, _prev: task_struct): task_struct | null {
  return this.pick_next_task_fair(rq, null, false);
}

/** kernel/sched/fair.c: set_next_task_fair() */
export function set_next_task_fair(this: vmlinux_6_1, _rq: rq, p: task_struct, _first: bool): void {
  for (let se: sched_entity | null = this.m.se[p.se]; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);
    this.set_next_entity(cfs_rq, se);
    this.account_cfs_rq_runtime(cfs_rq, ZERO);
  }
}

/* ---- buddies ---- */

/** kernel/sched/fair.c: __clear_buddies_last() */
export function __clear_buddies_last(this: vmlinux_6_1, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    if (cfs_rq.last !== it.id) break;
    cfs_rq.last = NULL;
  }
}

/** kernel/sched/fair.c: __clear_buddies_skip() */
export function __clear_buddies_skip(this: vmlinux_6_1, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    if (cfs_rq.skip !== it.id) break;
    cfs_rq.skip = NULL;
  }
}

/** kernel/sched/fair.c: clear_buddies() */
export function clear_buddies(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity): void {
  if (cfs_rq.last === se.id) this.__clear_buddies_last(se);
  if (cfs_rq.next === se.id) this.__clear_buddies_next(se);
  if (cfs_rq.skip === se.id) this.__clear_buddies_skip(se);
}

/* ---- wake-up preemption and yielding ---- */

/** kernel/sched/fair.c: wakeup_gran(): virtual ns of the woken one, so that light ones preempt less easily. */
export function wakeup_gran(this: vmlinux_6_1, se: sched_entity): u64 {
  return this.calc_delta_fair(u64(this.m.sysctl_sched_wakeup_granularity!), se);
}

/** kernel/sched/fair.c: wakeup_preempt_entity(): 1 when se is ahead by more than its granularity, 0 by less, -1 when behind. */
export function wakeup_preempt_entity(this: vmlinux_6_1, curr: sched_entity, se: sched_entity): number {
  const vdiff = s64_diff(curr.vruntime, se.vruntime);
  if (s64_le(vdiff, S64_ZERO)) return -1;
  return s64_gt(vdiff, to_s64(this.wakeup_gran(se))) ? 1 : 0;
}

/** kernel/sched/fair.c: set_last_buddy() */
export function set_last_buddy(this: vmlinux_6_1, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    if (this.warnOn(!it.on_rq, 'set_last_buddy: !se->on_rq')) return;
    if (this.se_is_idle(it)) return;
    this.cfs_rq_of(it).last = it.id;
  }
}

/** kernel/sched/fair.c: set_skip_buddy() */
export function set_skip_buddy(this: vmlinux_6_1, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    this.cfs_rq_of(it).skip = it.id;
  }
}

/** kernel/sched/fair.c: check_preempt_wakeup(), under the pin's name. */
export function check_preempt_wakeup_fair(this: vmlinux_6_1, rq: rq, p: task_struct, wake_flags: number): void {
  const { m } = this;
  const curr = m.task[rq.curr];
  let se = m.se[curr.se];
  let pse = m.se[p.se];
  const scale = this.task_cfs_rq(curr).nr_running >= m.sched_nr_latency!;
  let next_buddy_marked = false;

  if (se.id === pse.id) return;
  if (this.throttled_hierarchy(this.cfs_rq_of(pse))) return;

  if (m.sched_feat.NEXT_BUDDY && scale && !(wake_flags & WF_FORK)) {
    this.set_next_buddy(pse);
    next_buddy_marked = true;
  }

  if (this.test_tsk_need_resched(curr)) return;

  // A SCHED_IDLE task is preempted by any that is not, whatever groups they are in.
  let preempt = this.task_has_idle_policy(curr) && !this.task_has_idle_policy(p);
  if (!preempt) {
    // BATCH and IDLE tasks do not preempt others.
    if (p.policy !== SCHED_NORMAL || !m.sched_feat.WAKEUP_PREEMPTION) return;

    [se, pse] = this.find_matching_se(se, pse);
    const cse_is_idle = this.se_is_idle(se);
    const pse_is_idle = this.se_is_idle(pse);
    preempt = cse_is_idle && !pse_is_idle;
    if (!preempt && cse_is_idle !== pse_is_idle) return;
  }

  if (!preempt) {
    this.update_curr(this.cfs_rq_of(se));
    if (this.wakeup_preempt_entity(se, pse) !== 1) return;
    // bias the pick toward whoever triggered the preemption
    if (!next_buddy_marked) this.set_next_buddy(pse);
  }

  this.resched_curr(rq);
  // On another CPU the task may have gone off its queue with the lock that is dropped on the way here.
  if (!se.on_rq || curr.id === rq.idle) return;
  if (m.sched_feat.LAST_BUDDY && scale && this.entity_is_task(se)) this.set_last_buddy(se);
}

/** kernel/sched/fair.c: yield_task_fair(): its place stays; the next pick passes over it if another is close enough. */
export function yield_task_fair(this: vmlinux_6_1, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const cfs_rq = this.task_cfs_rq(curr);
  const se = this.m.se[curr.se];

  // Alone, over all classes: nobody to yield to.
  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  if (curr.policy !== SCHED_BATCH) {
    this.update_rq_clock(rq);
    this.update_curr(cfs_rq);
    // The schedule() that follows need not read the clock again.
    this.rq_clock_skip_update(rq);
  }

  this.set_skip_buddy(se);
}
