// SPDX-License-Identifier: GPL-2.0-only
/** Where KVM's own promises are asked: VMs whose vCPUs spin, halt and are interrupted, in any order of events. */

import { array, boolean, constantFrom, integer, record } from 'fast-check';
import { defined } from '../../src/base/defined.js';
import type { Program } from '../../src/guest/instructions.js';
import type { Scenario, TaskSpec, VmSpec } from '../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, MS, US } from '../arbitraries.js';
import type { Weights, World } from '../vocabulary.js';

/** Ways to deliver an interrupt, as a VM may be set up. */
export const WAYS: readonly Partial<VmSpec>[] = [
  { vendor: 'vmx' },
  { vendor: 'svm' },
  { vendor: 'vmx', apicv: true },
  { vendor: 'vmx', apicv: true, ipiv: true },
  { vendor: 'svm', x2apic: false, apicv: true },
];

export interface VmWorld {
  weights: Weights;
  vcpus: readonly [number, number];
  cpus: readonly number[];
  ways?: readonly Partial<VmSpec>[];
  /** a host task beside the vCPUs on CPU 0, in some machines */
  host?: boolean;
  /** need_resched is served by events of their own */
  lazy?: boolean;
  /** a CPU for each vCPU */
  alone?: boolean;
  /** ns; that of a big machine when absent */
  slice?: number;
  advances?: readonly number[];
  knobs?: Readonly<Record<string, readonly number[]>>;
  length?: number;
  events?: number;
}

/** One VM; its threads are bound to the CPUs in turn, or free in some machines. */
export function vmWorld(w: VmWorld): World {
  const [min, max] = w.vcpus;
  const scenario = record({
    way: constantFrom(...(w.ways ?? WAYS)),
    vcpus: integer({ min, max }),
    cpus: constantFrom(...w.cpus),
    free: boolean(),
    host: boolean(),
  }).map((draw): Scenario => {
    const cpus = w.alone === true ? draw.vcpus : draw.cpus;
    const bound = draw.free && w.alone !== true ? {} : { cpus: [...Array(draw.vcpus).keys()].map((i) => [i % cpus]) };
    return {
      cpus,
      base_slice: w.slice ?? BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(w.lazy === true ? { eager: false } : {}),
      ...(w.host === true && draw.host ? { tasks: [{ comm: 'host', cpus: [0] }] } : {}),
      vms: [{ name: 'vm', vcpus: draw.vcpus, ...draw.way, ...bound }],
    };
  });
  const ways = new Set((w.ways ?? WAYS).map((way) => `${way.vendor} ${way.apicv} ${way.ipiv}`));
  return {
    scenario,
    weights: w.weights,
    length: w.length ?? 60,
    events: w.events ?? 10_000,
    ...defined({ advances: w.advances, knobs: w.knobs }),
    keep: (s) => {
      const vm = s.vms?.[0];
      return vm !== undefined && vm.vcpus >= min && ways.has(`${vm.vendor} ${vm.apicv} ${vm.ipiv}`);
    },
  };
}

const SHORT = [10 * US, 50 * US, 100 * US, 200 * US, 1 * MS, 3 * MS];

/** More vCPUs than CPUs, that spin in user and kernel mode. */
export const spinning = vmWorld({
  weights: { advance: 12, tick: 10, ipi: 10, eoi: 5, pause: 26, cpl: 12, hlt: 5, intr: 4 },
  vcpus: [3, 5],
  cpus: [1, 1, 2],
  advances: SHORT,
});

/**
 * A CPU for each vCPU, and nobody reschedules at once: a vCPU that is woken is alone on its queue and not running, so
 * that yielding to it is pointless.
 */
export const pointless = vmWorld({
  weights: { advance: 6, tick: 4, resched: 3, hlt: 22, ipi: 34, pause: 22, eoi: 4 },
  vcpus: [6, 7],
  cpus: [6],
  ways: [{ vendor: 'vmx', apicv: true }, { vendor: 'vmx' }],
  lazy: true,
  alone: true,
  length: 80,
});

/** Everything that interrupts, wakes and deschedules. */
export const busy = vmWorld({
  weights: {
    advance: 8,
    tick: 6,
    ipi: 16,
    eoi: 12,
    hlt: 10,
    if: 3,
    intr: 3,
    pause: 6,
    cpl: 4,
    apicv: 3,
    block: 2,
    wake: 4,
  },
  vcpus: [2, 4],
  cpus: [1, 2, 2],
  host: true,
  advances: SHORT,
});

/** ns that a vCPU halts: around grow_start, the windows that it leads to, and the longest window */
const halt = constantFrom(5 * US, 10 * US, 15 * US, 30 * US, 70 * US, 150 * US, 250 * US, 700 * US);
const VECTOR = 0x41;

/** Halts that its own timer ends, or another vCPU's IPI. */
const halts = record({ first: halt, second: halt, third: halt, between: constantFrom(20 * US, 5 * US, 150 * US) }).map(
  ({ first, second, third, between }): Program =>
    [first, second, third].flatMap((ns) => [
      { op: 'timer', ns, vector: VECTOR },
      { op: 'hlt' },
      { op: 'compute', ns: between },
    ]),
);

/** vCPUs that halt for short and long, alone on their CPUs or beside a task, under any setting of halt polling. */
export const halting: World = {
  scenario: record({
    vendor: constantFrom('vmx' as const, 'svm' as const),
    programs: array(halts, { minLength: 1, maxLength: 3 }),
    cpus: integer({ min: 1, max: 2 }),
    crowd: constantFrom(0, 0, 300 * US, 2 * MS),
    knobs: record({
      halt_poll_ns: constantFrom(200_000, 100_000, 15_000, 0),
      halt_poll_ns_grow: constantFrom(2, 3, 1, 0),
      halt_poll_ns_grow_start: constantFrom(10_000, 20_000, 0),
      halt_poll_ns_shrink: constantFrom(2, 0, 4),
    }),
  }).map(({ vendor, programs, cpus, crowd, knobs }): Scenario => {
    const sleeper: TaskSpec = {
      comm: 'host',
      cpus: [0],
      program: [
        { op: 'compute', ns: 20 * US },
        { op: 'sleep', ns: crowd },
      ],
    };
    return {
      cpus,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      knobs,
      ...(crowd > 0 ? { tasks: [sleeper] } : {}),
      vms: [
        {
          name: 'vm',
          vcpus: programs.length,
          vendor,
          cpus: programs.map((_, i) => [i % cpus]),
          programs: [...programs],
        },
      ],
      until: 5 * MS,
    };
  }),
  weights: {},
  length: 300,
  events: 12_000,
  keep: (s) => (s.vms ?? []).length > 0,
};

/** One CPU, hardly a tick, and nothing but spinning in the kernel. */
export const tickless = vmWorld({
  weights: { advance: 20, pause: 20, tick: 1 },
  vcpus: [2, 3],
  cpus: [1],
  ways: [{ vendor: 'vmx' }, { vendor: 'svm' }],
  advances: [50 * US, 200 * US, 400 * US],
  slice: 700_000,
  length: 200,
  events: 8_000,
});
