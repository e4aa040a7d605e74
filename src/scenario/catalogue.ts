// SPDX-License-Identifier: GPL-2.0-only
/** Named scenarios: what `kvmodel run` runs, as data. */
import type { Program } from '../guest/instructions.js';
import { arm64Catalogue } from './catalogue-arm64.js';
import { governorCatalogue } from './catalogue-governor.js';
import { guestCatalogue } from './catalogue-guests.js';
import { s390Catalogue } from './catalogue-s390.js';
import type { Scenario, VmSpec } from './scenario.js';

const US = 1_000;
const MS = 1_000_000;

/** Takes the VM's one lock for 20 us out of 50 us. */
const lockBound: Program = [
  { op: 'compute', ns: 30 * US },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: 20 * US },
  { op: 'unlock', lock: 0 },
];

/** Holds the lock for longer than a slice: whoever is preempted here keeps all others spinning. */
const longHolder: Program = [
  { op: 'compute', ns: 100 * US },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: 5 * MS },
  { op: 'unlock', lock: 0 },
];

/** Asks its neighbour, waits for the answer: smp_call_function_single() with wait. */
function asksNext(vcpu: number, vcpus: number): Program {
  return [{ op: 'compute', ns: 40 * US }, { op: 'ipi', to: (vcpu + 1) % vcpus, vector: 0xfb }, { op: 'waitAck' }];
}

/** Asks every other vCPU, waits for all: a TLB shootdown. */
function asksAll(vcpu: number, vcpus: number): Program {
  const others = [...Array(vcpus).keys()].filter((to) => to !== vcpu);
  return [
    { op: 'compute', ns: 200 * US },
    ...others.map((to) => ({ op: 'ipi', to, vector: 0xfd }) as const),
    { op: 'waitAck' },
  ];
}

const each = (vcpus: number, program: (vcpu: number, vcpus: number) => Program): Program[] =>
  [...Array(vcpus).keys()].map((vcpu) => program(vcpu, vcpus));

/** `n` equal VMs of four vCPUs, one bound to each of four CPUs (nothing balances here), each VM in a group of its own. */
function overcommitted(n: number, made: (name: string) => VmSpec): Pick<Scenario, 'cpus' | 'groups' | 'vms' | 'until'> {
  const names = [...Array(n).keys()].map((i) => `vm${i}`);
  return {
    cpus: 4,
    groups: names.map((name) => ({ name })),
    vms: names.map((name) => ({ ...made(name), group: name, cpus: [[0], [1], [2], [3]] })),
    until: 60 * MS,
  };
}

/**
 * Two guests on the same four CPUs: one whose vCPUs share a lock, as a message broker's do, and one of endless loops, the first 0,
 * 2 or 4 of the CPUs. Each loop begins a quarter of a slice after the one before, so that the CPUs do not take turns all at once.
 */
function amqp(loops: number): Pick<Scenario, 'cpus' | 'hz' | 'vms' | 'until'> {
  const cpus = [[0], [1], [2], [3]];
  const broker: Program = [
    { op: 'compute', ns: 150 * US },
    { op: 'lock', lock: 0 },
    { op: 'compute', ns: 50 * US },
    { op: 'unlock', lock: 0 },
  ];
  const loop = (i: number): Program => [
    { op: 'timer', ns: 1 * MS + i * 2_250 * US, vector: 0x40 },
    { op: 'hlt' },
    { op: 'compute', ns: 10_000 * MS },
  ];
  const vms: VmSpec[] = [{ name: 'amqp', vcpus: 4, cpus, programs: broker }];
  if (loops > 0) vms.push({ name: 'loops', vcpus: loops, cpus: cpus.slice(0, loops), programs: each(loops, loop) });
  return { cpus: 4, hz: 1000, vms, until: 100 * MS };
}

/** 26 us of spinning make a PAUSE exit, a sixteenth of the exits that the default makes. */
const rarePauses = { ple_window: 65_536 } as const;

/** Each vCPU of a guest that boots: work of its own, and a lock that all of them want. */
const boots: Program = [
  { op: 'compute', ns: 300 * US },
  { op: 'lock', lock: 0 },
  { op: 'compute', ns: 60 * US },
  { op: 'unlock', lock: 0 },
];

/** Two guests of two vCPUs on two CPUs: one whose vCPUs share a lock and hold it for longer than a tick, one that computes. */
function spinBesideCompute(group: (vm: string) => string | string[] | undefined): VmSpec[] {
  const cpus = [[0], [1]];
  const of = (vm: string): Partial<VmSpec> => {
    const it = group(vm);
    return it === undefined ? {} : { group: it };
  };
  const holds: Program = [
    { op: 'compute', ns: 1 * MS },
    { op: 'lock', lock: 0 },
    { op: 'compute', ns: 3 * MS },
    { op: 'unlock', lock: 0 },
  ];
  return [
    { name: 'spins', vcpus: 2, cpus, programs: holds, ...of('spins') },
    { name: 'computes', vcpus: 2, cpus, programs: [{ op: 'compute', ns: 5 * MS }], ...of('computes') },
  ];
}

/** A scenario of the catalogue; `says` is its line in `kvmodel list`. */
export interface Named extends Scenario {
  name: string;
  says: string;
}

export const catalogue: readonly Named[] = [
  {
    name: 'two-spinners',
    says: 'one CPU, one VM, two vCPUs that fight for one lock',
    cpus: 1,
    vms: [{ name: 'vm', vcpus: 2, programs: longHolder }],
    until: 60 * MS,
  },
  {
    name: 'ping-pong',
    says: 'objection AR14: two host threads that do nothing but yield_to() each other',
    cpus: 2,
    tasks: [
      {
        comm: 'ping',
        cpus: [0],
        program: [
          { op: 'compute', ns: 10 * US },
          { op: 'yieldTo', task: 'pong' },
        ],
      },
      {
        comm: 'pong',
        cpus: [0],
        program: [
          { op: 'compute', ns: 10 * US },
          { op: 'yieldTo', task: 'ping' },
        ],
      },
    ],
    until: 20 * MS,
  },
  {
    name: 'ar6-sibling-pays',
    says: 'objection AR6: root{CG0{A,C},CG1{B}}: A yields to B, C must not pay',
    cpus: 1,
    groups: [{ name: 'CG0' }, { name: 'CG1' }],
    tasks: [{ comm: 'C', group: 'CG0' }],
    vms: [{ name: 'vm', vcpus: 2, group: ['CG0', 'CG1'], programs: longHolder }],
    until: 200 * MS,
  },
  {
    name: 'ar7-two-groups',
    says: 'objection AR7: root{CG0{A},CG1{B}}: a yield inside CG0 alone does not help B',
    cpus: 1,
    groups: [{ name: 'CG0' }, { name: 'CG1' }],
    vms: [{ name: 'vm', vcpus: 2, group: ['CG0', 'CG1'], programs: longHolder }],
    until: 60 * MS,
  },
  {
    name: 'flat-one-group',
    says: 'objection AR4: two vCPUs in one group on one CPU',
    cpus: 1,
    groups: [{ name: 'vm' }],
    vms: [{ name: 'vm', vcpus: 2, group: 'vm', programs: longHolder }],
    until: 60 * MS,
  },
  ...[2, 3, 4].flatMap((n): Named[] => [
    {
      name: `lock-${n}to1`,
      says: `${n} VMs of 4 vCPUs on 4 CPUs, bound by a ticket lock each`,
      ...overcommitted(n, (name) => ({ name, vcpus: 4, lockKind: 'ticket', programs: lockBound })),
    },
    {
      name: `ipi-${n}to1`,
      says: `${n} VMs of 4 vCPUs on 4 CPUs, each vCPU asks its neighbour by IPI`,
      ...overcommitted(n, (name) => ({ name, vcpus: 4, programs: each(4, asksNext) })),
    },
  ]),
  {
    name: 'shootdown-2to1',
    says: '2 VMs of 4 vCPUs on 4 CPUs, every vCPU asks all others (TLB shootdown)',
    ...overcommitted(2, (name) => ({ name, vcpus: 4, programs: each(4, asksAll) })),
  },
  {
    name: 'shootdown-ipiv',
    says: 'the same with IPI virtualization: the host sees no ICR write (objection AR13)',
    ...overcommitted(2, (name) => ({ name, vcpus: 4, apicv: true, ipiv: true, programs: each(4, asksAll) })),
  },
  {
    name: 'ipi-to-halted',
    says: 'two CPUs: an IPI wakes a halted vCPU, whose CPU a host task keeps busy',
    cpus: 2,
    tasks: [{ comm: 'hog', cpus: [1] }],
    vms: [
      {
        name: 'vm',
        vcpus: 2,
        cpus: [[0], [1]],
        programs: [
          [{ op: 'compute', ns: 500 * US }, { op: 'ipi', to: 1, vector: 0xfb }, { op: 'waitAck' }],
          [{ op: 'hlt' }, { op: 'compute', ns: 20 * US }],
        ],
      },
    ],
    until: 40 * MS,
  },
  {
    name: 'ipi-to-preempted',
    says: 'one CPU: the sender spins for an answer of a vCPU that is preempted behind a hog',
    cpus: 1,
    tasks: [{ comm: 'hog' }],
    vms: [
      {
        name: 'vm',
        vcpus: 2,
        programs: [
          [{ op: 'compute', ns: 500 * US }, { op: 'ipi', to: 1, vector: 0xfb }, { op: 'waitAck' }],
          [{ op: 'compute', ns: 1 * MS }],
        ],
      },
    ],
    until: 60 * MS,
  },
  {
    name: 'user-spinner',
    says: 'a vCPU spins at CPL 3: the host may not take it for a lock spinner',
    cpus: 1,
    vms: [
      {
        name: 'vm',
        vcpus: 3,
        programs: [[{ op: 'user' }, { op: 'compute', ns: 50 * US }, { op: 'pause' }], longHolder, longHolder],
      },
    ],
    until: 60 * MS,
  },
  {
    name: 'timer-halts',
    says: 'vCPUs that sleep on their APIC timer beside one that computes',
    cpus: 2,
    vms: [
      {
        name: 'vm',
        vcpus: 3,
        programs: [
          [{ op: 'compute', ns: 1 * MS }],
          [{ op: 'timer', ns: 400 * US, vector: 0xec }, { op: 'hlt' }, { op: 'compute', ns: 30 * US }],
          [{ op: 'timer', ns: 700 * US, vector: 0xec }, { op: 'hlt' }, { op: 'compute', ns: 30 * US }],
        ],
      },
    ],
    until: 40 * MS,
  },
  {
    name: 'static-rt',
    says: 'static real-time: every vCPU of one VM is SCHED_FIFO, beside a VM and a host task that are not, on two CPUs',
    cpus: 2,
    tasks: [{ comm: 'hog' }],
    vms: [
      {
        name: 'rt',
        vcpus: 2,
        policy: 'fifo',
        rt_priority: 1,
        programs: [{ op: 'timer', ns: 2 * MS, vector: 0xec }, { op: 'hlt' }, { op: 'compute', ns: 300 * US }],
      },
      { name: 'fair', vcpus: 2, programs: [{ op: 'compute', ns: 1 * MS }] },
    ],
    until: 60 * MS,
  },
  {
    name: 'static-rt-hog',
    says: 'the same with vCPUs that never halt: the fair server alone lets others run, 50 ms in each second',
    cpus: 2,
    tasks: [{ comm: 'hog' }],
    vms: [{ name: 'rt', vcpus: 2, policy: 'fifo', rt_priority: 1, programs: [{ op: 'compute', ns: 1 * MS }] }],
    until: 2200 * MS,
  },
  {
    name: 'amqp-0',
    says: 'directed yield of 2011: four vCPUs share a lock on four CPUs, and have them alone',
    ...amqp(0),
  },
  {
    name: 'amqp-2',
    says: 'the same beside a guest of two endless loops',
    ...amqp(2),
  },
  {
    name: 'amqp-4',
    says: 'the same beside a guest of four endless loops',
    ...amqp(4),
  },
  {
    name: 'boot-64',
    says: 'directed yield of 2011: a guest of 64 vCPUs on 16 CPUs boots, all of them behind one queued lock',
    cpus: 16,
    hz: 1000,
    knobs: rarePauses,
    vms: [
      {
        name: 'windows',
        vcpus: 64,
        lockKind: 'ticket',
        cpus: [...Array(64).keys()].map((i) => [i % 16]),
        programs: boots,
      },
    ],
    until: 20 * MS,
  },
  {
    name: 'spin-beside-compute',
    says: 'a guest that spins for its own lock beside one that computes, a vCPU of each on each of two CPUs',
    cpus: 2,
    hz: 1000,
    knobs: rarePauses,
    vms: spinBesideCompute(() => undefined),
    until: 200 * MS,
  },
  {
    name: 'spin-nested',
    says: 'the same in nested groups: one for each guest, and below it one for each vCPU',
    cpus: 2,
    hz: 1000,
    knobs: rarePauses,
    groups: ['spins', 'computes'].flatMap((name) => [
      { name },
      { name: `${name}-0`, parent: name },
      { name: `${name}-1`, parent: name },
    ]),
    vms: spinBesideCompute((vm) => [`${vm}-0`, `${vm}-1`]),
    until: 200 * MS,
  },
  {
    name: 'nice-mix',
    says: 'host tasks alone: three weights, a sleeper and a yielder on one CPU',
    cpus: 1,
    tasks: [
      { comm: 'nice-5', nice: -5 },
      { comm: 'nice0' },
      { comm: 'nice5', nice: 5 },
      {
        comm: 'sleeper',
        program: [
          { op: 'compute', ns: 300 * US },
          { op: 'sleep', ns: 2 * MS },
        ],
      },
      { comm: 'yielder', program: [{ op: 'compute', ns: 200 * US }, { op: 'yield' }] },
    ],
    until: 60 * MS,
  },
  {
    name: 'guest-kernel',
    says: 'a guest that runs a kernel: a real-time task beside hogs, two tasks that wake each other across vCPUs; a busy host',
    cpus: 2,
    vms: [
      {
        name: 'vm',
        vcpus: 2,
        kernel: {
          tasks: [
            {
              comm: 'rt',
              cpus: [0],
              policy: 'fifo',
              rt_priority: 50,
              program: [
                { op: 'sleep', ns: 500 * US },
                { op: 'compute', ns: 20 * US },
              ],
            },
            { comm: 'hogA', cpus: [0] },
            { comm: 'hogB', cpus: [0] },
            {
              comm: 'ping',
              cpus: [0],
              program: [{ op: 'compute', ns: 10 * US }, { op: 'wake', task: 'pong' }, { op: 'wait' }],
            },
            {
              comm: 'pong',
              cpus: [1],
              program: [{ op: 'wait' }, { op: 'compute', ns: 10 * US }, { op: 'wake', task: 'ping' }],
            },
          ],
        },
      },
    ],
    tasks: [{ comm: 'host', cpus: [0] }],
    until: 40 * MS,
  },
  {
    name: 'cpu-offline',
    says: 'a CPU with queued vCPUs and a task that is bound to it goes offline, and comes back',
    cpus: 2,
    tasks: [{ comm: 'bound', cpus: [1] }],
    vms: [{ name: 'vm', vcpus: 3, cpus: [[0], [1], [0, 1]] }],
    events: [
      { ev: 'advance', ns: 3 * MS },
      { ev: 'cpu_down', cpu: 0, target: 1 },
      { ev: 'advance', ns: 4 * MS },
      { ev: 'tick', cpu: 1 },
      { ev: 'advance', ns: 8 * MS },
      { ev: 'tick', cpu: 0 },
      { ev: 'cpu_up', cpu: 0, target: 1 },
    ],
  },
  ...arm64Catalogue,
  ...s390Catalogue,
];

/** With those that measures leave out: they need a series of their own. */
export const everyScenario: readonly (Scenario & { name: string; says: string })[] = [
  ...catalogue,
  ...guestCatalogue,
  ...governorCatalogue,
];

/** Those that a kernel built for `arch` (x86 when absent) runs; of other architectures, those without VMs as well. */
export const catalogueOf = (arch?: Scenario['arch']): Named[] =>
  catalogue.filter(
    (it) => it.arch === arch || (it.arch === undefined && it.vms === undefined && it.apics === undefined),
  );

/** The scenario of that name without its line for the list, or undefined. */
export function namedScenario(name: string): Scenario | undefined {
  const found = everyScenario.find((s) => s.name === name);
  if (found === undefined) return undefined;
  const { says: _, ...scenario } = found;
  return scenario;
}
