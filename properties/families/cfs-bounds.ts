// SPDX-License-Identifier: GPL-2.0-only
/**
 * What CFS promises, as numbers for one entity in a machine that ticks at CONFIG_HZ. Releases before v6.6.
 *
 *   v, w    vruntime and weight of an entity, w in units of nice 0     se.vruntime, se.load
 *   P       one round of the queue: no slice is longer                 sched_latency, or min_granularity * tasks
 *   G       what a buddy may be ahead of the leftmost                  wakeup_granularity
 *   B       what a sleeper is placed behind the queue                  sched_latency, half of it with GENTLE_FAIR_SLEEPERS
 *   T       one tick: preemption waits for it                          TICK_NSEC
 *
 * Whoever else is picked is not more than G / w_j ahead of the one that waits, and runs a slice and a tick at most beyond that; and
 * nobody is ever more than B behind min_vruntime. So while i waits each other j gets at most
 *
 *   service_j = (v_i - min_vruntime + B) * w_j + G + P + T
 *
 * and a wait is at most the sum over all j that are ever on the queue. In a hierarchy a task needs its group to run: what its
 * own level takes is what the group has to get, so v_i there is that of the group when it has got it.
 */
import { s64_diff, s64_toNumber, toNumber, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type sched_entity, type task_struct } from '../../src/sched/sched.js';
import type { Step } from '../vocabulary.js';

/** The letters, for who has only the report. */
export const CFS_LETTERS =
  'v, w: vruntime and weight of an entity, w in units of nice 0; P: the longer of sched_latency and min_granularity times the tasks; ' +
  'G: wakeup_granularity; B: the bonus of a sleeper; T: a tick; j: everybody else on the queue; from the leaf up to the root';

/** In units of nice 0. */
const weightOf = ({ kernel }: Step, se: sched_entity): number =>
  toNumber(se.load.weight) / toNumber(kernel.scale_load(u64(1024)));

/** G + P + T, ns: what is run beyond being the leftmost. */
function beyond(m: machine): number {
  const tasks = m.task.filter((p) => m.rq[p.cpu].idle !== p.id).length;
  const P = Math.max(m.sysctl_sched_latency ?? 0, (m.sysctl_sched_min_granularity ?? 0) * tasks);
  return (m.sysctl_sched_wakeup_granularity ?? 0) + P + toNumber(m.TICK_NSEC);
}

const bonus = (m: machine): number =>
  m.sched_feat.GENTLE_FAIR_SLEEPERS ? (m.sysctl_sched_latency ?? 0) >>> 1 : (m.sysctl_sched_latency ?? 0);

/** Everybody else who is on the queue or sleeps there. */
function othersOf(m: machine, se: sched_entity): sched_entity[] {
  const isIdle = ({ task }: sched_entity): boolean => task !== NULL && m.rq[m.task[task].cpu].idle === task;
  return m.se.filter((other) => other.id !== se.id && other.cfs_rq === se.cfs_rq && !isIdle(other));
}

/** ns within which a runnable task of this queue is on its CPU, as things are now. */
export function cfsWaitBound(step: Step, p: task_struct): number {
  const { m } = step;
  let need = 0;
  for (let id: number = p.se; id !== NULL; id = m.se[id].parent) {
    const se = m.se[id];
    const min_vruntime = m.cfs_rq[se.cfs_rq].min_vruntime;
    if (min_vruntime === undefined) throw new Error('a queue of CFS has a min_vruntime');
    const ahead = Math.max(0, s64_toNumber(s64_diff(se.vruntime, min_vruntime))) + need / weightOf(step, se) + bonus(m);
    let all = need;
    for (const other of othersOf(m, se))
      all += ahead * Math.max(weightOf(step, other), weightOfShares(m, other)) + beyond(m);
    need = all;
  }
  return need;
}

/** A group's entity weighs at most its shares, whatever of them is on this CPU now. */
const weightOfShares = (m: machine, se: sched_entity): number =>
  se.my_q === NULL ? 0 : toNumber(m.task_group[m.cfs_rq[se.my_q].tg].shares) / toNumber(m.task_group[0].shares);

/** How far the CPU time of two entities of one queue and weight may drift apart, ns: from one end, G + P + T, to the other. */
export const cfsDriftBound = (m: machine): number => 2 * beyond(m);

/**
 * The least CPU time of a task that always wants it, out of `t` ns. On each level, with f the part of the queue's weight (of
 * everybody who is ever on it) that is the entity's, and P / w what it may have been placed behind the queue at first:
 *
 *   service >= f * (t - sum over j of (G + P + T + w_j * (B + P / w)))
 */
export function cfsLeastService(step: Step, p: task_struct, t: number): { share: number; less: number } {
  const { m } = step;
  let f = 1;
  let less = 0;
  for (let id: number = p.se; id !== NULL; id = m.se[id].parent) {
    const se = m.se[id];
    const w = weightOf(step, se);
    let all = w;
    let lost = 0;
    for (const other of othersOf(m, se)) {
      const wj = weightOf(step, other);
      all += wj;
      lost += beyond(m) + wj * (bonus(m) + beyond(m) / w);
    }
    f *= w / all;
    less += f * lost;
  }
  return { share: f * t, less };
}
