// SPDX-License-Identifier: GPL-2.0-only
/** A machine of two counters, a kernel of two functions: enough to ask the runner what it should find. */
import { constant } from 'fast-check';
import type { Monitor, Property, World } from '../../properties/vocabulary.js';
import type { Engine } from '../../src/explore/engine.js';
import { KernelBug, NotModelled } from '../../src/lib/bug.js';
import { add, u64, ZERO } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

/** `step` counts a modulo 3, `yield` counts b modulo 4, `hlt` is legal only when both are 2, `intr` is a bug at a = 2. */
export interface Toy {
  a: number;
  b: number;
  halted: number;
}

export const toyOf = (m: machine): Toy => m as unknown as Toy;

type ToyKernel = { m: machine; countA(n: number): number; countB(n: number): number };

export const toyKernel: Kernel = {
  name: 'toy',
  table: Object.freeze({
    countA(this: ToyKernel, n: number): number {
      const toy = toyOf(this.m);
      toy.a = (toy.a + n) % 3;
      return toy.a;
    },
    countB(this: ToyKernel, n: number): number {
      const toy = toyOf(this.m);
      toy.b = (toy.b + n) % 4;
      return toy.b;
    },
  }),
};

function bootToy(): machine {
  const shared = { sched_clock: ZERO, bootClock: ZERO, warns: 0, sysctl_sched_base_slice: 3_000_000 };
  const lists = { rq: [{ id: 0, idle: -1 }], task: [{ id: 0, comm: 'only' }], task_group: [{}], groupNames: ['root'] };
  const none = { se: [], cfs_rq: [], guest: [], kvm: [], vcpu: [], vmNames: [] };
  return { ...shared, ...none, TICK_NSEC: u64(4_000_000), ...lists, a: 0, b: 0, halted: 0 } as unknown as machine;
}

function applyToy(bound: vmlinux_x86, event: MachineEvent): void {
  const kernel = bound as unknown as ToyKernel;
  const toy = toyOf(kernel.m);
  switch (event.ev) {
    case 'advance':
      kernel.m.sched_clock = add(kernel.m.sched_clock, u64(event.ns));
      break;
    case 'step':
      kernel.countA(1);
      break;
    case 'yield':
      kernel.countB(1);
      break;
    case 'hlt':
      if (toy.a === 2 && toy.b === 2) toy.halted = 1;
      break;
    case 'intr':
      if (toy.a === 2) throw new KernelBug('BUG_ON', 'toy');
      break;
    case 'eoi':
      throw new NotModelled('toy: eoi');
    case 'tick':
      kernel.m.warns++;
      break;
    default:
  }
}

export const toyEngine: Engine = {
  boot: bootToy,
  apply: applyToy,
  next: () => null,
  legal: (m, event) => event.ev !== 'hlt' || (toyOf(m).a === 2 && toyOf(m).b === 2),
  witness: (m) => (toyOf(m).a < 3 ? [] : ['a is at least 3']),
};

export const toyScenario: Scenario = { cpus: 1 };

export const toyWorld: World = {
  scenario: constant(toyScenario),
  weights: { step: 4, yield: 4, advance: 2, hlt: 1 },
  length: 60,
};

/** A property of the toy; `watch` makes its monitor. */
export function toyProperty(word: Property['word'], watch: () => Monitor, more: Partial<Property> = {}): Property {
  const fault = { says: 'nothing', funcs: {} };
  return { word, id: 'T1.1', claim: 'T1', says: 'a toy', given: toyWorld, watch, fault, ...more };
}
