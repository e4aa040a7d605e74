// SPDX-License-Identifier: GPL-2.0-only
/** Named scenarios of s390 machines: diagnose 0x9c and what it comes to, with more and more guests on the same CPUs. */
import type { Program } from '../guest/instructions.js';
import type { Scenario } from './scenario.js';

const US = 1_000;
const MS = 1_000_000;

/** ns: that of a machine of eight CPUs and more */
const SLICE = 2_800_000;
/** the clock comparator's interrupt */
const COMPARATOR = 20;

const yieldsTo = (to: number): Program => [
  { op: 'compute', ns: 30 * US },
  { op: 'diag9c', to },
];

/** A client of a file server: work of its own, metadata under a lock of the VM, and a wait for the disk. */
const client = (i: number): Program => [
  { op: 'compute', ns: (90 + 20 * i) * US },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: (25 + i) * US },
  { op: 'unlock', lock: 0 },
  { op: 'compute', ns: (140 + 35 * i) * US },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: (40 + i) * US },
  { op: 'unlock', lock: 0 },
  { op: 'timer', ns: (60 + 13 * i) * US, vector: COMPARATOR },
  { op: 'enabledWait' },
];

/** VMs of eight vCPUs on four CPUs: so many vCPUs a CPU. */
const dbench = (n: 2 | 4 | 6 | 8): Scenario & { name: string; says: string } => ({
  name: `s390-dbench-${n}`,
  says: `s390: ${n * 4} vCPUs, eight a VM, on four CPUs: clients that work, lock and wait for their disk (objection AR14, ${n}:1)`,
  cpus: 4,
  arch: 's390',
  base_slice: SLICE,
  vms: [...Array(n / 2).keys()].map((vm) => ({
    // WHY bound: nothing balances here, and a thread stays where it was forked
    ...{ name: `vm${vm}`, vcpus: 8, cpus: [...Array(8).keys()].map((i) => [i % 4]) },
    programs: [...Array(8).keys()].map((i) => client((i + vm) % 8)),
  })),
  until: 200 * MS,
});

export const s390Catalogue: readonly (Scenario & { name: string; says: string })[] = [
  {
    name: 's390-ping-pong',
    says: 's390: two vCPUs on one CPU that do nothing but yield to each other by diagnose 0x9c (objection AR14)',
    cpus: 1,
    arch: 's390',
    base_slice: SLICE,
    vms: [{ name: 'vm', vcpus: 2, programs: [yieldsTo(1), yieldsTo(0)] }],
    until: 60 * MS,
  },
  dbench(2),
  dbench(4),
  dbench(6),
  dbench(8),
  {
    name: 's390-waits',
    says: 's390: two vCPUs that wait, enabled: one for its clock comparator, one for the SIGP of the other',
    cpus: 2,
    arch: 's390',
    base_slice: SLICE,
    vms: [
      {
        ...{ name: 'vm', vcpus: 2, cpus: [[0], [1]] },
        programs: [
          [
            { op: 'timer', ns: 700 * US, vector: COMPARATOR },
            { op: 'enabledWait' },
            { op: 'compute', ns: 50 * US },
            { op: 'ipi', to: 1, vector: 1 },
            { op: 'waitAck' },
          ],
          [{ op: 'enabledWait' }, { op: 'compute', ns: 20 * US }],
        ],
      },
    ],
    until: 20 * MS,
  },
  {
    name: 's390-forwards',
    says: 's390: two vCPUs on CPUs of which the hypervisor has taken one away: a spinner tells it of that, within its budget',
    cpus: 2,
    arch: 's390',
    knobs: { diag9c_forwarding_hz: 1000, lpar_preempted: 2 },
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], programs: [client(0), client(1)] }],
    until: 20 * MS,
  },
];
