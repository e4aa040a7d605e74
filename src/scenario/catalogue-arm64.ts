// SPDX-License-Identifier: GPL-2.0-only
/** Named scenarios of arm64 machines: WFI and WFE, trapped or not. */
import type { Instruction, Program } from '../guest/instructions.js';
import type { Scenario, TaskSpec } from './scenario.js';

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

/** A guest of four vCPUs that runs a kernel, each bound to a CPU of a host that has nothing else to do. */
const guest = (name: string, says: string, tasks: TaskSpec[], more: Partial<Scenario> = {}) => ({
  ...{ name, says, cpus: 4, arch: 'arm64' as const, knobs: { halt_poll_ns: 0 } },
  vms: [{ name: 'vm', vcpus: 4, cpus: [[0], [1], [2], [3]], kernel: { tasks } }],
  until: 20 * MS,
  ...more,
});

/** A worker hands a request over, does a little, and waits for its completion. */
const aio = (i: number): TaskSpec[] => [
  { comm: `aio${i}`, program: [{ op: 'compute', ns: (15 + i) * US }, { op: 'wake', task: `io${i}` }, { op: 'wait' }] },
  { comm: `io${i}`, program: [{ op: 'wait' }, { op: 'compute', ns: (10 + i) * US }, { op: 'wake', task: `aio${i}` }] },
];

/** A message thread wakes its workers, and waits for one of them. */
const messages = (i: number): TaskSpec[] => [
  {
    comm: `message${i}`,
    program: [
      { op: 'compute', ns: (10 + i) * US },
      ...[0, 1, 2].map((w): Instruction => ({ op: 'wake', task: `worker${i}${w}` })),
      { op: 'wait' },
    ],
  },
  ...[0, 1, 2].map(
    (w): TaskSpec => ({
      comm: `worker${i}${w}`,
      program: [{ op: 'wait' }, { op: 'compute', ns: (40 + 7 * w) * US }, { op: 'wake', task: `message${i}` }],
    }),
  ),
];

/** Wants a lock of its kernel now and then. */
const wants = (works: number, holds: number): Program => [
  { op: 'kernel' },
  { op: 'compute', ns: works },
  { op: 'downWrite', sem: 0 },
  { op: 'compute', ns: holds },
  { op: 'upWrite', sem: 0 },
];

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
  guest(
    'preempted-aio',
    'arm64: three workers and their completions in a guest of four vCPUs, on a host that is idle (stress-ng aio)',
    [0, 1, 2].flatMap(aio),
  ),
  guest(
    'preempted-schbench',
    'arm64: three message threads and nine workers in a guest of four vCPUs, on a host that is idle (schbench -m 3 -t 3)',
    [0, 1, 2].flatMap(messages),
  ),
  guest(
    'preempted-pipe',
    'arm64: two tasks of a guest that wake each other in turn, on a host that is idle (perf bench sched pipe)',
    aio(0),
  ),
  guest(
    'preempted-lock',
    'arm64: eight vCPUs on four CPUs whose tasks want one semaphore of their kernel: spinners wait for owners without a CPU',
    [],
    {
      vms: [
        {
          ...{ name: 'vm', vcpus: 8, cpus: [...Array(8).keys()].map((i) => [i >> 1]) },
          kernel: {
            tasks: [...Array(8).keys()].map((i) => ({
              ...{ comm: `task${i}`, cpus: [i], program: wants((10 + i) * US, 120 * US) },
            })),
          },
        },
      ],
    },
  ),
  guest(
    'preempted-cpu',
    'arm64: a guest of four vCPUs, all of them busy, beside as many tasks of the host',
    [...Array(4).keys()].map((i) => ({ comm: `cpu${i}`, program: [{ op: 'compute', ns: 100 * US }] })),
    { tasks: [0, 1, 2, 3].map((i) => ({ comm: `host${i}`, cpus: [i] })) },
  ),
];
