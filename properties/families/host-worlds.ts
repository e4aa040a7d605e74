// SPDX-License-Identifier: GPL-2.0-only
/** Host tasks of every kind under every event of the scheduler: where laws about single steps of it are asked. */

import { type Arbitrary, array, boolean, constantFrom, integer, record } from 'fast-check';
import { defined } from '../../src/base/defined.js';
import type { Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, hz, inGroup, type Layout, layoutGroups, MS, US } from '../arbitraries.js';
import type { Weights, World } from '../vocabulary.js';

export interface HostWorld {
  layouts: readonly Layout[];
  /** 1 when absent */
  cpus?: readonly number[];
  weights: Weights;
  /** tasks have a nice value and groups have shares of their own at boot */
  weighted?: boolean;
  /** policies that tasks boot with; all of them SCHED_NORMAL when absent */
  policies?: readonly NonNullable<TaskSpec['policy']>[];
  /** custom slices, ns; 0 for none */
  slices?: readonly number[];
  /** schedule() where need_resched is set, after each event; true when absent */
  eager?: boolean;
  features?: Record<string, boolean>;
  tasks?: { min: number; max: number };
  length?: number;
  events?: number;
}

/** What everyday life does to a CPU: time, ticks, sleep and wake-up. */
export const EVERYDAY: Weights = { advance: 30, tick: 16, block: 8, wake: 14 };
/** ... and yields. */
export const YIELDING: Weights = { ...EVERYDAY, yield: 8, yield_to: 12 };
/** ... and what an administrator does to weights, policies and groups. */
export const MANAGED: Weights = { ...YIELDING, nice: 8, setattr: 6, shares: 8, move: 6 };

/** One to six tasks; everything that is not said is as at boot. */
export function hostTasks(options: HostWorld): World {
  const { layouts, cpus = [1], policies = ['normal'], slices = [0], features, tasks = { min: 2, max: 5 } } = options;
  const { min, max } = tasks;
  const each = <T>(of: Arbitrary<T>): Arbitrary<T[]> => array(of, { minLength: max, maxLength: max });
  const weighted = options.weighted === true;
  const scenario = record({
    n: integer({ min, max }),
    layout: constantFrom(...layouts),
    cpus: constantFrom(...cpus),
    hz,
    base: constantFrom(BIG_MACHINE_SLICE, 700 * US),
    nice: each(weighted ? constantFrom(0, 0, -5, 5, 10, 19, -20) : constantFrom(0)),
    shares: each(weighted ? constantFrom(1024, 512, 2048, 100) : constantFrom(1024)),
    policy: each(constantFrom(...policies)),
    slice: each(constantFrom(...slices)),
    asleep: each(boolean()),
  }).map((draw): Scenario => {
    const { groups, of } = layoutGroups(draw.layout, draw.n);
    const list = [...Array(draw.n).keys()].map((i): TaskSpec => {
      const task: TaskSpec = { comm: `T${i}` };
      if (draw.nice[i] !== 0) task.nice = draw.nice[i];
      if (draw.policy[i] !== 'normal') task.policy = draw.policy[i];
      if (draw.policy[i] === 'fifo' || draw.policy[i] === 'rr') task.rt_priority = 1;
      if (draw.slice[i] !== 0) task.slice = draw.slice[i];
      // somebody is awake at boot; and a task that never ran has load that no queue knows of, so it is to stay on its CPU
      if (draw.asleep[i] && i > 0 && draw.cpus === 1) task.asleep = true;
      return inGroup(task, of(i));
    });
    return {
      cpus: draw.cpus,
      hz: draw.hz,
      base_slice: draw.base,
      vruntime_offset: FAR_FROM_WRAP,
      ...(options.eager === false ? { eager: false } : {}),
      ...defined({ features }),
      ...(groups.length > 0
        ? { groups: groups.map((g, i) => (draw.shares[i % max] === 1024 ? g : { ...g, shares: draw.shares[i % max] })) }
        : {}),
      tasks: list,
    };
  });
  const keep = (s: Scenario): boolean =>
    (s.tasks ?? []).length > 0 && s.vruntime_offset === FAR_FROM_WRAP && (s.eager ?? true) === (options.eager ?? true);
  return {
    scenario,
    weights: options.weights,
    length: options.length ?? 60,
    keep,
    ...defined({ events: options.events }),
  };
}

/** Slices as sched_setattr() takes them: shorter, longer and much longer than the default. */
export const CUSTOM_SLICES = [0, 0, 100 * US, 400 * US, 3 * MS, 20 * MS] as const;
