// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched_fair.c, kernel/sched.c (v2.6.38): arithmetic, slices, placement, queueing, the tick; what differs from v6.1. Read at
 * ac53db596cc0, the first commit of the directed yield, whose own changes are told apart by an older version of the file.
 *
 * Weights are not scaled up: a nice of 0 weighs 1024. The running entity is not in the tree.
 */
import { nullDereference } from '../../lib/bug.js';
import { EINVAL } from '../../lib/errno.js';
import {
  add,
  type bool,
  ge,
  gt,
  lt,
  max,
  mul,
  ONE,
  S64_ZERO,
  s64_diff,
  s64_lt,
  shr,
  sub,
  to_u64,
  toNumber,
  u64,
  ZERO,
} from '../../lib/types.js';
import {
  alloc_fair_sched_group as allocBefore,
  DO_ATTACH,
  DO_DETACH,
  init_tg_cfs_entry as initEntryBefore,
  UPDATE_TG,
} from '../../sched/fair.js';
import {
  type cfs_rq,
  DEQUEUE_SLEEP,
  ENQUEUE_MIGRATED,
  ENQUEUE_WAKEUP,
  type load_weight,
  NULL,
  type rq,
  type sched_entity,
  type task_group,
  type task_struct,
} from '../../sched/sched.js';
import { init_cfs_rq as initBefore } from '../linux-v6.1/fair.js';
import type { vmlinux_2_6_38 } from './adds.js';

/** 1024: without the ten bits that 64-bit kernels have added since */
export const nice0Load: u64 = u64(1024);
const twoTo32 = 2 ** 32;
const twoTo32Word: u64 = u64(twoTo32);
const LONG_MAX: u64 = u64(2n ** 63n - 1n);

/* ---- arithmetic ---- */

/** kernel/sched/sched.h: scale_load(), which 2.6.38 does without. */
export function scale_load(this: vmlinux_2_6_38, w: u64): u64 {
  return w;
}

/** kernel/sched/sched.h: scale_load_down(), likewise. */
export function scale_load_down(this: vmlinux_2_6_38, w: u64): u64 {
  return w;
}

/** SRR(): a shift to the right that rounds. */
const srr = (x: u64, bits: number): u64 => shr(add(x, u64(2 ** (bits - 1))), bits);

/** kernel/sched.c: calc_delta_mine(), under the name that v6.1 has for it. */
export function __calc_delta(this: vmlinux_2_6_38, delta_exec: u64, weight: u64, lw: load_weight): u64 {
  if (!lw.inv_weight) {
    if (ge(lw.weight, twoTo32Word)) lw.inv_weight = 1;
    else {
      const w = toNumber(lw.weight);
      lw.inv_weight = 1 + Math.floor((twoTo32 - Math.floor(w / 2)) / (w + 1));
    }
  }

  let tmp = mul(delta_exec, weight);
  const inv = u64(lw.inv_weight);
  if (gt(tmp, twoTo32Word)) tmp = srr(mul(srr(tmp, 16), inv), 16);
  else tmp = srr(mul(tmp, inv), 32);

  return gt(tmp, LONG_MAX) ? LONG_MAX : tmp;
}

/** kernel/sched_fair.c: calc_delta_fair() */
export function calc_delta_fair(this: vmlinux_2_6_38, delta: u64, se: sched_entity): u64 {
  return se.load.weight === nice0Load ? delta : this.__calc_delta(delta, nice0Load, se.load);
}

/* ---- slices and virtual time ---- */

/** kernel/sched_fair.c: sched_slice(): by the number on its own queue, and with no lower bound. */
export function sched_slice(this: vmlinux_2_6_38, cfs_rq: cfs_rq, se: sched_entity): u64 {
  let slice = this.__sched_period(u64(cfs_rq.nr_running + (se.on_rq ? 0 : 1)));

  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    let { load } = this.cfs_rq_of(it);
    if (!it.on_rq) {
      load = { weight: load.weight, inv_weight: load.inv_weight };
      this.update_load_add(load, it.load.weight);
    }
    slice = this.__calc_delta(slice, it.load.weight, load);
  }
  return slice;
}

/** kernel/sched_fair.c: update_min_vruntime(): the running entity counts, also when it is off its queue. */
export function update_min_vruntime(this: vmlinux_2_6_38, cfs_rq: cfs_rq): void {
  const { se } = this.m;
  const leftmost = cfs_rq.tasks_timeline.rb_leftmost;
  let vruntime = cfs_rq.curr === NULL ? cfs_rq.min_vruntime! : se[cfs_rq.curr].vruntime;

  if (leftmost !== NULL) {
    if (cfs_rq.curr === NULL) vruntime = se[leftmost].vruntime;
    else vruntime = this.min_vruntime(vruntime, se[leftmost].vruntime);
  }
  cfs_rq.min_vruntime = this.max_vruntime(cfs_rq.min_vruntime!, vruntime);
}

/** kernel/sched_fair.c: update_curr(), with __update_curr(). The delta is unsigned: a clock that went back is a long run. */
export function update_curr(this: vmlinux_2_6_38, cfs_rq: cfs_rq): void {
  const now = this.rq_clock_task(this.rq_of(cfs_rq));
  if (cfs_rq.curr === NULL) return;
  const curr = this.m.se[cfs_rq.curr];

  const delta_exec = sub(now, curr.exec_start);
  if (delta_exec === ZERO) return;

  curr.sum_exec_runtime = add(curr.sum_exec_runtime, delta_exec);
  curr.vruntime = add(curr.vruntime, this.calc_delta_fair(delta_exec, curr));
  this.update_min_vruntime(cfs_rq);
  cfs_rq.load_unacc_exec_time = add(cfs_rq.load_unacc_exec_time!, delta_exec);
  curr.exec_start = now;

  if (this.entity_is_task(curr)) this.trace_sched_stat_runtime(this.task_of(curr), delta_exec);
}

/** kernel/sched_fair.c: place_entity(): a sleeper up to half a latency ahead, however long it slept. */
export function place_entity(this: vmlinux_2_6_38, cfs_rq: cfs_rq, se: sched_entity, initial: number): void {
  const { m } = this;
  let vruntime = cfs_rq.min_vruntime!;

  if (initial && m.sched_feat.START_DEBIT) vruntime = add(vruntime, this.sched_vslice(cfs_rq, se));

  if (!initial) {
    let thresh = m.sysctl_sched_latency!;
    if (m.sched_feat.GENTLE_FAIR_SLEEPERS) thresh >>>= 1;
    vruntime = sub(vruntime, u64(thresh));
  }
  se.vruntime = this.max_vruntime(se.vruntime, vruntime);
}

/* ---- queueing ---- */

/**
 * kernel/sched_fair.c: enqueue_entity()
 *
 * MODEL: every wake-up makes vruntime relative in task_waking_fair() and absolute here. Without a migration nothing comes between
 * the two, so both are left out; ENQUEUE_MIGRATED stands for ENQUEUE_WAKING with one.
 */
export function enqueue_entity(this: vmlinux_2_6_38, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  if (!(flags & ENQUEUE_WAKEUP) || flags & ENQUEUE_MIGRATED) se.vruntime = add(se.vruntime, cfs_rq.min_vruntime!);

  this.update_curr(cfs_rq);
  this.update_load_avg(cfs_rq, se, UPDATE_TG | DO_ATTACH);
  this.se_update_runnable(se);
  this.update_cfs_load(cfs_rq, 0);
  this.account_entity_enqueue(cfs_rq, se);
  this.update_cfs_shares(cfs_rq);

  if (flags & ENQUEUE_WAKEUP) this.place_entity(cfs_rq, se, 0);

  if (se.id !== cfs_rq.curr) this.__enqueue_entity(cfs_rq, se);
  se.on_rq = 1;
}

/** kernel/sched_fair.c: dequeue_entity(): true, as it is always gone then. */
export function dequeue_entity(this: vmlinux_2_6_38, cfs_rq: cfs_rq, se: sched_entity, flags: number): bool {
  const isMigrating = this.entity_is_task(se) && this.task_on_rq_migrating(this.task_of(se));
  this.update_curr(cfs_rq);
  this.update_load_avg(cfs_rq, se, isMigrating ? UPDATE_TG | DO_DETACH : UPDATE_TG);
  this.se_update_runnable(se);
  this.clear_buddies(cfs_rq, se);

  if (se.id !== cfs_rq.curr) this.__dequeue_entity(cfs_rq, se);
  se.on_rq = 0;
  this.update_cfs_load(cfs_rq, 0);
  this.account_entity_dequeue(cfs_rq, se);
  this.update_min_vruntime(cfs_rq);
  this.update_cfs_shares(cfs_rq);

  // WHY after update_min_vruntime(): v3.0 found that what it moves by is given away so, and turned them round.
  if (!(flags & DEQUEUE_SLEEP)) se.vruntime = sub(se.vruntime, cfs_rq.min_vruntime!);
  return true;
}

/** kernel/sched_fair.c: enqueue_task_fair() */
export function enqueue_task_fair(this: vmlinux_2_6_38, rq: rq, p: task_struct, flags: number): void {
  const idle = this.task_has_idle_policy(p) ? 1 : 0;
  let se: sched_entity | null = this.m.se[p.se];

  for (; se !== null; se = this.parent_entity(se)) {
    if (se.on_rq) break;
    const cfs_rq = this.cfs_rq_of(se);
    this.enqueue_entity(cfs_rq, se, flags);
    countTask(cfs_rq, 1, idle);
    flags = ENQUEUE_WAKEUP;
  }
  for (; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);
    this.update_cfs_load(cfs_rq, 0);
    this.update_cfs_shares(cfs_rq);
    countTask(cfs_rq, 1, idle);
  }

  this.add_nr_running(rq, 1);
  this.hrtick_update(rq);
}

/** kernel/sched_fair.c: dequeue_task_fair(): no group is nominated where the climb ends; v3.0 does. */
export function dequeue_task_fair(this: vmlinux_2_6_38, rq: rq, p: task_struct, flags: number): bool {
  const idle = this.task_has_idle_policy(p) ? 1 : 0;
  let se: sched_entity | null = this.m.se[p.se];

  while (se !== null) {
    const cfs_rq = this.cfs_rq_of(se);
    this.dequeue_entity(cfs_rq, se, flags);
    countTask(cfs_rq, -1, idle);
    // MODEL: the climb leaves se where it is, so that the second loop brings its queue up to date once more; nothing moves by that.
    se = this.parent_entity(se);
    if (cfs_rq.load.weight !== ZERO) break;
    flags |= DEQUEUE_SLEEP;
  }
  for (; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);
    this.update_cfs_load(cfs_rq, 0);
    this.update_cfs_shares(cfs_rq);
    countTask(cfs_rq, -1, idle);
  }

  this.sub_nr_running(rq, 1);
  this.hrtick_update(rq);
  return true;
}

/** What v6.1 counts on each level and 2.6.38 does not; __pick_next_task() and the checks of structures read it. */
function countTask(cfs_rq: cfs_rq, by: 1 | -1, idle: number): void {
  cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued + by) >>> 0;
  cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running + by * idle) >>> 0;
}

/* ---- the tick ---- */

/** kernel/sched_fair.c: check_preempt_tick() */
export function check_preempt_tick(this: vmlinux_2_6_38, cfs_rq: cfs_rq, curr: sched_entity): void {
  const { m } = this;
  const ideal_runtime = this.sched_slice(cfs_rq, curr);
  const delta_exec = sub(curr.sum_exec_runtime, curr.prev_sum_exec_runtime);

  if (gt(delta_exec, ideal_runtime)) {
    this.resched_curr(this.rq_of(cfs_rq));
    this.clear_buddies(cfs_rq, curr);
    return;
  }

  if (!m.sched_feat.WAKEUP_PREEMPT) return;
  if (lt(delta_exec, u64(m.sysctl_sched_min_granularity!))) return;
  if (cfs_rq.nr_running <= 1) return;

  const se = this.__pick_first_entity(cfs_rq) ?? nullDereference('check_preempt_tick: se->vruntime');
  const delta = s64_diff(curr.vruntime, se.vruntime);
  if (s64_lt(delta, S64_ZERO)) return;
  if (gt(to_u64(delta), ideal_runtime)) this.resched_curr(this.rq_of(cfs_rq));
}

/** kernel/sched_fair.c: entity_tick() */
export function entity_tick(this: vmlinux_2_6_38, cfs_rq: cfs_rq, curr: sched_entity, queued: number): void {
  const { m } = this;
  this.update_curr(cfs_rq);
  this.update_load_avg(cfs_rq, curr, UPDATE_TG);
  this.update_entity_shares_tick(cfs_rq);

  if (queued) {
    this.resched_curr(this.rq_of(cfs_rq));
    return;
  }
  if (!m.sched_feat.DOUBLE_TICK && this.hrtimer_active(this.rq_of(cfs_rq).hrtick_timer)) return;

  if (cfs_rq.nr_running > 1 || !m.sched_feat.WAKEUP_PREEMPT) this.check_preempt_tick(cfs_rq, curr);
}

/** kernel/sched_fair.c: hrtick_start_fair() */
export function hrtick_start_fair(this: vmlinux_2_6_38, rq: rq, p: task_struct): void {
  const se = this.m.se[p.se];
  const cfs_rq = this.cfs_rq_of(se);
  this.warnOn(this.task_rq(p).id !== rq.id, 'hrtick_start_fair: task_rq(p) != rq');
  if (!this.hrtick_enabled_fair(rq) || cfs_rq.nr_running <= 1) return;

  const slice = this.sched_slice(cfs_rq, se);
  const delta = s64_diff(slice, sub(se.sum_exec_runtime, se.prev_sum_exec_runtime));
  const isCurrent = this.task_current(rq, p);
  if (s64_lt(delta, S64_ZERO)) {
    if (isCurrent) this.resched_curr(rq);
    return;
  }
  // one that is yet to run gets 10 us at least
  this.hrtick_start(rq, isCurrent ? to_u64(delta) : max(u64(10_000), to_u64(delta)));
}

/* ---- groups ---- */

/** kernel/sched.c: init_cfs_rq(). WHY 1: load_stamp after load_last lets the first update_cfs_load() forget the time before. */
export function init_cfs_rq(this: vmlinux_2_6_38, cfs_rq: cfs_rq): void {
  initBefore.call(this, cfs_rq);
  cfs_rq.load_avg = ZERO;
  cfs_rq.load_period = ZERO;
  cfs_rq.load_stamp = ONE;
  cfs_rq.load_last = ZERO;
  cfs_rq.load_unacc_exec_time = ZERO;
  cfs_rq.load_contribution = ZERO;
}

/** kernel/sched.c: alloc_fair_sched_group() */
export function alloc_fair_sched_group(this: vmlinux_2_6_38, tg: task_group, parent: task_group): number {
  const r = allocBefore.call(this, tg, parent);
  tg.shares = nice0Load;
  return r;
}

/** kernel/sched.c: init_tg_cfs_entry(): no weight until something is queued. */
export function init_tg_cfs_entry(
  this: vmlinux_2_6_38,
  tg: task_group,
  cfs_rq: cfs_rq,
  se: sched_entity | null,
  cpu: number,
  parent: sched_entity | null,
): void {
  initEntryBefore.call(this, tg, cfs_rq, se, cpu, parent);
  if (se !== null) this.update_load_set(se.load, ZERO);
}

/** kernel/sched/fair.c: sched_group_set_idle(). MODEL: there is no cpu.idle before v5.15, so there is no file to write to. */
export function sched_group_set_idle(this: vmlinux_2_6_38, _tg: task_group, _idle: number): number {
  return -EINVAL;
}
