// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.1): CFS: virtual time, slices, placement, the tick; what differs from the pin. Held against the C code
 * of 6.1.192.
 *
 *   slice = period * prod(w / W)   w of the entity, W of its queue, at each level up; period __sched_period()
 *   v     = se.vruntime            the leftmost of the tree is the most entitled; the running one is not in the tree
 *   v0    = cfs_rq.min_vruntime    an entity that is off its queue, but not asleep, has v - v0 in the place of v
 */
import { nullDereference } from '../../lib/bug.js';
import {
  add,
  type bool,
  div,
  gt,
  le,
  lt,
  max,
  mul,
  S64_ZERO,
  s64_diff,
  s64_le,
  s64_lt,
  sub,
  to_s64,
  to_u32,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import { DO_ATTACH, DO_DETACH, UPDATE_TG } from '../../sched/fair.js';
import {
  type cfs_rq,
  DEQUEUE_MOVE,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_MIGRATED,
  ENQUEUE_WAKEUP,
  NULL,
  type rq,
  type sched_entity,
  type task_struct,
} from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/* ---- tunables ---- */

/** kernel/sched/fair.c: update_sysctl() */
export function update_sysctl(this: vmlinux_6_1): void {
  const { m } = this;
  const factor = this.get_update_sysctl_factor();
  m.sysctl_sched_min_granularity = Math.imul(factor, m.normalized_sysctl_sched_min_granularity!) >>> 0;
  m.sysctl_sched_latency = Math.imul(factor, m.normalized_sysctl_sched_latency!) >>> 0;
  m.sysctl_sched_wakeup_granularity = Math.imul(factor, m.normalized_sysctl_sched_wakeup_granularity!) >>> 0;
}

/** kernel/sched/fair.c: sched_init_granularity(). MODEL: the initialisers of the variables stand here. */
export function sched_init_granularity(this: vmlinux_6_1): void {
  const { m } = this;
  m.normalized_sysctl_sched_latency = 6_000_000;
  m.normalized_sysctl_sched_min_granularity = 750_000;
  m.sysctl_sched_idle_min_granularity = 750_000;
  m.normalized_sysctl_sched_wakeup_granularity = 1_000_000;
  m.sched_nr_latency = 8;
  m.sysctl_sched_child_runs_first = 0;
  this.update_sysctl();
}

/** kernel/sched/fair.c: sched_update_scaling(). WHY nr_latency here alone: no other write to latency or granularity moves it. */
export function sched_update_scaling(this: vmlinux_6_1): number {
  const { m } = this;
  const factor = this.get_update_sysctl_factor();
  // DIV_ROUND_UP(), in 32 bits
  const up = (m.sysctl_sched_latency! + m.sysctl_sched_min_granularity! - 1) >>> 0;
  m.sched_nr_latency = Math.floor(up / m.sysctl_sched_min_granularity!);
  m.normalized_sysctl_sched_min_granularity = Math.floor(m.sysctl_sched_min_granularity! / factor);
  m.normalized_sysctl_sched_latency = Math.floor(m.sysctl_sched_latency! / factor);
  m.normalized_sysctl_sched_wakeup_granularity = Math.floor(m.sysctl_sched_wakeup_granularity! / factor);
  return 0;
}

/* ---- virtual time and the tree ---- */

/** kernel/sched/fair.c: entity_before() */
export function entity_before(this: vmlinux_6_1, a: sched_entity, b: sched_entity): bool {
  return s64_lt(s64_diff(a.vruntime, b.vruntime), S64_ZERO);
}

/** kernel/sched/fair.c: update_min_vruntime(): up to the least of the running entity and the leftmost, never back. */
export function update_min_vruntime(this: vmlinux_6_1, cfs_rq: cfs_rq): void {
  const { se } = this.m;
  let curr = cfs_rq.curr === NULL ? null : se[cfs_rq.curr];
  const leftmost = cfs_rq.tasks_timeline.rb_leftmost;
  let vruntime = cfs_rq.min_vruntime!;

  if (curr !== null) {
    if (curr.on_rq) vruntime = curr.vruntime;
    else curr = null;
  }
  if (leftmost !== NULL) {
    vruntime = curr === null ? se[leftmost].vruntime : this.min_vruntime(vruntime, se[leftmost].vruntime);
  }

  cfs_rq.min_vruntime = this.max_vruntime(cfs_rq.min_vruntime!, vruntime);
}

/** kernel/sched/fair.c: __enqueue_entity() */
export function __enqueue_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity): void {
  this.rb_add_cached(se.id, cfs_rq.tasks_timeline);
}

/** kernel/sched/fair.c: __dequeue_entity() */
export function __dequeue_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity): void {
  this.rb_erase_cached(se.id, cfs_rq.tasks_timeline);
}

/** kernel/sched/fair.c: __pick_next_entity() */
export function __pick_next_entity(this: vmlinux_6_1, se: sched_entity): sched_entity | null {
  const next = this.rb_next(se.id);
  return next === NULL ? null : this.m.se[next];
}

/* ---- slices ---- */

/** kernel/sched/fair.c: __sched_period(): ns; longer than the latency when so many run that a slice would be too short. */
export function __sched_period(this: vmlinux_6_1, nr_running: u64): u64 {
  const { m } = this;
  if (gt(nr_running, u64(m.sched_nr_latency!))) return mul(nr_running, u64(m.sysctl_sched_min_granularity!));
  return u64(m.sysctl_sched_latency!);
}

/** kernel/sched/fair.c: sched_slice(): ns of wall time; an entity that is not queued is counted as if it were. */
export function sched_slice(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity): u64 {
  const { m } = this;
  let { nr_running } = cfs_rq;

  if (m.sched_feat.ALT_PERIOD) nr_running = m.cfs_rq[this.rq_of(cfs_rq).cfs].h_nr_queued;

  let slice = this.__sched_period(u64((nr_running + (se.on_rq ? 0 : 1)) >>> 0));

  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    let { load } = this.cfs_rq_of(it);
    if (!it.on_rq) {
      load = { weight: load.weight, inv_weight: load.inv_weight };
      this.update_load_add(load, it.load.weight);
    }
    slice = this.__calc_delta(slice, it.load.weight, load);
  }

  if (m.sched_feat.BASE_SLICE) {
    const isIdle = this.se_is_idle(se) && !this.sched_idle_cfs_rq(cfs_rq);
    slice = max(slice, u64(isIdle ? m.sysctl_sched_idle_min_granularity! : m.sysctl_sched_min_granularity!));
  }
  return slice;
}

/** kernel/sched/fair.c: sched_vslice() */
export function sched_vslice(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity): u64 {
  return this.calc_delta_fair(this.sched_slice(cfs_rq, se), se);
}

/** kernel/sched/fair.c: sched_idle_cfs_rq() */
export function sched_idle_cfs_rq(this: vmlinux_6_1, cfs_rq: cfs_rq): bool {
  return cfs_rq.nr_running !== 0 && cfs_rq.nr_running === cfs_rq.idle_nr_running;
}

/* ---- running ---- */

/** kernel/sched/fair.c: update_curr() */
export function update_curr(this: vmlinux_6_1, cfs_rq: cfs_rq): void {
  const now = this.rq_clock_task(this.rq_of(cfs_rq));
  if (cfs_rq.curr === NULL) return;
  const curr = this.m.se[cfs_rq.curr];

  const delta_exec = sub(now, curr.exec_start);
  if (s64_le(to_s64(delta_exec), S64_ZERO)) return;

  curr.exec_start = now;
  curr.sum_exec_runtime = add(curr.sum_exec_runtime, delta_exec);

  curr.vruntime = add(curr.vruntime, this.calc_delta_fair(delta_exec, curr));
  this.update_min_vruntime(cfs_rq);

  if (this.entity_is_task(curr)) this.trace_sched_stat_runtime(this.task_of(curr), delta_exec);

  this.account_cfs_rq_runtime(cfs_rq, delta_exec);
}

/** kernel/sched/fair.c: entity_is_long_sleeper(): so long that what it may be off by does not compare any more. */
export function entity_is_long_sleeper(this: vmlinux_6_1, se: sched_entity): bool {
  if (se.exec_start === ZERO) return false;

  const now = this.rq_clock_task(this.rq_of(this.cfs_rq_of(se)));
  // happens without synchronised clocks
  if (le(now, se.exec_start)) return false;

  return gt(sub(now, se.exec_start), LONG_SLEEP);
}

/** (1ULL << 63) / scale_load_down(NICE_0_LOAD) */
const LONG_SLEEP: u64 = u64(2n ** 53n);

/** kernel/sched/fair.c: place_entity(): a newcomer a slice behind, a sleeper up to half a latency ahead of the queue. */
export function place_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity, initial: number): void {
  const { m } = this;
  let vruntime = cfs_rq.min_vruntime!;

  if (initial && m.sched_feat.START_DEBIT) vruntime = add(vruntime, this.sched_vslice(cfs_rq, se));

  if (!initial) {
    let thresh = this.se_is_idle(se) ? m.sysctl_sched_min_granularity! : m.sysctl_sched_latency!;
    if (m.sched_feat.GENTLE_FAIR_SLEEPERS) thresh >>>= 1;
    vruntime = sub(vruntime, u64(thresh));
  }

  se.vruntime = this.entity_is_long_sleeper(se) ? vruntime : this.max_vruntime(se.vruntime, vruntime);
}

/** kernel/sched/fair.c: enqueue_entity() */
export function enqueue_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  const renorm = !(flags & ENQUEUE_WAKEUP) || (flags & ENQUEUE_MIGRATED) !== 0;
  const curr = cfs_rq.curr === se.id;

  // WHY curr first: update_curr() charges it, and needs its absolute place.
  if (renorm && curr) se.vruntime = add(se.vruntime, cfs_rq.min_vruntime!);

  this.update_curr(cfs_rq);

  // WHY the others later: update_curr() may have moved min_vruntime on.
  if (renorm && !curr) se.vruntime = add(se.vruntime, cfs_rq.min_vruntime!);

  this.update_load_avg(cfs_rq, se, UPDATE_TG | DO_ATTACH);
  this.se_update_runnable(se);
  this.update_cfs_group(se);
  this.account_entity_enqueue(cfs_rq, se);

  if (flags & ENQUEUE_WAKEUP) this.place_entity(cfs_rq, se, 0);
  if (flags & ENQUEUE_MIGRATED) se.exec_start = ZERO;

  if (!curr) this.__enqueue_entity(cfs_rq, se);
  se.on_rq = 1;

  if (cfs_rq.nr_running === 1) this.check_enqueue_throttle(cfs_rq);
}

/** kernel/sched/fair.c: dequeue_entity(): true, as it is always gone then. */
export function dequeue_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity, flags: number): bool {
  let action = UPDATE_TG;
  if (this.entity_is_task(se) && this.task_on_rq_migrating(this.task_of(se))) action |= DO_DETACH;

  this.update_curr(cfs_rq);

  this.update_load_avg(cfs_rq, se, action);
  this.se_update_runnable(se);

  this.clear_buddies(cfs_rq, se);

  if (se.id !== cfs_rq.curr) this.__dequeue_entity(cfs_rq, se);
  se.on_rq = 0;
  this.account_entity_dequeue(cfs_rq, se);

  // WHY before update_min_vruntime() below: what it moves by would be lost or given away. A sleeper keeps its place.
  if (!(flags & DEQUEUE_SLEEP)) se.vruntime = sub(se.vruntime, cfs_rq.min_vruntime!);

  this.return_cfs_rq_runtime(cfs_rq);
  this.update_cfs_group(se);

  // What is only saved comes back at the same place: the queue does not go on without it.
  if ((flags & (DEQUEUE_SAVE | DEQUEUE_MOVE)) !== DEQUEUE_SAVE) this.update_min_vruntime(cfs_rq);

  if (cfs_rq.nr_running === 0) this.update_idle_cfs_rq_clock_pelt(cfs_rq);
  return true;
}

/* ---- the tick ---- */

/** kernel/sched/fair.c: check_preempt_tick() */
export function check_preempt_tick(this: vmlinux_6_1, cfs_rq: cfs_rq, curr: sched_entity): void {
  const ideal_runtime = this.sched_slice(cfs_rq, curr);
  const delta_exec = sub(curr.sum_exec_runtime, curr.prev_sum_exec_runtime);

  if (gt(delta_exec, ideal_runtime)) {
    this.resched_curr(this.rq_of(cfs_rq));
    // so that it is not picked again for being a buddy
    this.clear_buddies(cfs_rq, curr);
    return;
  }

  if (lt(delta_exec, u64(this.m.sysctl_sched_min_granularity!))) return;

  const se = this.__pick_first_entity(cfs_rq) ?? nullDereference('check_preempt_tick: se->vruntime');
  const delta = s64_diff(curr.vruntime, se.vruntime);
  if (s64_lt(delta, S64_ZERO)) return;
  // C compares it as an unsigned long
  if (gt(to_u64(delta), ideal_runtime)) this.resched_curr(this.rq_of(cfs_rq));
}

/** kernel/sched/fair.c: entity_tick() */
export function entity_tick(this: vmlinux_6_1, cfs_rq: cfs_rq, curr: sched_entity, queued: number): void {
  this.update_curr(cfs_rq);
  this.update_load_avg(cfs_rq, curr, UPDATE_TG);
  this.update_cfs_group(curr);

  if (queued) {
    this.resched_curr(this.rq_of(cfs_rq));
    return;
  }
  if (!this.m.sched_feat.DOUBLE_TICK && this.hrtimer_active(this.rq_of(cfs_rq).hrtick_timer)) return;

  if (cfs_rq.nr_running > 1) this.check_preempt_tick(cfs_rq, curr);
}

/** kernel/sched/fair.c: hrtick_start_fair() */
export function hrtick_start_fair(this: vmlinux_6_1, rq: rq, p: task_struct): void {
  const se = this.m.se[p.se];
  this.warnOn(this.task_rq(p).id !== rq.id, 'hrtick_start_fair: task_rq(p) != rq');
  if (this.m.cfs_rq[rq.cfs].h_nr_queued <= 1) return;

  const slice = this.sched_slice(this.cfs_rq_of(se), se);
  const delta = s64_diff(slice, sub(se.sum_exec_runtime, se.prev_sum_exec_runtime));
  if (s64_lt(delta, S64_ZERO)) {
    if (this.task_current(rq, p)) this.resched_curr(rq);
    return;
  }
  this.hrtick_start(rq, to_u64(delta));
}

/** kernel/sched/fair.c: hrtick_update() */
export function hrtick_update(this: vmlinux_6_1, rq: rq): void {
  const curr = this.m.task[rq.curr];
  if (!this.hrtick_enabled_fair(rq) || curr.sched_class !== 'fair_sched_class') return;
  if (this.task_cfs_rq(curr).nr_running < this.m.sched_nr_latency!) this.hrtick_start_fair(rq, curr);
}

/** kernel/sched/fair.c: get_rr_interval_fair(): jiffies. */
export function get_rr_interval_fair(this: vmlinux_6_1, rq: rq, task: task_struct): number {
  const se = this.m.se[task.se];
  if (this.m.cfs_rq[rq.cfs].load.weight === ZERO) return 0;
  return to_u32(div(this.sched_slice(this.cfs_rq_of(se), se), u64(Math.floor(1_000_000_000 / this.m.HZ))));
}
