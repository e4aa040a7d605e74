// SPDX-License-Identifier: GPL-2.0-only
/** Machines of arm64 on which the claims about WFx traps are asked. */
import { boolean, constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../../src/guest/instructions.js';
import type { Scenario, TaskSpec, VmSpec } from '../../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, MS, US } from '../../arbitraries.js';
import type { Weights, World } from '../../vocabulary.js';

/** The virtual timer's PPI. */
export const VTIMER = 27;

/** Interrupts of devices and how they come: through the host, LPIs without it, SGIs without it. */
const GICS = [
  { gic: 'v3' },
  { gic: 'v4' },
  { gic: 'v4', vlpis: 1 },
  { gic: 'v4.1', nassgireq: true },
] as const satisfies readonly { gic: 'v3' | 'v4' | 'v4.1'; vlpis?: number; nassgireq?: boolean }[];

/** Everything that loads a vCPU, and that lets it wait. */
const ANYHOW: Weights = {
  ...{ advance: 16, tick: 8, wfi: 10, wfe: 6, wfit: 3, wfet: 2, lpi: 10, ipi: 6, eoi: 8, cpl: 3, if: 2, intr: 3 },
  ...{ block: 5, wake: 8, yield: 2, schedule: 2 },
};

export interface WfxWorld {
  weights?: Weights;
  /** values of the host's parameters, drawn for WFI and WFE; none is written when absent */
  policies?: readonly number[];
  /** capabilities that are enabled on the way, by number */
  ioctls?: readonly number[];
  vms?: readonly number[];
  hosts?: readonly number[];
  /** devices interrupt without the host */
  direct?: boolean;
  length?: number;
}

/** One or two VMs and host tasks on one CPU or two, in any order of events. */
export function anyhow(w: WfxWorld = {}): World {
  const { policies, ioctls, vms = [1, 1, 2], hosts = [0, 1, 2], length = 60 } = w;
  const scenario = record({
    cpus: constantFrom(1, 2),
    way: constantFrom(...(w.direct === true ? GICS.slice(2) : GICS)),
    vms: constantFrom(...vms),
    vcpus: integer({ min: 1, max: 2 }),
    hosts: constantFrom(...hosts),
    wfi: constantFrom(...(policies ?? [0])),
    wfe: constantFrom(...(policies ?? [0])),
    hz: constantFrom(250, 1000),
  }).map((draw): Scenario => {
    const { gic, ...way } = draw.way;
    const vm = (i: number): VmSpec => ({ name: `vm${i}`, vcpus: draw.vcpus, ...way });
    const task = (i: number): TaskSpec => ({ comm: `host${i}` });
    return {
      cpus: draw.cpus,
      hz: draw.hz,
      arch: 'arm64',
      gic,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(policies === undefined ? {} : { knobs: knobsOf(draw.wfi, draw.wfe) }),
      ...(draw.hosts === 0 ? {} : { tasks: [...Array(draw.hosts).keys()].map(task) }),
      vms: [...Array(draw.vms).keys()].map(vm),
    };
  });
  return {
    scenario,
    weights: { ...ANYHOW, ...(ioctls === undefined ? {} : { vm_ioctl: 6 }), ...w.weights },
    ...(ioctls === undefined ? {} : { ioctls }),
    length,
    events: 8_000,
    advances: [10 * US, 100 * US, 700 * US, 1 * MS, 3 * MS, 4 * MS],
    keep: (s) => s.arch === 'arm64' && (s.vms ?? []).length > 0 && s.vruntime_offset === FAR_FROM_WRAP,
  };
}

/** The two parameters of v4 to v6, and the one of v3 where it can say the same. */
function knobsOf(wfi: number, wfe: number): Record<string, number> {
  return {
    kvm_wfi_trap_policy: wfi,
    kvm_wfe_trap_policy: wfe,
    ...(wfi === wfe ? { kvm_interrupt_passthrough: wfi } : {}),
  };
}

/** A vCPU that works for a part of its period and waits for its timer for the rest. */
export const sleeper = (period: number, work: number): Program => [
  { op: 'timer', ns: period - work, vector: VTIMER },
  { op: 'wfi' },
  { op: 'compute', ns: work },
];

/** A vCPU alone on its CPU, mostly idle unless `busy`, whose VM has an assigned device; a visitor comes to the CPU where one is asked for. */
export function lone(options: { visitor: boolean; ms?: number; busy?: boolean }): World {
  const { visitor, ms = 300, busy = false } = options;
  const scenario = record({
    period: constantFrom(1 * MS, 2 * MS, 4 * MS),
    share: constantFrom(10, 5, 20),
    every: constantFrom(7 * MS, 11 * MS, 23 * MS),
    stays: constantFrom(300 * US, 1_500 * US),
    vlpis: boolean(),
    hz: constantFrom(250, 1000),
  }).map(
    (draw): Scenario => ({
      cpus: 1,
      hz: draw.hz,
      arch: 'arm64',
      gic: draw.vlpis ? 'v4' : 'v4.1',
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(visitor
        ? {
            tasks: [
              {
                comm: 'visitor',
                program: [
                  { op: 'sleep', ns: draw.every },
                  { op: 'compute', ns: draw.stays },
                ],
              },
            ],
          }
        : {}),
      vms: [
        {
          name: 'vm',
          vcpus: 1,
          ...(draw.vlpis ? { vlpis: 1 } : { nassgireq: true }),
          programs: busy
            ? [{ op: 'compute', ns: 50 * MS }]
            : sleeper(draw.period, Math.floor(draw.period / draw.share)),
        },
      ],
      until: ms * MS,
    }),
  );
  return {
    scenario,
    weights: {},
    length: 4_000,
    events: 40_000,
    whole: true,
    keep: (s) =>
      s.arch === 'arm64' && (s.vms ?? []).length === 1 && s.gic !== undefined && (s.tasks !== undefined) === visitor,
  };
}
