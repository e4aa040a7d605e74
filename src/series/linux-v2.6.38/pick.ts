// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched_fair.c (v2.6.38): the pick, the buddies last and next, preemption by a wake-up, sched_yield(); what differs from
 * v6.1. The version of before ac53db596cc0, read in an older one of the file.
 */
import { nullDereference } from '../../lib/bug.js';
import { add, type bool, ONE } from '../../lib/types.js';
import {
  type cfs_rq,
  NULL,
  type rq,
  SCHED_BATCH,
  SCHED_IDLE,
  SCHED_NORMAL,
  type sched_entity,
  type task_struct,
  WF_FORK,
} from '../../sched/sched.js';
import { knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_6_1 } from '../linux-v6.1/adds.js';
import type { vmlinux_2_6_38 } from './adds.js';

export const compat_yield = { file: '/proc/sys/kernel/sched_compat_yield', type: 'u32', initial: 0 } as const;

/* ---- picking ---- */

/** kernel/sched_fair.c: set_next_entity(): buddies stay; pick_next_entity() has cleared them. */
export function set_next_entity(this: vmlinux_2_6_38, cfs_rq: cfs_rq, se: sched_entity): void {
  if (se.on_rq) this.__dequeue_entity(cfs_rq, se);
  this.update_stats_curr_start(cfs_rq, se);
  cfs_rq.curr = se.id;
  se.prev_sum_exec_runtime = se.sum_exec_runtime;
}

/** kernel/sched_fair.c: pick_next_entity(): with both buddies near enough, last wins. `_curr` is null: it has been put. */
export function pick_next_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, _curr: sched_entity | null): sched_entity | null {
  const { m } = this;
  const left = this.__pick_first_entity(cfs_rq);
  let se = left;

  if (cfs_rq.next !== NULL && this.wakeup_preempt_entity(m.se[cfs_rq.next], orOops(left)) < 1) se = m.se[cfs_rq.next];
  if (cfs_rq.last! !== NULL && this.wakeup_preempt_entity(m.se[cfs_rq.last!], orOops(left)) < 1) {
    se = m.se[cfs_rq.last!];
  }

  this.clear_buddies(cfs_rq, orOops(se));
  return se;
}

const orOops = (left: sched_entity | null): sched_entity => left ?? nullDereference('pick_next_entity: left->vruntime');

/** v6.1 puts and sets only what changes of the hierarchy; 2.6.38 puts `prev` whole before it picks. */
export function pickBesidePrev(this: vmlinux_2_6_38, rq: rq, prev: task_struct): task_struct {
  return this.pickAfterPut(rq, prev);
}

/** kernel/sched_fair.c: put_prev_entity() */
export function put_prev_entity(this: vmlinux_2_6_38, cfs_rq: cfs_rq, prev: sched_entity): void {
  if (prev.on_rq) {
    this.update_curr(cfs_rq);
    this.__enqueue_entity(cfs_rq, prev);
  }
  cfs_rq.curr = NULL;
}

/* ---- buddies ---- */

/** kernel/sched_fair.c: clear_buddies() */
export function clear_buddies(this: vmlinux_2_6_38, cfs_rq: cfs_rq, se: sched_entity): void {
  if (cfs_rq.last === se.id) this.__clear_buddies_last(se);
  if (cfs_rq.next === se.id) this.__clear_buddies_next(se);
}

/** Of the task at the bottom only: the policy of a group is not asked for. */
export const isIdleTask = (k: vmlinux_2_6_38, se: sched_entity): bool => k.task_of(se).policy === SCHED_IDLE;

/** kernel/sched_fair.c: set_last_buddy() */
export function set_last_buddy(this: vmlinux_2_6_38, se: sched_entity): void {
  if (isIdleTask(this, se)) return;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) this.cfs_rq_of(it).last = it.id;
}

/** kernel/sched_fair.c: set_next_buddy() */
export function set_next_buddy(this: vmlinux_2_6_38, se: sched_entity): void {
  if (isIdleTask(this, se)) return;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) this.cfs_rq_of(it).next = it.id;
}

/* ---- wake-up preemption and yielding ---- */

/** kernel/sched_fair.c: check_preempt_wakeup(), under the pin's name. */
export function check_preempt_wakeup_fair(this: vmlinux_2_6_38, rq: rq, p: task_struct, wake_flags: number): void {
  const { m } = this;
  const curr = m.task[rq.curr];
  let se = m.se[curr.se];
  let pse = m.se[p.se];
  const cfs_rq = this.task_cfs_rq(curr);
  const scale = cfs_rq.nr_running >= m.sched_nr_latency!;

  if (se.id === pse.id) return;

  if (m.sched_feat.NEXT_BUDDY && scale && !(wake_flags & WF_FORK)) this.set_next_buddy(pse);

  if (this.test_tsk_need_resched(curr)) return;
  // BATCH and IDLE tasks do not preempt others, not even each other.
  if (p.policy !== SCHED_NORMAL) return;

  if (curr.policy !== SCHED_IDLE) {
    if (!m.sched_feat.WAKEUP_PREEMPT) return;
    // WHY the queue of the task: the levels above it are compared as they were at their last update
    this.update_curr(cfs_rq);
    [se, pse] = this.find_matching_se(se, pse);
    if (this.wakeup_preempt_entity(se, pse) !== 1) return;
  }

  this.resched_curr(rq);
  if (!se.on_rq || curr.id === rq.idle) return;
  if (m.sched_feat.LAST_BUDDY && scale && this.entity_is_task(se)) this.set_last_buddy(se);
}

/**
 * kernel/sched_fair.c: yield_task_fair(): no order changes, so that who yields is picked again while it is the leftmost. With
 * sched_compat_yield, or SCHED_BATCH, it goes behind all others of its queue.
 */
export function yield_task_fair(this: vmlinux_2_6_38, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const cfs_rq = this.task_cfs_rq(curr);
  const se = this.m.se[curr.se];

  if (cfs_rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  if (knobValue(this.m, 'sched_compat_yield', compat_yield) === 0 && curr.policy !== SCHED_BATCH) {
    this.update_rq_clock(rq);
    this.update_curr(cfs_rq);
    return;
  }

  const rightmost = this.__pick_last_entity(cfs_rq);
  if (rightmost === null || this.entity_before(rightmost, se)) return;
  se.vruntime = add(rightmost.vruntime, ONE);
}

/** kernel/sched/syscalls.c: yield_to(). MODEL: there is none before v2.6.39; who asks gets the answer of a class without it. */
export function yield_to(this: vmlinux_2_6_38, _p: task_struct, _preempt: bool): number {
  return 0;
}

/** kernel/sched/core.c: ttwu_queue_cond(): who wakes queues the task itself, whatever CPU it goes to. */
export function ttwu_queue_cond(this: vmlinux_2_6_38, _p: task_struct, _cpu: number): bool {
  return false;
}
