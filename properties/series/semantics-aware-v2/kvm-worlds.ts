// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where the KVM half of the series is asked: VMs in x2APIC mode whose vCPUs send IPIs to each other and spin.
 *
 * What is tracked and chosen: any order of events. Throughput: programs. One clock tick is an event of its own, and
 * nothing else preempts a vCPU but a wakeup.
 */

import { type Arbitrary, constantFrom, integer, record } from 'fast-check';
import { defined } from '../../../src/base/defined.js';
import type { Program } from '../../../src/guest/instructions.js';
import type { MachineEvent } from '../../../src/scenario/events.js';
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
  /** events in all random runs together */
  events?: number;
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
    events: options.events ?? 4_000,
    advances: options.advances ?? TIMES,
    ...defined({ knobs: options.knobs }),
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
  vmWorld({ weights: SPIN_EVENTS, vcpus: [3, 4], cpus: [1, 2], events: 8_000, ...options });

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
    events: 8_000,
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
  return { scenario, weights: {}, length: 100, events: 8_000, keep };
}

/** vCPU i bound to CPU i mod n, and every order of the events of a menu. */
export function vmScope(
  depth: number,
  menu: readonly MachineEvent[],
  options: VmWorld & { pcpus?: number; n?: number } = {},
): Scope {
  return { scenario: scenarioOf(options.pcpus ?? 2, options.n ?? 2, options), menu, depth };
}

/** What a VM's vCPUs need each other for. */
export type Work = 'lock' | 'ipi';

interface WorkDraw {
  hold: number;
  apart: number;
  hz: number;
  vcpus: number;
}

/** In user mode for a while; then in the kernel, with a lock held, or until the next vCPU has answered. */
function workOf(kind: Work, { hold, apart, vcpus }: WorkDraw): Program[] {
  const inUser: Program = [{ op: 'user' }, { op: 'compute', ns: apart }, { op: 'kernel' }];
  return [...Array(vcpus).keys()].map((i): Program => {
    if (kind === 'ipi') return [...inUser, { op: 'ipi', to: (i + 1) % vcpus, vector: 0x40 }, { op: 'waitAck' }];
    return [...inUser, { op: 'lock', lock: 0 }, { op: 'compute', ns: hold }, { op: 'unlock', lock: 0 }];
  });
}

const workDraw = {
  hold: constantFrom(200, 400, 1_000).map((us) => us * US),
  apart: constantFrom(200, 100, 500).map((us) => us * US),
  hz,
  vcpus: constantFrom(2, 3),
};

const working = (cpus: number, ticks: number, ms: number, rest: Pick<Scenario, 'groups' | 'vms'>): Scenario => ({
  cpus,
  hz: ticks,
  base_slice: BIG_MACHINE_SLICE,
  vruntime_offset: FAR_FROM_WRAP,
  ...rest,
  until: ms * MS,
});

const whole = (scenario: Arbitrary<Scenario>, keep: World['keep']): World => {
  const world: World = { scenario, weights: {}, length: 20_000, events: 24_000, whole: true };
  if (keep !== undefined) world.keep = keep;
  return world;
};

/** 2, 3 or 4 equal VMs, each with a vCPU bound to each CPU and a group: overcommitted 2, 3 or 4 to 1. */
export function equalVms(kind: Work, vms: readonly number[]): World {
  const scenario = record({ ...workDraw, vms: constantFrom(...vms) }).map((draw) => {
    const names = [...Array(draw.vms).keys()].map((i) => `VM${i}`);
    const cpus = [...Array(draw.vcpus).keys()].map((cpu) => [cpu]);
    return working(draw.vcpus, draw.hz, 60, {
      groups: names.map((name) => ({ name })),
      vms: names.map((name) => ({
        name: name.toLowerCase(),
        vcpus: draw.vcpus,
        group: name,
        x2apic: true,
        cpus,
        programs: workOf(kind, draw),
      })),
    });
  });
  return whole(scenario, (s) => (s.vms?.length ?? 0) > 1 && s.vms!.every((vm) => vm.vcpus > 1));
}

/** One VM with more vCPUs than CPUs: all in one group, or in a group each, as libvirt has it. */
export function stackedVm(kind: Work, layout: 'oneGroup' | 'nested'): World {
  const scenario = record(workDraw).map((draw) => {
    const each = [...Array(draw.vcpus).keys()].map((i) => `vcpu${i}`);
    const nested = layout === 'nested';
    return working(1, draw.hz, 100, {
      groups: [{ name: 'VM' }, ...(nested ? each.map((name) => ({ name, parent: 'VM' })) : [])],
      vms: [
        {
          name: 'vm',
          vcpus: draw.vcpus,
          group: nested ? each : 'VM',
          x2apic: true,
          programs: workOf(kind, draw),
        },
      ],
    });
  });
  return whole(scenario, ({ vms, groups }) => {
    const vm = vms?.[0];
    if (vm === undefined || vm.vcpus < 2) return false;
    if (layout === 'oneGroup') return vm.group === 'VM';
    return (
      Array.isArray(vm.group) && vm.group.every((name) => groups?.some((g) => g.name === name && g.parent === 'VM'))
    );
  });
}
