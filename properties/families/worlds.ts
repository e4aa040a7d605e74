// SPDX-License-Identifier: GPL-2.0-only
/** Where the families are asked: small machines of every make, programs and ticks deciding, or any order of events. */
import { type Arbitrary, array, boolean, constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../src/guest/instructions.js';
import type { Scenario, TaskSpec, VmSpec } from '../../src/scenario/scenario.js';
import {
  BIG_MACHINE_SLICE,
  burst,
  FAR_FROM_WRAP,
  hz,
  inGroup,
  type Layout,
  layoutGroups,
  MS,
  taskScenarios,
  US,
  worker,
} from '../arbitraries.js';
import type { World } from '../vocabulary.js';

const habit: Arbitrary<(name: string) => Program | undefined> = record({
  kind: constantFrom('work', 'yieldTo', 'yieldTo', 'yield', 'sleep'),
  ns: burst,
  sleeper: worker,
}).map(({ kind, ns, sleeper }) => (friend: string): Program | undefined => {
  if (kind === 'yield') return [{ op: 'compute', ns }, { op: 'yield' }];
  if (kind === 'yieldTo')
    return [
      { op: 'compute', ns },
      { op: 'yieldTo', task: friend },
    ];
  return kind === 'sleep' ? sleeper : undefined;
});

/** Tasks that work, sleep, yield, or yield to one another, on one CPU; `steady` ones work and do nothing else. */
export function mixedTasks(steady: number, ms: number): World {
  const scenario = record({
    habits: array(habit, { minLength: 1, maxLength: 4 }),
    layout: constantFrom('flat' as const, 'flat' as const, 'groups' as const, 'nested' as const),
    shared: boolean(),
    hz,
    slice: constantFrom(BIG_MACHINE_SLICE, 700_000),
  }).map((draw): Scenario => {
    const n = steady + draw.habits.length;
    const { groups, of } = layoutGroups(draw.layout, n);
    const tasks: TaskSpec[] = [];
    for (let i = 0; i < steady; i++) tasks.push(inGroup({ comm: `steady${i}` }, of(i)));
    draw.habits.forEach((program, i) => {
      // with `shared`, they sit beside the steady ones, whose group pays for what they do
      const group = draw.shared && steady > 0 ? of(i % steady) : of(steady + i);
      const task = inGroup({ comm: `task${i}` }, group);
      const own = program(i === 0 ? `steady${steady - 1}` : `task${i - 1}`);
      tasks.push(own === undefined ? task : { ...task, program: own });
    });
    return {
      cpus: 1,
      hz: draw.hz,
      base_slice: draw.slice,
      vruntime_offset: FAR_FROM_WRAP,
      ...(groups.length > 0 ? { groups } : {}),
      tasks,
      until: ms * MS,
    };
  });
  const keep = (s: Scenario): boolean => {
    const left = s.tasks?.filter((t) => t.comm.startsWith('steady') && t.program === undefined).length ?? 0;
    return left === steady && s.vruntime_offset === FAR_FROM_WRAP;
  };
  return { scenario, weights: {}, length: 4000, keep };
}

const critical = (hold: number, think: number): Program => [
  { op: 'compute', ns: think },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: hold },
  { op: 'unlock', lock: 0 },
];
const ring = (i: number, n: number, think: number): Program => [
  { op: 'compute', ns: think },
  { op: 'ipi', to: (i + 1) % n, vector: 0xf1 },
  { op: 'waitAck' },
];

/** VMs whose vCPUs wait for each other's locks or interrupts, overcommitted, with or without APICv. */
export function contendedVms(ms: number): World {
  const scenario = record({
    vms: integer({ min: 1, max: 2 }),
    vcpus: integer({ min: 2, max: 3 }),
    cpus: integer({ min: 1, max: 2 }),
    hold: burst,
    think: constantFrom(20 * US, 200 * US, 3 * MS),
    kind: constantFrom('lock' as const, 'lock' as const, 'ipi' as const),
    lockKind: constantFrom('ticket' as const, 'tas' as const),
    vendor: constantFrom('vmx' as const, 'svm' as const),
    apicv: boolean(),
    grouped: boolean(),
    hz,
  }).map((draw): Scenario => {
    const names = [...Array(draw.vms).keys()].map((i) => `vm${i}`);
    const vms = names.map(
      (name): VmSpec => ({
        name,
        vcpus: draw.vcpus,
        ...(draw.grouped ? { group: name } : {}),
        cpus: [...Array(draw.vcpus).keys()].map((i) => [i % draw.cpus]),
        vendor: draw.vendor,
        apicv: draw.apicv && draw.vendor === 'vmx',
        lockKind: draw.lockKind,
        programs: [...Array(draw.vcpus).keys()].map((i) =>
          draw.kind === 'lock' ? critical(draw.hold, draw.think) : ring(i, draw.vcpus, draw.think),
        ),
      }),
    );
    return {
      cpus: draw.cpus,
      hz: draw.hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(draw.grouped ? { groups: names.map((name) => ({ name })) } : {}),
      vms,
      until: ms * MS,
    };
  });
  const keep = (s: Scenario): boolean => (s.vms ?? []).length > 0 && s.vruntime_offset === FAR_FROM_WRAP;
  return { scenario, weights: {}, length: 2500, keep };
}

/** Host tasks and every event of the scheduler, in any order. */
export const anyOrder = (offset: string, length = 60): World => ({
  ...oneCpu(offset, length),
  scenario: tasksAnywhere(offset, [1, 1, 2], ['flat', 'groups', 'nested']),
  weights: { ...EVENTS, setattr: 2, shares: 3 },
});

/** The same on one CPU, with many writes to cpu.shares: group entities are reweighted while they run. */
export const reweights = (offset: string, length = 60): World => ({
  ...oneCpu(offset, length),
  scenario: tasksAnywhere(offset, [1], ['groups', 'nested']),
  weights: { ...EVENTS, nice: 8, shares: 14 },
});

/** The same on one CPU without writes to cpu.shares: no group entity is reweighted while it runs. */
export const oneCpu = (offset: string, length = 60): World => ({
  scenario: tasksAnywhere(offset, [1], ['flat', 'groups', 'nested']),
  weights: EVENTS,
  length,
  keep: (s) => s.vruntime_offset === offset,
});

const EVENTS: World['weights'] = {
  ...{ advance: 30, tick: 14, yield: 6, yield_to: 12 },
  ...{ block: 6, wake: 10, nice: 3, move: 2 },
};

const tasksAnywhere = (offset: string, cpus: readonly number[], layouts: readonly Layout[]): Arbitrary<Scenario> =>
  taskScenarios({
    tasks: { min: 2, max: 4 },
    layouts,
    cpus,
    slices: [BIG_MACHINE_SLICE, 700_000],
    offset,
  });
