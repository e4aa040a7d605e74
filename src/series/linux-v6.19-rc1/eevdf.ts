// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.19-rc1): virtual time, slice protection, picking, placing and reweighting, as far
 * as they differ from the pin.
 *
 * Read as text in mails: 79f3f9bedd14, e837456fdca8, hunks of 0b9ca2dcabc3 and 3a0baa8e6c57.
 * Held against the C code of v6.19; see DV-620 in docs/FIDELITY.md for the release candidate itself.
 * MODEL: fields keep the pin's names: nr_running is nr_queued there, idle_h_nr_running h_nr_idle.
 * One word, as there: vlag (off the queue) and vprot (running) are a union; `vprot` reads and writes vlag's bits.
 */
import { div_s64, div_s64_long } from '../../lib/math64.js';
import {
  add,
  type bool,
  min,
  ONE,
  S64_ZERO,
  type s64,
  s64_add,
  s64_diff,
  s64_gt,
  s64_lt,
  s64_mul,
  s64_sub,
  shr,
  sub,
  to_s32,
  to_s64,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import { type cfs_rq, ENQUEUE_INITIAL, NULL, type sched_entity } from '../../sched/sched.js';
import type { vmlinux_6_19 } from './adds.js';

/** struct sched_entity.vprot, the other half of the union with vlag: virtual time up to which curr is protected. */
export const vprot = (se: sched_entity): u64 => to_u64(se.vlag);

function setVprot(se: sched_entity, v: u64): void {
  se.vlag = to_s64(v);
}

/**
 * kernel/sched/fair.c: avg_vruntime()
 *
 *   V = v0 + floor(sum(w_i * (v_i - v0)) / sum(w_i))   over the tree, and curr while it is queued
 *
 * Pure here: v0 is moved by update_zero_vruntime() only.
 */
export function avg_vruntime(this: vmlinux_6_19, cfs_rq: cfs_rq): u64 {
  let avg = cfs_rq.avg_vruntime;
  let load = to_s64(cfs_rq.avg_load);

  if (cfs_rq.curr !== NULL) {
    const curr = this.m.se[cfs_rq.curr];
    if (curr.on_rq !== 0) {
      const weight = to_s64(this.scale_load_down(curr.load.weight));
      avg = s64_add(avg, s64_mul(this.entity_key(cfs_rq, curr), weight));
      load = s64_add(load, weight);
    }
  }

  if (load !== S64_ZERO) {
    // the sign turns truncation from floor to ceiling
    if (s64_lt(avg, S64_ZERO)) avg = s64_sub(avg, s64_sub(load, to_s64(ONE)));
    avg = div_s64(avg, to_s32(load));
  }

  return add(cfs_rq.zero_vruntime, to_u64(avg));
}

/** kernel/sched/fair.c: avg_vruntime_update(): v0' = v0 + delta makes S' = S - W * delta. */
export function avg_vruntime_update(this: vmlinux_6_19, cfs_rq: cfs_rq, delta: s64): void {
  cfs_rq.avg_vruntime = s64_sub(cfs_rq.avg_vruntime, s64_mul(to_s64(cfs_rq.avg_load), delta));
}

/**
 * kernel/sched/fair.c: update_zero_vruntime(): v0 becomes V.
 *
 * MODEL: it takes no delta in this release; the parameter is the pin's and nobody reads it.
 */
export function update_zero_vruntime(this: vmlinux_6_19, cfs_rq: cfs_rq, _delta: s64): void {
  const vruntime = this.avg_vruntime(cfs_rq);
  const delta = s64_diff(vruntime, cfs_rq.zero_vruntime);

  this.avg_vruntime_update(cfs_rq, delta);
  cfs_rq.zero_vruntime = vruntime;
}

/** kernel/sched/fair.c: __enqueue_entity() */
export function __enqueue_entity(this: vmlinux_6_19, cfs_rq: cfs_rq, se: sched_entity): void {
  this.avg_vruntime_add(cfs_rq, se);
  // RACE: none; but put_prev_entity() comes here while se still is curr, and V counts it twice then
  this.update_zero_vruntime(cfs_rq, S64_ZERO);
  se.min_vruntime = se.vruntime;
  se.min_slice = se.slice;
  this.rb_add_augmented_cached(se.id, cfs_rq.tasks_timeline);
}

/** kernel/sched/fair.c: __dequeue_entity() */
export function __dequeue_entity(this: vmlinux_6_19, cfs_rq: cfs_rq, se: sched_entity): void {
  this.rb_erase_augmented_cached(se.id, cfs_rq.tasks_timeline);
  this.avg_vruntime_sub(cfs_rq, se);
  // set_next_entity() comes here before se is curr, and V counts it not at all then
  this.update_zero_vruntime(cfs_rq, S64_ZERO);
}

/** kernel/sched/fair.c: update_deadline(): v0 stays where it is. */
export function update_deadline(this: vmlinux_6_19, _cfs_rq: cfs_rq, se: sched_entity): bool {
  if (s64_lt(s64_diff(se.vruntime, se.deadline), S64_ZERO)) return false;

  if (se.custom_slice === 0) se.slice = u64(this.m.sysctl_sched_base_slice);

  // vd_i = ve_i + r_i / w_i: vd deadline, ve vruntime, r slice, w weight
  se.deadline = add(se.vruntime, this.calc_delta_fair(se.slice, se));

  return true;
}

/**
 * kernel/sched/fair.c: set_protect_slice(): curr is not preempted by a wakeup before vruntime has reached vprot.
 *
 * That is its own slice, or the shortest one that waits. MODEL: the queue is a parameter of its own there.
 */
export function set_protect_slice(this: vmlinux_6_19, se: sched_entity): void {
  let slice = u64(this.m.normalized_sysctl_sched_base_slice);
  let until = se.deadline;

  if (this.m.sched_feat.RUN_TO_PARITY) slice = this.cfs_rq_min_slice(this.cfs_rq_of(se));

  slice = min(slice, se.slice);
  if (slice !== se.slice) until = this.min_vruntime(until, add(se.vruntime, this.calc_delta_fair(slice, se)));

  setVprot(se, until);
}

/** kernel/sched/fair.c: update_protect_slice(): a wakee with a shorter slice shortens curr's protection. */
export function update_protect_slice(this: vmlinux_6_19, cfs_rq: cfs_rq, se: sched_entity): void {
  const slice = this.cfs_rq_min_slice(cfs_rq);

  setVprot(se, this.min_vruntime(vprot(se), add(se.vruntime, this.calc_delta_fair(slice, se))));
}

/** kernel/sched/fair.c: protect_slice() */
export function protect_slice(this: vmlinux_6_19, se: sched_entity): bool {
  return s64_gt(s64_diff(vprot(se), se.vruntime), S64_ZERO);
}

/** kernel/sched/fair.c: cancel_protect_slice() */
export function cancel_protect_slice(this: vmlinux_6_19, se: sched_entity): void {
  if (this.protect_slice(se)) setVprot(se, se.vruntime);
}

/**
 * kernel/sched/fair.c: __pick_eevdf()
 *
 * The buddy is asked before curr's protection, and whether or not that is to be heeded.
 */
export function __pick_eevdf(this: vmlinux_6_19, cfs_rq: cfs_rq, protect: bool): sched_entity | null {
  const all = this.m.se;
  let node = cfs_rq.tasks_timeline.rb_node;
  let se = this.__pick_first_entity(cfs_rq);
  let curr = cfs_rq.curr === NULL ? null : all[cfs_rq.curr];

  // one alone needs no lag
  if (cfs_rq.nr_running === 1) return curr !== null && curr.on_rq !== 0 ? curr : se;

  if (this.m.sched_feat.PICK_BUDDY && cfs_rq.next !== NULL && this.entity_eligible(cfs_rq, all[cfs_rq.next])) {
    this.warnOn(all[cfs_rq.next].sched_delayed !== 0, '__pick_eevdf: cfs_rq->next->sched_delayed');
    return all[cfs_rq.next];
  }

  if (curr !== null && (curr.on_rq === 0 || !this.entity_eligible(cfs_rq, curr))) curr = null;

  if (curr !== null && protect && this.protect_slice(curr)) return curr;

  let best: sched_entity | null = null;
  if (se !== null && this.entity_eligible(cfs_rq, se)) {
    best = se;
  } else {
    // a heap on min_vruntime: left, where deadlines are earlier, whenever somebody there is eligible
    while (node !== NULL) {
      const left = all[node].run_node.rb_left;
      if (left !== NULL && this.vruntime_eligible(cfs_rq, all[left].min_vruntime)) {
        node = left;
        continue;
      }
      se = all[node];
      if (this.entity_eligible(cfs_rq, se)) {
        best = se;
        break;
      }
      node = se.run_node.rb_right;
    }
  }

  if (best === null || (curr !== null && this.entity_before(curr, best))) best = curr;
  return best;
}

/** kernel/sched/fair.c: pick_eevdf() */
export function pick_eevdf(this: vmlinux_6_19, cfs_rq: cfs_rq): sched_entity | null {
  return this.__pick_eevdf(cfs_rq, true);
}

/**
 * kernel/sched/fair.c: place_entity()
 *
 *   vl' = vl * (W + w) / W    vl: vlag, W: what is queued, w: of se     inflated, for se itself will move V
 *   v = V - vl'
 */
export function place_entity(this: vmlinux_6_19, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  const vruntime = this.avg_vruntime(cfs_rq);
  let lag = S64_ZERO;

  if (se.custom_slice === 0) se.slice = u64(this.m.sysctl_sched_base_slice);
  let vslice = this.calc_delta_fair(se.slice, se);

  if (this.m.sched_feat.PLACE_LAG && cfs_rq.nr_running !== 0 && se.vlag !== S64_ZERO) {
    lag = se.vlag;

    let load = cfs_rq.avg_load;
    if (cfs_rq.curr !== NULL) {
      const curr = this.m.se[cfs_rq.curr];
      if (curr.on_rq !== 0) load = add(load, this.scale_load_down(curr.load.weight));
    }

    lag = s64_mul(lag, to_s64(add(load, this.scale_load_down(se.load.weight))));
    if (this.warnOn(load === ZERO, 'place_entity: !load')) load = ONE;
    lag = div_s64_long(lag, load);
  }

  se.vruntime = sub(vruntime, to_u64(lag));

  // whatever PLACE_REL_DEADLINE says: reweight_entity() relies on it
  if (se.rel_deadline !== 0) {
    se.deadline = add(se.deadline, se.vruntime);
    se.rel_deadline = 0;
    return;
  }

  // a newcomer gets half a slice, for the others are halfway through theirs on average
  if (this.m.sched_feat.PLACE_DEADLINE_INITIAL && (flags & ENQUEUE_INITIAL) !== 0) vslice = shr(vslice, 1);

  se.deadline = add(se.vruntime, vslice);
}
