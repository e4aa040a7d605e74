// SPDX-License-Identifier: GPL-2.0-only
/** Where the properties of interrupts are asked: machines of local APICs, and how often what happens to them. */

import { constantFrom } from 'fast-check';
import { assert } from '../../src/base/assert.js';
import { defined } from '../../src/base/defined.js';
import type { ApicEvent } from '../../src/scenario/events.js';
import type { ApicsSpec, Scenario } from '../../src/scenario/scenario.js';
import type { Weights, World } from '../vocabulary.js';

export type Kind = ApicEvent['ev'] | 'advance' | 'amid' | 'apicv';

/** One machine, and what may happen to it. */
export interface ApicWorld {
  apics: ApicsSpec;
  /** each as often as it is named */
  kinds: readonly Kind[];
  /** that are written; all when absent */
  registers?: readonly number[];
  /** MSRs that are written; those of the registers, IA32_APICBASE and IA32_TSC_DEADLINE when absent */
  msrs?: readonly number[];
  /** pins keep their vectors, are level-triggered and not masked */
  steadyPins?: boolean;
  /** destinations are drawn from the ids that there are, and bits of masks up to the last */
  far?: boolean;
  /** IPIs are INITs and SIPIs, mostly */
  starts?: boolean;
}

/** vCPUs of most machines: enough for two clusters, and for a sender, a receiver and bystanders */
export const VCPUS = 4;
/** events a run, at most */
const LENGTH = 120;

const weightsOf = (kinds: readonly Kind[]): Weights => {
  const weights: Weights = {};
  for (const kind of kinds) weights[kind] = (weights[kind] ?? 0) + 1;
  return weights;
};

/** The machines together: each run draws one of them. */
export function worldOf(worlds: readonly ApicWorld[], length = LENGTH): World {
  const scenarios = worlds.map(({ apics }): Scenario => ({ cpus: 1, apics }));
  const menus = worlds.map(({ kinds, registers, msrs, steadyPins, far, starts }) => ({
    weights: weightsOf(kinds),
    ...defined({ registers, msrs, steadyPins, far, starts }),
  }));
  return {
    scenario: constantFrom(...scenarios),
    weights: weightsOf(worlds.flatMap(({ kinds }) => kinds)),
    apics(scenario) {
      const menu = menus[scenarios.indexOf(scenario)];
      // WHY: another world's menu would leave what this one is for unasked, and nobody would see it
      assert(menu !== undefined, 'a scenario of this world, itself and no copy');
      return menu;
    },
    length,
  };
}

const EVERYDAY: readonly Kind[] = [
  ...(['mmio_write', 'write_icr', 'write_icr', 'write_icr', 'msi', 'pv_ipi'] as const),
  ...(['window', 'window', 'enter', 'advance'] as const),
];

/** EOI and TPR often, the timer and what enables or names an APIC sometimes. */
const registers = [0xb0, 0xb0, 0xb0, 0xb0, 0x80, 0x80, 0x320, 0x380, 0x3e0, 0xf0, 0xd0, 0x20, 0x350];

/** All modes, both irqchips, both vendors, timers, INITs and software disables. */
export const everyWorld: readonly ApicWorld[] = [
  { apics: { vcpus: VCPUS, mode: 'xapic' }, kinds: [...EVERYDAY, 'set_lapic'], registers },
  { apics: { vcpus: VCPUS, mode: 'cluster', vendor: 'vmx' }, kinds: EVERYDAY, registers },
  { apics: { vcpus: VCPUS, mode: 'x2apic' }, kinds: ['wrmsr', 'wrmsr', ...EVERYDAY], registers },
  {
    apics: { vcpus: VCPUS, mode: 'xapic', irqchip: 'kernel', vendor: 'vmx' },
    kinds: [...EVERYDAY, 'pin', 'redirect'],
    registers,
  },
];

/** The same with senders in whose middle a receiver takes something else. */
export const racingWorlds: readonly ApicWorld[] = [
  ...everyWorld,
  {
    apics: { vcpus: 3, mode: 'xapic' },
    kinds: ['write_icr', 'write_icr', 'amid', 'amid', 'mmio_write', 'window'],
    registers: [0xb0],
  },
];

/** IPIs and MSIs while ids, logical ids and enables change; every APIC is in one mode. */
const naming = [0x20, 0xd0, 0xd0, 0xf0, 0x80, 0xb0];
export const deliveryWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: VCPUS, mode: 'xapic' },
    kinds: ['mmio_write', 'write_icr', 'write_icr', 'msi', 'set_lapic'],
    registers: naming,
  },
  {
    apics: { vcpus: VCPUS, mode: 'cluster' },
    kinds: ['mmio_write', 'write_icr', 'write_icr', 'msi'],
    registers: naming,
  },
  {
    apics: { vcpus: VCPUS, mode: 'x2apic' },
    kinds: ['write_icr', 'write_icr', 'msi', 'wrmsr'],
    registers: [0x80, 0xb0, 0xf0],
  },
];

export const farId: ApicWorld = {
  apics: { vcpus: 3, ids: [0, 1, 300], mode: 'x2apic' },
  kinds: ['wrmsr', 'set_sregs', 'amid', 'amid'],
  msrs: [0x80f, 0x1b, 0x1b],
};

/** Changes of what an APIC is called and whether it is on, one in the middle of another's; one id is far beyond the rest. */
export const mapWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: VCPUS, mode: 'xapic' },
    kinds: ['mmio_write', 'wrmsr', 'set_lapic', 'write_icr', 'amid'],
    registers: naming,
  },
  {
    apics: { vcpus: VCPUS, mode: 'xapic', vendor: 'svm', apicv: true },
    kinds: ['mmio_write', 'mmio_write', 'wrmsr', 'set_lapic', 'enter'],
    registers: [0x20, 0xd0, 0xd0],
  },
  farId,
];

const clock = [0x320, 0x320, 0x380, 0x380, 0x380, 0x3e0, 0xb0, 0xf0, 0x80];
export const timerWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: VCPUS, mode: 'xapic' },
    kinds: ['mmio_write', 'mmio_write', 'mmio_write', 'advance', 'enter', 'window', 'mmio_read'],
    registers: clock,
  },
  {
    apics: { vcpus: VCPUS, mode: 'x2apic' },
    kinds: ['wrmsr', 'wrmsr', 'advance', 'enter', 'rdmsr'],
    registers: clock,
  },
];

/** Periodic timers of a host that is busy for a while. */
export const stallWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: VCPUS, mode: 'xapic' },
    kinds: ['mmio_write', 'mmio_write', 'stall', 'stall', 'enter'],
    registers: [0x320, 0x320, 0x380, 0x380],
  },
];

/** Registers that there are, and some that there are not. */
const everyRegister = Array.from({ length: 0x40 }, (_, i) => i << 4);
export const hostileWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: VCPUS, mode: 'xapic' },
    kinds: [
      ...(['mmio_write', 'mmio_write', 'mmio_read', 'wrmsr', 'rdmsr', 'write_icr', 'msi', 'pv_ipi'] as const),
      ...(['advance', 'stall', 'window', 'enter', 'set_lapic'] as const),
    ],
    registers: [...everyRegister, 0x320, 0x320, 0x320, 0x380, 0x380, 0x380, 0x390, 0x390, 0x390],
  },
  {
    apics: { vcpus: VCPUS, mode: 'xapic', vendor: 'vmx' },
    kinds: ['mmio_write', 'mmio_write', 'mmio_read', 'set_lapic', 'advance'],
    registers: [0x320, 0x320, 0x380, 0x390, 0x390, 0x3e0],
  },
  {
    apics: { vcpus: VCPUS, mode: 'x2apic', vendor: 'vmx' },
    kinds: ['wrmsr', 'rdmsr', 'mmio_write', 'mmio_read', 'write_icr', 'pv_ipi', 'advance', 'enter'],
  },
];

/** IPIs and what else touches ICR, of both vendors. */
export const icrWorlds: readonly ApicWorld[] = (['svm', 'vmx'] as const).map((vendor) => ({
  apics: { vcpus: VCPUS, mode: 'x2apic', vendor },
  kinds: ['write_icr', 'write_icr', 'enter', 'pv_ipi', 'rdmsr'],
}));

/** Timers that run when userspace restores another state. */
export const restoreWorlds: readonly ApicWorld[] = (['svm', 'vmx'] as const).map((vendor) => ({
  apics: { vcpus: 2, mode: 'xapic', vendor },
  kinds: ['mmio_write', 'mmio_write', 'set_lapic', 'advance', 'enter'],
  registers: [0x320, 0x380, 0x380, 0x3e0],
}));

/** Level-triggered pins that are pointed elsewhere while their interrupts are in flight. */
export const pinWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: 3, mode: 'xapic', irqchip: 'kernel', vendor: 'vmx' },
    kinds: ['pin', 'pin', 'pin', 'redirect', 'redirect', 'window', 'window', 'enter', 'mmio_write', 'mmio_write'],
    registers: [0xb0],
    steadyPins: true,
  },
];

/** Ids and bits of masks at the ends of their ranges: clusters that are full, ids behind 8 bits, and PV IPIs of four words. */
const SENDERS: readonly Kind[] = ['write_icr', 'write_icr', 'write_icr', 'msi', 'pv_ipi', 'pv_ipi'];
export const farWorlds: readonly ApicWorld[] = [
  { apics: { vcpus: 8, mode: 'xapic' }, kinds: [...SENDERS, 'mmio_write'], registers: [0xd0, 0xf0, 0x300], far: true },
  {
    apics: { vcpus: 8, mode: 'cluster' },
    kinds: [...SENDERS, 'mmio_write', 'mmio_write'],
    registers: [0xd0, 0xd0, 0x300],
    far: true,
  },
  { apics: { vcpus: 18, mode: 'x2apic' }, kinds: [...SENDERS, 'wrmsr'], msrs: [0x830, 0x83f, 0x80f], far: true },
  {
    apics: { vcpus: 10, ids: [0, 1, 15, 31, 32, 63, 64, 127, 255, 256], mode: 'x2apic', vendor: 'vmx' },
    kinds: SENDERS,
    far: true,
  },
];

/** INITs and SIPIs, to one and to all, and the entries that take them. */
export const resetWorlds: readonly ApicWorld[] = (['xapic', 'x2apic'] as const).map((mode) => ({
  apics: { vcpus: 3, mode },
  kinds: ['write_icr', 'write_icr', 'write_icr', 'enter', 'enter', 'window', mode === 'xapic' ? 'mmio_write' : 'wrmsr'],
  registers: [0xd0, 0x80, 0x320, 0x350, 0x380, 0xf0],
  starts: true,
}));

/** Every register written and read, on APICs that are software enabled or not. */
export const accessWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: 3, mode: 'xapic' },
    kinds: ['mmio_write', 'mmio_write', 'mmio_write', 'mmio_read', 'write_icr', 'cr8'],
  },
  {
    apics: { vcpus: 3, mode: 'x2apic', vendor: 'vmx' },
    kinds: ['wrmsr', 'wrmsr', 'wrmsr', 'rdmsr', 'write_icr', 'cr8'],
  },
  { apics: { vcpus: 3, mode: 'x2apic' }, kinds: ['wrmsr', 'wrmsr', 'rdmsr', 'write_icr', 'write_icr', 'cr8'] },
];

/** From mode to mode, and what is written in each. */
export const modeWorlds: readonly ApicWorld[] = [
  { apics: { vcpus: 3, ids: [0, 1, 18], mode: 'xapic' }, kinds: ['wrmsr', 'wrmsr', 'set_sregs'] },
  { apics: { vcpus: 3, ids: [0, 17, 33], mode: 'x2apic' }, kinds: ['wrmsr', 'wrmsr', 'wrmsr', 'set_sregs'] },
];

/** A TPR that holds back, and IPIs that it holds back. */
export const priorityWorlds: readonly ApicWorld[] = (['vmx', 'svm'] as const).map((vendor) => ({
  apics: { vcpus: 2, mode: 'xapic', vendor },
  kinds: ['mmio_write', 'mmio_write', 'write_icr', 'enter', 'enter', 'window'],
  registers: [0x80, 0x80, 0x80, 0xb0],
}));

/** Counts that are read often. */
export const countWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: 2, mode: 'xapic' },
    kinds: ['mmio_write', 'mmio_write', 'advance', 'mmio_read', 'mmio_read'],
    registers: [0x320, 0x380, 0x380, 0x3e0, 0x390, 0x390],
  },
];

/** Timers that run when userspace saves the page and restores it, as it is or with another count. */
export const resumeWorlds: readonly ApicWorld[] = [
  {
    apics: { vcpus: 2, mode: 'xapic' },
    kinds: ['mmio_write', 'mmio_write', 'set_lapic', 'advance', 'enter'],
    registers: [0x320, 0x380, 0x380, 0x3e0, 0x80, 0x80],
  },
];

/** What a VMM does to a vCPU that is not in KVM_RUN: another host, another TSC, another CPUID. */
export const vmmWorlds: readonly ApicWorld[] = (['xapic', 'x2apic'] as const).map((mode) => ({
  apics: { vcpus: 2, mode },
  kinds: [
    ...(mode === 'xapic'
      ? (['mmio_write', 'mmio_write', 'mmio_write'] as const)
      : (['wrmsr', 'wrmsr', 'wrmsr'] as const)),
    ...([
      'write_icr',
      'advance',
      'advance',
      'enter',
      'window',
      'restore',
      'restore',
      'tsc_offset',
      'cpuid',
      'cr8',
    ] as const),
  ],
  registers: [0x320, 0x320, 0x380, 0x380, 0x3e0, 0xf0, 0xd0],
}));

/** APICs that the CPU virtualizes, on and off, with a VMM that saves, restores and changes them. */
export const virtualWorlds: readonly ApicWorld[] = (
  [
    ['xapic', 'vmx'],
    ['xapic', 'svm'],
    ['x2apic', 'vmx'],
  ] as const
).map(([mode, vendor]) => ({
  apics: { vcpus: 3, mode, vendor, apicv: true },
  kinds: [
    ...(mode === 'xapic' ? (['mmio_write', 'mmio_write', 'mmio_write'] as const) : (['wrmsr', 'wrmsr'] as const)),
    ...(['write_icr', 'write_icr', 'msi', 'msi', 'window', 'enter', 'enter', 'advance'] as const),
    ...(['apicv', 'restore', 'set_lapic', 'cr8', 'cr8'] as const),
  ],
  registers: [0x80, 0x80, 0xb0, 0xb0, 0xb0, 0x320, 0x380],
  msrs: [0x808, 0x80b, 0x80b, 0x83f, 0x832, 0x838],
}));
