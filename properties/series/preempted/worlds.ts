// SPDX-License-Identifier: GPL-2.0-only
/** Machines of arm64 on which the claims about vcpu_is_preempted() are asked. */
import { boolean, constant, constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../../src/guest/instructions.js';
import type { Scenario, TaskSpec } from '../../../src/scenario/scenario.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, MS, US } from '../../arbitraries.js';
import type { World } from '../../vocabulary.js';

/** Calls by which a guest says where its word is, and takes that back, of all proposals. */
const INITS = [0xc500_0023, 0xc500_0061, 0xc500_0041, 0xc500_0091];
const RELEASES = [0xc500_0024, 0xc500_0062, 0xc500_0092];
export const isInit = (nr: number): boolean => INITS.includes(nr);
export const isRelease = (nr: number): boolean => RELEASES.includes(nr);

const SLOTTED = [0x5000, 0x6000];
/** across a page's end, in the middle of a line, in no slot */
const ODD = [0x5ff0, 0x6003, 2 ** 40];

/** VMs of one vCPU whose guests share memory, in any order of events. */
export function calls(options: { odd?: boolean; releases?: boolean; stores?: boolean } = {}): World {
  const { odd = false, releases = false, stores = false } = options;
  const scenario = record({
    cpus: constantFrom(1, 1, 2),
    vms: constantFrom(1, 2, 3),
    hosts: constantFrom(0, 1),
    hz: constantFrom(250, 1000),
  }).map(
    (draw): Scenario => ({
      cpus: draw.cpus,
      hz: draw.hz,
      arch: 'arm64',
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(draw.hosts === 0 ? {} : { tasks: [{ comm: 'host' }] }),
      vms: [...Array(draw.vms).keys()].map((i) => ({ name: `vm${i}`, vcpus: 1, memory: true })),
    }),
  );
  const gpas = odd ? [...SLOTTED, ...ODD] : SLOTTED;
  return {
    scenario,
    weights: {
      ...{ advance: 16, tick: 10, wfi: 10, wfit: 3, lpi: 8, eoi: 6, intr: 3, hypercall: 14, block: 3, wake: 5 },
      ...(stores ? { store: 6 } : {}),
    },
    hypercalls: [
      ...INITS.flatMap((nr) => gpas.map((a0) => ({ nr, a0 }))),
      ...(releases ? RELEASES.flatMap((nr) => [nr, nr, nr]).map((nr) => ({ nr, a0: 0 })) : []),
    ],
    ...(stores ? { stores: { gpas: SLOTTED, values: [0x1234_5600] } } : {}),
    length: 60,
    events: 8_000,
    advances: [10 * US, 100 * US, 1 * MS, 3 * MS, 4 * MS],
    keep: (s) => s.arch === 'arm64' && (s.vms ?? []).every((vm) => vm.vcpus === 1 && vm.memory === true),
  };
}

const whole = (scenario: World['scenario'], events: number): World => ({
  scenario,
  weights: {},
  length: 6_000,
  events,
  whole: true,
  keep: (s) => s.arch === 'arm64' && s.vms?.[0]?.kernel !== undefined && s.vms.length === 1,
});

/** Asynchronous requests: a worker hands one over and waits for its completion, as stress-ng's aio does. */
function aio(workers: number, submits: number, completes: number): TaskSpec[] {
  return [...Array(workers).keys()].flatMap((i): TaskSpec[] => [
    {
      comm: `aio${i}`,
      program: [{ op: 'compute', ns: submits + i * US }, { op: 'wake', task: `io${i}` }, { op: 'wait' }],
    },
    {
      comm: `io${i}`,
      program: [{ op: 'wait' }, { op: 'compute', ns: completes + i * US }, { op: 'wake', task: `aio${i}` }],
    },
  ]);
}

/** As many vCPUs as CPUs, on a host that has nothing else to do; most of the guest is idle most of the time. */
export function idleHost(): World {
  const scenario = record({
    workers: constantFrom(1, 2, 3),
    submits: integer({ min: 5, max: 60 }),
    completes: constantFrom(20, 60, 700),
    polls: constantFrom(0, 0, 500_000),
    naps: constantFrom(700, 1_500, 4_000),
    bound: boolean(),
    hz: constantFrom(250, 1000),
  }).map((draw): Scenario => {
    const tasks: TaskSpec[] = [
      ...aio(draw.workers, draw.submits * US, draw.completes * US),
      {
        comm: 'naps',
        program: [
          { op: 'sleep', ns: draw.naps * US },
          { op: 'compute', ns: 30 * US },
        ],
      },
    ];
    const cpus = draw.bound ? { cpus: [[0], [1], [2], [3]] } : {};
    return {
      cpus: 4,
      hz: draw.hz,
      arch: 'arm64',
      knobs: { halt_poll_ns: draw.polls },
      vms: [{ name: 'vm', vcpus: 4, ...cpus, kernel: { hz: draw.hz, tasks } }],
      until: 10 * MS,
    };
  });
  return whole(scenario, 40_000);
}

/** The same with nothing besides, forked where their shell is or spread over the vCPUs as a balancer would have them. */
export function aioHost(options: { spread?: boolean } = {}): World {
  const scenario = record({
    workers: constantFrom(2, 3),
    submits: integer({ min: 10, max: 60 }),
    completes: constantFrom(10, 60, 200),
    polls: constantFrom(0, 500_000),
    spread: options.spread === undefined ? boolean() : constant(options.spread),
    hz: constantFrom(250, 1000),
  }).map((draw): Scenario => {
    const made = aio(draw.workers, draw.submits * US, draw.completes * US);
    const tasks = draw.spread ? made.map((task, i) => ({ ...task, starts: (i + (i >> 1)) % 4 })) : made;
    return {
      cpus: 4,
      hz: draw.hz,
      arch: 'arm64',
      knobs: { halt_poll_ns: draw.polls },
      vms: [{ name: 'vm', vcpus: 4, cpus: [[0], [1], [2], [3]], kernel: { hz: draw.hz, tasks } }],
      until: 10 * MS,
    };
  });
  return whole(scenario, 60_000);
}

/** Works, and holds a mutex or a semaphore, in its kernel. */
function contender(sem: boolean, works: number, holds: number): Program {
  return [
    { op: 'kernel' },
    { op: 'compute', ns: works },
    sem ? { op: 'downWrite', sem: 0 } : { op: 'mutexLock', mutex: 0 },
    { op: 'compute', ns: holds },
    sem ? { op: 'upWrite', sem: 0 } : { op: 'mutexUnlock', mutex: 0 },
  ];
}

/** Two vCPUs a CPU, and tasks of the guest that want one lock, each on a vCPU of its own. */
export function overcommitted(): World {
  const scenario = record({
    sem: boolean(),
    works: integer({ min: 10, max: 60 }),
    holds: integer({ min: 40, max: 300 }),
    hz: constantFrom(250, 1000),
  }).map((draw): Scenario => {
    const program = contender(draw.sem, draw.works * US, draw.holds * US);
    return {
      cpus: 2,
      hz: draw.hz,
      arch: 'arm64',
      vms: [
        {
          name: 'vm',
          vcpus: 4,
          cpus: [[0], [0], [1], [1]],
          kernel: { hz: draw.hz, tasks: [0, 1, 2, 3].map((i) => ({ comm: `t${i}`, cpus: [i], program })) },
        },
      ],
      until: 60 * MS,
    };
  });
  return whole(scenario, 60_000);
}

/** A vCPU a CPU, tasks of the host on the first of them, and tasks of the guest that want one lock, each on a vCPU of its own. */
export function besideHogs(): World {
  const scenario = record({
    sem: boolean(),
    vcpus: constantFrom(3, 4, 6),
    works: integer({ min: 10, max: 60 }),
    holds: integer({ min: 40, max: 1_000 }),
    hz: constantFrom(250, 1000),
  }).map((draw): Scenario => {
    const all = [...Array(draw.vcpus).keys()];
    const tasks = all.map((i) => ({
      ...{ comm: `t${i}`, cpus: [i], program: contender(draw.sem, (draw.works + i) * US, draw.holds * US) },
    }));
    return {
      ...{ cpus: draw.vcpus, hz: draw.hz, arch: 'arm64', until: 30 * MS },
      tasks: [{ comm: 'hog', cpus: [0] }],
      vms: [{ name: 'vm', vcpus: draw.vcpus, cpus: all.map((i) => [i]), kernel: { hz: draw.hz, tasks } }],
    };
  });
  return whole(scenario, 60_000);
}
