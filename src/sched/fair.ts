// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (6.12.117): EEVDF, cgroup weights, load tracking of entities, wake-up placement.
 *
 * Mirrored: everything between the class hooks and the tree, and select_task_rq_fair() for one level of domains.
 * MODEL: no leaf_cfs_rq_list, no schedstats, no NUMA balancing, no energy model, no misfit and asymmetric CPUs.
 * Built without CONFIG_CFS_BANDWIDTH: the throttling helpers stand here as that build has them.
 * Load balancing is absent: see sched_balance_newidle() and sched_balance_trigger().
 *
 *   V = v0 + sum(w_i * (v_i - v0)) / sum(w_i)   V avg_vruntime(), v0 cfs_rq.zero_vruntime, v_i se.vruntime,
 *                                               w_i scale_load_down(se.load.weight)
 *   lag_i = V - v_i, eligible when lag_i >= 0; the sums over the tree are cfs_rq.avg_vruntime and cfs_rq.avg_load
 */
import { NotModelled, nullDereference } from '../lib/bug.js';
import { EINVAL } from '../lib/errno.js';
import { div_s64_long, div_u64, fls, ilog2 } from '../lib/math64.js';
import {
  add,
  type bool,
  div,
  ge,
  gt,
  lt,
  max,
  min,
  mul,
  mul_u32_u32,
  mul_u64_u32_shr,
  ONE,
  S64_ZERO,
  s64,
  s64_add,
  s64_diff,
  s64_div,
  s64_ge,
  s64_gt,
  s64_le,
  s64_lt,
  s64_max,
  s64_min,
  s64_mul,
  s64_neg,
  s64_shr,
  s64_sub,
  shr,
  sub,
  to_s64,
  to_u32,
  to_u64,
  U64_MAX,
  type u32,
  u64,
  ZERO,
} from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { PELT_MIN_DIVIDER, UTIL_AVG_UNCHANGED } from './pelt.js';
import { newCfsRq, newSchedEntity } from './records.js';
import {
  type cfs_rq,
  DEQUEUE_DELAYED,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  DEQUEUE_SPECIAL,
  deref,
  ENQUEUE_DELAYED,
  ENQUEUE_INITIAL,
  ENQUEUE_MIGRATED,
  ENQUEUE_RESTORE,
  ENQUEUE_WAKEUP,
  type load_weight,
  MAX_SHARES,
  MIN_SHARES,
  NICE_0_LOAD,
  NSEC_PER_MSEC,
  NULL,
  PF_EXITING,
  type rq,
  SCHED_CAPACITY_SHIFT,
  SCHED_TUNABLESCALING_LINEAR,
  SCHED_TUNABLESCALING_NONE,
  type sched_avg,
  type sched_dl_entity,
  type sched_entity,
  TASK_NEW,
  type task_group,
  type task_struct,
  WEIGHT_IDLEPRIO,
  WF_CURRENT_CPU,
  WF_FORK,
  WF_SYNC,
  WF_TTWU,
} from './sched.js';

const WMULT_CONST = 0xffff_ffff;
const WMULT_CONST_U64 = u64(WMULT_CONST);
const WMULT_SHIFT = 32;
/** an entity's lag is kept within so many slices */
const LAG_SLICES = u64(2);
export const PELT_MIN_DIVIDER_U64 = u64(PELT_MIN_DIVIDER);

export const UPDATE_TG = 0x1;
const SKIP_AGE_LOAD = 0x2;
export const DO_ATTACH = 0x4;
export const DO_DETACH = 0x8;

/* ---- weights ---- */

/** kernel/sched/fair.c: update_load_add() */
export function update_load_add(this: vmlinux, lw: load_weight, inc: u64): void {
  lw.weight = add(lw.weight, inc);
  lw.inv_weight = 0;
}

/** kernel/sched/fair.c: update_load_sub() */
export function update_load_sub(this: vmlinux, lw: load_weight, dec: u64): void {
  lw.weight = sub(lw.weight, dec);
  lw.inv_weight = 0;
}

/** kernel/sched/fair.c: update_load_set() */
export function update_load_set(this: vmlinux, lw: load_weight, w: u64): void {
  lw.weight = w;
  lw.inv_weight = 0;
}

/** kernel/sched/fair.c: get_update_sysctl_factor() */
export function get_update_sysctl_factor(this: vmlinux): u32 {
  const cpus = Math.min(this.num_online_cpus(), 8);
  switch (this.m.sysctl_sched_tunable_scaling) {
    case SCHED_TUNABLESCALING_NONE:
      return 1;
    case SCHED_TUNABLESCALING_LINEAR:
      return cpus;
    default:
      return 1 + ilog2(cpus);
  }
}

/** kernel/sched/fair.c: update_sysctl(): a base slice that was set by hand is lost here. */
export function update_sysctl(this: vmlinux): void {
  const factor = this.get_update_sysctl_factor();
  this.m.sysctl_sched_base_slice = Math.imul(factor, this.m.normalized_sysctl_sched_base_slice) >>> 0;
}

/** kernel/sched/fair.c: sched_init_granularity() */
export function sched_init_granularity(this: vmlinux): void {
  this.update_sysctl();
}

/** kernel/sched/fair.c: sched_update_scaling(): after a write to tunable_scaling. */
export function sched_update_scaling(this: vmlinux): number {
  const factor = this.get_update_sysctl_factor();
  this.m.normalized_sysctl_sched_base_slice = Math.floor(this.m.sysctl_sched_base_slice / factor);
  return 0;
}

/** kernel/sched/fair.c: __update_inv_weight() */
export function __update_inv_weight(this: vmlinux, lw: load_weight): void {
  if (lw.inv_weight) return;
  const w = this.scale_load_down(lw.weight);
  if (ge(w, WMULT_CONST_U64)) lw.inv_weight = 1;
  else if (w === ZERO) lw.inv_weight = WMULT_CONST;
  else lw.inv_weight = to_u32(div(WMULT_CONST_U64, w));
}

/**
 * kernel/sched/fair.c: __calc_delta()
 *
 *   delta_exec * weight / lw.weight  ~  (delta_exec * (weight * lw.inv_weight)) >> 32
 */
export function __calc_delta(this: vmlinux, delta_exec: u64, weight: u64, lw: load_weight): u64 {
  let fact = this.scale_load_down(weight);
  let fact_hi = to_u32(shr(fact, 32));
  let shift = WMULT_SHIFT;

  this.__update_inv_weight(lw);

  if (fact_hi) {
    const fs = fls(fact_hi);
    shift -= fs;
    fact = shr(fact, fs);
  }

  fact = mul_u32_u32(to_u32(fact), lw.inv_weight);

  fact_hi = to_u32(shr(fact, 32));
  if (fact_hi) {
    const fs = fls(fact_hi);
    shift -= fs;
    fact = shr(fact, fs);
  }

  return mul_u64_u32_shr(delta_exec, to_u32(fact), shift);
}

/** kernel/sched/fair.c: calc_delta_fair(): ns of wall time to ns of virtual time. */
export function calc_delta_fair(this: vmlinux, delta: u64, se: sched_entity): u64 {
  if (se.load.weight !== NICE_0_LOAD) return this.__calc_delta(delta, NICE_0_LOAD, se.load);
  return delta;
}

/* ---- the hierarchy ---- */

/** kernel/sched/fair.c: is_same_group(): the queue that both are on; null when they are on different ones. */
export function is_same_group(this: vmlinux, se: sched_entity, pse: sched_entity): cfs_rq | null {
  return se.cfs_rq === pse.cfs_rq ? this.m.cfs_rq[se.cfs_rq] : null;
}

/** kernel/sched/fair.c: parent_entity(); null at the top. */
export function parent_entity(this: vmlinux, se: sched_entity): sched_entity | null {
  return deref(this.m.se, se.parent);
}

/** kernel/sched/fair.c: find_matching_se(): the two ancestors that stand on one queue. */
export function find_matching_se(this: vmlinux, se: sched_entity, pse: sched_entity): [sched_entity, sched_entity] {
  let se_depth = se.depth;
  let pse_depth = pse.depth;
  while (se_depth > pse_depth) {
    se_depth--;
    se = this.parent_entity(se) ?? nullDereference('find_matching_se');
  }
  while (pse_depth > se_depth) {
    pse_depth--;
    pse = this.parent_entity(pse) ?? nullDereference('find_matching_se');
  }
  while (this.is_same_group(se, pse) === null) {
    se = this.parent_entity(se) ?? nullDereference('find_matching_se');
    pse = this.parent_entity(pse) ?? nullDereference('find_matching_se');
  }
  return [se, pse];
}

/** kernel/sched/fair.c: tg_is_idle() */
export function tg_is_idle(this: vmlinux, tg: task_group): bool {
  return tg.idle > 0;
}

/** kernel/sched/fair.c: cfs_rq_is_idle() */
export function cfs_rq_is_idle(this: vmlinux, cfs_rq: cfs_rq): bool {
  return cfs_rq.idle > 0;
}

/** kernel/sched/fair.c: se_is_idle() */
export function se_is_idle(this: vmlinux, se: sched_entity): bool {
  const grp = this.group_cfs_rq(se);
  return grp === null ? this.task_has_idle_policy(this.task_of(se)) : this.cfs_rq_is_idle(grp);
}

/* ---- virtual time ---- */

/** kernel/sched/fair.c: max_vruntime() */
export function max_vruntime(this: vmlinux, max_vruntime: u64, vruntime: u64): u64 {
  return s64_gt(s64_diff(vruntime, max_vruntime), S64_ZERO) ? vruntime : max_vruntime;
}

/** kernel/sched/fair.c: min_vruntime() */
export function min_vruntime(this: vmlinux, min_vruntime: u64, vruntime: u64): u64 {
  return s64_lt(s64_diff(vruntime, min_vruntime), S64_ZERO) ? vruntime : min_vruntime;
}

/** kernel/sched/fair.c: entity_before() */
export function entity_before(this: vmlinux, a: sched_entity, b: sched_entity): bool {
  return s64_lt(s64_diff(a.deadline, b.deadline), S64_ZERO);
}

/** kernel/sched/fair.c: entity_key() */
export function entity_key(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): s64 {
  return s64_diff(se.vruntime, cfs_rq.zero_vruntime);
}

/** kernel/sched/fair.c: avg_vruntime_add() */
export function avg_vruntime_add(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  const weight = this.scale_load_down(se.load.weight);
  const key = this.entity_key(cfs_rq, se);
  cfs_rq.avg_vruntime = s64_add(cfs_rq.avg_vruntime, s64_mul(key, to_s64(weight)));
  cfs_rq.avg_load = add(cfs_rq.avg_load, weight);
}

/** kernel/sched/fair.c: avg_vruntime_sub() */
export function avg_vruntime_sub(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  const weight = this.scale_load_down(se.load.weight);
  const key = this.entity_key(cfs_rq, se);
  cfs_rq.avg_vruntime = s64_sub(cfs_rq.avg_vruntime, s64_mul(key, to_s64(weight)));
  cfs_rq.avg_load = sub(cfs_rq.avg_load, weight);
}

/** kernel/sched/fair.c: update_zero_vruntime(): v0 moves by delta, and the sum of keys with it. */
export function update_zero_vruntime(this: vmlinux, cfs_rq: cfs_rq, delta: s64): void {
  cfs_rq.avg_vruntime = s64_sub(cfs_rq.avg_vruntime, s64_mul(to_s64(cfs_rq.avg_load), delta));
  cfs_rq.zero_vruntime = add(cfs_rq.zero_vruntime, to_u64(delta));
}

/**
 * kernel/sched/fair.c: avg_vruntime()
 *
 * WHY it writes: v0 is moved onto V at each call, so that keys stay small. Whoever only wants to look must put back
 * zero_vruntime and avg_vruntime.
 */
export function avg_vruntime(this: vmlinux, cfs_rq: cfs_rq): u64 {
  const curr = deref(this.m.se, cfs_rq.curr);
  const counted = curr !== null && curr.on_rq !== 0 ? curr : null;
  let weight = to_s64(cfs_rq.avg_load);
  let delta = S64_ZERO;

  if (weight !== S64_ZERO) {
    let runtime = cfs_rq.avg_vruntime;
    if (counted !== null) {
      const w = to_s64(this.scale_load_down(counted.load.weight));
      runtime = s64_add(runtime, s64_mul(this.entity_key(cfs_rq, counted), w));
      weight = s64_add(weight, w);
    }
    // WHY: the division truncates toward 0; V has to be the floor, or an entity placed at V is not eligible.
    if (s64_lt(runtime, S64_ZERO)) runtime = s64_sub(runtime, s64_sub(weight, S64_ONE));
    delta = div_s64_long(runtime, to_u64(weight));
  } else if (counted !== null) {
    delta = s64_diff(counted.vruntime, cfs_rq.zero_vruntime);
  }

  this.update_zero_vruntime(cfs_rq, delta);
  return cfs_rq.zero_vruntime;
}

const S64_ONE = s64(1);

/** kernel/sched/fair.c: entity_lag(): V - vruntime, within two slices or a tick of virtual time. */
export function entity_lag(this: vmlinux, avruntime: u64, se: sched_entity): s64 {
  const vlag = s64_diff(avruntime, se.vruntime);
  const limit = to_s64(this.calc_delta_fair(max(mul(LAG_SLICES, se.slice), this.m.TICK_NSEC), se));
  if (s64_ge(vlag, limit)) return limit;
  const lower = s64_neg(limit);
  return s64_le(vlag, lower) ? lower : vlag;
}

/** kernel/sched/fair.c: update_entity_lag() */
export function update_entity_lag(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  this.warnOn(!se.on_rq, 'update_entity_lag: !se->on_rq');
  se.vlag = this.entity_lag(this.avg_vruntime(cfs_rq), se);
}

/** kernel/sched/fair.c: vruntime_eligible(): V >= vruntime, without the division. */
export function vruntime_eligible(this: vmlinux, cfs_rq: cfs_rq, vruntime: u64): bool {
  let avg = cfs_rq.avg_vruntime;
  let load = to_s64(cfs_rq.avg_load);
  if (cfs_rq.curr !== NULL) {
    const curr = this.m.se[cfs_rq.curr];
    if (curr.on_rq) {
      const weight = to_s64(this.scale_load_down(curr.load.weight));
      avg = s64_add(avg, s64_mul(this.entity_key(cfs_rq, curr), weight));
      load = s64_add(load, weight);
    }
  }
  return s64_ge(avg, s64_mul(s64_diff(vruntime, cfs_rq.zero_vruntime), load));
}

/** kernel/sched/fair.c: entity_eligible() */
export function entity_eligible(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): bool {
  return this.vruntime_eligible(cfs_rq, se.vruntime);
}

/** kernel/sched/fair.c: cfs_rq_min_slice(): ~0 for an empty queue. */
export function cfs_rq_min_slice(this: vmlinux, cfs_rq: cfs_rq): u64 {
  const root = this.__pick_root_entity(cfs_rq);
  let min_slice = U64_MAX;
  if (cfs_rq.curr !== NULL) {
    const curr = this.m.se[cfs_rq.curr];
    if (curr.on_rq) min_slice = curr.slice;
  }
  if (root !== null) min_slice = min(min_slice, root.min_slice);
  return min_slice;
}

/* ---- the tree ---- */

/** kernel/sched/fair.c: __entity_less() */
export function __entity_less(this: vmlinux, a: number, b: number): bool {
  return this.entity_before(this.m.se[a], this.m.se[b]);
}

/** kernel/sched/fair.c: __min_vruntime_update() */
export function __min_vruntime_update(this: vmlinux, se: sched_entity, node: number): void {
  if (node === NULL) return;
  const rse = this.m.se[node];
  if (s64_gt(s64_diff(se.min_vruntime, rse.min_vruntime), S64_ZERO)) se.min_vruntime = rse.min_vruntime;
}

/** kernel/sched/fair.c: __min_slice_update() */
export function __min_slice_update(this: vmlinux, se: sched_entity, node: number): void {
  if (node === NULL) return;
  const rse = this.m.se[node];
  if (lt(rse.min_slice, se.min_slice)) se.min_slice = rse.min_slice;
}

/** kernel/sched/fair.c: min_vruntime_update(): recomputes an entity's augmented values; true when they stay. */
export function min_vruntime_update(this: vmlinux, se: sched_entity, _exit: bool): bool {
  const old_min_vruntime = se.min_vruntime;
  const old_min_slice = se.min_slice;
  const node = se.run_node;

  se.min_vruntime = se.vruntime;
  this.__min_vruntime_update(se, node.rb_right);
  this.__min_vruntime_update(se, node.rb_left);

  se.min_slice = se.slice;
  this.__min_slice_update(se, node.rb_right);
  this.__min_slice_update(se, node.rb_left);

  return se.min_vruntime === old_min_vruntime && se.min_slice === old_min_slice;
}

/** kernel/sched/fair.c: min_vruntime_cb_propagate() */
export function min_vruntime_cb_propagate(this: vmlinux, rb: number, stop: number): void {
  while (rb !== stop) {
    const node = this.m.se[rb];
    if (this.min_vruntime_update(node, true)) break;
    rb = node.run_node.parent;
  }
}

/**
 * kernel/sched/fair.c: min_vruntime_cb_copy()
 *
 * WHY not min_slice: RB_DECLARE_CALLBACKS() names one member. So min_slice goes stale, in Linux as here.
 */
export function min_vruntime_cb_copy(this: vmlinux, rb_old: number, rb_new: number): void {
  this.m.se[rb_new].min_vruntime = this.m.se[rb_old].min_vruntime;
}

/** kernel/sched/fair.c: min_vruntime_cb_rotate() */
export function min_vruntime_cb_rotate(this: vmlinux, rb_old: number, rb_new: number): void {
  const old = this.m.se[rb_old];
  this.m.se[rb_new].min_vruntime = old.min_vruntime;
  this.min_vruntime_update(old, false);
}

/** kernel/sched/fair.c: __enqueue_entity() */
export function __enqueue_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  this.avg_vruntime_add(cfs_rq, se);
  se.min_vruntime = se.vruntime;
  se.min_slice = se.slice;
  this.rb_add_augmented_cached(se.id, cfs_rq.tasks_timeline);
}

/** kernel/sched/fair.c: __dequeue_entity() */
export function __dequeue_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  this.rb_erase_augmented_cached(se.id, cfs_rq.tasks_timeline);
  this.avg_vruntime_sub(cfs_rq, se);
}

/** kernel/sched/fair.c: __pick_root_entity() */
export function __pick_root_entity(this: vmlinux, cfs_rq: cfs_rq): sched_entity | null {
  return deref(this.m.se, cfs_rq.tasks_timeline.rb_node);
}

/** kernel/sched/fair.c: __pick_first_entity() */
export function __pick_first_entity(this: vmlinux, cfs_rq: cfs_rq): sched_entity | null {
  return deref(this.m.se, cfs_rq.tasks_timeline.rb_leftmost);
}

/** kernel/sched/fair.c: __pick_last_entity() */
export function __pick_last_entity(this: vmlinux, cfs_rq: cfs_rq): sched_entity | null {
  const last = this.rb_last(cfs_rq.tasks_timeline);
  return last === NULL ? null : this.m.se[last];
}

/* ---- picking ---- */

/** kernel/sched/fair.c: set_protect_slice(): a running entity's vlag holds the deadline it was picked with. */
export function set_protect_slice(this: vmlinux, se: sched_entity): void {
  se.vlag = to_s64(se.deadline);
}

/** kernel/sched/fair.c: protect_slice() */
export function protect_slice(this: vmlinux, se: sched_entity): bool {
  return se.vlag === to_s64(se.deadline);
}

/** kernel/sched/fair.c: cancel_protect_slice() */
export function cancel_protect_slice(this: vmlinux, se: sched_entity): void {
  if (this.protect_slice(se)) se.vlag = to_s64(add(se.deadline, ONE));
}

/** kernel/sched/fair.c: pick_eevdf(): the eligible entity with the earliest deadline; null when sums overflowed. */
export function pick_eevdf(this: vmlinux, cfs_rq: cfs_rq): sched_entity | null {
  const m = this.m;
  let se = this.__pick_first_entity(cfs_rq);
  let curr = cfs_rq.curr === NULL ? null : m.se[cfs_rq.curr];
  let best: sched_entity | null = null;

  if (cfs_rq.nr_running === 1) return curr?.on_rq ? curr : se;

  if (curr !== null && (!curr.on_rq || !this.entity_eligible(cfs_rq, curr))) curr = null;

  if (m.sched_feat.RUN_TO_PARITY && curr !== null && this.protect_slice(curr)) return curr;

  if (se !== null && this.entity_eligible(cfs_rq, se)) {
    best = se;
  } else {
    // The tree is ordered by deadline and knows the least vruntime below each node.
    let node = cfs_rq.tasks_timeline.rb_node;
    while (node !== NULL) {
      const run_node = m.se[node].run_node;
      const left = run_node.rb_left;
      if (left !== NULL && this.vruntime_eligible(cfs_rq, m.se[left].min_vruntime)) {
        node = left;
        continue;
      }
      se = m.se[node];
      if (this.entity_eligible(cfs_rq, se)) {
        best = se;
        break;
      }
      node = run_node.rb_right;
    }
  }

  if (best === null || (curr !== null && this.entity_before(curr, best))) best = curr;
  return best;
}

/** kernel/sched/fair.c: update_deadline(): a new deadline when the request is used up; true then. */
export function update_deadline(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): bool {
  if (s64_lt(s64_diff(se.vruntime, se.deadline), S64_ZERO)) return false;
  if (!se.custom_slice) se.slice = u64(this.m.sysctl_sched_base_slice);
  se.deadline = add(se.vruntime, this.calc_delta_fair(se.slice, se));
  this.avg_vruntime(cfs_rq);
  return true;
}

/* ---- load tracking: entities ---- */

/** kernel/sched/fair.c: init_entity_runnable_average() */
export function init_entity_runnable_average(this: vmlinux, se: sched_entity): void {
  const sa = se.avg;
  sa.last_update_time = ZERO;
  sa.load_sum = ZERO;
  sa.runnable_sum = ZERO;
  sa.util_sum = 0;
  sa.period_contrib = 0;
  sa.load_avg = this.entity_is_task(se) ? this.scale_load_down(se.load.weight) : ZERO;
  sa.runnable_avg = ZERO;
  sa.util_avg = ZERO;
  sa.util_est = 0;
}

/** kernel/sched/fair.c: post_init_entity_util_avg() */
export function post_init_entity_util_avg(this: vmlinux, p: task_struct): void {
  const se = this.m.se[p.se];
  const cfs_rq = this.cfs_rq_of(se);
  const sa = se.avg;
  const cpu_scale = to_s64(this.topology_get_cpu_scale(this.cpu_of(this.rq_of(cfs_rq))));
  // C subtracts an unsigned long, converts to long and halves toward 0.
  const cap = s64_div(s64_sub(cpu_scale, to_s64(cfs_rq.avg.util_avg)), S64_TWO);

  if (p.sched_class !== 'fair_sched_class') {
    se.avg.last_update_time = this.cfs_rq_clock_pelt(cfs_rq);
    return;
  }

  if (s64_gt(cap, S64_ZERO)) {
    if (cfs_rq.avg.util_avg !== ZERO) {
      sa.util_avg = mul(cfs_rq.avg.util_avg, to_u64(this.se_weight(se)));
      sa.util_avg = div(sa.util_avg, add(cfs_rq.avg.load_avg, ONE));
      if (gt(sa.util_avg, to_u64(cap))) sa.util_avg = to_u64(cap);
    } else {
      sa.util_avg = to_u64(cap);
    }
  }
  sa.runnable_avg = sa.util_avg;
}

export const S64_TWO = s64(2);

/* ---- running time ---- */

/** kernel/sched/fair.c: update_curr_se() */
export function update_curr_se(this: vmlinux, rq: rq, curr: sched_entity): s64 {
  const now = this.rq_clock_task(rq);
  const delta_exec = s64_diff(now, curr.exec_start);
  if (s64_le(delta_exec, S64_ZERO)) return delta_exec;
  curr.exec_start = now;
  curr.sum_exec_runtime = add(curr.sum_exec_runtime, to_u64(delta_exec));
  return delta_exec;
}

/** kernel/sched/fair.c: update_curr_task(): the tracepoint of cputime accounting. */
export function update_curr_task(this: vmlinux, p: task_struct, delta_exec: s64): void {
  this.trace_sched_stat_runtime(p, to_u64(delta_exec));
}

/** kernel/sched/fair.c: did_preempt_short() */
export function did_preempt_short(this: vmlinux, cfs_rq: cfs_rq, curr: sched_entity): bool {
  if (!this.m.sched_feat.PREEMPT_SHORT) return false;
  if (this.protect_slice(curr)) return false;
  return !this.entity_eligible(cfs_rq, curr);
}

/** kernel/sched/fair.c: do_preempt_short(): whether a waking entity with a shorter slice ends se's protection. */
export function do_preempt_short(this: vmlinux, cfs_rq: cfs_rq, pse: sched_entity, se: sched_entity): bool {
  if (!this.m.sched_feat.PREEMPT_SHORT) return false;
  if (ge(pse.slice, se.slice)) return false;
  if (!this.entity_eligible(cfs_rq, pse)) return false;
  if (this.entity_before(pse, se)) return true;
  if (!this.entity_eligible(cfs_rq, se)) return true;
  return false;
}

/** kernel/sched/fair.c: update_curr_common(): for the other classes. */
export function update_curr_common(this: vmlinux, rq: rq): s64 {
  const curr = this.m.task[rq.curr];
  const delta_exec = this.update_curr_se(rq, this.m.se[curr.se]);
  if (s64_gt(delta_exec, S64_ZERO)) this.update_curr_task(curr, delta_exec);
  return delta_exec;
}

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
    // WHY here: the server's time also runs while fair tasks get the CPU without it.
    if (this.dl_server_active(rq.fair_server)) this.dl_server_update(rq.fair_server, delta_exec);
  }

  this.account_cfs_rq_runtime(cfs_rq, to_u64(delta_exec));

  if (cfs_rq.nr_running === 1) return;

  if (resched || this.did_preempt_short(cfs_rq, curr)) {
    this.resched_curr(rq);
    this.clear_buddies(cfs_rq, curr);
  }
}

/** kernel/sched/fair.c: update_curr_fair() */
export function update_curr_fair(this: vmlinux, rq: rq): void {
  this.update_curr(this.cfs_rq_of(this.m.se[this.m.task[rq.curr].se]));
}

/** kernel/sched/fair.c: update_stats_curr_start() */
export function update_stats_curr_start(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  se.exec_start = this.rq_clock_task(this.rq_of(cfs_rq));
}

/** kernel/sched/fair.c: account_entity_enqueue() */
export function account_entity_enqueue(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  this.update_load_add(cfs_rq.load, se.load.weight);
  cfs_rq.nr_running = (cfs_rq.nr_running + 1) >>> 0;
  if (this.se_is_idle(se)) cfs_rq.idle_nr_running = (cfs_rq.idle_nr_running + 1) >>> 0;
}

/** kernel/sched/fair.c: account_entity_dequeue() */
export function account_entity_dequeue(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  this.update_load_sub(cfs_rq.load, se.load.weight);
  cfs_rq.nr_running = (cfs_rq.nr_running - 1) >>> 0;
  if (this.se_is_idle(se)) cfs_rq.idle_nr_running = (cfs_rq.idle_nr_running - 1) >>> 0;
}

/* add_positive() and sub_positive() of fair.c: not below 0, for an unsigned long and for a u32 member. */
function add_positive(value: u64, delta: s64): u64 {
  const res = add(value, to_u64(delta));
  return s64_lt(delta, S64_ZERO) && gt(res, value) ? ZERO : res;
}

function add_positive_u32(value: u32, delta: s64): u32 {
  const res = (value + to_u32(delta)) >>> 0;
  return s64_lt(delta, S64_ZERO) && res > value ? 0 : res;
}

function sub_positive(value: u64, delta: u64): u64 {
  const res = sub(value, delta);
  return gt(res, value) ? ZERO : res;
}

function sub_positive_u32(value: u32, delta: u32): u32 {
  const res = (value - delta) >>> 0;
  return res > value ? 0 : res;
}

/**
 * max_t(u32, sum, avg * PELT_MIN_DIVIDER), with which fair.c keeps a sum in step with its average.
 *
 * WHY u32 even for load_sum: max_t() narrows both before it compares, in Linux too.
 */
function sumAtLeast(sum: u64, avg: u64): u64 {
  return u64(Math.max(to_u32(sum), to_u32(mul(avg, PELT_MIN_DIVIDER_U64))));
}

function sumAtLeastU32(sum: u32, avg: u64): u32 {
  return Math.max(sum, to_u32(mul(avg, PELT_MIN_DIVIDER_U64)));
}

/** kernel/sched/fair.c: enqueue_load_avg() */
export function enqueue_load_avg(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  cfs_rq.avg.load_avg = add(cfs_rq.avg.load_avg, se.avg.load_avg);
  cfs_rq.avg.load_sum = add(cfs_rq.avg.load_sum, mul(to_u64(this.se_weight(se)), se.avg.load_sum));
}

/** kernel/sched/fair.c: dequeue_load_avg() */
export function dequeue_load_avg(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  const avg = cfs_rq.avg;
  avg.load_avg = sub_positive(avg.load_avg, se.avg.load_avg);
  avg.load_sum = sub_positive(avg.load_sum, mul(to_u64(this.se_weight(se)), se.avg.load_sum));
  avg.load_sum = sumAtLeast(avg.load_sum, avg.load_avg);
}

/* ---- weights that change ---- */

/**
 * kernel/sched/fair.c: reweight_eevdf()
 *
 *   vlag' = vlag * w / w'     deadline' = V + (deadline - V) * w / w'
 */
export function reweight_eevdf(this: vmlinux, se: sched_entity, avruntime: u64, weight: u64): void {
  const old_weight = to_s64(se.load.weight);

  if (avruntime !== se.vruntime) {
    let vlag = this.entity_lag(avruntime, se);
    vlag = div_s64_long(s64_mul(vlag, old_weight), weight);
    se.vruntime = sub(avruntime, to_u64(vlag));
  }

  let vslice = s64_diff(se.deadline, avruntime);
  vslice = div_s64_long(s64_mul(vslice, old_weight), weight);
  se.deadline = add(avruntime, to_u64(vslice));
}

/** kernel/sched/fair.c: reweight_entity() */
export function reweight_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, weight: u64): void {
  const curr = cfs_rq.curr === se.id;
  let avruntime = ZERO;

  if (se.on_rq) {
    this.update_curr(cfs_rq);
    avruntime = this.avg_vruntime(cfs_rq);
    if (!curr) this.__dequeue_entity(cfs_rq, se);
    this.update_load_sub(cfs_rq.load, se.load.weight);
  }
  this.dequeue_load_avg(cfs_rq, se);

  if (se.on_rq) this.reweight_eevdf(se, avruntime, weight);
  else se.vlag = div_s64_long(s64_mul(se.vlag, to_s64(se.load.weight)), weight);

  this.update_load_set(se.load, weight);

  const divider = this.get_pelt_divider(se.avg);
  se.avg.load_avg = div_u64(mul(to_u64(this.se_weight(se)), se.avg.load_sum), divider);

  this.enqueue_load_avg(cfs_rq, se);
  if (se.on_rq) {
    this.update_load_add(cfs_rq.load, se.load.weight);
    if (!curr) this.__enqueue_entity(cfs_rq, se);
  }
}

/** kernel/sched/fair.c: reweight_task_fair(): a task keeps the table's inverse, which may differ from the computed. */
export function reweight_task_fair(this: vmlinux, _rq: rq, p: task_struct, lw: load_weight): void {
  const se = this.m.se[p.se];
  const cfs_rq = this.cfs_rq_of(se);
  this.reweight_entity(cfs_rq, se, lw.weight);
  se.load.inv_weight = lw.inv_weight;
}

/**
 * kernel/sched/fair.c: calc_group_shares()
 *
 *   shares = tg.shares * load / (tg.load_avg - contribution + load), between MIN_SHARES and tg.shares
 */
export function calc_group_shares(this: vmlinux, cfs_rq: cfs_rq): s64 {
  const tg = this.m.task_group[cfs_rq.tg];
  const tg_shares = to_s64(tg.shares);
  const load = to_s64(max(this.scale_load_down(cfs_rq.load.weight), cfs_rq.avg.load_avg));

  let tg_weight = tg.load_avg;
  tg_weight = s64_sub(tg_weight, to_s64(cfs_rq.tg_load_avg_contrib));
  tg_weight = s64_add(tg_weight, load);

  let shares = s64_mul(tg_shares, load);
  if (tg_weight !== S64_ZERO) shares = s64_div(shares, tg_weight);

  if (s64_ge(shares, tg_shares)) return tg_shares;
  return s64_le(shares, to_s64(MIN_SHARES)) ? to_s64(MIN_SHARES) : shares;
}

/** kernel/sched/fair.c: update_cfs_group(): gives a group entity the weight its queue has earned. */
export function update_cfs_group(this: vmlinux, se: sched_entity): void {
  const gcfs_rq = this.group_cfs_rq(se);
  // An empty group keeps its weight.
  if (gcfs_rq === null || gcfs_rq.load.weight === ZERO) return;
  if (this.throttled_hierarchy(gcfs_rq)) return;
  const shares = to_u64(this.calc_group_shares(gcfs_rq));
  if (se.load.weight !== shares) this.reweight_entity(this.cfs_rq_of(se), se, shares);
}

/** kernel/sched/fair.c: cfs_rq_util_change(): nothing without CONFIG_CPU_FREQ. */
export function cfs_rq_util_change(this: vmlinux, _cfs_rq: cfs_rq, _flags: number): void {}

/** kernel/sched/fair.c: load_avg_is_decayed() */
export function load_avg_is_decayed(this: vmlinux, sa: sched_avg): bool {
  if (sa.load_sum !== ZERO) return false;
  if (sa.util_sum) return false;
  if (sa.runnable_sum !== ZERO) return false;
  this.warnOn(
    sa.load_avg !== ZERO || sa.util_avg !== ZERO || sa.runnable_avg !== ZERO,
    'load_avg_is_decayed: sa->load_avg || sa->util_avg || sa->runnable_avg',
  );
  return true;
}

/** kernel/sched/fair.c: cfs_rq_last_update_time() */
export function cfs_rq_last_update_time(this: vmlinux, cfs_rq: cfs_rq): u64 {
  return cfs_rq.avg.last_update_time;
}

/** kernel/sched/fair.c: update_tg_load_avg(): at most once a millisecond, and only for a change of 1/64. */
export function update_tg_load_avg(this: vmlinux, cfs_rq: cfs_rq): void {
  if (cfs_rq.tg === 0) return;
  const cpu = this.cpu_of(this.rq_of(cfs_rq));
  if (!this.cpu_active(cpu)) return;

  const now = this.sched_clock_cpu(cpu);
  if (lt(sub(now, cfs_rq.last_update_tg_load_avg), NSEC_PER_MSEC)) return;

  const delta = s64_diff(cfs_rq.avg.load_avg, cfs_rq.tg_load_avg_contrib);
  const abs = s64_lt(delta, S64_ZERO) ? s64_neg(delta) : delta;
  if (gt(to_u64(abs), shr(cfs_rq.tg_load_avg_contrib, 6))) {
    const tg = this.m.task_group[cfs_rq.tg];
    tg.load_avg = s64_add(tg.load_avg, delta);
    cfs_rq.tg_load_avg_contrib = cfs_rq.avg.load_avg;
    cfs_rq.last_update_tg_load_avg = now;
  }
}

/** kernel/sched/fair.c: clear_tg_load_avg() */
export function clear_tg_load_avg(this: vmlinux, cfs_rq: cfs_rq): void {
  if (cfs_rq.tg === 0) return;
  const now = this.sched_clock_cpu(this.cpu_of(this.rq_of(cfs_rq)));
  const tg = this.m.task_group[cfs_rq.tg];
  tg.load_avg = s64_add(tg.load_avg, s64_diff(ZERO, cfs_rq.tg_load_avg_contrib));
  cfs_rq.tg_load_avg_contrib = ZERO;
  cfs_rq.last_update_tg_load_avg = now;
}

/** kernel/sched/fair.c: clear_tg_offline_cfs_rqs(): a CPU that is offline has no part in the groups' load. */
export function clear_tg_offline_cfs_rqs(this: vmlinux, rq: rq): void {
  for (const tg of this.m.task_group) this.clear_tg_load_avg(this.m.cfs_rq[tg.cfs_rq[rq.cpu]]);
}

/** kernel/sched/fair.c: rq_online_fair() */
export function rq_online_fair(this: vmlinux, _rq: rq): void {
  this.update_sysctl();
}

/** kernel/sched/fair.c: rq_offline_fair() */
export function rq_offline_fair(this: vmlinux, rq: rq): void {
  this.update_sysctl();
  this.clear_tg_offline_cfs_rqs(rq);
}

/** kernel/sched/fair.c: set_task_rq_fair(): ages a task's load before it changes queues. */
export function set_task_rq_fair(this: vmlinux, se: sched_entity, prev: cfs_rq | null, next: cfs_rq): void {
  if (!this.m.sched_feat.ATTACH_AGE_LOAD) return;
  if (!(se.avg.last_update_time !== ZERO && prev !== null)) return;
  const p_last_update_time = this.cfs_rq_last_update_time(prev);
  const n_last_update_time = this.cfs_rq_last_update_time(next);
  this.__update_load_avg_blocked_se(p_last_update_time, se);
  se.avg.last_update_time = n_last_update_time;
}

/** kernel/sched/fair.c: update_tg_cfs_util() */
export function update_tg_cfs_util(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, gcfs_rq: cfs_rq): void {
  const delta_avg = s64_diff(gcfs_rq.avg.util_avg, se.avg.util_avg);
  if (delta_avg === S64_ZERO) return;

  const divider = this.get_pelt_divider(cfs_rq.avg);
  se.avg.util_avg = gcfs_rq.avg.util_avg;
  const new_sum = to_u32(mul(se.avg.util_avg, u64(divider)));
  const delta_sum = s64_sub(s64(new_sum), s64(se.avg.util_sum));
  se.avg.util_sum = new_sum;

  const avg = cfs_rq.avg;
  avg.util_avg = add_positive(avg.util_avg, delta_avg);
  avg.util_sum = add_positive_u32(avg.util_sum, delta_sum);
  avg.util_sum = sumAtLeastU32(avg.util_sum, avg.util_avg);
}

/** kernel/sched/fair.c: update_tg_cfs_runnable() */
export function update_tg_cfs_runnable(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, gcfs_rq: cfs_rq): void {
  const delta_avg = s64_diff(gcfs_rq.avg.runnable_avg, se.avg.runnable_avg);
  if (delta_avg === S64_ZERO) return;

  const divider = this.get_pelt_divider(cfs_rq.avg);
  se.avg.runnable_avg = gcfs_rq.avg.runnable_avg;
  const new_sum = mul(se.avg.runnable_avg, u64(divider));
  const delta_sum = s64_diff(new_sum, se.avg.runnable_sum);
  se.avg.runnable_sum = new_sum;

  const avg = cfs_rq.avg;
  avg.runnable_avg = add_positive(avg.runnable_avg, delta_avg);
  avg.runnable_sum = add_positive(avg.runnable_sum, delta_sum);
  avg.runnable_sum = sumAtLeast(avg.runnable_sum, avg.runnable_avg);
}

/** kernel/sched/fair.c: update_tg_cfs_load() */
export function update_tg_cfs_load(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, gcfs_rq: cfs_rq): void {
  let runnable_sum = gcfs_rq.prop_runnable_sum;
  if (runnable_sum === S64_ZERO) return;
  gcfs_rq.prop_runnable_sum = S64_ZERO;

  const divider = this.get_pelt_divider(cfs_rq.avg);

  if (s64_ge(runnable_sum, S64_ZERO)) {
    // Runnable time was added: not beyond all of the window.
    runnable_sum = s64_add(runnable_sum, to_s64(se.avg.load_sum));
    runnable_sum = s64_min(runnable_sum, s64(divider));
  } else {
    let load_sum = ZERO;
    const weight = this.scale_load_down(gcfs_rq.load.weight);
    if (weight !== ZERO) load_sum = div_u64(gcfs_rq.avg.load_sum, to_u32(weight));
    // Removal must not make it grow.
    runnable_sum = to_s64(min(se.avg.load_sum, load_sum));
  }

  const running_sum = s64(se.avg.util_sum >>> SCHED_CAPACITY_SHIFT);
  runnable_sum = s64_max(runnable_sum, running_sum);

  const load_sum = mul(to_u64(this.se_weight(se)), to_u64(runnable_sum));
  const load_avg = div_u64(load_sum, divider);

  const delta_avg = s64_diff(load_avg, se.avg.load_avg);
  if (delta_avg === S64_ZERO) return;
  const delta_sum = s64_diff(load_sum, mul(to_u64(this.se_weight(se)), se.avg.load_sum));

  se.avg.load_sum = to_u64(runnable_sum);
  se.avg.load_avg = load_avg;
  const avg = cfs_rq.avg;
  avg.load_avg = add_positive(avg.load_avg, delta_avg);
  avg.load_sum = add_positive(avg.load_sum, delta_sum);
  avg.load_sum = sumAtLeast(avg.load_sum, avg.load_avg);
}

/** kernel/sched/fair.c: add_tg_cfs_propagate() */
export function add_tg_cfs_propagate(this: vmlinux, cfs_rq: cfs_rq, runnable_sum: s64): void {
  cfs_rq.propagate = S64_ONE;
  cfs_rq.prop_runnable_sum = s64_add(cfs_rq.prop_runnable_sum, runnable_sum);
}

/** kernel/sched/fair.c: propagate_entity_load_avg(): what was attached below a group entity reaches its level. */
export function propagate_entity_load_avg(this: vmlinux, se: sched_entity): number {
  const gcfs_rq = this.group_cfs_rq(se);
  if (gcfs_rq === null) return 0;
  if (gcfs_rq.propagate === S64_ZERO) return 0;
  gcfs_rq.propagate = S64_ZERO;

  const cfs_rq = this.cfs_rq_of(se);
  this.add_tg_cfs_propagate(cfs_rq, gcfs_rq.prop_runnable_sum);
  this.update_tg_cfs_util(cfs_rq, se, gcfs_rq);
  this.update_tg_cfs_runnable(cfs_rq, se, gcfs_rq);
  this.update_tg_cfs_load(cfs_rq, se, gcfs_rq);
  return 1;
}

/** kernel/sched/fair.c: update_cfs_rq_load_avg() */
export function update_cfs_rq_load_avg(this: vmlinux, now: u64, cfs_rq: cfs_rq): number {
  const sa = cfs_rq.avg;
  let decayed = 0;

  if (cfs_rq.removed.nr) {
    const divider = u64(this.get_pelt_divider(sa));
    const removed = cfs_rq.removed;
    const removed_util = removed.util_avg;
    const removed_load = removed.load_avg;
    const removed_runnable = removed.runnable_avg;
    removed.util_avg = ZERO;
    removed.load_avg = ZERO;
    removed.runnable_avg = ZERO;
    removed.nr = 0;

    sa.load_avg = sub_positive(sa.load_avg, removed_load);
    sa.load_sum = sub_positive(sa.load_sum, mul(removed_load, divider));
    sa.load_sum = sumAtLeast(sa.load_sum, sa.load_avg);

    sa.util_avg = sub_positive(sa.util_avg, removed_util);
    sa.util_sum = sub_positive_u32(sa.util_sum, to_u32(mul(removed_util, divider)));
    sa.util_sum = sumAtLeastU32(sa.util_sum, sa.util_avg);

    sa.runnable_avg = sub_positive(sa.runnable_avg, removed_runnable);
    sa.runnable_sum = sub_positive(sa.runnable_sum, mul(removed_runnable, divider));
    sa.runnable_sum = sumAtLeast(sa.runnable_sum, sa.runnable_avg);

    const lost = s64_neg(to_s64(mul(removed_runnable, divider)));
    this.add_tg_cfs_propagate(cfs_rq, s64_shr(lost, SCHED_CAPACITY_SHIFT));
    decayed = 1;
  }

  decayed |= this.__update_load_avg_cfs_rq(now, cfs_rq);
  return decayed;
}

/** kernel/sched/fair.c: attach_entity_load_avg() */
export function attach_entity_load_avg(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  const divider = u64(this.get_pelt_divider(cfs_rq.avg));
  const avg = cfs_rq.avg;
  const sa = se.avg;

  sa.last_update_time = avg.last_update_time;
  sa.period_contrib = avg.period_contrib;
  sa.util_sum = to_u32(mul(sa.util_avg, divider));
  sa.runnable_sum = mul(sa.runnable_avg, divider);
  sa.load_sum = mul(sa.load_avg, divider);
  const weight = to_u64(this.se_weight(se));
  if (lt(weight, sa.load_sum)) sa.load_sum = div_u64(sa.load_sum, to_u32(weight));
  else sa.load_sum = ONE;

  this.enqueue_load_avg(cfs_rq, se);
  avg.util_avg = add(avg.util_avg, sa.util_avg);
  avg.util_sum = (avg.util_sum + sa.util_sum) >>> 0;
  avg.runnable_avg = add(avg.runnable_avg, sa.runnable_avg);
  avg.runnable_sum = add(avg.runnable_sum, sa.runnable_sum);

  this.add_tg_cfs_propagate(cfs_rq, to_s64(sa.load_sum));
  this.cfs_rq_util_change(cfs_rq, 0);
}

/** kernel/sched/fair.c: detach_entity_load_avg() */
export function detach_entity_load_avg(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  const avg = cfs_rq.avg;
  const sa = se.avg;
  this.dequeue_load_avg(cfs_rq, se);
  avg.util_avg = sub_positive(avg.util_avg, sa.util_avg);
  avg.util_sum = sub_positive_u32(avg.util_sum, sa.util_sum);
  avg.util_sum = sumAtLeastU32(avg.util_sum, avg.util_avg);
  avg.runnable_avg = sub_positive(avg.runnable_avg, sa.runnable_avg);
  avg.runnable_sum = sub_positive(avg.runnable_sum, sa.runnable_sum);
  avg.runnable_sum = sumAtLeast(avg.runnable_sum, avg.runnable_avg);

  this.add_tg_cfs_propagate(cfs_rq, s64_neg(to_s64(sa.load_sum)));
  this.cfs_rq_util_change(cfs_rq, 0);
}

/** kernel/sched/fair.c: update_load_avg() */
export function update_load_avg(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  const now = this.cfs_rq_clock_pelt(cfs_rq);

  if (se.avg.last_update_time !== ZERO && !(flags & SKIP_AGE_LOAD)) this.__update_load_avg_se(now, cfs_rq, se);

  let decayed = this.update_cfs_rq_load_avg(now, cfs_rq);
  decayed |= this.propagate_entity_load_avg(se);

  if (se.avg.last_update_time === ZERO && flags & DO_ATTACH) {
    this.attach_entity_load_avg(cfs_rq, se);
    this.update_tg_load_avg(cfs_rq);
  } else if (flags & DO_DETACH) {
    this.detach_entity_load_avg(cfs_rq, se);
    this.update_tg_load_avg(cfs_rq);
  } else if (decayed) {
    this.cfs_rq_util_change(cfs_rq, 0);
    if (flags & UPDATE_TG) this.update_tg_load_avg(cfs_rq);
  }
}

/** kernel/sched/fair.c: sync_entity_load_avg() */
export function sync_entity_load_avg(this: vmlinux, se: sched_entity): void {
  const cfs_rq = this.cfs_rq_of(se);
  this.__update_load_avg_blocked_se(this.cfs_rq_last_update_time(cfs_rq), se);
}

/** kernel/sched/fair.c: remove_entity_load_avg(): leaves word for the old queue to subtract the load later. */
export function remove_entity_load_avg(this: vmlinux, se: sched_entity): void {
  const removed = this.cfs_rq_of(se).removed;
  this.sync_entity_load_avg(se);
  removed.nr++;
  removed.util_avg = add(removed.util_avg, se.avg.util_avg);
  removed.load_avg = add(removed.load_avg, se.avg.load_avg);
  removed.runnable_avg = add(removed.runnable_avg, se.avg.runnable_avg);
}

/** kernel/sched/fair.c: cfs_rq_load_avg() */
export function cfs_rq_load_avg(this: vmlinux, cfs_rq: cfs_rq): u64 {
  return cfs_rq.avg.load_avg;
}

/** kernel/sched/fair.c: task_util() */
export function task_util(this: vmlinux, p: task_struct): u64 {
  return this.m.se[p.se].avg.util_avg;
}

/** kernel/sched/fair.c: task_runnable() */
export function task_runnable(this: vmlinux, p: task_struct): u64 {
  return this.m.se[p.se].avg.runnable_avg;
}

/** kernel/sched/fair.c: _task_util_est() */
export function _task_util_est(this: vmlinux, p: task_struct): u32 {
  return (this.m.se[p.se].avg.util_est & ~UTIL_AVG_UNCHANGED) >>> 0;
}

/** kernel/sched/fair.c: util_est_enqueue() */
export function util_est_enqueue(this: vmlinux, cfs_rq: cfs_rq, p: task_struct): void {
  if (!this.m.sched_feat.UTIL_EST) return;
  cfs_rq.avg.util_est = (cfs_rq.avg.util_est + this._task_util_est(p)) >>> 0;
}

/** kernel/sched/fair.c: util_est_dequeue() */
export function util_est_dequeue(this: vmlinux, cfs_rq: cfs_rq, p: task_struct): void {
  if (!this.m.sched_feat.UTIL_EST) return;
  const enqueued = cfs_rq.avg.util_est;
  cfs_rq.avg.util_est = enqueued - Math.min(enqueued, this._task_util_est(p));
}

export const UTIL_EST_WEIGHT_SHIFT = 2;
export const UTIL_EST_MARGIN = Math.floor(1024 / 100);

/** kernel/sched/fair.c: util_est_update() */
export function util_est_update(this: vmlinux, cfs_rq: cfs_rq, p: task_struct, task_sleep: bool): void {
  if (!this.m.sched_feat.UTIL_EST) return;
  if (!task_sleep) return;

  const sa = this.m.se[p.se].avg;
  let ewma = sa.util_est;
  if (ewma & UTIL_AVG_UNCHANGED) return;

  const dequeued = to_u32(this.task_util(p));
  if (ewma <= dequeued) {
    ewma = dequeued;
  } else {
    const last_ewma_diff = (ewma - dequeued) >>> 0;
    if (last_ewma_diff >= UTIL_EST_MARGIN) {
      if (gt(u64(dequeued), this.topology_get_cpu_scale(this.cpu_of(this.rq_of(cfs_rq))))) return;
      if (!lt(u64((dequeued + UTIL_EST_MARGIN) >>> 0), this.task_runnable(p))) {
        ewma = (ewma << UTIL_EST_WEIGHT_SHIFT) >>> 0;
        ewma = (ewma - last_ewma_diff) >>> 0;
        ewma >>>= UTIL_EST_WEIGHT_SHIFT;
      }
    }
  }
  sa.util_est = (ewma | UTIL_AVG_UNCHANGED) >>> 0;
}

/* ---- entering and leaving a queue ---- */

/**
 * kernel/sched/fair.c: place_entity()
 *
 *   vruntime = V - vlag * (W + w) / W      W the queue's weight, w the entity's; so its lag is vlag once it is in
 */
export function place_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  const m = this.m;
  const vruntime = this.avg_vruntime(cfs_rq);
  let lag = S64_ZERO;

  if (!se.custom_slice) se.slice = u64(m.sysctl_sched_base_slice);
  let vslice = this.calc_delta_fair(se.slice, se);

  if (m.sched_feat.PLACE_LAG && cfs_rq.nr_running) {
    lag = se.vlag;
    let load = cfs_rq.avg_load;
    if (cfs_rq.curr !== NULL) {
      const curr = m.se[cfs_rq.curr];
      if (curr.on_rq) load = add(load, this.scale_load_down(curr.load.weight));
    }
    lag = s64_mul(lag, to_s64(add(load, this.scale_load_down(se.load.weight))));
    if (this.warnOn(load === ZERO, 'place_entity: !load')) load = ONE;
    lag = div_s64_long(lag, load);
  }

  se.vruntime = sub(vruntime, to_u64(lag));

  if (m.sched_feat.PLACE_REL_DEADLINE && se.rel_deadline) {
    se.deadline = add(se.deadline, se.vruntime);
    se.rel_deadline = 0;
    return;
  }

  // A new task starts in the middle of its slice.
  if (m.sched_feat.PLACE_DEADLINE_INITIAL && flags & ENQUEUE_INITIAL) vslice = shr(vslice, 1);

  se.deadline = add(se.vruntime, vslice);
}

/** kernel/sched/fair.c: enqueue_entity() */
export function enqueue_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  const curr = cfs_rq.curr === se.id;

  // WHY curr first: its on_rq is 0, so update_curr() below would otherwise charge it at a stale place.
  if (curr) this.place_entity(cfs_rq, se, flags);

  this.update_curr(cfs_rq);

  this.update_load_avg(cfs_rq, se, UPDATE_TG | DO_ATTACH);
  this.se_update_runnable(se);
  // Rescales vlag, as on_rq is 0: so before the placement of the others.
  this.update_cfs_group(se);

  if (!curr) this.place_entity(cfs_rq, se, flags);

  this.account_entity_enqueue(cfs_rq, se);

  if (flags & ENQUEUE_MIGRATED) se.exec_start = ZERO;

  if (!curr) this.__enqueue_entity(cfs_rq, se);
  se.on_rq = 1;

  if (cfs_rq.nr_running === 1) this.check_enqueue_throttle(cfs_rq);
}

/** kernel/sched/fair.c: __clear_buddies_next() */
export function __clear_buddies_next(this: vmlinux, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    if (cfs_rq.next !== it.id) break;
    cfs_rq.next = NULL;
  }
}

/** kernel/sched/fair.c: clear_buddies() */
export function clear_buddies(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  if (cfs_rq.next === se.id) this.__clear_buddies_next(se);
}

/** kernel/sched/fair.c: set_delayed(): the sleeper stays queued until it would be eligible again. */
export function set_delayed(this: vmlinux, se: sched_entity): void {
  se.sched_delayed = 1;
  // A group entity counts no tasks.
  if (!this.entity_is_task(se)) return;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable - 1) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed + 1) >>> 0;
    if (this.cfs_rq_throttled(cfs_rq)) break;
  }
}

/** kernel/sched/fair.c: clear_delayed() */
export function clear_delayed(this: vmlinux, se: sched_entity): void {
  se.sched_delayed = 0;
  if (!this.entity_is_task(se)) return;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable + 1) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed - 1) >>> 0;
    if (this.cfs_rq_throttled(cfs_rq)) break;
  }
}

/** kernel/sched/fair.c: finish_delayed_dequeue_entity() */
export function finish_delayed_dequeue_entity(this: vmlinux, se: sched_entity): void {
  this.clear_delayed(se);
  if (this.m.sched_feat.DELAY_ZERO && s64_gt(se.vlag, S64_ZERO)) se.vlag = S64_ZERO;
}

/** kernel/sched/fair.c: dequeue_entity(): false when the dequeue is delayed. */
export function dequeue_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, flags: number): bool {
  const feat = this.m.sched_feat;
  const sleep = (flags & DEQUEUE_SLEEP) !== 0;

  this.update_curr(cfs_rq);
  this.clear_buddies(cfs_rq, se);

  if (flags & DEQUEUE_DELAYED) {
    this.warnOn(!se.sched_delayed, 'dequeue_entity: !se->sched_delayed');
  } else {
    const delay = sleep && !(flags & DEQUEUE_SPECIAL);
    this.warnOn(delay && se.sched_delayed !== 0, 'dequeue_entity: delay && se->sched_delayed');
    if (feat.DELAY_DEQUEUE && delay && !this.entity_eligible(cfs_rq, se)) {
      this.update_load_avg(cfs_rq, se, 0);
      this.set_delayed(se);
      return false;
    }
  }

  let action = UPDATE_TG;
  if (this.entity_is_task(se) && this.task_on_rq_migrating(this.task_of(se))) action |= DO_DETACH;

  this.update_load_avg(cfs_rq, se, action);
  this.se_update_runnable(se);

  this.update_entity_lag(cfs_rq, se);
  if (feat.PLACE_REL_DEADLINE && !sleep) {
    se.deadline = sub(se.deadline, se.vruntime);
    se.rel_deadline = 1;
  }

  if (se.id !== cfs_rq.curr) this.__dequeue_entity(cfs_rq, se);
  se.on_rq = 0;
  this.account_entity_dequeue(cfs_rq, se);

  this.return_cfs_rq_runtime(cfs_rq);

  this.update_cfs_group(se);

  if (flags & DEQUEUE_DELAYED) this.finish_delayed_dequeue_entity(se);

  if (cfs_rq.nr_running === 0) this.update_idle_cfs_rq_clock_pelt(cfs_rq);
  return true;
}

/** kernel/sched/fair.c: set_next_entity() */
export function set_next_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity): void {
  this.clear_buddies(cfs_rq, se);

  if (se.on_rq) {
    this.__dequeue_entity(cfs_rq, se);
    this.update_load_avg(cfs_rq, se, UPDATE_TG);
    this.set_protect_slice(se);
  }

  this.update_stats_curr_start(cfs_rq, se);
  this.warnOn(cfs_rq.curr !== NULL, 'set_next_entity: cfs_rq->curr');
  cfs_rq.curr = se.id;
  se.prev_sum_exec_runtime = se.sum_exec_runtime;
}

/** kernel/sched/fair.c: pick_next_entity(): null when it reaped a delayed entity and the pick has to start over. */
export function pick_next_entity(this: vmlinux, rq: rq, cfs_rq: cfs_rq): sched_entity | null {
  if (this.m.sched_feat.PICK_BUDDY && cfs_rq.next !== NULL) {
    const next = this.m.se[cfs_rq.next];
    if (this.entity_eligible(cfs_rq, next)) {
      this.warnOn(next.sched_delayed !== 0, 'pick_next_entity: cfs_rq->next->sched_delayed');
      return next;
    }
  }

  const se = this.pick_eevdf(cfs_rq) ?? nullDereference('pick_next_entity: se->sched_delayed');
  if (se.sched_delayed) {
    this.dequeue_entities(rq, se, DEQUEUE_SLEEP | DEQUEUE_DELAYED);
    return null;
  }
  return se;
}

/** kernel/sched/fair.c: put_prev_entity() */
export function put_prev_entity(this: vmlinux, cfs_rq: cfs_rq, prev: sched_entity): void {
  if (prev.on_rq) this.update_curr(cfs_rq);

  this.check_cfs_rq_runtime(cfs_rq);

  if (prev.on_rq) {
    // While it is in the tree and still curr, sums taken over both would count it twice.
    this.__enqueue_entity(cfs_rq, prev);
    this.update_load_avg(cfs_rq, prev, 0);
  }
  this.warnOn(cfs_rq.curr !== prev.id, 'put_prev_entity: cfs_rq->curr != prev');
  cfs_rq.curr = NULL;
}

/** kernel/sched/fair.c: entity_tick() */
export function entity_tick(this: vmlinux, cfs_rq: cfs_rq, curr: sched_entity, queued: number): void {
  this.update_curr(cfs_rq);
  this.update_load_avg(cfs_rq, curr, UPDATE_TG);
  this.update_cfs_group(curr);
  if (queued) this.resched_curr(this.rq_of(cfs_rq));
}

/* ---- CONFIG_CFS_BANDWIDTH off ---- */

/** kernel/sched/fair.c: account_cfs_rq_runtime(): nothing without CONFIG_CFS_BANDWIDTH. */
export function account_cfs_rq_runtime(this: vmlinux, _cfs_rq: cfs_rq, _delta_exec: u64): void {}

/** kernel/sched/fair.c: check_cfs_rq_runtime(): false without CONFIG_CFS_BANDWIDTH. */
export function check_cfs_rq_runtime(this: vmlinux, _cfs_rq: cfs_rq): bool {
  return false;
}

/** kernel/sched/fair.c: check_enqueue_throttle(): nothing without CONFIG_CFS_BANDWIDTH. */
export function check_enqueue_throttle(this: vmlinux, _cfs_rq: cfs_rq): void {}

/** kernel/sched/fair.c: return_cfs_rq_runtime(): nothing without CONFIG_CFS_BANDWIDTH. */
export function return_cfs_rq_runtime(this: vmlinux, _cfs_rq: cfs_rq): void {}

/** kernel/sched/fair.c: cfs_rq_throttled(): false without CONFIG_CFS_BANDWIDTH. */
export function cfs_rq_throttled(this: vmlinux, _cfs_rq: cfs_rq): bool {
  return false;
}

/** kernel/sched/fair.c: throttled_hierarchy(): false without CONFIG_CFS_BANDWIDTH. */
export function throttled_hierarchy(this: vmlinux, _cfs_rq: cfs_rq): bool {
  return false;
}

/* ---- high resolution tick ---- */

/** kernel/sched/fair.c: hrtick_start_fair(): a timer for the end of the slice, in ns of wall time. */
export function hrtick_start_fair(this: vmlinux, rq: rq, p: task_struct): void {
  const se = this.m.se[p.se];
  this.warnOn(this.task_rq(p).id !== rq.id, 'hrtick_start_fair: task_rq(p) != rq');
  if (this.m.cfs_rq[rq.cfs].h_nr_queued > 1) {
    const ran = sub(se.sum_exec_runtime, se.prev_sum_exec_runtime);
    const delta = s64_diff(se.slice, ran);
    if (s64_lt(delta, S64_ZERO)) {
      if (this.task_current(rq, p)) this.resched_curr(rq);
      return;
    }
    this.hrtick_start(rq, to_u64(delta));
  }
}

/** kernel/sched/fair.c: hrtick_update() */
export function hrtick_update(this: vmlinux, rq: rq): void {
  const curr = this.m.task[rq.curr];
  if (!this.hrtick_enabled_fair(rq) || curr.sched_class !== 'fair_sched_class') return;
  this.hrtick_start_fair(rq, curr);
}

/** kernel/sched/fair.c: sched_idle_rq(): whether every runnable task is SCHED_IDLE. */
export function sched_idle_rq(this: vmlinux, rq: rq): bool {
  return rq.nr_running === this.m.cfs_rq[rq.cfs].idle_h_nr_running && rq.nr_running !== 0;
}

/** kernel/sched/fair.c: sched_idle_cpu() */
export function sched_idle_cpu(this: vmlinux, cpu: number): bool {
  return this.sched_idle_rq(this.cpu_rq(cpu));
}

/** kernel/sched/fair.c: requeue_delayed_entity(): a sleeper that never left wakes: it competes again. */
export function requeue_delayed_entity(this: vmlinux, se: sched_entity): void {
  const cfs_rq = this.cfs_rq_of(se);
  this.warnOn(!se.sched_delayed, 'requeue_delayed_entity: !se->sched_delayed');
  this.warnOn(!se.on_rq, 'requeue_delayed_entity: !se->on_rq');

  if (this.m.sched_feat.DELAY_ZERO) {
    this.update_entity_lag(cfs_rq, se);
    if (s64_gt(se.vlag, S64_ZERO)) {
      cfs_rq.nr_running = (cfs_rq.nr_running - 1) >>> 0;
      if (se.id !== cfs_rq.curr) this.__dequeue_entity(cfs_rq, se);
      se.vlag = S64_ZERO;
      this.place_entity(cfs_rq, se, 0);
      if (se.id !== cfs_rq.curr) this.__enqueue_entity(cfs_rq, se);
      cfs_rq.nr_running = (cfs_rq.nr_running + 1) >>> 0;
    }
  }

  this.update_load_avg(cfs_rq, se, 0);
  this.clear_delayed(se);
}

/** kernel/sched/fair.c: enqueue_task_fair() */
export function enqueue_task_fair(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  const m = this.m;
  const root = m.cfs_rq[rq.cfs];
  const own = m.se[p.se];
  let idle_h_nr_running = this.task_has_idle_policy(p) ? 1 : 0;
  let h_nr_delayed = 0;
  const task_new = !(flags & ENQUEUE_WAKEUP);
  const rq_h_nr_queued = root.h_nr_queued;
  let slice = ZERO;

  if (!(own.sched_delayed && (this.task_on_rq_migrating(p) || flags & ENQUEUE_RESTORE))) {
    this.util_est_enqueue(root, p);
  }

  if (flags & ENQUEUE_DELAYED) {
    this.requeue_delayed_entity(own);
    return;
  }

  if (task_new) h_nr_delayed = own.sched_delayed ? 1 : 0;

  let se: sched_entity | null = own;
  for (; se !== null; se = this.parent_entity(se)) {
    if (se.on_rq) {
      if (se.sched_delayed) this.requeue_delayed_entity(se);
      break;
    }
    const cfs_rq = this.cfs_rq_of(se);

    // A group asks for no more at a time than its smallest member.
    if (slice !== ZERO) {
      se.slice = slice;
      se.custom_slice = 1;
    }
    this.enqueue_entity(cfs_rq, se, flags);
    slice = this.cfs_rq_min_slice(cfs_rq);

    if (!h_nr_delayed) cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable + 1) >>> 0;
    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued + 1) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running + idle_h_nr_running) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed + h_nr_delayed) >>> 0;

    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = 1;

    if (this.cfs_rq_throttled(cfs_rq)) {
      this.hrtick_update(rq);
      return;
    }
    flags = ENQUEUE_WAKEUP;
  }

  for (; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);

    this.update_load_avg(cfs_rq, se, UPDATE_TG);
    this.se_update_runnable(se);
    this.update_cfs_group(se);

    se.slice = slice;
    if (se.id !== cfs_rq.curr) this.min_vruntime_cb_propagate(se.id, NULL);
    slice = this.cfs_rq_min_slice(cfs_rq);

    if (!h_nr_delayed) cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable + 1) >>> 0;
    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued + 1) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running + idle_h_nr_running) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed + h_nr_delayed) >>> 0;

    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = 1;

    if (this.cfs_rq_throttled(cfs_rq)) {
      this.hrtick_update(rq);
      return;
    }
  }

  if (!rq_h_nr_queued && root.h_nr_queued) {
    // The first fair task: the idle time until now is the server's to account.
    if (!rq.nr_running) this.dl_server_update_idle_time(rq, m.task[rq.curr]);
    this.dl_server_start(rq.fair_server);
  }

  this.add_nr_running(rq, 1);
  this.hrtick_update(rq);
}

/** kernel/sched/fair.c: dequeue_entities(): -1 when the task stays as a delayed one, 1 when it is gone. */
export function dequeue_entities(this: vmlinux, rq: rq, first: sched_entity, flags: number): number {
  const was_sched_idle = this.sched_idle_rq(rq);
  const task_sleep = (flags & DEQUEUE_SLEEP) !== 0;
  const task_delayed = (flags & DEQUEUE_DELAYED) !== 0;
  let p: task_struct | null = null;
  let idle_h_nr_running = 0;
  let h_nr_queued = 0;
  let h_nr_delayed = 0;
  let slice = ZERO;
  let ret = 0;

  if (this.entity_is_task(first)) {
    p = this.task_of(first);
    h_nr_queued = 1;
    idle_h_nr_running = this.task_has_idle_policy(p) ? 1 : 0;
    if (!task_sleep && !task_delayed) h_nr_delayed = first.sched_delayed ? 1 : 0;
  }

  // biome-ignore lint/suspicious/noConfusingLabels: the label of the C function
  out: {
    let se: sched_entity | null = first;
    while (se !== null) {
      const cfs_rq = this.cfs_rq_of(se);

      if (!this.dequeue_entity(cfs_rq, se, flags)) {
        if (p !== null && p.se === se.id) return -1;
        slice = this.cfs_rq_min_slice(cfs_rq);
        break;
      }

      if (!h_nr_delayed) cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable - h_nr_queued) >>> 0;
      cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued - h_nr_queued) >>> 0;
      cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running - idle_h_nr_running) >>> 0;
      cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed - h_nr_delayed) >>> 0;

      if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = h_nr_queued;

      if (this.cfs_rq_throttled(cfs_rq)) break out;

      if (cfs_rq.load.weight !== ZERO) {
        slice = this.cfs_rq_min_slice(cfs_rq);
        se = this.parent_entity(se);
        // The group that just lost a sleeper is a good candidate to run on: bias the pick toward it.
        if (task_sleep && se !== null && !this.throttled_hierarchy(cfs_rq)) this.set_next_buddy(se);
        break;
      }
      flags |= DEQUEUE_SLEEP;
      flags &= ~(DEQUEUE_DELAYED | DEQUEUE_SPECIAL);
      se = this.parent_entity(se);
    }

    for (; se !== null; se = this.parent_entity(se)) {
      const cfs_rq = this.cfs_rq_of(se);

      this.update_load_avg(cfs_rq, se, UPDATE_TG);
      this.se_update_runnable(se);
      this.update_cfs_group(se);

      se.slice = slice;
      if (se.id !== cfs_rq.curr) this.min_vruntime_cb_propagate(se.id, NULL);
      slice = this.cfs_rq_min_slice(cfs_rq);

      if (!h_nr_delayed) cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable - h_nr_queued) >>> 0;
      cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued - h_nr_queued) >>> 0;
      cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running - idle_h_nr_running) >>> 0;
      cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed - h_nr_delayed) >>> 0;

      if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = h_nr_queued;

      if (this.cfs_rq_throttled(cfs_rq)) break out;
    }

    this.sub_nr_running(rq, h_nr_queued);
    if (!was_sched_idle && this.sched_idle_rq(rq)) rq.next_balance = this.get_jiffies_64();
    ret = 1;
  }

  if (p !== null && task_delayed) {
    this.warnOn(!task_sleep, 'dequeue_entities: !task_sleep');
    this.warnOn(p.on_rq !== 1, 'dequeue_entities: p->on_rq != 1');
    this.hrtick_update(rq);
    // RACE: once on_rq is 0 a wake-up elsewhere may take the task.
    this.__block_task(rq, p);
  }
  return ret;
}

/** kernel/sched/fair.c: dequeue_task_fair(): false when the task stays queued as a delayed one. */
export function dequeue_task_fair(this: vmlinux, rq: rq, p: task_struct, flags: number): bool {
  const root = this.m.cfs_rq[rq.cfs];
  const se = this.m.se[p.se];
  if (!(se.sched_delayed && (this.task_on_rq_migrating(p) || flags & DEQUEUE_SAVE))) this.util_est_dequeue(root, p);

  this.util_est_update(root, p, (flags & DEQUEUE_SLEEP) !== 0);
  if (this.dequeue_entities(rq, se, flags) < 0) return false;

  this.hrtick_update(rq);
  return true;
}

/** kernel/sched/fair.c: cfs_h_nr_delayed() */
export function cfs_h_nr_delayed(this: vmlinux, rq: rq): u32 {
  const cfs = this.m.cfs_rq[rq.cfs];
  return (cfs.h_nr_queued - cfs.h_nr_runnable) >>> 0;
}

/* ---- wake-up placement ---- */

/** kernel/sched/fair.c: cpu_load() */
export function cpu_load(this: vmlinux, rq: rq): u64 {
  return this.cfs_rq_load_avg(this.m.cfs_rq[rq.cfs]);
}

/**
 * kernel/sched/fair.c: capacity_of()
 *
 * DEVIATION DV-023: nobody calls update_cpu_capacity(), so that real-time time lowers no capacity.
 */
export function capacity_of(this: vmlinux, cpu: number): u64 {
  return this.cpu_rq(cpu).cpu_capacity;
}

/** kernel/sched/fair.c: update_cfs_rq_h_load(): the load a queue has in its hierarchy, once a jiffy. */
export function update_cfs_rq_h_load(this: vmlinux, cfs_rq: cfs_rq): void {
  const m = this.m;
  const rq = this.rq_of(cfs_rq);
  const top = m.task_group[cfs_rq.tg].se[this.cpu_of(rq)];
  const now = this.get_jiffies_64();
  if (cfs_rq.last_h_load_update === now) return;

  cfs_rq.h_load_next = NULL;
  let se: sched_entity | null = top === NULL ? null : m.se[top];
  for (; se !== null; se = this.parent_entity(se)) {
    cfs_rq = this.cfs_rq_of(se);
    cfs_rq.h_load_next = se.id;
    if (cfs_rq.last_h_load_update === now) break;
  }

  if (se === null) {
    cfs_rq.h_load = this.cfs_rq_load_avg(cfs_rq);
    cfs_rq.last_h_load_update = now;
  }

  while (cfs_rq.h_load_next !== NULL) {
    se = m.se[cfs_rq.h_load_next];
    let load = cfs_rq.h_load;
    load = div(mul(load, se.avg.load_avg), add(this.cfs_rq_load_avg(cfs_rq), ONE));
    cfs_rq = this.group_cfs_rq(se) ?? nullDereference('update_cfs_rq_h_load');
    cfs_rq.h_load = load;
    cfs_rq.last_h_load_update = now;
  }
}

/** kernel/sched/fair.c: task_h_load() */
export function task_h_load(this: vmlinux, p: task_struct): u64 {
  const cfs_rq = this.task_cfs_rq(p);
  this.update_cfs_rq_h_load(cfs_rq);
  return div(mul(this.m.se[p.se].avg.load_avg, cfs_rq.h_load), add(this.cfs_rq_load_avg(cfs_rq), ONE));
}

/** kernel/sched/fair.c: record_wakee() */
export function record_wakee(this: vmlinux, p: task_struct): void {
  const current = this.get_current();
  const jiffies = this.get_jiffies_64();
  // time_after(jiffies, wakee_flip_decay_ts + HZ)
  if (s64_lt(s64_diff(add(current.wakee_flip_decay_ts, u64(this.m.HZ)), jiffies), S64_ZERO)) {
    current.wakee_flips >>>= 1;
    current.wakee_flip_decay_ts = jiffies;
  }
  if (current.last_wakee !== p.id) {
    current.last_wakee = p.id;
    current.wakee_flips = (current.wakee_flips + 1) >>> 0;
  }
}

/** kernel/sched/fair.c: wake_wide(): whether waker and wakee each serve too many to share a cache. */
export function wake_wide(this: vmlinux, p: task_struct): bool {
  let master = this.get_current().wakee_flips;
  let slave = p.wakee_flips;
  const factor = Math.max(1, this.m.sd_llc[this.m.cpu].length);
  if (master < slave) [master, slave] = [slave, master];
  return !(slave < factor || master < Math.imul(slave, factor) >>> 0);
}

/** kernel/sched/fair.c: wake_affine_idle(): nr_cpumask_bits (here the number of CPUs) for no preference. */
export function wake_affine_idle(this: vmlinux, this_cpu: number, prev_cpu: number, sync: bool): number {
  if (this.available_idle_cpu(this_cpu) && this.cpus_share_cache(this_cpu, prev_cpu)) {
    return this.available_idle_cpu(prev_cpu) ? prev_cpu : this_cpu;
  }
  if (sync) {
    const rq = this.cpu_rq(this_cpu);
    if ((rq.nr_running - this.cfs_h_nr_delayed(rq)) >>> 0 === 1) return this_cpu;
  }
  if (this.available_idle_cpu(prev_cpu)) return prev_cpu;
  return this.m.rq.length;
}

/** include/linux/sched/topology.h: struct sched_domain::imbalance_pct of a domain that shares a cache. */
const SD_LLC_IMBALANCE_PCT = 117;
const HUNDRED = s64(100);

/** kernel/sched/fair.c: wake_affine_weight() */
export function wake_affine_weight(
  this: vmlinux,
  p: task_struct,
  this_cpu: number,
  prev_cpu: number,
  sync: bool,
): number {
  const bias = this.m.sched_feat.WA_BIAS;
  let this_eff_load = to_s64(this.cpu_load(this.cpu_rq(this_cpu)));

  if (sync) {
    const current_load = this.task_h_load(this.get_current());
    if (gt(current_load, to_u64(this_eff_load))) return this_cpu;
    this_eff_load = s64_sub(this_eff_load, to_s64(current_load));
  }

  const task_load = to_s64(this.task_h_load(p));

  this_eff_load = s64_add(this_eff_load, task_load);
  if (bias) this_eff_load = s64_mul(this_eff_load, HUNDRED);
  this_eff_load = s64_mul(this_eff_load, to_s64(this.capacity_of(prev_cpu)));

  let prev_eff_load = to_s64(this.cpu_load(this.cpu_rq(prev_cpu)));
  prev_eff_load = s64_sub(prev_eff_load, task_load);
  if (bias) prev_eff_load = s64_mul(prev_eff_load, s64(100 + Math.trunc((SD_LLC_IMBALANCE_PCT - 100) / 2)));
  prev_eff_load = s64_mul(prev_eff_load, to_s64(this.capacity_of(this_cpu)));

  // On a tie a synchronous waker keeps the wakee near.
  if (sync) prev_eff_load = s64_add(prev_eff_load, S64_ONE);

  return s64_lt(this_eff_load, prev_eff_load) ? this_cpu : this.m.rq.length;
}

/** kernel/sched/fair.c: wake_affine() */
export function wake_affine(this: vmlinux, p: task_struct, this_cpu: number, prev_cpu: number, sync: bool): number {
  const none = this.m.rq.length;
  let target = none;
  if (this.m.sched_feat.WA_IDLE) target = this.wake_affine_idle(this_cpu, prev_cpu, sync);
  if (this.m.sched_feat.WA_WEIGHT && target === none) {
    target = this.wake_affine_weight(p, this_cpu, prev_cpu, sync);
  }
  return target !== this_cpu ? prev_cpu : target;
}

/** kernel/sched/fair.c: __select_idle_cpu() */
export function __select_idle_cpu(this: vmlinux, cpu: number, _p: task_struct): number {
  return this.available_idle_cpu(cpu) || this.sched_idle_cpu(cpu) ? cpu : -1;
}

/**
 * kernel/sched/fair.c: select_idle_cpu()
 *
 * DEVIATION DV-021: without load balancing nobody sets sd_llc_shared->nr_idle_scan, so SIS_UTIL does not bound the scan.
 */
export function select_idle_cpu(this: vmlinux, p: task_struct, span: readonly number[], target: number): number {
  const n = span.length;
  const from = span.findIndex((cpu) => cpu >= target + 1);
  for (let i = 0; i < n; i++) {
    const cpu = span[(Math.max(from, 0) + i) % n];
    if (!p.cpus_ptr.includes(cpu)) continue;
    const idle_cpu = this.__select_idle_cpu(cpu, p);
    if (idle_cpu >= 0) return idle_cpu;
  }
  return -1;
}

/** kernel/sched/fair.c: select_idle_sibling(), without SMT, clusters and asymmetric CPUs. */
export function select_idle_sibling(this: vmlinux, p: task_struct, prev: number, target: number): number {
  if (this.available_idle_cpu(target) || this.sched_idle_cpu(target)) return target;

  if (
    prev !== target &&
    this.cpus_share_cache(prev, target) &&
    (this.available_idle_cpu(prev) || this.sched_idle_cpu(prev))
  ) {
    return prev;
  }

  // A per-CPU kthread that did its work for a task of this CPU, and is about to sleep.
  if (
    this.is_per_cpu_kthread(this.get_current()) &&
    this.in_task() &&
    prev === this.m.cpu &&
    this.this_rq().nr_running <= 1
  ) {
    return prev;
  }

  const recent_used_cpu = p.recent_used_cpu;
  p.recent_used_cpu = prev;
  if (
    recent_used_cpu !== prev &&
    recent_used_cpu !== target &&
    this.cpus_share_cache(recent_used_cpu, target) &&
    (this.available_idle_cpu(recent_used_cpu) || this.sched_idle_cpu(recent_used_cpu)) &&
    p.cpus_ptr.includes(recent_used_cpu)
  ) {
    return recent_used_cpu;
  }

  const sd = this.m.sd_llc[target];
  if (sd.length === 0) return target;

  const i = this.select_idle_cpu(p, sd, target);
  return i >= 0 ? i : target;
}

/**
 * kernel/sched/fair.c: select_task_rq_fair()
 *
 * DEVIATION DV-022: one level of domains (the CPUs that share a cache), and it has no SD_BALANCE_FORK or _EXEC, so a
 * new task starts on the CPU of its parent.
 */
export function select_task_rq_fair(this: vmlinux, p: task_struct, prev_cpu: number, wake_flags: number): number {
  const current = this.get_current();
  const sync = (wake_flags & WF_SYNC) !== 0 && !(current.flags & PF_EXITING);
  const cpu = this.m.cpu;
  let new_cpu = prev_cpu;
  let want_affine = false;

  if (wake_flags & WF_TTWU) {
    this.record_wakee(p);
    if (wake_flags & WF_CURRENT_CPU && p.cpus_ptr.includes(cpu)) return cpu;
    want_affine = !this.wake_wide(p) && p.cpus_ptr.includes(cpu);
  }

  const span = this.m.sd_llc[cpu];
  if (want_affine && span.includes(prev_cpu)) {
    if (cpu !== prev_cpu) new_cpu = this.wake_affine(p, cpu, prev_cpu, sync);
  }

  if (wake_flags & WF_TTWU) new_cpu = this.select_idle_sibling(p, prev_cpu, new_cpu);
  return new_cpu;
}

/**
 * kernel/sched/fair.c: migrate_se_pelt_lag()
 *
 * The clock of an idle CPU stands still: without this a task that leaves it would keep load that has long decayed.
 */
export function migrate_se_pelt_lag(this: vmlinux, se: sched_entity): void {
  if (!this.m.NO_HZ_COMMON) return;
  if (this.load_avg_is_decayed(se.avg)) return;

  const cfs_rq = this.cfs_rq_of(se);
  const rq = this.rq_of(cfs_rq);
  // A CPU that is not idle keeps its clock up to date.
  if (!this.is_idle_task(this.m.task[rq.curr])) return;

  let now = rq.clock_pelt_idle;
  const lut = this.cfs_rq_last_update_time(cfs_rq);
  if (lt(now, lut)) now = lut;
  else now = add(now, sub(this.sched_clock_cpu(this.cpu_of(rq)), rq.clock_idle));

  this.__update_load_avg_blocked_se(now, se);
}

/** kernel/sched/fair.c: migrate_task_rq_fair() */
export function migrate_task_rq_fair(this: vmlinux, p: task_struct, _new_cpu: number): void {
  const se = this.m.se[p.se];
  if (!this.task_on_rq_migrating(p)) {
    this.remove_entity_load_avg(se);
    this.migrate_se_pelt_lag(se);
  }
  // Tells the next enqueue to attach the load to the new queue.
  se.avg.last_update_time = ZERO;
}

/** kernel/sched/fair.c: task_dead_fair() */
export function task_dead_fair(this: vmlinux, p: task_struct): void {
  const se = this.m.se[p.se];
  if (se.sched_delayed) {
    const rq = this.task_rq_lock(p);
    if (se.sched_delayed) {
      this.update_rq_clock(rq);
      this.dequeue_entities(rq, se, DEQUEUE_SLEEP | DEQUEUE_DELAYED);
    }
  }
  this.remove_entity_load_avg(se);
}

/** kernel/sched/fair.c: balance_fair() */
export function balance_fair(this: vmlinux, rq: rq, _prev: task_struct): bool {
  if (this.sched_fair_runnable(rq)) return true;
  return this.sched_balance_newidle(rq) !== 0;
}

/* ---- buddies and preemption ---- */

/** kernel/sched/fair.c: set_next_buddy(): names an entity at each level. Neither eligibility nor delay is looked at. */
export function set_next_buddy(this: vmlinux, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    if (this.warnOn(!it.on_rq, 'set_next_buddy: !se->on_rq')) return;
    if (this.se_is_idle(it)) return;
    this.cfs_rq_of(it).next = it.id;
  }
}

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
    // Idle entities are preempted at once, whatever protection they have.
    this.cancel_protect_slice(se);
    this.resched_curr(rq);
    return;
  }
  if (cse_is_idle !== pse_is_idle) return;

  // BATCH and IDLE tasks do not preempt others.
  if (!this.normal_policy(p.policy)) return;

  const cfs_rq = this.cfs_rq_of(se);
  this.update_curr(cfs_rq);

  if (this.do_preempt_short(cfs_rq, pse, se)) this.cancel_protect_slice(se);

  const best = this.pick_eevdf(cfs_rq);
  if (best !== null && best.id === pse.id) this.resched_curr(rq);
}

/** kernel/sched/fair.c: pick_task_fair() */
export function pick_task_fair(this: vmlinux, rq: rq): task_struct | null {
  for (;;) {
    let cfs_rq: cfs_rq | null = this.m.cfs_rq[rq.cfs];
    if (!cfs_rq.nr_running) return null;

    let se: sched_entity | null = null;
    do {
      if (cfs_rq.curr !== NULL && this.m.se[cfs_rq.curr].on_rq) this.update_curr(cfs_rq);

      if (this.check_cfs_rq_runtime(cfs_rq)) {
        se = null;
        break;
      }

      se = this.pick_next_entity(rq, cfs_rq);
      if (se === null) break;
      cfs_rq = this.group_cfs_rq(se);
    } while (cfs_rq !== null);

    if (se !== null) return this.task_of(se);
    // A delayed entity was reaped: start over from the root.
  }
}

/**
 * kernel/sched/fair.c: pick_next_task_fair()
 *
 * `rf` says whether the caller could drop the lock, hence whether the queue may be refilled by balancing. Returns
 * null for nothing to run, or for RETRY_TASK (no balancing is modelled that could ask for it).
 */
export function pick_next_task_fair(this: vmlinux, rq: rq, prev: task_struct, rf: bool): task_struct | null {
  const m = this.m;
  let p = this.pick_task_fair(rq);
  while (p === null) {
    if (!rf) return null;
    const new_tasks = this.sched_balance_newidle(rq);
    if (new_tasks < 0) throw new NotModelled('pick_next_task_fair: RETRY_TASK after newidle balancing');
    if (new_tasks === 0) return null;
    p = this.pick_task_fair(rq);
  }

  if (prev.sched_class !== 'fair_sched_class') {
    this.put_prev_set_next_task(rq, prev, p);
    return p;
  }

  this.__put_prev_set_next_dl_server(rq, prev, p);

  // Only the part of the hierarchy that changes is put and set: shared ancestors go on, without new protection.
  if (prev.id !== p.id) {
    let se = m.se[p.se];
    let pse = m.se[prev.se];
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

    this.__set_next_task_fair(rq, p, true);
  }
  return p;
}

/** kernel/sched/fair.c: __pick_next_task_fair() */
export function __pick_next_task_fair(this: vmlinux, rq: rq, prev: task_struct): task_struct | null {
  return this.pick_next_task_fair(rq, prev, false);
}

/** kernel/sched/fair.c: fair_server_pick_task() */
export function fair_server_pick_task(this: vmlinux, dl_se: sched_dl_entity): task_struct | null {
  return this.pick_task_fair(this.m.rq[dl_se.rq]);
}

/** kernel/sched/fair.c: fair_server_init() */
export function fair_server_init(this: vmlinux, rq: rq): void {
  this.init_dl_entity(rq.fair_server, rq.id);
  this.dl_server_init(rq.fair_server, rq);
}

/** kernel/sched/fair.c: put_prev_task_fair() */
export function put_prev_task_fair(this: vmlinux, _rq: rq, prev: task_struct, _next: task_struct | null): void {
  for (let se: sched_entity | null = this.m.se[prev.se]; se !== null; se = this.parent_entity(se)) {
    this.put_prev_entity(this.cfs_rq_of(se), se);
  }
}

/** kernel/sched/fair.c: yield_task_fair() */
export function yield_task_fair(this: vmlinux, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const cfs_rq = this.task_cfs_rq(curr);
  const se = this.m.se[curr.se];

  // Alone, over all classes: nobody to yield to.
  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  this.update_rq_clock(rq);
  this.update_curr(cfs_rq);
  // The schedule() that follows need not read the clock again.
  this.rq_clock_skip_update(rq);

  // WHY eligible only: an ineligible one that is picked anyway would run away with its vruntime.
  if (this.entity_eligible(cfs_rq, se)) {
    se.vruntime = se.deadline;
    this.update_deadline(cfs_rq, se);
  }
}

/** kernel/sched/fair.c: yield_to_task_fair() */
export function yield_to_task_fair(this: vmlinux, rq: rq, p: task_struct): bool {
  const se = this.m.se[p.se];
  if (!se.on_rq || this.throttled_hierarchy(this.cfs_rq_of(se))) return false;
  // On p's queues, which need not be rq's.
  this.set_next_buddy(se);
  this.yield_task_fair(rq);
  return true;
}

/* ---- balancing: absent ---- */

/**
 * kernel/sched/fair.c: sched_balance_newidle(): 0, nothing was pulled.
 *
 * DEVIATION DV-020: no task is pulled to a CPU that runs out of work, as in Linux on a CPU without domains.
 */
export function sched_balance_newidle(this: vmlinux, this_rq: rq): number {
  const next_balance = add(this.get_jiffies_64(), u64(this.m.HZ));
  if (this_rq.ttwu_pending) return 0;
  this_rq.idle_stamp = this.rq_clock(this_rq);
  if (s64_gt(s64_diff(this_rq.next_balance, next_balance), S64_ZERO)) this_rq.next_balance = next_balance;
  return 0;
}

/** kernel/sched/fair.c: sched_balance_trigger(). DEVIATION DV-020: no periodic balancing, as without domains. */
export function sched_balance_trigger(this: vmlinux, _rq: rq): void {}

/* ---- tick, fork, class and group changes ---- */

/** kernel/sched/fair.c: task_tick_fair() */
export function task_tick_fair(this: vmlinux, _rq: rq, curr: task_struct, queued: number): void {
  for (let se: sched_entity | null = this.m.se[curr.se]; se !== null; se = this.parent_entity(se)) {
    this.entity_tick(this.cfs_rq_of(se), se, queued);
  }
}

/** kernel/sched/fair.c: task_fork_fair(): about asymmetric CPUs alone. */
export function task_fork_fair(this: vmlinux, _p: task_struct): void {}

/** kernel/sched/fair.c: prio_changed_fair() */
export function prio_changed_fair(this: vmlinux, rq: rq, p: task_struct, oldprio: number): void {
  if (!this.task_on_rq_queued(p)) return;
  if (this.m.cfs_rq[rq.cfs].nr_running === 1) return;
  if (this.task_current(rq, p)) {
    if (p.prio > oldprio) this.resched_curr(rq);
  } else {
    this.wakeup_preempt(rq, p, 0);
  }
}

/** kernel/sched/fair.c: propagate_entity_cfs_rq() */
export function propagate_entity_cfs_rq(this: vmlinux, se: sched_entity): void {
  if (this.cfs_rq_throttled(this.cfs_rq_of(se))) return;
  for (let it = this.parent_entity(se); it !== null; it = this.parent_entity(it)) {
    const cfs_rq = this.cfs_rq_of(it);
    this.update_load_avg(cfs_rq, it, UPDATE_TG);
    if (this.cfs_rq_throttled(cfs_rq)) break;
  }
}

/** kernel/sched/fair.c: detach_entity_cfs_rq() */
export function detach_entity_cfs_rq(this: vmlinux, se: sched_entity): void {
  const cfs_rq = this.cfs_rq_of(se);
  // A task between migration and enqueue has nothing attached.
  if (se.avg.last_update_time === ZERO) return;
  this.update_load_avg(cfs_rq, se, 0);
  this.detach_entity_load_avg(cfs_rq, se);
  this.update_tg_load_avg(cfs_rq);
  this.propagate_entity_cfs_rq(se);
}

/** kernel/sched/fair.c: attach_entity_cfs_rq() */
export function attach_entity_cfs_rq(this: vmlinux, se: sched_entity): void {
  const cfs_rq = this.cfs_rq_of(se);
  this.update_load_avg(cfs_rq, se, this.m.sched_feat.ATTACH_AGE_LOAD ? 0 : SKIP_AGE_LOAD);
  this.attach_entity_load_avg(cfs_rq, se);
  this.update_tg_load_avg(cfs_rq);
  this.propagate_entity_cfs_rq(se);
}

/** kernel/sched/fair.c: detach_task_cfs_rq() */
export function detach_task_cfs_rq(this: vmlinux, p: task_struct): void {
  this.detach_entity_cfs_rq(this.m.se[p.se]);
}

/** kernel/sched/fair.c: attach_task_cfs_rq() */
export function attach_task_cfs_rq(this: vmlinux, p: task_struct): void {
  this.attach_entity_cfs_rq(this.m.se[p.se]);
}

/** kernel/sched/fair.c: switched_from_fair() */
export function switched_from_fair(this: vmlinux, _rq: rq, p: task_struct): void {
  this.detach_task_cfs_rq(p);
}

/** kernel/sched/fair.c: switched_to_fair() */
export function switched_to_fair(this: vmlinux, rq: rq, p: task_struct): void {
  this.warnOn(this.m.se[p.se].sched_delayed !== 0, 'switched_to_fair: p->se.sched_delayed');
  this.attach_task_cfs_rq(p);
  if (this.task_on_rq_queued(p)) {
    if (this.task_current(rq, p)) this.resched_curr(rq);
    else this.wakeup_preempt(rq, p, 0);
  }
}

/** kernel/sched/fair.c: __set_next_task_fair() */
export function __set_next_task_fair(this: vmlinux, rq: rq, p: task_struct, first: bool): void {
  if (!first) return;
  this.warnOn(this.m.se[p.se].sched_delayed !== 0, '__set_next_task_fair: se->sched_delayed');
  if (this.hrtick_enabled_fair(rq)) this.hrtick_start_fair(rq, p);
}

/** kernel/sched/fair.c: set_next_task_fair() */
export function set_next_task_fair(this: vmlinux, rq: rq, p: task_struct, first: bool): void {
  for (let se: sched_entity | null = this.m.se[p.se]; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);
    this.set_next_entity(cfs_rq, se);
    this.account_cfs_rq_runtime(cfs_rq, ZERO);
  }
  this.__set_next_task_fair(rq, p, first);
}

/** kernel/sched/fair.c: init_cfs_rq(): virtual time starts 1 ms before it wraps. */
export function init_cfs_rq(this: vmlinux, cfs_rq: cfs_rq): void {
  cfs_rq.tasks_timeline.rb_node = NULL;
  cfs_rq.tasks_timeline.rb_leftmost = NULL;
  cfs_rq.zero_vruntime = u64(-(1 << 20));
}

/** kernel/sched/fair.c: task_change_group_fair() */
export function task_change_group_fair(this: vmlinux, p: task_struct): void {
  if (p.__state === TASK_NEW) return;
  this.detach_task_cfs_rq(p);
  // So that set_task_rq() does not age by the new queue's clock.
  this.m.se[p.se].avg.last_update_time = ZERO;
  this.set_task_rq(p, this.task_cpu(p));
  this.attach_task_cfs_rq(p);
}

/** kernel/sched/fair.c: alloc_fair_sched_group() */
export function alloc_fair_sched_group(this: vmlinux, tg: task_group, parent: task_group): number {
  const m = this.m;
  tg.shares = NICE_0_LOAD;
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const cfs_rq = newCfsRq(m.cfs_rq.length);
    m.cfs_rq.push(cfs_rq);
    const se = newSchedEntity(m.se.length, NULL);
    m.se.push(se);
    this.init_cfs_rq(cfs_rq);
    const above = parent.se[cpu];
    this.init_tg_cfs_entry(tg, cfs_rq, se, cpu, above === NULL ? null : m.se[above]);
    this.init_entity_runnable_average(se);
  }
  return 1;
}

/** kernel/sched/fair.c: online_fair_sched_group() */
export function online_fair_sched_group(this: vmlinux, tg: task_group): void {
  for (let cpu = 0; cpu < this.m.rq.length; cpu++) {
    const rq = this.cpu_rq(cpu);
    const se = this.m.se[tg.se[cpu]];
    this.rq_lock_irq(rq);
    this.update_rq_clock(rq);
    this.attach_entity_cfs_rq(se);
  }
}

/** kernel/sched/fair.c: init_tg_cfs_entry() */
export function init_tg_cfs_entry(
  this: vmlinux,
  tg: task_group,
  cfs_rq: cfs_rq,
  se: sched_entity | null,
  cpu: number,
  parent: sched_entity | null,
): void {
  const rq = this.cpu_rq(cpu);
  cfs_rq.tg = tg.id;
  cfs_rq.rq = rq.id;
  tg.cfs_rq[cpu] = cfs_rq.id;
  tg.se[cpu] = se === null ? NULL : se.id;
  if (se === null) return;

  if (parent === null) {
    se.cfs_rq = rq.cfs;
    se.depth = 0;
  } else {
    se.cfs_rq = parent.my_q;
    se.depth = parent.depth + 1;
  }
  se.my_q = cfs_rq.id;
  this.update_load_set(se.load, NICE_0_LOAD);
  se.parent = parent === null ? NULL : parent.id;
}

/** kernel/sched/fair.c: __sched_group_set_shares() */
export function __sched_group_set_shares(this: vmlinux, tg: task_group, shares: u64): number {
  const m = this.m;
  if (tg.se[0] === NULL) return -EINVAL;

  const lowest = this.scale_load(MIN_SHARES);
  const highest = this.scale_load(MAX_SHARES);
  if (ge(shares, highest)) shares = highest;
  else if (lt(shares, lowest)) shares = lowest;
  if (tg.shares === shares) return 0;

  tg.shares = shares;
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const rq = this.cpu_rq(cpu);
    this.rq_lock_irqsave(rq);
    this.update_rq_clock(rq);
    for (let se: sched_entity | null = m.se[tg.se[cpu]]; se !== null; se = this.parent_entity(se)) {
      this.update_load_avg(this.cfs_rq_of(se), se, UPDATE_TG);
      this.update_cfs_group(se);
    }
  }
  return 0;
}

/** kernel/sched/fair.c: sched_group_set_shares(): cpu.shares and cpu.weight. */
export function sched_group_set_shares(this: vmlinux, tg: task_group, shares: u64): number {
  return this.tg_is_idle(tg) ? -EINVAL : this.__sched_group_set_shares(tg, shares);
}

/** kernel/sched/fair.c: sched_group_set_idle(): cpu.idle. */
export function sched_group_set_idle(this: vmlinux, tg: task_group, idle: number): number {
  const m = this.m;
  if (tg.id === 0) return -EINVAL;
  if (idle < 0 || idle > 1) return -EINVAL;
  if (tg.idle === idle) return 0;

  tg.idle = idle;
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const rq = this.cpu_rq(cpu);
    const own = m.se[tg.se[cpu]];
    const grp_cfs_rq = m.cfs_rq[tg.cfs_rq[cpu]];
    const was_idle = this.cfs_rq_is_idle(grp_cfs_rq);

    this.rq_lock_irqsave(rq);
    grp_cfs_rq.idle = idle;
    if (this.warnOn(was_idle === this.cfs_rq_is_idle(grp_cfs_rq), 'sched_group_set_idle: was_idle')) continue;

    if (own.on_rq) {
      const parent_cfs_rq = this.cfs_rq_of(own);
      const step = this.cfs_rq_is_idle(grp_cfs_rq) ? 1 : -1;
      parent_cfs_rq.idle_nr_running = (parent_cfs_rq.idle_nr_running + step) >>> 0;
    }

    let idle_task_delta = (grp_cfs_rq.h_nr_queued - grp_cfs_rq.idle_h_nr_running) >>> 0;
    if (!this.cfs_rq_is_idle(grp_cfs_rq)) idle_task_delta = -idle_task_delta;

    for (let se: sched_entity | null = own; se !== null; se = this.parent_entity(se)) {
      if (!se.on_rq) break;
      const cfs_rq = this.cfs_rq_of(se);
      cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running + idle_task_delta) >>> 0;
      // From here on up everything counts as idle already.
      if (this.cfs_rq_is_idle(cfs_rq)) break;
    }
  }

  if (this.tg_is_idle(tg)) this.__sched_group_set_shares(tg, this.scale_load(WEIGHT_IDLEPRIO));
  else this.__sched_group_set_shares(tg, NICE_0_LOAD);
  return 0;
}

/** kernel/sched/fair.c: get_rr_interval_fair(): jiffies. */
export function get_rr_interval_fair(this: vmlinux, rq: rq, task: task_struct): u32 {
  if (this.m.cfs_rq[rq.cfs].load.weight === ZERO) return 0;
  return to_u32(div(this.m.se[task.se].slice, u64(Math.floor(1_000_000_000 / this.m.HZ))));
}
