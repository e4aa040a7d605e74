// SPDX-License-Identifier: GPL-2.0-only
/** Machines of s390: guests that yield by diagnose 0x9c, and guests in any order of what they may do. */
import { boolean, constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../../src/guest/instructions.js';
import type { Scenario, VmSpec } from '../../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, hz, type Layout, layoutGroups, MS, US } from '../../arbitraries.js';
import type { World } from '../../vocabulary.js';

/** The clock comparator's interrupt. */
const COMPARATOR = 20;

const isS390 = (s: Scenario): boolean =>
  s.arch === 's390' && s.base_slice === BIG_MACHINE_SLICE && s.vruntime_offset === FAR_FROM_WRAP;

/** Two vCPUs on one CPU that do nothing but yield to each other. */
export function pingPong(layouts: readonly Layout[]): World {
  const scenario = record({
    ns: constantFrom(30, 20, 50, 100).map((us) => us * US),
    hz,
    layout: constantFrom(...layouts),
  }).map((draw): Scenario => {
    const { groups, of } = layoutGroups(draw.layout, 2);
    const program = (to: number): Program => [
      { op: 'compute', ns: draw.ns },
      { op: 'diag9c', to },
    ];
    const [first, second] = [of(0), of(1)];
    return {
      cpus: 1,
      hz: draw.hz,
      arch: 's390',
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(groups.length > 0 ? { groups } : {}),
      vms: [
        {
          ...{ name: 'vm', vcpus: 2, programs: [program(1), program(0)] },
          ...(first === undefined || second === undefined ? {} : { group: [first, second] }),
        },
      ],
      until: 40 * MS,
    };
  });
  const keep = (s: Scenario): boolean => isS390(s) && s.vms?.[0]?.vcpus === 2 && s.vms[0].programs !== undefined;
  return { scenario, weights: {}, length: 10_000, whole: true, keep };
}

/** VMs of four vCPUs on two CPUs, without groups, whose clients work, lock and wait for their disk: so many vCPUs a CPU. */
export function clients(ratios: readonly (2 | 4 | 6 | 8)[]): World {
  const scenario = record({
    ratio: constantFrom(...ratios),
    work: constantFrom(90, 60, 150).map((us) => us * US),
    hold: constantFrom(25, 15, 40).map((us) => us * US),
    disk: constantFrom(60, 200).map((us) => us * US),
    hz: constantFrom(250, 100),
  }).map((draw): Scenario => {
    const client = (i: number): Program => [
      { op: 'compute', ns: draw.work + 20 * US * i },
      { op: 'lock', lock: 0 },
      { op: 'compute', ns: draw.hold + US * i },
      { op: 'unlock', lock: 0 },
      { op: 'compute', ns: draw.work + 50 * US + 35 * US * i },
      { op: 'lock', lock: 0 },
      { op: 'compute', ns: draw.hold + 15 * US + US * i },
      { op: 'unlock', lock: 0 },
      { op: 'timer', ns: draw.disk + 13 * US * i, vector: COMPARATOR },
      { op: 'enabledWait' },
    ];
    const vm = (n: number): VmSpec => ({
      ...{ name: `vm${n}`, vcpus: 4, cpus: [[0], [1], [0], [1]] },
      programs: [0, 1, 2, 3].map((i) => client((i + n) % 4)),
    });
    return {
      ...{ cpus: 2, hz: draw.hz, arch: 's390', base_slice: BIG_MACHINE_SLICE, vruntime_offset: FAR_FROM_WRAP },
      vms: [...Array(draw.ratio / 2).keys()].map(vm),
      until: 120 * MS,
    };
  });
  const keep = (s: Scenario): boolean => isS390(s) && (s.vms ?? []).every(({ vcpus }) => vcpus === 4);
  return { scenario, weights: {}, length: 30_000, events: 400_000, whole: true, keep };
}

/** One or two VMs and host tasks on one CPU or two, in any order of events; CPUs that the hypervisor takes away now and then. */
export function anyhow(): World {
  const scenario = record({
    cpus: constantFrom(1, 2),
    vms: constantFrom(1, 1, 2),
    vcpus: integer({ min: 1, max: 3 }),
    host: boolean(),
    hz: constantFrom(250, 1000),
  }).map(
    (draw): Scenario => ({
      ...{ cpus: draw.cpus, hz: draw.hz, arch: 's390', base_slice: BIG_MACHINE_SLICE, vruntime_offset: FAR_FROM_WRAP },
      knobs: { diag9c_forwarding_hz: draw.hz },
      ...(draw.host ? { tasks: [{ comm: 'host' }] } : {}),
      vms: [...Array(draw.vms).keys()].map((i) => ({
        ...{ name: `vm${i}`, vcpus: draw.vcpus },
        cpus: [...Array(draw.vcpus).keys()].map((v) => [v % draw.cpus]),
      })),
    }),
  );
  return {
    scenario,
    weights: {
      ...{ advance: 16, tick: 8, enabledWait: 6, diag44: 5, diag9c: 16, ipi: 8, eoi: 8, cpl: 3, if: 3, intr: 3 },
      ...{ block: 4, wake: 6, yield: 2, schedule: 2, knob: 14 },
    },
    knobs: { lpar_preempted: [1, 2, 3, 3, 3] },
    length: 60,
    events: 12_000,
    advances: [10 * US, 100 * US, 700 * US, 1 * MS, 3 * MS, 4 * MS],
    keep: isS390,
  };
}
