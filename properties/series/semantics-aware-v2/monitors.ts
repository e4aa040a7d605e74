// SPDX-License-Identifier: GPL-2.0-only
/** What the monitors of this folder share: entities and their queues, what one yield_to() costs, who ran how long. */
import { s64_diff, s64_toNumber, toNumber } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { type cfs_rq, NULL, type rq, type sched_entity, type task_struct } from '../../../src/sched/sched.js';
import { SeenStep } from '../../seen-step.js';
import type { Monitor, Probe, Step } from '../../vocabulary.js';

/** ns; the series' hard-coded limits */
export const RATE_LIMIT = 6_000_000;
export const DEBOUNCE = 600_000;

const NICE_0_LOAD = 1_048_576;

/** (s64)(a - b) as a number; virtual or real ns. */
export const diff = (a: sched_entity['vruntime'], b: sched_entity['vruntime']): number => s64_toNumber(s64_diff(a, b));

/** Virtual ns of an entity in `ns` of real time, rounded down. */
export const virtual = (ns: number, se: sched_entity): number =>
  Math.floor((ns * NICE_0_LOAD) / toNumber(se.load.weight));

/** One base slice in the entity's virtual time: the series' granularity. */
export const granularity = (m: machine, se: sched_entity): number => virtual(m.sysctl_sched_base_slice, se);

/** "6.0x scheduling granularity for 2-task scenarios ... down to 1.0x for large queues (>12 tasks)". */
export function cap(tasks: number): number {
  if (tasks <= 2) return 6;
  if (tasks === 3) return 4;
  if (tasks <= 6) return 2.5;
  if (tasks <= 8) return 2;
  return tasks <= 12 ? 1.5 : 1;
}

/** From the task's own entity up to the root queue. */
export function chain(m: machine, task: number): sched_entity[] {
  const entities: sched_entity[] = [];
  for (let id: number = m.task[task].se; id !== NULL; id = m.se[id].parent) entities.push(m.se[id]);
  return entities;
}

/** Where two tasks compete: their two entities on the lowest queue that both are on. */
export interface Common {
  y: sched_entity;
  t: sched_entity;
  queue: cfs_rq;
  /** 0: the tasks' own entities */
  height: number;
}

/** null when they are on different runqueues. */
export function common(m: machine, yielder: number, target: number): Common | null {
  const theirs = chain(m, target);
  for (const [height, y] of chain(m, yielder).entries()) {
    const t = theirs.find((se) => se.cfs_rq === y.cfs_rq);
    if (t !== undefined) return { y, t, queue: m.cfs_rq[y.cfs_rq], height };
  }
  return null;
}

export const currentOf = (m: machine, cpu: number): number => m.rq[cpu].curr;

/** Whether the task waits or runs, and is not about to leave (delayed dequeue). */
export function runnable(m: machine, task: number): boolean {
  const p = m.task[task];
  return p.__state === 0 && m.se[p.se].on_rq !== 0 && m.se[p.se].sched_delayed === 0;
}

/** CPU time the entity has had, ns, up to now. */
export function service(m: machine, se: sched_entity): number {
  const done = toNumber(se.sum_exec_runtime);
  if (m.cfs_rq[se.cfs_rq].curr !== se.id) return done;
  return done + Math.max(0, diff(m.sched_clock, se.exec_start));
}

export const taskEntity = (m: machine, task: number): sched_entity => m.se[m.task[task].se];

export const now = (m: machine): number => diff(m.sched_clock, m.bootClock);

export const nameOf = (m: machine, task: number): string => m.task[task].comm;

/** `T0 (3)`, or the group's name for a group entity. */
export function entityName(m: machine, se: sched_entity): string {
  if (se.my_q === NULL) return m.task[se.task].comm;
  return m.groupNames[m.cfs_rq[se.my_q].tg];
}

/** ns with their unit, for messages. */
export const ns = (x: number): string => `${x} ns`;

/** What an entity's virtual time was, before. */
export interface Before {
  se: number;
  vruntime: sched_entity['vruntime'];
  deadline: sched_entity['deadline'];
  vlag: sched_entity['vlag'];
  exec: number;
}

export const snapshot = (se: sched_entity): Before => ({
  se: se.id,
  vruntime: se.vruntime,
  deadline: se.deadline,
  vlag: se.vlag,
  exec: toNumber(se.sum_exec_runtime),
});

/** Virtual ns by which the entity went on beyond what it executed since. */
export function beyondExecuted(m: machine, before: Before): number {
  const se = m.se[before.se];
  return diff(se.vruntime, before.vruntime) - virtual(toNumber(se.sum_exec_runtime) - before.exec, se);
}

/** One call of yield_to_task_fair(). */
export interface YieldTo {
  cpu: number;
  /** ns since boot */
  at: number;
  yielder: number;
  target: number;
  /** null when the target is on another runqueue */
  where: Common | null;
  /** h_nr_queued of the common queue */
  tasks: number;
  /** v_t - v_y on the common queue before the call: positive when the target has had more than the yielder */
  gap: number;
  /** the yielder's entities, leaf first */
  before: Before[];
  /** virtual ns that yield_to_deboost() added to the yielder's entity on the common queue; 0 when it did nothing */
  penalty: number;
}

/** Called around yield_to_task_fair(), and when it has said true. */
export interface YieldWatcher {
  enter?(step: Step, it: YieldTo): void;
  /** between the penalty and the forfeit, on kernels that have the two */
  penalised?(step: Step, it: YieldTo): void;
  leave?(step: Step, it: YieldTo): void;
}

/** Probes that gather a YieldTo. */
export function yieldProbes(watcher: YieldWatcher): Record<string, Probe> {
  let it: YieldTo | null = null;
  return {
    yield_to_task_fair: {
      enter(step, args) {
        it = begin(step.m, args[0] as rq, args[1] as task_struct);
        watcher.enter?.(step, it);
      },
      leave(step, result) {
        const done = it;
        it = null;
        if (result === true && done !== null) watcher.leave?.(step, done);
      },
    },
    yield_to_deboost: {
      leave(step) {
        if (it?.where == null) return;
        const before = it.before[it.where.height];
        it.penalty = beyondExecuted(step.m, before);
        if (it.penalty !== 0) watcher.penalised?.(step, it);
      },
    },
  };
}

function begin(m: machine, rq: rq, p: task_struct): YieldTo {
  const where = common(m, rq.donor, p.id);
  return {
    cpu: rq.id,
    at: now(m),
    yielder: rq.donor,
    target: p.id,
    where,
    tasks: where === null ? 0 : where.queue.h_nr_queued,
    gap: where === null ? 0 : diff(where.t.vruntime, where.y.vruntime),
    before: chain(m, rq.donor).map(snapshot),
    penalty: 0,
  };
}

/** `T0 yields to T1 in CG0`, for messages. */
export function sayYield(m: machine, it: YieldTo): string {
  return `${nameOf(m, it.yielder)} yields to ${nameOf(m, it.target)} at ${it.at} ns`;
}

/** S(w * (v - v0)) / W of a queue, exact, curr included; relative to v0. 128 bits are enough for anything legal. */
export function averageKey(m: machine, queue: cfs_rq): { sum: bigint; weight: bigint } {
  let sum = 0n;
  let weight = 0n;
  for (const se of m.se) {
    if (se.cfs_rq !== queue.id || se.on_rq === 0) continue;
    const w = BigInt(Math.max(2, Math.floor(toNumber(se.load.weight) / 1024)));
    sum += w * BigInt(diff(se.vruntime, queue.zero_vruntime));
    weight += w;
  }
  return { sum, weight };
}

/** entity_eligible(), from the definition: v <= V. */
export function eligible(m: machine, se: sched_entity): boolean {
  const queue = m.cfs_rq[se.cfs_rq];
  const { sum, weight } = averageKey(m, queue);
  return sum >= BigInt(diff(se.vruntime, queue.zero_vruntime)) * weight;
}

/**
 * A monitor that believes only what happens on a machine with a tick: once time has passed a busy CPU's tick by, it
 * fails no more. Without this a counterexample made shorter by leaving events out would be one of a broken timer.
 */
export function ticking(inner: Monitor): Monitor {
  let real: Step | null = null;
  let late = false;
  let guarded: Step;
  const guard = (step: Step): Step => {
    if (real === step) return guarded;
    real = step;
    guarded = new SeenStep(step, {
      fail: (message) => {
        if (!late) step.fail(message);
      },
      reach: (what) => step.reach(what),
    });
    return guarded;
  };
  const monitor: Monitor = {
    before(step) {
      if (step.event.ev === 'advance') late ||= passesTick(step.m, step.event.ns);
      inner.before?.(guard(step));
    },
    after: (step) => inner.after?.(guard(step)),
    end: (step) => inner.end?.(guard(step)),
  };
  if (inner.notes !== undefined) monitor.notes = () => ({ late, inner: inner.notes?.() });
  if (inner.probes !== undefined) {
    const probes: Record<string, Probe> = {};
    for (const [name, probe] of Object.entries(inner.probes)) {
      probes[name] = {
        enter: (step, args) => probe.enter?.(guard(step), args),
        leave: (step, result, args) => probe.leave?.(guard(step), result, args),
      };
    }
    monitor.probes = probes;
  }
  return monitor;
}

function passesTick(m: machine, ns: number): boolean {
  const then = toNumber(m.sched_clock) + ns;
  return m.rq.some((rq) => rq.curr !== rq.idle && m.nextTick[rq.cpu] < then);
}
