// SPDX-License-Identifier: GPL-2.0-only
/** Guests of two vCPUs on a host of two CPUs, whose kernels may run the steal governor. */
import { boolean, constantFrom, integer, record } from 'fast-check';
import type { Scenario, TaskSpec, VmSpec } from '../../../src/scenario/scenario.js';
import { MS, US } from '../../arbitraries.js';
import type { World } from '../../vocabulary.js';

/** Compute for some ms, and sleep a little, so that wake-ups place them. */
const workers = (n: number, computes: number, sleeps: number): TaskSpec[] =>
  [...Array(n).keys()].map((i) => ({
    ...{ comm: `worker${i}`, starts: i % 2 },
    program: [
      { op: 'compute', ns: computes + 300 * i * US },
      { op: 'sleep', ns: sleeps + 50 * i * US },
    ],
  }));

function guest(i: number, hz: number, tasks: TaskSpec[], governor: boolean): VmSpec {
  const knobs = { steal_governor: Number(governor), interval_ms: 100 };
  // what both prefer is not the same CPU of the host
  return { name: `vm${i}`, vcpus: 2, cpus: i === 0 ? [[0], [1]] : [[1], [0]], kernel: { hz, tasks, knobs } };
}

/** `vms` guests, each vCPU on a CPU of its own. */
const whole = (scenario: World['scenario'], vms = 2): World => ({
  ...{ scenario, weights: {}, length: 8_000, events: 24_000, shrinks: 12, whole: true },
  keep: ({ vms: some = [], cpus }) =>
    cpus === 2 && some.length === vms && some.every((vm) => vm.vcpus === 2 && vm.cpus !== undefined),
});

/** Both guests want more than their half. `one`: the second does not run the governor; `bound`: some tasks may be on one vCPU alone. `long`: nobody sleeps for ticks. */
export function crowded(options: { one?: boolean; bound?: boolean; long?: boolean } = {}): World {
  const { one = false, bound = false, long = false } = options;
  const scenario = record({
    first: integer({ min: 2, max: 4 }),
    second: integer({ min: 2, max: 3 }),
    computes: long ? integer({ min: 40_000, max: 90_000 }) : integer({ min: 2_000, max: 6_000 }),
    sleeps: integer({ min: 100, max: 500 }),
    where: constantFrom(0, 1, 1),
    hz: constantFrom(100, 250),
  }).map((draw): Scenario => {
    const tied = bound
      ? [{ ...workers(1, 2 * MS, 200 * US)[0], comm: 'tied', starts: draw.where, cpus: [draw.where] }]
      : [];
    const tasks = (n: number): TaskSpec[] => [...workers(n, draw.computes * US, draw.sleeps * US), ...tied];
    return {
      ...{ cpus: 2, hz: draw.hz, until: 420 * MS },
      vms: [guest(0, draw.hz, tasks(draw.first), true), guest(1, draw.hz, tasks(draw.second), !one)],
    };
  });
  return whole(scenario);
}

/** One of them has more to do than a CPU gives, the other is idle most of the time. */
export function unequal(): World {
  const scenario = record({
    more: integer({ min: 3, max: 4 }),
    turned: boolean(),
    computes: integer({ min: 2_000, max: 6_000 }),
    hz: constantFrom(100, 250),
  }).map((draw): Scenario => {
    const tasks = (n: number): TaskSpec[] => workers(n, draw.computes * US, (n === 1 ? 4 * draw.computes : 300) * US);
    const counts = draw.turned ? [1, draw.more] : [draw.more, 1];
    return {
      ...{ cpus: 2, hz: draw.hz, until: 420 * MS },
      vms: counts.map((n, i) => guest(i, draw.hz, tasks(n), true)),
    };
  });
  return whole(scenario);
}

/** One guest, and a task of the host that takes some hundredths of CPU 1. */
export function visited(): World {
  const scenario = record({
    takes: integer({ min: 2, max: 16 }),
    computes: integer({ min: 2_000, max: 6_000 }),
    hz: constantFrom(100, 250),
  }).map((draw): Scenario => {
    const program: TaskSpec['program'] = [
      { op: 'sleep', ns: 10 * MS - draw.takes * 100 * US },
      { op: 'compute', ns: draw.takes * 100 * US },
    ];
    return {
      ...{ cpus: 2, hz: draw.hz, until: 420 * MS },
      tasks: [{ comm: 'visitor', cpus: [1], policy: 'fifo', rt_priority: 1, program }],
      vms: [guest(0, draw.hz, workers(3, draw.computes * US, 200 * US), true)],
    };
  });
  return whole(scenario, 1);
}
