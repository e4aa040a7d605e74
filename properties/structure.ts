// SPDX-License-Identifier: GPL-2.0-only
/**
 * What holds of every kernel on every machine under every event: it does not die, it does not warn, and its lists, trees, counts
 * and sums agree with each other. So it may be asked far from everyday: next to wraps, with weights at both ends, on crowded CPUs.
 */
import { type Arbitrary, array, boolean, constantFrom, integer, record } from 'fast-check';
import { checkKvm } from '../src/machine/invariants-kvm.js';
import { checkSched } from '../src/machine/invariants-sched.js';
import type { Scenario, TaskSpec, VmSpec } from '../src/scenario/scenario.js';
import { hz, inGroup, type Layout, layoutGroups, MS, US } from './arbitraries.js';
import { always, type Claim, type Monitor, type Weights, type World } from './vocabulary.js';

/** Virtual clocks far from, just below and just above each of their wraps, as s64; 2^20 is what a queue starts below 2^64 by. */
const OFFSETS = [
  ...['0', '1048576', '1047576', '1000000000', '-1000000', '4611686018427387904'],
  ...['9223372036854775807', '9223372036853775807', '-9223372036854775808', '-9223372036853775808'],
];
const NICES = [0, 0, 0, -20, 19, 1, -1];
const SHARES = [1024, 1024, 2, 3, 262_144, 1023];
const SLICES = [0, 0, 100 * US, 100 * US + 1, 100 * MS];

const HOST: Weights = {
  ...{ advance: 30, tick: 14, yield: 6, yield_to: 10, block: 8, wake: 14 },
  ...{ nice: 6, setattr: 6, shares: 6, move: 6, knob: 2, schedule: 2, resched: 2 },
};

const list = <T>(of: Arbitrary<T>, max: number): Arbitrary<T[]> => array(of, { minLength: max, maxLength: max });

/** Tasks with weights, slices and virtual clocks at their limits, and every event of the host's scheduler. */
export function tasksAtLimits(most: readonly number[], cpus: readonly number[], more: Weights): World {
  const max = Math.max(...most);
  const scenario = record({
    n: constantFrom(...most),
    layout: constantFrom<Layout[]>('flat', 'oneGroup', 'groups', 'nested'),
    cpus: constantFrom(...cpus),
    offset: constantFrom(...OFFSETS),
    nice: list(constantFrom(...NICES), max),
    shares: list(constantFrom(...SHARES), max),
    slice: list(constantFrom(...SLICES), max),
    policy: list(constantFrom<NonNullable<TaskSpec['policy']>[]>('normal', 'normal', 'batch', 'idle', 'fifo'), max),
    asleep: list(boolean(), max),
    base: constantFrom(undefined, 700 * US, 2_800_000, 100 * US, 100 * MS),
    eager: boolean(),
    hz,
  }).map((draw): Scenario => {
    const { groups, of } = layoutGroups(draw.layout, draw.n);
    const tasks = [...Array(draw.n).keys()].map((i): TaskSpec => {
      const task: TaskSpec = { comm: `T${i}` };
      if (draw.nice[i] !== 0) task.nice = draw.nice[i];
      if (draw.slice[i] !== 0 && draw.policy[i] !== 'fifo') task.slice = draw.slice[i];
      if (draw.policy[i] !== 'normal') task.policy = draw.policy[i];
      if (draw.policy[i] === 'fifo') task.rt_priority = 1;
      if (draw.asleep[i] && i > 0) task.asleep = true;
      return inGroup(task, of(i));
    });
    return {
      cpus: draw.cpus,
      hz: draw.hz,
      vruntime_offset: draw.offset,
      tasks,
      ...(draw.base === undefined ? {} : { base_slice: draw.base }),
      ...(draw.eager ? {} : { eager: false }),
      ...(groups.length > 0 ? { groups: groups.map((g, i) => ({ ...g, shares: draw.shares[i % max] })) } : {}),
    };
  });
  return { scenario, weights: { ...HOST, ...more }, length: 80 };
}

/** vCPUs whose guests do anything, beside tasks. */
function vmWorld(): World {
  const scenario = record({
    vms: integer({ min: 1, max: 2 }),
    vcpus: integer({ min: 1, max: 4 }),
    cpus: integer({ min: 1, max: 2 }),
    tasks: integer({ min: 0, max: 2 }),
    vendor: constantFrom<NonNullable<VmSpec['vendor']>[]>('vmx', 'svm'),
    apicv: boolean(),
    x2apic: boolean(),
    pv_eoi: boolean(),
    split: boolean(),
    halted: boolean(),
    grouped: boolean(),
    offset: constantFrom(...OFFSETS),
    hz,
  }).map((draw): Scenario => {
    const names = [...Array(draw.vms).keys()].map((i) => `vm${i}`);
    const vms = names.map(
      (name): VmSpec => ({
        name,
        vcpus: draw.vcpus,
        vendor: draw.vendor,
        apicv: draw.apicv,
        x2apic: draw.x2apic,
        pv_eoi: draw.pv_eoi,
        irqchip: draw.split ? 'split' : 'kernel',
        ...(draw.halted ? { halted: true } : {}),
        ...(draw.grouped ? { group: name } : {}),
      }),
    );
    return {
      cpus: draw.cpus,
      hz: draw.hz,
      vruntime_offset: draw.offset,
      tasks: [...Array(draw.tasks).keys()].map((i) => ({ comm: `T${i}` })),
      ...(draw.grouped ? { groups: names.map((name) => ({ name })) } : {}),
      vms,
    };
  });
  const weights: Weights = {
    ...{ advance: 24, tick: 10, pause: 14, hlt: 8, ipi: 10, icr: 6, eoi: 8, cpl: 4, if: 4, intr: 6 },
    ...{ hypercall: 4, yield_to: 4, block: 3, wake: 6, nice: 2, shares: 2, apicv: 2, cr8: 2, restore: 1 },
  };
  return { scenario, weights, length: 100 };
}

const whole = (): Monitor => ({
  after(step) {
    step.reach();
    const [breach] = [...checkSched(step.m), ...checkKvm(step.m)];
    if (breach !== undefined) step.fail(`machine: ${breach}`);
  },
  notes: () => null,
});

const miscounts = {
  says: 'account_entity_dequeue() does nothing',
  funcs: { account_entity_dequeue(): void {} },
};

const says = (where: string): string => `the kernel neither dies nor warns, and what it keeps agrees, ${where}`;

/** Asked by `fuzz` of every kernel, beside the families. */
export const structure: Claim = {
  id: 'structure',
  words: 'neither dies nor warns, and what it keeps agrees',
  properties: [
    always(says('of tasks at all limits on one CPU'), {
      of: 'structure.1',
      given: tasksAtLimits([1, 2, 3, 4, 6], [1], {}),
      watch: whole,
      fault: miscounts,
    }),
    always(says('of tasks on several CPUs that come and go'), {
      of: 'structure.2',
      given: tasksAtLimits([1, 2, 4, 6], [2, 3], { cpu_down: 2, cpu_up: 3 }),
      watch: whole,
      fault: miscounts,
    }),
    always(says('of 64 tasks on one CPU'), {
      of: 'structure.3',
      given: { ...tasksAtLimits([64], [1], {}), length: 40, shrinks: 600 },
      watch: whole,
      fault: miscounts,
    }),
    always(says('of vCPUs whose guests do anything'), {
      of: 'structure.4',
      given: vmWorld(),
      watch: whole,
      fault: miscounts,
    }),
  ],
};
