// SPDX-License-Identifier: GPL-2.0-only
/**
 * Lag, computed from the entities themselves and without rounding. For an entity of a queue
 *
 *   s    its weight as V counts it                 scale_load_down(se.load.weight)
 *   v    its vruntime, as of now                   se.vruntime, and what curr has run since it was last charged
 *   V    sum(s * v) / sum(s) over the queue        what avg_vruntime() rounds down
 *   lag  V - v, kept here as a fraction
 */
import { max, mul, s64, s64_diff, s64_gt, s64_toBigInt, to_u64, toBigInt, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type sched_entity } from '../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

/** num / den, den > 0 */
export interface Fraction {
  num: bigint;
  den: bigint;
}

/** scale_load_down() */
export function scaledWeight(se: sched_entity): bigint {
  const w = toBigInt(se.load.weight);
  return w === 0n ? 0n : w >> 10n > 2n ? w >> 10n : 2n;
}

/** a - b, as signed */
export const apart = (a: u64, b: u64): bigint => s64_toBigInt(s64_diff(a, b));

/** Every entity that is queued there, curr included. */
export function queuedOn(m: machine, queue: number): sched_entity[] {
  return m.se.filter((se) => se.cfs_rq === queue && se.on_rq !== 0);
}

/** Virtual ns that curr has run and not been charged; 0 of everybody else. */
export function uncharged(m: machine, k: vmlinux_x86, se: sched_entity): bigint {
  const queue = m.cfs_rq[se.cfs_rq];
  if (queue.curr !== se.id || se.on_rq === 0) return 0n;
  const ran = s64_diff(m.rq[queue.rq].clock_task, se.exec_start);
  return s64_gt(ran, s64(0)) ? toBigInt(k.calc_delta_fair(to_u64(ran), se)) : 0n;
}

/** V - v of a queued entity; `charged`: by what is in vruntime already, as the kernel sees it. */
export function lagOf(m: machine, k: vmlinux_x86, se: sched_entity, charged = false): Fraction {
  const own = charged ? 0n : uncharged(m, k, se);
  let num = 0n;
  let den = 0n;
  for (const other of queuedOn(m, se.cfs_rq)) {
    const s = scaledWeight(other);
    const more = charged || other.id === se.id ? own : uncharged(m, k, other);
    num += s * (apart(other.vruntime, se.vruntime) + more - own);
    den += s;
  }
  return { num, den: den === 0n ? 1n : den };
}

/** As V >= v has it: lag is not negative. */
export const isEligible = (m: machine, k: vmlinux_x86, se: sched_entity): boolean => lagOf(m, k, se, true).num >= 0n;

/** Rounded down. */
export const floorOf = ({ num, den }: Fraction): bigint => (num >= 0n ? num / den : -((-num + den - 1n) / den));

/** The most that lag may be either way, virtual ns: two slices, or a tick. */
export function lagLimit(m: machine, k: vmlinux_x86, se: sched_entity): bigint {
  return toBigInt(k.calc_delta_fair(max(mul(u64(2), se.slice), m.TICK_NSEC), se));
}

export const clamped = (x: bigint, limit: bigint): bigint => (x > limit ? limit : x < -limit ? -limit : x);

export const abs = (x: bigint): bigint => (x < 0n ? -x : x);

/** The entities of a task, from its own up to the root's level. */
export function pathOf(m: machine, task: number): sched_entity[] {
  const path: sched_entity[] = [];
  for (let id: number = m.task[task].se; id !== NULL; id = m.se[id].parent) path.push(m.se[id]);
  return path;
}

/** What reports call it. */
export function nameOf(m: machine, se: sched_entity): string {
  return se.task === NULL ? `the entity of ${m.groupNames[m.cfs_rq[se.my_q].tg] ?? 'a group'}` : m.task[se.task].comm;
}
