// SPDX-License-Identifier: GPL-2.0-only
/** Machines with real-time tasks: on several CPUs in any order of events, on one CPU, beside a fair server, and as vCPUs. */
import { type Arbitrary, array, boolean, constantFrom, integer, record, subarray } from 'fast-check';
import type { Program } from '../../src/guest/instructions.js';
import type { Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, hz, MS, US } from '../arbitraries.js';
import type { Weights, World } from '../vocabulary.js';

const isRealTime = ({ policy }: TaskSpec): boolean => policy === 'fifo' || policy === 'rr';
const fixed = { base_slice: BIG_MACHINE_SLICE, vruntime_offset: FAR_FROM_WRAP };
const atLeast =
  (n: number) =>
  ({ tasks = [], vruntime_offset }: Scenario): boolean =>
    vruntime_offset === FAR_FROM_WRAP && tasks.filter(isRealTime).length >= n;

/** A real-time task of one of so many priorities. */
const realTime = (priorities: number): Arbitrary<Omit<TaskSpec, 'comm'>> =>
  record({ policy: constantFrom('fifo' as const, 'rr' as const), rt_priority: integer({ min: 1, max: priorities }) });

export interface SpreadOptions {
  weights: Weights;
  features?: Record<string, boolean>;
  /** each task may run on some CPUs of its own; on all of them when absent */
  uneven?: boolean;
}

/** Three to six real-time tasks and up to two fair ones on two to four CPUs. */
export function spread({ weights, features, uneven = false }: SpreadOptions): World {
  const CPUS = [0, 1, 2, 3];
  const some = uneven ? subarray(CPUS, { minLength: 1 }) : constantFrom(CPUS);
  const scenario = record({
    cpus: constantFrom(2, 3, 4),
    hz,
    realtime: array(record({ spec: realTime(3), on: some }), { minLength: 3, maxLength: 6 }),
    fair: integer({ min: 0, max: 2 }),
  }).map((draw): Scenario => {
    const tasks = draw.realtime.map(({ spec, on }, i): TaskSpec => {
      const cpus = on.filter((cpu) => cpu < draw.cpus);
      return { comm: `rt${i}`, ...spec, ...(uneven && cpus.length > 0 ? { cpus } : {}) };
    });
    for (let i = 0; i < draw.fair; i++) tasks.push({ comm: `fair${i}` });
    return { ...fixed, cpus: draw.cpus, hz: draw.hz, tasks, ...(features === undefined ? {} : { features }) };
  });
  const keep = (s: Scenario): boolean => atLeast(2)(s) && (features === undefined || s.features !== undefined);
  return { scenario, weights, length: 60, keep, events: 5000 };
}

/** Two to five real-time tasks of two priorities on one CPU; slices of SCHED_RR are one to three jiffies. */
export function oneByOne(weights: Weights): World {
  const scenario = record({
    hz: constantFrom(250, 1000),
    slice: integer({ min: 1, max: 3 }),
    realtime: array(realTime(2), { minLength: 2, maxLength: 5 }),
  }).map((draw): Scenario => {
    const knobs = { sched_rr_timeslice_ms: (draw.slice * 1000) / draw.hz };
    return {
      ...fixed,
      cpus: 1,
      hz: draw.hz,
      knobs,
      tasks: draw.realtime.map((spec, i) => ({ comm: `rt${i}`, ...spec })),
    };
  });
  const keep = (s: Scenario): boolean => atLeast(1)(s) && s.cpus === 1 && s.knobs !== undefined;
  return { scenario, weights, length: 80, keep, events: 5000 };
}

/** Two to four SCHED_RR tasks of one priority that compute for ever on one CPU. */
export function inTurns(ms: number): World {
  const scenario = record({ hz, n: integer({ min: 2, max: 4 }) }).map(
    (draw): Scenario => ({
      ...fixed,
      cpus: 1,
      hz: draw.hz,
      tasks: [...Array(draw.n).keys()].map((i) => ({ comm: `rr${i}`, policy: 'rr', rt_priority: 5 })),
      until: ms * MS,
    }),
  );
  return { scenario, weights: {}, length: 2000, keep: atLeast(2), events: 10_000 };
}

/** A SCHED_FIFO task that computes for ever on two CPUs, and one or two fair tasks pinned to the first. */
export function servedBeside(ms: number): World {
  const scenario = record({ hz: constantFrom(250, 1000), fair: integer({ min: 1, max: 2 }) }).map((draw): Scenario => {
    const tasks: TaskSpec[] = [{ comm: 'hog', policy: 'fifo', rt_priority: 1 }];
    for (let i = 0; i < draw.fair; i++) tasks.push({ comm: `fair${i}`, cpus: [0] });
    return { ...fixed, cpus: 2, hz: draw.hz, tasks, until: ms * MS };
  });
  const keep = (s: Scenario): boolean => atLeast(1)(s) && (s.tasks ?? []).some((task) => !isRealTime(task));
  return { scenario, weights: {}, length: 8000, keep, events: 10_000 };
}

/** Static real-time: all vCPUs of a VM are SCHED_FIFO or SCHED_RR and halt often, beside host tasks and another VM that are fair. */
export function staticVcpus(ms: number): World {
  const scenario = record({
    cpus: integer({ min: 1, max: 3 }),
    vcpus: integer({ min: 1, max: 3 }),
    policy: constantFrom('fifo' as const, 'rr' as const),
    every: constantFrom(700 * US, 2 * MS, 5 * MS),
    for: constantFrom(30 * US, 300 * US),
    apicv: boolean(),
    hogs: integer({ min: 1, max: 2 }),
    hz,
  }).map((draw): Scenario => {
    const program: Program = [
      { op: 'timer', ns: draw.every, vector: 0xec },
      { op: 'hlt' },
      { op: 'compute', ns: draw.for },
    ];
    return {
      ...fixed,
      cpus: draw.cpus,
      hz: draw.hz,
      tasks: [...Array(draw.hogs).keys()].map((i) => ({ comm: `hog${i}` })),
      vms: [
        { name: 'rt', vcpus: draw.vcpus, policy: draw.policy, rt_priority: 1, apicv: draw.apicv, programs: program },
        { name: 'fair', vcpus: 2, programs: [{ op: 'compute', ns: MS }] },
      ],
      until: ms * MS,
    };
  });
  const keep = ({ vms = [], vruntime_offset }: Scenario): boolean =>
    vms.some((vm) => vm.policy !== undefined) && vruntime_offset === FAR_FROM_WRAP;
  return { scenario, weights: {}, length: 2000, keep, events: 5000 };
}
