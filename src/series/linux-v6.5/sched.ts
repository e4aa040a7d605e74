// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched (v6.5), as far as it differs from v6.1, which is 6.1.192: a stable release has fixes that are younger than v6.5. Held
 * against the C code of 6.5.
 */
import { nullDereference } from '../../lib/bug.js';
import {
  add,
  type bool,
  gt,
  lt,
  mul,
  S64_ZERO,
  type s64,
  s64_diff,
  s64_lt,
  s64_sub,
  shr,
  sub,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import {
  type cfs_rq,
  DEQUEUE_MOVE,
  DEQUEUE_NOCLOCK,
  DEQUEUE_SAVE,
  ENQUEUE_MIGRATED,
  ENQUEUE_NOCLOCK,
  ENQUEUE_WAKEUP,
  type rq,
  type sched_entity,
  type task_struct,
  WF_MIGRATED,
} from '../../sched/sched.js';
import type { vmlinux_6_5 } from './adds.js';

/* ---- kernel/sched/fair.c ---- */

/** kernel/sched/fair.c: check_preempt_tick(): a slice is never longer than the period. */
export function check_preempt_tick(this: vmlinux_6_5, cfs_rq: cfs_rq, curr: sched_entity): void {
  const slice = this.sched_slice(cfs_rq, curr);
  const latency = u64(this.m.sysctl_sched_latency!);
  const ideal_runtime = lt(slice, latency) ? slice : latency;
  const delta_exec = sub(curr.sum_exec_runtime, curr.prev_sum_exec_runtime);

  if (gt(delta_exec, ideal_runtime)) {
    this.resched_curr(this.rq_of(cfs_rq));
    this.clear_buddies(cfs_rq, curr);
    return;
  }

  if (lt(delta_exec, u64(this.m.sysctl_sched_min_granularity!))) return;

  const se = this.__pick_first_entity(cfs_rq) ?? nullDereference('check_preempt_tick: se->vruntime');
  const delta = s64_diff(curr.vruntime, se.vruntime);
  if (s64_lt(delta, S64_ZERO)) return;
  if (gt(to_u64(delta), ideal_runtime)) this.resched_curr(this.rq_of(cfs_rq));
}

/** kernel/sched/fair.c: pick_next_task_fair(): idle time that PELT loses is counted where fair tasks run out, and nowhere else. */
export function pick_next_task_fair(this: vmlinux_6_5, rq: rq, prev: task_struct | null, rf: bool): task_struct | null {
  if (!this.sched_fair_runnable(rq)) {
    if (!rf) return null;
    this.sched_balance_newidle(rq);
    this.update_idle_rq_clock_pelt(rq);
    return null;
  }

  const p =
    prev === null || prev.sched_class !== 'fair_sched_class'
      ? this.pickAfterPut(rq, prev)
      : this.pickBesidePrev(rq, prev);

  if (this.hrtick_enabled_fair(rq)) this.hrtick_start_fair(rq, p);
  return p;
}

/** kernel/sched/idle.c: set_next_task_idle(). WHY empty: an idle pick after a real-time task does not reach the averages. */
export function set_next_task_idle(this: vmlinux_6_5, _rq: rq, _next: task_struct, _first: bool): void {}

/* ---- kernel/sched/core.c: the clock ---- */

/**
 * kernel/sched/core.c: update_rq_clock_task(): steal time beyond what has passed comes off later, by and by.
 *
 * DEVIATION DV-640: steal time is not added to the averages of the interrupt class (NONTASK_CAPACITY).
 */
export function update_rq_clock_task(this: vmlinux_6_5, rq: rq, delta: s64): void {
  if (rq.prev_steal_time_rq !== undefined) {
    let steal = s64_diff(this.paravirt_steal_clock(this.cpu_of(rq)), rq.prev_steal_time_rq);
    if (s64_lt(delta, steal)) steal = delta;
    rq.prev_steal_time_rq = add(rq.prev_steal_time_rq, to_u64(steal));
    delta = s64_sub(delta, steal);
  }
  rq.clock_task = add(rq.clock_task, to_u64(delta));
  this.update_rq_clock_pelt(rq, delta);
}

/* ---- kernel/sched/core.c: wake-ups ---- */

/** kernel/sched/core.c: ttwu_do_activate() */
export function ttwu_do_activate(this: vmlinux_6_5, rq: rq, p: task_struct, wake_flags: number): void {
  let en_flags = ENQUEUE_WAKEUP | ENQUEUE_NOCLOCK;

  if (p.sched_contributes_to_load) rq.nr_uninterruptible--;

  if (wake_flags & WF_MIGRATED) en_flags |= ENQUEUE_MIGRATED;
  else if (p.in_iowait) this.task_rq(p).nr_iowait--;

  this.activate_task(rq, p, en_flags);
  this.wakeup_preempt(rq, p, wake_flags);

  this.ttwu_do_wakeup(p);

  const rf = this.rq_unpin_lock(rq);
  this.classTaskWoken(rq, p);
  this.rq_repin_lock(rq, rf);

  if (rq.idle_stamp !== ZERO) {
    const delta = sub(this.rq_clock(rq), rq.idle_stamp);
    const max = mul(u64(2), rq.max_idle_balance_cost);
    rq.avg_idle = this.update_avg(rq.avg_idle, delta);
    if (gt(rq.avg_idle, max)) rq.avg_idle = max;
    rq.wake_stamp = this.get_jiffies_64();
    rq.wake_avg_idle = shr(rq.avg_idle, 1);
    rq.idle_stamp = ZERO;
  }
}

/** kernel/sched/core.c: ttwu_runnable(): who is still on a CPU preempts nobody, and needs no clock. */
export function ttwu_runnable(this: vmlinux_6_5, p: task_struct, wake_flags: number): bool {
  const rq = this.__task_rq_lock(p);
  if (!this.task_on_rq_queued(p)) return false;

  if (!this.task_on_cpu(rq, p)) {
    this.update_rq_clock(rq);
    this.wakeup_preempt(rq, p, wake_flags);
  }
  this.ttwu_do_wakeup(p);
  return true;
}

/* ---- kernel/sched/core.c: changes ---- */

/** kernel/sched/core.c: sched_move_task(): nothing is done for a task that is in the group already. */
export function sched_move_task(this: vmlinux_6_5, tsk: task_struct, _for_autogroup: bool): void {
  const queue_flags = DEQUEUE_SAVE | DEQUEUE_MOVE | DEQUEUE_NOCLOCK;
  const rq = this.task_rq_lock(tsk);

  if (tsk.cpu_cgrp === tsk.sched_task_group) return;

  this.update_rq_clock(rq);

  const running = this.task_current(rq, tsk);
  const queued = this.task_on_rq_queued(tsk);

  if (queued) this.dequeue_task(rq, tsk, queue_flags);
  if (running) this.put_prev_task(rq, tsk);

  this.sched_change_group(tsk);

  if (queued) this.enqueue_task(rq, tsk, queue_flags);
  if (running) {
    this.set_next_task(rq, tsk);
    this.resched_curr(rq);
  }
}

/* ---- kernel/sched/rt.c, cpupri.c ---- */

/** kernel/sched/rt.c: rto_next_cpu(): a CPU may be told by itself. */
export function rto_next_cpu(this: vmlinux_6_5): number {
  const { rd } = this.m;
  for (;;) {
    rd.rto_cpu = this.cpumask_next(rd.rto_cpu, rd.rto_mask);
    if (rd.rto_cpu !== -1) return rd.rto_cpu;
    if (rd.rto_loop === rd.rto_loop_next) return -1;
    rd.rto_loop = rd.rto_loop_next;
  }
}

/** kernel/sched/cpupri.c: __cpupri_find(): also a CPU that is about to go down. */
export function __cpupri_find(this: vmlinux_6_5, p: task_struct, lowest_mask: number[] | null, idx: number): bool {
  const pri = this.m.cpupri;
  const mask = p.cpus_ptr.filter((cpu) => pri[cpu] === idx);
  if (mask.length === 0) return false;
  if (lowest_mask !== null) lowest_mask.splice(0, lowest_mask.length, ...mask);
  return true;
}

/* ---- kernel/sched/core.c: hotplug ---- */

/** kernel/sched/core.c: sched_cpu_deactivate(): the clock is set_rq_offline()'s. */
export function sched_cpu_deactivate(this: vmlinux_6_5, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.set_cpu_active(cpu, false);
  this.balance_push_set(cpu, true);
  this.synchronize_rcu();
  this.rq_lock_irqsave(rq);
  this.set_rq_offline(rq);
  if (!this.hasDomains()) return 0;
  return this.cpuset_cpu_inactive(cpu);
}
