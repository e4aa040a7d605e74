// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where the KVM half of the series is asked: VMs in x2APIC mode whose vCPUs send IPIs to each other and spin.
 *
 * What is tracked and chosen: any order of events. Throughput: programs. One clock tick is an event of its own, and
 * nothing else preempts a vCPU but a wakeup.
 */
import { type Arbitrary, constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../../src/guest/instructions.js';
import type { MachineEvent } from '../../../src/machine/events.js';
import type { Scenario, VmSpec } from '../../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, hz, MS, US } from '../../arbitraries.js';
import type { Scope, World } from '../../vocabulary.js';
import { WINDOW } from './ipi-truth.js';

const TIMES = [10 * US, 100 * US, 1 * MS, 4 * MS, 10 * MS, 20 * MS];
/** around the window, too */
export const AGES = [100 * US, 4 * MS, 10 * MS, WINDOW - 1, WINDOW, WINDOW + 1];

const IPI_EVENTS: World['weights'] = { advance: 12, tick: 8, ipi: 24, eoi: 18, pause: 6, cpl: 2 };
const SPIN_EVENTS: World['weights'] = { advance: 12, tick: 10, ipi: 12, eoi: 5, pause: 24, cpl: 12, hlt: 5 };

export interface VmWorld {
  vcpus?: [number, number];
  cpus?: readonly number[];
  vm?: Partial<VmSpec>;
  weights?: World['weights'];
  advances?: readonly number[];
  knobs?: Readonly<Record<string, readonly number[]>>;
  /** knobs from boot on */
  set?: Readonly<Record<string, number>>;
  /** a vCPU thread may go to any CPU; else thread i is bound to CPU i mod n */
  free?: boolean;
  lazy?: boolean;
  length?: number;
}

function scenarioOf(cpus: number, vcpus: number, options: VmWorld, ticks = 250): Scenario {
  const bound = [...Array(vcpus).keys()].map((i) => [i % cpus]);
  const scenario: Scenario = {
    cpus,
    hz: ticks,
    base_slice: BIG_MACHINE_SLICE,
    vruntime_offset: FAR_FROM_WRAP,
    vms: [{ name: 'vm', vcpus, x2apic: true, ...(options.free === true ? {} : { cpus: bound }), ...options.vm }],
  };
  if (options.set !== undefined) scenario.knobs = { ...options.set };
  if (options.lazy === true) scenario.eager = false;
  return scenario;
}

/** One VM, in any order of what its vCPUs may do. */
export function vmWorld(options: VmWorld = {}): World {
  const [min, max] = options.vcpus ?? [2, 4];
  const scenario = record({ cpus: constantFrom(...(options.cpus ?? [1, 2])), vcpus: integer({ min, max }) }).map(
    ({ cpus, vcpus }) => scenarioOf(cpus, vcpus, options),
  );
  const set = Object.keys(options.set ?? {});
  return {
    scenario,
    weights: options.weights ?? IPI_EVENTS,
    length: options.length ?? 40,
    advances: options.advances ?? TIMES,
    ...(options.knobs === undefined ? {} : { knobs: options.knobs }),
    keep: (s) => keepsVm(s, options, min) && set.every((name) => s.knobs?.[name] === options.set?.[name]),
  };
}

function keepsVm(s: Scenario, options: VmWorld, vcpus: number): boolean {
  const vm = s.vms?.[0];
  if (vm === undefined || vm.x2apic !== true || vm.vcpus < vcpus || s.base_slice === undefined) return false;
  const { apicv, ipiv, pv_eoi, halted } = options.vm ?? {};
  return vm.apicv === apicv && vm.ipiv === ipiv && vm.pv_eoi === pv_eoi && vm.halted === halted;
}

/** One that spins more than it sends. */
export const spinWorld = (options: VmWorld = {}): World =>
  vmWorld({ weights: SPIN_EVENTS, vcpus: [3, 4], cpus: [1, 2], ...options });

/**
 * A CPU for each vCPU but for the last two, who share one, with APICv. A woken vCPU gets its CPU only when that
 * reschedules, which is an event of its own: until then it is alone on its runqueue and not running.
 */
export function aloneOnTheirCpus(): World {
  const world = vmWorld({
    vcpus: [6, 6],
    cpus: [5],
    lazy: true,
    vm: { apicv: true, cpus: [[0], [1], [2], [3], [4], [4]] },
    weights: { advance: 6, tick: 8, resched: 5, hlt: 16, ipi: 30, pause: 16, eoi: 4 },
    length: 60,
  });
  return { ...world, keep: (s) => world.keep!(s) && s.cpus === 5 && s.eager === false };
}

/** Two vCPUs on a CPU each, one that sends and waits, one that computes: nothing but answered and unanswered IPIs. */
export function sendsAndWaits(vm: Partial<VmSpec> = {}): World {
  const scenario = record({ apart: constantFrom(100, 30, 500, 2_000).map((us) => us * US), hz }).map(
    (draw): Scenario => ({
      ...scenarioOf(
        2,
        2,
        {
          vm: {
            ...vm,
            programs: [
              [{ op: 'compute', ns: draw.apart }, { op: 'ipi', to: 1, vector: 0x40 }, { op: 'waitAck' }],
              [{ op: 'compute', ns: 1 * MS }],
            ],
          },
        },
        draw.hz,
      ),
      until: 6 * MS,
    }),
  );
  const keep = (s: Scenario): boolean => {
    const it = s.vms?.[0];
    return (
      it?.vcpus === 2 &&
      Array.isArray(it.programs?.[0]) &&
      it.apicv === vm.apicv &&
      it.ipiv === vm.ipiv &&
      it.pv_eoi === vm.pv_eoi
    );
  };
  return { scenario, weights: {}, length: 100, keep };
}

/** vCPU i bound to CPU i mod n, and every order of the events of a menu. */
export function vmScope(
  depth: number,
  menu: readonly MachineEvent[],
  options: VmWorld & { pcpus?: number; n?: number } = {},
): Scope {
  return { scenario: scenarioOf(options.pcpus ?? 2, options.n ?? 2, options), menu, depth };
}

/** How much of the work of a VM needs the others. */
export type Work = 'lock' | 'ipi';

function workOf(kind: Work, draw: { hold: number; apart: number }, vcpus: number): Program[] {
  return [...Array(vcpus).keys()].map((i): Program => {
    if (kind === 'lock') {
      return [
        { op: 'compute', ns: draw.apart },
        { op: 'lock', lock: 0 },
        { op: 'compute', ns: draw.hold },
        { op: 'unlock', lock: 0 },
      ];
    }
    return [
      { op: 'compute', ns: draw.apart + draw.hold },
      { op: 'ipi', to: (i + 1) % vcpus, vector: 0x40 },
      { op: 'waitAck' },
    ];
  });
}

/** 2, 3 or 4 equal VMs with as many vCPUs each as there are CPUs: overcommitted by 2, 3 or 4 to 1. */
export function equalVms(kind: Work, vms: readonly number[], ms = 120): World {
  const scenario: Arbitrary<Scenario> = record({
    vms: constantFrom(...vms),
    hold: constantFrom(20, 100, 400).map((us) => us * US),
    apart: constantFrom(50, 300).map((us) => us * US),
    hz,
    vcpus: constantFrom(2, 3),
  }).map((draw) => ({
    cpus: draw.vcpus,
    hz: draw.hz,
    base_slice: BIG_MACHINE_SLICE,
    vruntime_offset: FAR_FROM_WRAP,
    groups: [...Array(draw.vms).keys()].map((i) => ({ name: `VM${i}` })),
    vms: [...Array(draw.vms).keys()].map((i) => ({
      name: `vm${i}`,
      vcpus: draw.vcpus,
      group: `VM${i}`,
      x2apic: true,
      cpus: [...Array(draw.vcpus).keys()].map((c) => [c]),
      programs: workOf(kind, draw, draw.vcpus),
    })),
    until: ms * MS,
  }));
  return { scenario, weights: {}, length: 20_000, whole: true, keep: (s) => (s.vms?.length ?? 0) > 1 };
}
