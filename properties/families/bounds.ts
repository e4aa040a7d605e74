// SPDX-License-Identifier: GPL-2.0-only
/**
 * What EEVDF promises, as numbers for one entity in a machine that ticks at CONFIG_HZ.
 *
 *   r    request of an entity, ns of CPU time              se.slice, at least the base slice
 *   T    one tick: preemption waits for it                 TICK_NSEC
 *   L    what an entity may be ahead of its share, ns      r + T: a request is overrun by a tick at most, and a
 *                                                          yield forfeits no more than one request
 *   w, W weight of the entity, and of its queue            se.load, cfs_rq.load
 *   S    CPU time the entity is to get, ns
 *
 * An entity that is ahead by L and wants S more gets it when its share has come to L + S and its request, once it is
 * eligible, has been served by its deadline, which a longer request of another may delay by that one's length:
 *
 *   wait(S) = (L + S + r) * W / w + r_max + T
 *
 * In a hierarchy a task needs its group to run, so from the leaf up S is what the level below needs:
 *
 *   wait = wait_root(... wait_group(wait_leaf(0)))
 */
import { toNumber } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type sched_entity, type task_struct } from '../../src/sched/sched.js';

const NICE_0 = 1 << 20;

const requestOf = (m: machine, se: sched_entity): number => Math.max(toNumber(se.slice), m.sysctl_sched_base_slice);

/** r_max: the longest request on the queue of `se`. */
function longestRequest(m: machine, se: sched_entity): number {
  let longest = m.sysctl_sched_base_slice;
  for (const other of m.se) {
    if (other.cfs_rq === se.cfs_rq && other.on_rq !== 0) longest = Math.max(longest, requestOf(m, other));
  }
  return longest;
}

/** ns within which a runnable task of this queue is on its CPU, as things are now. */
export function waitBound(m: machine, p: task_struct): number {
  const tick = toNumber(m.TICK_NSEC);
  let need = 0;
  for (let id: number = p.se; id !== NULL; id = m.se[id].parent) {
    const se = m.se[id];
    const r = requestOf(m, se);
    const share = Math.max(1, toNumber(m.cfs_rq[se.cfs_rq].load.weight) / toNumber(se.load.weight));
    const ahead = ((r + tick) * Math.max(toNumber(se.load.weight), NICE_0)) / toNumber(se.load.weight);
    need = (need + ahead + r) * share + longestRequest(m, se) + tick;
  }
  return need;
}

/** E, ns: how far an entity's CPU time may be behind its share: from one end of its lag to the other, 2 (r + T). */
export function deficit(m: machine, r: number): number {
  return 2 * (r + toNumber(m.TICK_NSEC));
}

/** How far the CPU time of two entities of one queue and weight may drift apart, ns: both their deficits. */
export function driftBound(m: machine): number {
  let longest = m.sysctl_sched_base_slice;
  for (const se of m.se) if (se.on_rq !== 0) longest = Math.max(longest, requestOf(m, se));
  return 2 * deficit(m, longest);
}

/**
 * The least CPU time of a task that always wants it, out of `t` ns, both real ns. Level by level from the leaf, with f
 * the part of the queue's weight (of everybody who is ever on it) that is the entity's:
 *
 *   S_leaf >= f_leaf * S_group - E,  S_group >= f_group * t - E   =>   share f_leaf * f_group * t, less E + f_leaf * E
 */
export function leastService(m: machine, p: task_struct, t: number): { share: number; less: number } {
  let f = 1;
  let less = 0;
  for (let id: number = p.se; id !== NULL; id = m.se[id].parent) {
    const se = m.se[id];
    less += f * deficit(m, longestRequest(m, se));
    f *= toNumber(se.load.weight) / allWeights(m, se);
  }
  return { share: f * t, less };
}

function allWeights(m: machine, se: sched_entity): number {
  let sum = 0;
  for (const other of m.se) {
    const idle = other.task !== NULL && m.rq[m.task[other.task].cpu].idle === other.task;
    if (other.cfs_rq === se.cfs_rq && !idle) sum += toNumber(other.load.weight);
  }
  return sum;
}
