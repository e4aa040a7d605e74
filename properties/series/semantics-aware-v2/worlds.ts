// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where the scheduler's half of the series is asked.
 *
 * Bounds and arithmetic: any order of events. Preference and fairness, where time matters: programs, with ticks at
 * CONFIG_HZ as on a real machine. The base slice is that of the author's sixteen CPUs (2.8 ms) on however few CPUs
 * the model has, and virtual time starts past the wrap, except where a claim is about just that.
 */

import { type Arbitrary, constantFrom, integer, record } from 'fast-check';
import { defined } from '../../../src/base/defined.js';
import type { Program } from '../../../src/guest/instructions.js';
import type { Scenario, TaskSpec } from '../../../src/scenario/scenario.js';
import {
  BIG_MACHINE_SLICE,
  burst,
  FAR_FROM_WRAP,
  hz,
  inGroup,
  type Layout,
  layoutGroups,
  MS,
  spinner,
  taskScenarios,
  US,
  worker,
} from '../../arbitraries.js';
import type { Scope, World } from '../../vocabulary.js';

/** Lengths of time around the series' limits, besides everyday ones; a tick is an event of its own. */
const LIMITS = [100 * US, 600 * US, 600 * US + 1, 700 * US, 1 * MS, 2_800 * US, 4 * MS, 6 * MS, 6 * MS + 1];

const YIELD_EVENTS: World['weights'] = {
  advance: 30,
  tick: 12,
  yield_to: 24,
  schedule: 4,
  yield: 3,
  block: 3,
  wake: 6,
};

/** Host tasks that yield to each other in any order, on one CPU. */
export function yielders(
  layouts: readonly Layout[],
  options: { tasks?: [number, number]; cpus?: number[]; offset?: string; weights?: World['weights'] } = {},
): World {
  const [min, max] = options.tasks ?? [2, 4];
  return {
    scenario: taskScenarios({
      tasks: { min, max },
      layouts,
      ...defined({ cpus: options.cpus, offset: options.offset }),
    }),
    weights: options.weights ?? YIELD_EVENTS,
    length: 40,
    advances: LIMITS,
    keep: (s) => s.base_slice === BIG_MACHINE_SLICE && s.vruntime_offset === (options.offset ?? FAR_FROM_WRAP),
  };
}

/** Two groups of one to six tasks each, in any order of events: two entities compete on the root queue, however many tasks are below. */
export function twoGroups(): World {
  const world = yielders(['flat']);
  const scenario = record({ first: integer({ min: 1, max: 6 }), second: integer({ min: 1, max: 6 }), hz }).map(
    ({ first, second, hz }): Scenario => ({
      cpus: 1,
      hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      groups: [{ name: 'CG0' }, { name: 'CG1' }],
      tasks: [...Array(first + second).keys()].map((i) => ({ comm: `T${i}`, group: i < first ? 'CG0' : 'CG1' })),
    }),
  );
  return { ...world, scenario, keep: (s) => world.keep!(s) && s.tasks!.every((task) => task.group !== undefined) };
}

/** The same within the first millisecond of virtual time: every cfs_rq starts 2^20 ns below 2^64. */
export function youngYielders(layouts: readonly Layout[]): World {
  return {
    ...yielders(layouts, { tasks: [2, 3], offset: '0' }),
    length: 16,
    advances: [50 * US, 100 * US, 300 * US, 700 * US, 1 * MS, 6 * MS + 1],
  };
}

/**
 * What must be left of a scenario made smaller: the machine's constants and the actors, the first of whom yields; and
 * where it matters, who is in which group.
 */
function keeps(comms: readonly string[], homes: Readonly<Record<string, string>> = {}): (s: Scenario) => boolean {
  return (s) => {
    const task = (comm: string) => s.tasks?.find((t) => t.comm === comm);
    return (
      s.base_slice === BIG_MACHINE_SLICE &&
      s.vruntime_offset === FAR_FROM_WRAP &&
      comms.every((comm) => task(comm) !== undefined) &&
      task(comms[0])?.program !== undefined &&
      Object.entries(homes).every(([comm, group]) => task(comm)?.group === group)
    );
  };
}

/** Programs and ticks decide what happens. */
const byPrograms = (
  scenario: Arbitrary<Scenario>,
  comms: readonly string[],
  homes?: Readonly<Record<string, string>>,
): World => ({ scenario, weights: {}, length: 2000, keep: keeps(comms, homes) });

function machineOf(
  draw: { hz: number; layout: Layout; ms: number },
  programs: readonly (readonly [string, Program | undefined])[],
): Scenario {
  const { groups, of } = layoutGroups(draw.layout, programs.length);
  const tasks = programs.map(([comm, program], i): TaskSpec => {
    const task = inGroup({ comm }, of(i));
    return program === undefined ? task : { ...task, program };
  });
  return {
    cpus: 1,
    hz: draw.hz,
    base_slice: BIG_MACHINE_SLICE,
    vruntime_offset: FAR_FROM_WRAP,
    ...(groups.length > 0 ? { groups } : {}),
    tasks,
    until: draw.ms * MS,
  };
}

/** A waiter that spins and yields, a holder that works; alone on a CPU, or with others who only compute. */
export function waiterAndHolder(
  layouts: readonly Layout[],
  options: { others?: number; ms?: number; ticks?: Arbitrary<number> } = {},
): World {
  const { others = 0, ms = 60, ticks = hz } = options;
  const scenario = record({
    waiter: spinner('holder'),
    holder: worker,
    others: integer({ min: 0, max: others }),
    hz: ticks,
    layout: constantFrom(...layouts),
  }).map((draw) =>
    machineOf({ ...draw, ms }, [
      ['waiter', draw.waiter],
      ['holder', draw.holder],
      ...[...Array(draw.others).keys()].map((i) => [`other${i}`, undefined] as const),
    ]),
  );
  return byPrograms(scenario, ['waiter', 'holder']);
}

/** Two threads that do nothing but hand over to each other after equal work, on one CPU. */
export function pingPong(layouts: readonly Layout[]): World {
  const scenario = record({
    ns: constantFrom(30, 20, 50, 100).map((us) => us * US),
    hz,
    layout: constantFrom(...layouts),
  }).map((draw) =>
    machineOf({ ...draw, ms: 24 }, [
      [
        'ping',
        [
          { op: 'compute', ns: draw.ns },
          { op: 'yieldTo', task: 'pong' },
        ],
      ],
      [
        'pong',
        [
          { op: 'compute', ns: draw.ns },
          { op: 'yieldTo', task: 'ping' },
        ],
      ],
    ]),
  );
  const world = byPrograms(scenario, ['ping', 'pong']);
  return { ...world, whole: true, keep: (s) => world.keep!(s) && s.tasks!.every((task) => task.program !== undefined) };
}

/** root{CG0{A,C},CG1{B}[,CG2{D}]}: A yields to B; C and D compute, and so does B. */
export function siblingPays(options: { third: boolean; whole?: boolean }): World {
  const scenario = record({ ns: burst, hz }).map(({ ns, hz }): Scenario => {
    const tasks: TaskSpec[] = [
      {
        comm: 'A',
        group: 'CG0',
        program: [
          { op: 'compute', ns },
          { op: 'yieldTo', task: 'B' },
        ],
      },
      { comm: 'C', group: 'CG0' },
      { comm: 'B', group: 'CG1' },
    ];
    if (options.third) tasks.push({ comm: 'D', group: 'CG2' });
    return {
      cpus: 1,
      hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      groups: ['CG0', 'CG1', ...(options.third ? ['CG2'] : [])].map((name) => ({ name })),
      tasks,
      until: 160 * MS,
    };
  });
  const homes = { A: 'CG0', C: 'CG0', B: 'CG1' };
  const world = byPrograms(scenario, ['A', 'B', 'C'], options.third ? { ...homes, D: 'CG2' } : homes);
  return { ...world, whole: options.whole === true };
}

/** root{CG0{up{A},C},CG1{B}}: A, a level below C, yields to B; C and B compute. */
export function levelBetween(): World {
  const scenario = record({ ns: burst, hz }).map(
    ({ ns, hz }): Scenario => ({
      cpus: 1,
      hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      groups: [{ name: 'CG0' }, { name: 'CG1' }, { name: 'up', parent: 'CG0' }],
      tasks: [
        {
          comm: 'A',
          group: 'up',
          program: [
            { op: 'compute', ns },
            { op: 'yieldTo', task: 'B' },
          ],
        },
        { comm: 'C', group: 'CG0' },
        { comm: 'B', group: 'CG1' },
      ],
      until: 160 * MS,
    }),
  );
  return byPrograms(scenario, ['A', 'B', 'C'], { A: 'up', C: 'CG0', B: 'CG1' });
}

/** A few yields in a row, then 120 ms of work without any, and again. */
export function yieldsThenPeace(layouts: readonly Layout[]): World {
  const scenario = record({
    yields: integer({ min: 1, max: 6 }),
    spin: burst,
    hz,
    layout: constantFrom(...layouts),
  }).map((draw) => {
    const program: Program = [
      ...[...Array(draw.yields).keys()].flatMap(
        () =>
          [
            { op: 'compute', ns: draw.spin },
            { op: 'yieldTo', task: 'holder' },
          ] as const,
      ),
      { op: 'compute', ns: 120 * MS },
    ];
    return machineOf({ ...draw, ms: 240 }, [
      ['waiter', program],
      ['holder', undefined],
    ]);
  });
  return byPrograms(scenario, ['waiter', 'holder']);
}

/** One VM on one CPU that fights for one lock, by PAUSE exits and kvm_vcpu_on_spin(). */
export function spinningVm(layouts: readonly ('oneGroup' | 'groups')[]): World {
  const scenario = record({
    hold: constantFrom(50, 20, 200, 1_000, 5_000).map((us) => us * US),
    apart: constantFrom(30, 100, 500).map((us) => us * US),
    vcpus: integer({ min: 2, max: 3 }),
    hz,
    layout: constantFrom(...layouts),
  }).map((draw): Scenario => {
    const { groups } = layoutGroups(draw.layout, draw.vcpus);
    return {
      cpus: 1,
      hz: draw.hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      groups,
      vms: [
        {
          name: 'vm',
          vcpus: draw.vcpus,
          group: draw.layout === 'oneGroup' ? 'CG0' : groups.map((g) => g.name),
          lockKind: 'tas',
          programs: [
            { op: 'compute', ns: draw.apart },
            { op: 'lock', lock: 0 },
            { op: 'compute', ns: draw.hold },
            { op: 'unlock', lock: 0 },
          ],
        },
      ],
      until: 40 * MS,
    };
  });
  return {
    scenario,
    weights: {},
    length: 2000,
    whole: true,
    keep: (s) => (s.vms?.[0]?.vcpus ?? 0) > 1 && s.base_slice !== undefined,
  };
}

/** Every order of: the one yields, the other yields, and time around the debounce window and the rate limit. */
export function pairOfYielders(depth: number, tasks = 2): Scope {
  return {
    scenario: {
      cpus: 1,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      tasks: [...Array(tasks).keys()].map((i) => ({ comm: `T${i}` })),
    },
    // the idle task of CPU 0 is task 0
    menu: [
      { ev: 'yield_to', cpu: 0, task: 1 },
      { ev: 'yield_to', cpu: 0, task: 2 },
      { ev: 'advance', ns: 600 * US },
      { ev: 'advance', ns: 6 * MS + 1 },
    ],
    depth,
  };
}
