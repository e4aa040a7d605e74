// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 4/9] sched/fair: Add penalty calculation and application logic
 *
 * Nobody calls it yet. All of it is u64 arithmetic, truncating; vruntimes are compared unsigned, as posted.
 */
import { add, div, ge, gt, le, lt, max, mul, type s32, shr, sub, U64_MAX, u64, ZERO } from '../../lib/types.js';
import { type cfs_rq, NULL, type rq, type sched_entity, type task_struct } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, semantics_aware } from './adds.js';

/** 600 * NSEC_PER_USEC */
const DEBOUNCE_NS = u64(600_000);

/** n/d of the granularity, truncating */
const part = (gran: u64, n: number, d: number): u64 => div(mul(gran, u64(n)), u64(d));

/** include/linux/minmax.h: clamp(): the upper bound is asked first. */
function clamp(val: u64, lo: u64, hi: u64): u64 {
  if (ge(val, hi)) return hi;
  return le(val, lo) ? lo : val;
}

/** kernel/sched/fair.c: yield_deboost_apply_debounce(), new: a lower penalty for a yield straight back. */
export function yield_deboost_apply_debounce(
  this: semantics_aware,
  rq: rq,
  p_target: task_struct | null,
  penalty: u64,
  need: u64,
  gran: u64,
): u64 {
  const now = this.rq_clock(rq);

  if (rq.donor === NULL || p_target === null) return penalty;

  const src_pid = this.m.task[rq.donor].pid;
  const dst_pid = p_target.pid;
  const last_src = rq.yield_deboost_last_src_pid ?? -1;
  const last_dst = rq.yield_deboost_last_dst_pid ?? -1;
  const last_ns = rq.yield_deboost_last_pair_time_ns ?? ZERO;

  let reduced = penalty;
  if (last_src === dst_pid && last_dst === src_pid && le(sub(now, last_ns), DEBOUNCE_NS)) {
    const alt = max(need, gran);
    if (gt(reduced, alt)) reduced = alt;
  }

  rq.yield_deboost_last_src_pid = src_pid;
  rq.yield_deboost_last_dst_pid = dst_pid;
  rq.yield_deboost_last_pair_time_ns = now;

  return reduced;
}

/** The upper bound for a queue of this many tasks: 6, 4, 2.5, 2, 1.5 and 1 times the granularity. */
function penaltyCap(gran: u64, h_nr_queued: s32): u64 {
  if (h_nr_queued === 2) return part(gran, 6, 1);
  if (h_nr_queued === 3) return part(gran, 4, 1);
  if (h_nr_queued <= 6) return part(gran, 5, 2);
  if (h_nr_queued <= 8) return part(gran, 2, 1);
  if (h_nr_queued <= 12) return part(gran, 3, 2);
  return gran;
}

/** The least push when there is no gap: 1, 15/16, 5/8, 1/2, 3/8 and 1/4 of the granularity. */
function penaltyBaseline(gran: u64, h_nr_queued: s32): u64 {
  if (h_nr_queued === 3) return shr(mul(gran, u64(15)), 4);
  if (h_nr_queued >= 4 && h_nr_queued <= 6) return part(gran, 5, 8);
  if (h_nr_queued >= 7 && h_nr_queued <= 8) return part(gran, 1, 2);
  if (h_nr_queued >= 9 && h_nr_queued <= 12) return part(gran, 3, 8);
  if (h_nr_queued > 12) return part(gran, 1, 4);
  return gran;
}

/**
 * kernel/sched/fair.c: yield_deboost_calculate_penalty(), new: virtual ns.
 *
 *   gran    = base_slice / w_y
 *   need    = max(0, v_t - v_y)                  unsigned: wrong while one of them is past 2^64
 *   penalty = clamp(gran + 1.1 * need, gran, cap(h) * gran)
 */
export function yield_deboost_calculate_penalty(
  this: semantics_aware,
  rq: rq,
  se_y_lca: sched_entity,
  se_t_lca: sched_entity,
  p_target: task_struct,
  h_nr_queued: s32,
): u64 {
  const gran = this.calc_delta_fair(u64(this.m.sysctl_sched_base_slice), se_y_lca);

  let need = ZERO;
  if (gt(se_t_lca.vruntime, se_y_lca.vruntime)) need = sub(se_t_lca.vruntime, se_y_lca.vruntime);

  let penalty = gran;
  if (need !== ZERO) {
    // As posted: this sum may wrap before the guard looks at it.
    let weighted_need = add(need, div(need, u64(10)));
    if (gt(weighted_need, sub(U64_MAX, penalty))) weighted_need = sub(U64_MAX, penalty);
    penalty = add(penalty, weighted_need);
  }

  penalty = this.yield_deboost_apply_debounce(rq, p_target, penalty, need, gran);

  penalty = clamp(penalty, gran, penaltyCap(gran, h_nr_queued));

  if (need === ZERO) {
    const base = penaltyBaseline(gran, h_nr_queued);
    // As posted: never so. The clamp leaves at least gran, and no baseline is above it.
    if (lt(penalty, base)) penalty = base;
  }

  return penalty;
}

/** kernel/sched/fair.c: yield_deboost_apply_penalty(), new: moves vruntime and deadline of an entity that runs. */
export function yield_deboost_apply_penalty(
  this: semantics_aware,
  se_y_lca: sched_entity,
  _cfs_rq: cfs_rq,
  penalty: u64,
): void {
  // As posted: a vruntime may be anything mod 2^64, and starts just below 2^64. Up there nothing is applied.
  if (gt(se_y_lca.vruntime, sub(U64_MAX, penalty))) return;

  const new_vruntime = add(se_y_lca.vruntime, penalty);
  if (le(new_vruntime, se_y_lca.vruntime)) return;

  se_y_lca.vruntime = new_vruntime;
  se_y_lca.deadline = add(new_vruntime, this.calc_delta_fair(se_y_lca.slice, se_y_lca));
}

export default {
  subject: 'sched/fair: Add penalty calculation and application logic',
  adds: {
    yield_deboost_apply_debounce,
    yield_deboost_calculate_penalty,
    yield_deboost_apply_penalty,
  },
} satisfies Patch<Adds>;
