// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where pvsched-v1 is asked.
 *
 * Mechanism: vCPUs without programs, beside host tasks. Events write the MSR and the page, send IPIs and NMIs, take memory away: a
 * guest that keeps to the protocol, or one that lies. Time: guests that run a kernel, whose programs decide.
 */
import { constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../../src/guest/instructions.js';
import { APIC_DM_NMI } from '../../../src/lapic/apicdef.js';
import type { Scenario, TaskSpec, VmSpec } from '../../../src/scenario/scenario.js';
import { MSR_KVM_PV_SCHED } from '../../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import { MS, US } from '../../arbitraries.js';
import type { World } from '../../vocabulary.js';

/** Guest physical addresses of two pages. */
export const PAGE = 0x2000;
export const OTHER = 0x5000;
const ONES = 0xffff_ffff;
const msr = (low: number, high = 0) => ({ msr: MSR_KVM_PV_SCHED, low, high });
export const NOTIFY = msr(ONES, ONES);
export const ENABLE = msr(PAGE | 1);
/** the 1 that is to disable; one without bit 0; an address that no memory is at */
const ODD = [msr(1), msr(0), msr(PAGE), msr(OTHER | 1), msr(1, 0x8000)];
/** what a guest writes at offset 8: boost_req, and preempt_disabled in the second byte */
const ASKS = [0x001, 0x002, 0x002, 0x101, 0x102];
const TIMES = [10 * US, 100 * US, 500 * US, 1 * MS, 3 * MS - 1, 3 * MS + 1, 4 * MS, 10 * MS];
export const IOCTL_SET = 0xe0;

export interface RawWorld {
  vm?: Partial<VmSpec>;
  vendors?: readonly ('vmx' | 'svm')[];
  apicv?: readonly boolean[];
  vms?: number;
  vcpus?: number;
  /** anything in the MSR and in the page, which comes and goes */
  lies?: boolean;
  msrs?: World['msrs'];
  weights?: World['weights'];
  knobs?: World['knobs'];
  events?: number;
}

/** One or two VMs whose vCPUs share CPU 0 with a host task; the host's switch is on from boot. */
export function rawVms(options: RawWorld = {}): World {
  const { vms = 1, vcpus = 1, vendors = ['svm', 'vmx'], apicv = [false], lies = false } = options;
  const scenario = record({ vendor: constantFrom(...vendors), apicv: constantFrom(...apicv) }).map(
    (draw): Scenario => ({
      cpus: 1,
      knobs: { kvm_pv_sched: 1 },
      tasks: [{ comm: 'host' }],
      vms: [...Array(vms).keys()].map((i) => ({
        name: `vm${i}`,
        vcpus,
        memory: true,
        x2apic: true,
        ...draw,
        ...options.vm,
      })),
    }),
  );
  return {
    scenario,
    weights: {
      ...{ advance: 12, tick: 8, intr: 8, ipi: 8, eoi: 8, hlt: 4, store: 10, wrmsr: 8 },
      ...(lies ? { memslot: 3, icr: 2 } : {}),
      ...options.weights,
    },
    length: 40,
    events: options.events ?? 5_000,
    advances: TIMES,
    stores: lies
      ? { gpas: [PAGE, PAGE + 8, PAGE + 8, OTHER + 8, 0, 8], values: [...ASKS, 0, 0xffff, 2 ** 52 + 3] }
      : { gpas: [PAGE + 8], values: ASKS },
    ioctls: [IOCTL_SET],
    icrs: [0x4000 | APIC_DM_NMI],
    msrs: options.msrs ?? (lies ? [ENABLE, ENABLE, NOTIFY, ...ODD] : [ENABLE, NOTIFY]),
    ...(options.knobs === undefined ? {} : { knobs: options.knobs }),
    keep: (s) => s.knobs?.['kvm_pv_sched'] === 1 && s.vms?.length === vms && s.vms.every((vm) => vm.memory === true),
  };
}

const sleeps = (ns: number, works: number): Program => [
  { op: 'sleep', ns },
  { op: 'compute', ns: works },
];

/** A task that sleeps 2 ms, 500 us or 5.3 ms, and works a little. */
export const waker = (comm: string, ns: number, works: number, rest: Partial<TaskSpec> = {}): TaskSpec => ({
  comm,
  program: sleeps(ns, works),
  ...rest,
});
export const REALTIME = { policy: 'fifo', rt_priority: 50 } as const;

/** Kernel mode without preemption for a while, then user mode for as long. */
export const section = (ns: number): Program => [
  { op: 'kernel' },
  { op: 'preemptDisable' },
  { op: 'compute', ns },
  { op: 'preemptEnable' },
  { op: 'user' },
  { op: 'compute', ns },
];

export const softirqs = (ns: number): Program => [
  { op: 'compute', ns: 900 * US },
  { op: 'softirq', ns },
];

export const pingPong = (ns: number): TaskSpec[] => [
  { comm: 'ping', cpus: [0], program: [{ op: 'compute', ns }, { op: 'wake', task: 'pong' }, { op: 'wait' }] },
  { comm: 'pong', cpus: [1], program: [{ op: 'wait' }, { op: 'compute', ns }, { op: 'wake', task: 'ping' }] },
];

export interface GuestWorld {
  /** of the guest's kernel */
  tasks: (draw: { sleep: number; work: number }) => TaskSpec[];
  vcpus?: number;
  vm?: Partial<VmSpec>;
  vendors?: readonly ('vmx' | 'svm')[];
  /** host tasks, each bound to CPU 0 */
  host?: readonly TaskSpec[];
  /** ms */
  until?: number;
  works?: readonly number[];
  sleeps?: readonly number[];
  length?: number;
  events?: number;
  pv_sched?: boolean;
}

/** One VM that runs a kernel, vCPU i on CPU i, a host task on CPU 0. */
export function guests(options: GuestWorld): World {
  const { vcpus = 1, vendors = ['svm', 'vmx'], host = [{ comm: 'host' }], until = 60 } = options;
  const scenario = record({
    vendor: constantFrom(...vendors),
    sleep: constantFrom(...(options.sleeps ?? [2 * MS, 500 * US, 5_300 * US])),
    work: constantFrom(...(options.works ?? [100 * US, 20 * US, 400 * US])),
    hz: constantFrom(250, 1000),
    offset: integer({ min: 0, max: 50 }),
  }).map(
    (draw): Scenario => ({
      cpus: vcpus,
      hz: draw.hz,
      knobs: { kvm_pv_sched: 1 },
      tasks: host.map((task) => ({ cpus: [0], ...task })),
      vms: [
        {
          name: 'vm',
          vcpus,
          cpus: [...Array(vcpus).keys()].map((i) => [i]),
          vendor: draw.vendor,
          ...options.vm,
          kernel: {
            ...(options.pv_sched === undefined ? {} : { pv_sched: options.pv_sched }),
            tasks: options.tasks({ sleep: draw.sleep + draw.offset * US, work: draw.work }),
          },
        },
      ],
      until: until * MS,
    }),
  );
  return {
    scenario,
    weights: {},
    whole: true,
    shrinks: 60,
    length: options.length ?? 2_500,
    events: options.events ?? 20_000,
    keep: (s) =>
      s.knobs?.['kvm_pv_sched'] === 1 &&
      (s.tasks ?? []).length === host.length &&
      vendors.some((vendor) => vendor === (s.vms?.[0]?.vendor ?? 'vmx')) &&
      (s.vms?.[0]?.kernel?.tasks.length ?? 0) > 0,
  };
}

/** A real-time task and hogs, a host that is busy. */
export const cyclictest = (rest: Partial<GuestWorld> = {}): World =>
  guests({ tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME), { comm: 'hog' }], until: 100, ...rest });

/** The same, by events: the guest's programs go on by `step`, anything else comes in between. */
export const byEvents = (world: World, weights: World['weights'], msrs?: World['msrs']): World => ({
  ...world,
  whole: false,
  weights: { advance: 10, tick: 4, step: 40, ...weights },
  ...(msrs === undefined ? {} : { msrs }),
  advances: [1 * US, 2 * US, 50 * US, 500 * US, 1 * MS, 4 * MS],
  length: 100,
  events: 6_000,
});
