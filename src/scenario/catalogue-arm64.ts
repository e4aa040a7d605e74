// SPDX-License-Identifier: GPL-2.0-only
/** Named scenarios of arm64 machines: WFI and WFE, trapped or not. */
import type { Program } from '../guest/instructions.js';
import type { Scenario } from './scenario.js';

const US = 1_000;
const MS = 1_000_000;
/** the virtual timer's PPI */
const VTIMER = 27;

/** Computes for a tenth of its period and waits for its timer in between. */
const tenth: Program = [{ op: 'timer', ns: 900 * US, vector: VTIMER }, { op: 'wfi' }, { op: 'compute', ns: 100 * US }];

const lockBound: Program = [
  { op: 'compute', ns: 30 * US },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: 20 * US },
  { op: 'unlock', lock: 0 },
];

/** Wakes the other vCPU, which waits in WFI, and waits for the answer. */
const asks = (to: number): Program => [{ op: 'compute', ns: 50 * US }, { op: 'ipi', to, vector: 1 }, { op: 'wfi' }];
const answers = (to: number): Program => [{ op: 'wfi' }, { op: 'compute', ns: 20 * US }, { op: 'ipi', to, vector: 1 }];

export const arm64Catalogue: readonly (Scenario & { name: string; says: string })[] = [
  {
    name: 'wfi-alone',
    says: 'arm64, GICv3: a vCPU alone on its CPU, idle nine tenths of the time: WFI traps',
    cpus: 1,
    arch: 'arm64',
    vms: [{ name: 'vm', vcpus: 1, programs: tenth }],
    until: 50 * MS,
  },
  {
    name: 'wfi-direct',
    says: 'arm64, GICv4: the same with an assigned device, so that WFI does not trap (concern of Quentin Perret)',
    cpus: 1,
    arch: 'arm64',
    gic: 'v4',
    vms: [{ name: 'vm', vcpus: 1, vlpis: 1, programs: tenth }],
    until: 50 * MS,
  },
  {
    name: 'wfi-company',
    says: 'arm64, GICv4: the same beside a host task that comes now and then: each time the traps change, and so does the vCPU',
    cpus: 1,
    arch: 'arm64',
    gic: 'v4',
    tasks: [
      {
        comm: 'visitor',
        program: [
          { op: 'sleep', ns: 7 * MS },
          { op: 'compute', ns: 300 * US },
        ],
      },
    ],
    vms: [{ name: 'vm', vcpus: 1, vlpis: 1, programs: tenth }],
    until: 100 * MS,
  },
  {
    name: 'wfi-sgi',
    says: 'arm64, GICv4.1: two vCPUs that wake each other by SGIs, delivered without the host',
    cpus: 2,
    arch: 'arm64',
    gic: 'v4.1',
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], nassgireq: true, programs: [asks(1), answers(0)] }],
    until: 20 * MS,
  },
  {
    name: 'wfe-lock',
    says: 'arm64: two VMs of two vCPUs on two CPUs, each bound by a ticket lock: spinners wait in WFE, which traps',
    cpus: 2,
    arch: 'arm64',
    groups: [{ name: 'vm0' }, { name: 'vm1' }],
    vms: [0, 1].map((i) => ({
      name: `vm${i}`,
      vcpus: 2,
      group: `vm${i}`,
      // WHY bound: nothing balances here, and a thread stays where it was forked
      cpus: [[0], [1]],
      lockKind: 'ticket',
      programs: lockBound,
    })),
    until: 60 * MS,
  },
];
