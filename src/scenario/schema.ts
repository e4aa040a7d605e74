// SPDX-License-Identifier: GPL-2.0-only
/** The shape of a scenario and of an event as JSON: which members, of which type, in which range. */
import * as v from 'valibot';
import { U32_MAX } from '../lib/types.js';
import { AMID } from './events.js';

const int = (min: number, max: number) =>
  v.pipe(
    v.number(`a whole number from ${min} to ${max}`),
    v.check((n) => Number.isSafeInteger(n) && n >= min && n <= max, `a whole number from ${min} to ${max}`),
  );
const NS_MAX = Number.MAX_SAFE_INTEGER;
/** ns: at once; in one go a timer of the least period expires 18 million times in it */
const HOUR = 3_600_000_000_000;
const ns = int(0, NS_MAX);
const duration = int(1, NS_MAX);
const name = v.pipe(
  v.string('a name'),
  v.regex(/^[\x21-\x7e]{1,64}$/, 'a name of 1 to 64 printable ASCII characters without spaces'),
);
const flag = v.boolean('true or false');
const vector = int(16, 255);
const nice = int(-20, 19);
const cpu = int(0, 63);
const opt = v.optional;

const instruction = v.variant(
  'op',
  [
    v.strictObject({ op: v.literal('compute'), ns: duration }),
    v.strictObject({ op: v.literal('lock'), lock: int(0, 63) }),
    v.strictObject({ op: v.literal('unlock'), lock: int(0, 63) }),
    v.strictObject({ op: v.literal('ipi'), to: int(0, 4095), vector: int(0, 255) }),
    v.strictObject({ op: v.literal('waitAck') }),
    v.strictObject({ op: v.literal('hlt') }),
    v.strictObject({ op: v.literal('wfi') }),
    v.strictObject({ op: v.literal('wfe') }),
    v.strictObject({ op: v.literal('wfit'), ns: duration }),
    v.strictObject({ op: v.literal('wfet'), ns: duration }),
    v.strictObject({ op: v.literal('diag44') }),
    v.strictObject({ op: v.literal('diag9c'), to: int(0, 4095) }),
    v.strictObject({ op: v.literal('enabledWait') }),
    v.strictObject({ op: v.literal('timer'), ns: duration, vector }),
    v.strictObject({ op: v.literal('user') }),
    v.strictObject({ op: v.literal('kernel') }),
    v.strictObject({ op: v.literal('pause') }),
    v.strictObject({ op: v.literal('yield') }),
    v.strictObject({ op: v.literal('yieldTo'), task: name }),
    v.strictObject({ op: v.literal('sleep'), ns: duration }),
    v.strictObject({ op: v.literal('wait') }),
    v.strictObject({ op: v.literal('wake'), task: name }),
    v.strictObject({ op: v.literal('preemptDisable') }),
    v.strictObject({ op: v.literal('preemptEnable') }),
    v.strictObject({ op: v.literal('softirq'), ns: duration }),
    v.strictObject({ op: v.literal('mutexLock'), mutex: int(0, 7) }),
    v.strictObject({ op: v.literal('mutexUnlock'), mutex: int(0, 7) }),
    v.strictObject({ op: v.literal('downWrite'), sem: int(0, 7) }),
    v.strictObject({ op: v.literal('upWrite'), sem: int(0, 7) }),
    v.strictObject({ op: v.literal('exit') }),
  ],
  'an instruction',
);
const program = v.array(instruction, 'a program (an array of instructions)');

const group = v.strictObject({ name, parent: opt(name), shares: opt(int(2, 262144)), idle: opt(flag) }, 'a group');
const cpus = v.array(cpu, 'an array of CPU numbers');

const policy = v.picklist(['normal', 'batch', 'idle', 'fifo', 'rr'], 'normal, batch, idle, fifo or rr');

const task = v.strictObject(
  {
    comm: v.pipe(name, v.maxLength(15, 'a comm of at most 15 characters')),
    nice: opt(nice),
    group: opt(name),
    cpus: opt(cpus),
    starts: opt(cpu),
    slice: opt(ns),
    policy: opt(policy),
    rt_priority: opt(int(1, 99)),
    asleep: opt(flag),
    unborn: opt(flag),
    pid: opt(int(1, 4_194_304)),
    program: opt(program),
  },
  'a task',
);

const hz = v.picklist([100, 250, 300, 1000], '100, 250, 300 or 1000');

const guestKernel = v.strictObject(
  {
    hz: opt(hz),
    preempt: opt(v.picklist(['voluntary', 'full'], 'voluntary or full')),
    pv_sched: opt(flag),
    features: opt(v.record(v.string(), flag)),
    knobs: opt(v.record(v.string(), int(-NS_MAX, NS_MAX))),
    base_slice: opt(int(1, U32_MAX)),
    groups: opt(v.array(group, 'an array of groups')),
    tasks: v.array(task, 'an array of tasks'),
  },
  "a guest's kernel",
);

const vm = v.strictObject(
  {
    name,
    // KVM_MAX_VCPUS
    vcpus: int(1, 1024),
    group: opt(v.union([name, v.array(name)], 'a group, or an array with one a vCPU')),
    nice: opt(nice),
    policy: opt(policy),
    rt_priority: opt(int(1, 99)),
    cpus: opt(v.union([cpus, v.array(cpus)], 'CPU numbers, or an array of them for each vCPU')),
    vendor: opt(v.picklist(['vmx', 'svm'], 'vmx or svm')),
    vlpis: opt(int(0, 65535)),
    nassgireq: opt(flag),
    apicv: opt(flag),
    ipiv: opt(flag),
    pv_eoi: opt(flag),
    x2apic: opt(flag),
    irqchip: opt(v.picklist(['split', 'kernel'], 'split or kernel')),
    lockKind: opt(v.picklist(['ticket', 'tas'], 'ticket or tas')),
    halted: opt(flag),
    programs: opt(v.lazy((given) => (Array.isArray((given as unknown[])?.[0]) ? v.array(program) : program))),
    memory: opt(flag),
    kernel: opt(guestKernel),
    handler_ns: opt(ns),
  },
  'a VM',
);

const apics = v.strictObject(
  {
    vcpus: int(1, 64),
    ids: opt(v.array(int(0, 4095), 'an array of vCPU ids')),
    mode: v.picklist(['reset', 'xapic', 'cluster', 'x2apic'], 'reset, xapic, cluster or x2apic'),
    vendor: opt(v.picklist(['vmx', 'svm'], 'vmx or svm')),
    irqchip: opt(v.picklist(['split', 'kernel'], 'split or kernel')),
    apicv: opt(flag),
  },
  'local APICs',
);

const u32 = int(0, U32_MAX);
/** ns; a host that is busy for longer is no host */
const pause = int(0, 10_000_000_000);
const on = { vcpu: int(0, 63) };
const register = v.pipe(
  int(0, 0xff0),
  v.check((offset) => offset % 16 === 0, 'the offset of a register: a multiple of 16 below 4096'),
);
const apicEvents = [
  v.strictObject({ ev: v.literal('mmio_write'), ...on, reg: register, value: u32 }),
  v.strictObject({ ev: v.literal('mmio_read'), ...on, reg: register }),
  v.strictObject({ ev: v.literal('wrmsr'), ...on, msr: u32, value: u32, high: u32 }),
  v.strictObject({ ev: v.literal('rdmsr'), ...on, msr: u32 }),
  v.strictObject({ ev: v.literal('write_icr'), ...on, low: u32, dest: u32 }),
  v.strictObject({
    ev: v.literal('pv_ipi'),
    ...on,
    bitmap: u32,
    min: u32,
    icr: u32,
    more: v.optional(v.tuple([u32, u32, u32])),
  }),
  v.strictObject({ ev: v.literal('msi'), address: u32, data: u32 }),
  v.strictObject({ ev: v.literal('pin'), pin: int(0, 23), level: int(0, 1) }),
  v.strictObject({ ev: v.literal('redirect'), pin: int(0, 23), low: u32, high: u32 }),
  v.strictObject({ ev: v.literal('window'), ...on }),
  v.strictObject({ ev: v.literal('enter'), ...on }),
  v.strictObject({ ev: v.literal('set_lapic'), ...on, reg: register, value: u32 }),
  v.strictObject({ ev: v.literal('set_sregs'), ...on, apic_base: u32 }),
  v.strictObject({ ev: v.literal('restore'), ...on }),
  v.strictObject({ ev: v.literal('tsc_offset'), ...on, ns: int(-1e12, 1e12) }),
  v.strictObject({ ev: v.literal('cpuid'), ...on, x2apic: v.boolean(), tsc_deadline: v.boolean() }),
  v.strictObject({ ev: v.literal('cr8'), ...on, value: int(0, 15) }),
  v.strictObject({ ev: v.literal('stall'), ns: pause }),
] as const;
const apicEvent = v.variant('ev', apicEvents, 'an event of a local APIC');

/** guest physical address of a word of 8 bytes */
const word = v.pipe(
  int(0, 2 ** 32 - 8),
  v.check((gpa) => gpa % 8 === 0, 'a multiple of 8 below 2^32'),
);

const s64Text = v.pipe(
  v.string('a decimal s64 in quotes'),
  v.check((s) => /^-?\d{1,19}$/.test(s) && BigInt.asIntN(64, BigInt(s)) === BigInt(s), 'a decimal s64 in quotes'),
);

const at = { cpu };
const id = int(0, 65535);
export const eventSchema = v.variant(
  'ev',
  [
    ...apicEvents,
    v.strictObject({ ev: v.literal('amid'), fn: v.picklist(AMID, AMID.join(', ')), of: apicEvent, other: apicEvent }),
    v.strictObject({ ev: v.literal('advance'), ns: int(0, HOUR) }),
    v.strictObject({ ev: v.literal('tick'), ...at }),
    v.strictObject({ ev: v.literal('resched'), ...at }),
    v.strictObject({ ev: v.literal('schedule'), ...at }),
    v.strictObject({ ev: v.literal('yield'), ...at }),
    v.strictObject({ ev: v.literal('yield_to'), ...at, task: id }),
    v.strictObject({
      ev: v.literal('block'),
      ...at,
      state: opt(v.picklist(['S', 'D', 'I', 'T', 't', 'P', 'X'], 'S, D, I, T, t, P or X')),
    }),
    v.strictObject({ ev: v.literal('wake'), ...at, task: id, target: opt(cpu) }),
    v.strictObject({ ev: v.literal('fork'), ...at, task: id, target: opt(cpu) }),
    v.strictObject({ ev: v.literal('migrate'), ...at, task: id, target: cpu }),
    v.strictObject({ ev: v.literal('requeue'), ...at, task: id, move: flag }),
    v.strictObject({
      ev: v.literal('place'),
      task: id,
      vruntime: s64Text,
      deadline: s64Text,
      vlag: s64Text,
      delayed: opt(flag),
    }),
    v.strictObject({ ev: v.literal('ran'), ...at, ns: int(0, HOUR) }),
    v.strictObject({ ev: v.literal('need_resched'), ...at, on: flag }),
    v.strictObject({ ev: v.literal('switch'), ...at, task: id }),
    v.strictObject({ ev: v.literal('nice'), ...at, task: id, nice }),
    v.strictObject({
      ev: v.literal('setattr'),
      ...at,
      task: id,
      policy: v.picklist([0, 1, 2, 3, 5], '0, 1, 2, 3 or 5'),
      nice,
      slice: ns,
      priority: int(0, 99),
    }),
    v.strictObject({ ev: v.literal('shares'), ...at, group: id, shares: int(2, 262144) }),
    v.strictObject({ ev: v.literal('move'), ...at, task: id, group: id }),
    v.strictObject({ ev: v.literal('pause'), ...at }),
    v.strictObject({ ev: v.literal('hlt'), ...at }),
    v.strictObject({ ev: v.literal('wfi'), ...at }),
    v.strictObject({ ev: v.literal('wfe'), ...at }),
    v.strictObject({ ev: v.literal('wfit'), ...at, ns: int(0, HOUR) }),
    v.strictObject({ ev: v.literal('wfet'), ...at, ns: int(0, HOUR) }),
    v.strictObject({ ev: v.literal('diag44'), ...at }),
    v.strictObject({ ev: v.literal('diag9c'), ...at, to: int(0, 65535) }),
    v.strictObject({ ev: v.literal('enabledWait'), ...at }),
    v.strictObject({ ev: v.literal('lpi'), ...at, vcpu: int(0, 65535), intid: int(8192, 65535), direct: flag }),
    v.strictObject({ ev: v.literal('ipi'), ...at, to: int(0, 4095), vector: int(0, 255) }),
    v.strictObject({ ev: v.literal('icr'), ...at, low: int(0, U32_MAX), dest: int(0, U32_MAX) }),
    v.strictObject({ ev: v.literal('eoi'), ...at }),
    v.strictObject({ ev: v.literal('cpl'), ...at, cpl: v.picklist([0, 3], '0 or 3') }),
    v.strictObject({ ev: v.literal('if'), ...at, on: flag, shadow: opt(flag) }),
    v.strictObject({
      ev: v.literal('hypercall'),
      ...at,
      nr: int(0, U32_MAX),
      a0: int(0, NS_MAX),
      a1: int(0, NS_MAX),
      a2: int(0, NS_MAX),
      a3: int(0, NS_MAX),
    }),
    v.strictObject({ ev: v.literal('intr'), ...at }),
    v.strictObject({ ev: v.literal('step'), ...at }),
    v.strictObject({ ev: v.literal('pollEnd'), ...at }),
    v.strictObject({ ev: v.literal('apicv'), ...at, vm: int(0, 63), on: flag }),
    v.strictObject({ ev: v.literal('cpu_down'), ...at, target: int(1, 63) }),
    v.strictObject({ ev: v.literal('cpu_up'), ...at, target: int(1, 63) }),
    v.strictObject({ ev: v.literal('store'), vm: int(0, 63), gpa: word, value: int(0, NS_MAX) }),
    v.strictObject({ ev: v.literal('memslot'), vm: int(0, 63), frame: int(0, 2 ** 20 - 1), there: flag }),
    v.strictObject({ ev: v.literal('vm_ioctl'), vm: int(0, 63), nr: int(0, 255), arg: u32 }),
    v.strictObject({ ev: v.literal('knob'), name, value: int(-NS_MAX, NS_MAX) }),
  ],
  'an event',
);

export const scenarioSchema = v.strictObject(
  {
    name: opt(v.string('a string')),
    cpus: int(1, 64),
    arch: opt(v.picklist(['arm64', 's390'], 'arm64 or s390')),
    gic: opt(v.picklist(['v3', 'v4', 'v4.1'], 'v3, v4 or v4.1')),
    hz: opt(hz),
    base_slice: opt(int(1, U32_MAX)),
    features: opt(v.record(v.string(), flag)),
    knobs: opt(v.record(v.string(), int(-NS_MAX, NS_MAX))),
    groups: opt(v.array(group, 'an array of groups')),
    tasks: opt(v.array(task, 'an array of tasks')),
    vms: opt(v.array(vm, 'an array of VMs')),
    apics: opt(apics),
    eager: opt(flag),
    vruntime_offset: opt(s64Text),
    seed: opt(int(1, U32_MAX)),
    events: opt(v.array(eventSchema, 'an array of events')),
    until: opt(duration),
  },
  'a scenario',
);
