// SPDX-License-Identifier: GPL-2.0-only
/**
 * Named scenarios whose guests run a kernel that tells its host when it is in a hurry: for pvsched-v1, whose switch they turn on.
 * `vms[].policy` makes the vCPUs real-time for good in their place; without either they are the host as it is.
 */
import type { Program } from '../guest/instructions.js';
import type { Scenario, TaskSpec, VmSpec } from './scenario.js';

const US = 1_000;
const MS = 1_000_000;

const every = (ns: number, works: number): Program => [
  { op: 'sleep', ns: ns - works },
  { op: 'compute', ns: works },
];

const FIFO = { policy: 'fifo', rt_priority: 50 } as const;

/** stress-ng on the host: three tasks that never sleep on each of two CPUs, one of them nicer. */
const BUSY: TaskSpec[] = [0, 1].flatMap((cpu) =>
  [0, 0, 5].map((nice, i) => ({ comm: `stress${cpu}${'abc'[i]}`, cpus: [cpu], nice })),
);

/** vCPU i is bound to CPU i. */
function guest(name: string, says: string, tasks: TaskSpec[], rest: Partial<Scenario & { vm: Partial<VmSpec> }> = {}) {
  const { vm = {}, ...scenario } = rest;
  return {
    name,
    says,
    cpus: 2,
    knobs: { kvm_pv_sched: 1 },
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], ...vm, kernel: { ...vm.kernel, tasks } }],
    until: 100 * MS,
    ...scenario,
  } satisfies Scenario & { says: string };
}

/** oboetester: a real-time callback fills a buffer before the one before it has been played; the rest of the guest is busy. */
const audio = (name: string, says: string, period: number) =>
  guest(
    name,
    `an audio callback of a guest every ${says}, a quarter of the time at work, beside a busy guest and a busy host`,
    [
      { comm: 'audio', cpus: [0], ...FIFO, program: every(period, period / 4) },
      { comm: 'hog', cpus: [0] },
    ],
    { tasks: BUSY },
  );

/** cyclictest -q -i 500: one thread, SCHED_OTHER. */
const cyclictest = (name: string, says: string, tasks: TaskSpec[]) =>
  guest(
    name,
    `cyclictest in a guest, one fair thread that wakes every 500 us; ${says}`,
    [{ comm: 'cyclictest', cpus: [0], program: every(500 * US, 5 * US) }],
    { tasks },
  );

export const guestCatalogue: readonly (Scenario & { name: string; says: string })[] = [
  audio('audio-2ms', '2 ms', 2 * MS),
  audio('audio-5ms', '5.3 ms', 5_332 * US),
  audio('audio-10ms', '10.7 ms', 10_668 * US),
  cyclictest('cyclictest-idle', 'nothing else runs', []),
  cyclictest('cyclictest-busy', 'a busy host', BUSY),
  guest(
    'guest-rt-long',
    'a real-time task of a guest that computes for longer than a slice of its host, beside a busy host',
    [
      { comm: 'rt', cpus: [0], ...FIFO, program: every(20 * MS, 8 * MS) },
      { comm: 'hog', cpus: [0] },
    ],
    { tasks: BUSY },
  ),
  guest(
    'guest-ping-pong',
    'two fair tasks of a guest that wake each other across vCPUs by IPIs, beside a busy host',
    [
      {
        comm: 'ping',
        cpus: [0],
        program: [{ op: 'compute', ns: 100 * US }, { op: 'wake', task: 'pong' }, { op: 'wait' }],
      },
      {
        comm: 'pong',
        cpus: [1],
        program: [{ op: 'wait' }, { op: 'compute', ns: 100 * US }, { op: 'wake', task: 'ping' }],
      },
    ],
    { tasks: BUSY },
  ),
  guest(
    'guest-halts',
    'a guest of three fair sleepers that halts often, beside a busy host',
    [
      { comm: 'one', cpus: [0], program: every(300 * US, 20 * US) },
      { comm: 'two', cpus: [0], program: every(700 * US, 50 * US) },
      { comm: 'three', cpus: [1], program: every(1_100 * US, 100 * US) },
    ],
    { tasks: BUSY },
  ),
  guest(
    'guest-no-hooks',
    'a guest whose kernel says nothing to its host: a real-time task that wakes every 2 ms, and a hog, beside a busy host',
    [
      { comm: 'rt', cpus: [0], ...FIFO, program: every(2 * MS, 100 * US) },
      { comm: 'hog', cpus: [0] },
    ],
    { tasks: BUSY, vm: { kernel: { tasks: [], pv_sched: false } } },
  ),
];
