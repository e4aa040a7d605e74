// SPDX-License-Identifier: GPL-2.0-only
/** Machines that cannot be: what a scenario's members say about each other, checked after their shape. */
import { type Fault, oneOf, shown } from '../base/faults.js';
import type { Instruction, Program } from '../guest/instructions.js';
import type { MachineEvent } from './events.js';
import type { ApicsSpec, GroupSpec, GuestKernelSpec, Scenario, TaskSpec, VmSpec } from './scenario.js';

/** The name of the root task group, which every scenario has. */
export const ROOT = 'root';
/** What runs where: instructions of a guest, and of a host task; `compute` and `exit` in both. */
const GUEST_ONLY: readonly Instruction['op'][] = [
  'lock',
  'unlock',
  'ipi',
  'waitAck',
  'hlt',
  'wfi',
  'wfe',
  'wfit',
  'wfet',
  'diag44',
  'diag9c',
  'enabledWait',
  'timer',
  'user',
  'kernel',
  'pause',
];
const HOST_ONLY: readonly Instruction['op'][] = ['yield', 'yieldTo', 'sleep'];
/** Instructions of a task in a guest's kernel alone. */
const KERNEL_ONLY: readonly Instruction['op'][] = [
  ...(['wait', 'wake', 'preemptDisable', 'preemptEnable', 'softirq'] as const),
  ...(['mutexLock', 'mutexUnlock', 'downWrite', 'upWrite'] as const),
];

/** Instructions of the guests of one architecture. */
const ONLY = {
  x86: ['hlt', 'pause'],
  arm64: ['wfi', 'wfe', 'wfit', 'wfet'],
  s390: ['diag44', 'diag9c', 'enabledWait'],
} as const satisfies Record<string, readonly Instruction['op'][]>;

/** What interrupts are called by: arm64's virtual timer, s390's clock comparator; SGIs, and bits of s390's ec_mask. */
const TIMERS = { arm64: [27, 'virtual timer'], s390: [20, 'clock comparator'] } as const;
const IPIS = 16;
/** as many vCPUs as one cluster has, and a basic system control area */
const VCPUS = { arm64: 16, s390: 64 } as const;

/** Who runs a program, and what of the instructions is not for them. */
const FOREIGN = {
  guest: [...HOST_ONLY, ...KERNEL_ONLY],
  'host task': [...GUEST_ONLY, ...KERNEL_ONLY],
  "task of a guest's kernel": [...GUEST_ONLY.filter((op) => op !== 'user' && op !== 'kernel'), 'yieldTo'],
} as const satisfies Record<string, readonly Instruction['op'][]>;

/** Tasks and vCPU threads together. WHY: events look at every one of them, so that larger machines only take longer. */
const THREADS_MAX = 4096;

class Faults {
  readonly list: Fault[] = [];
  add(place: string, expected: string, got: string): void {
    this.list.push({ code: 'topology', place, expected, got });
  }
}

/** Every impossibility of a scenario whose shape is right, in the order of its members. */
export function topologyFaults(scenario: Scenario): Fault[] {
  const faults = new Faults();
  const groups = groupFaults(scenario.groups ?? [], faults);
  const comms = new Set<string>();
  const allComms = (scenario.tasks ?? []).map((t) => t.comm);
  (scenario.tasks ?? []).forEach((task, i) => {
    const at = `tasks[${i}]`;
    unique(task.comm, comms, `${at}.comm`, 'task', faults);
    taskFaults(task, at, { cpus: scenario.cpus, groups, comms: allComms, side: 'host task' }, faults);
  });
  const vms = new Set<string>();
  (scenario.vms ?? []).forEach((vm, i) => {
    unique(vm.name, vms, `vms[${i}].name`, 'VM', faults);
    vmFaults(vm, `vms[${i}]`, scenario, groups, faults);
  });
  if ((scenario.tasks ?? []).length + (scenario.vms ?? []).length === 0 && scenario.apics === undefined)
    faults.add('tasks', 'at least one task or one VM, or apics', 'none');
  const threads = threadsOf(scenario);
  if (threads > THREADS_MAX) faults.add('(root)', `at most ${THREADS_MAX} tasks and vCPUs in all`, String(threads));
  if (scenario.apics !== undefined) apicFaults(scenario.apics, scenario, faults);
  if (scenario.gic !== undefined && scenario.arch !== 'arm64') faults.add('gic', 'arch arm64 as well', scenario.gic);
  if (scenario.events !== undefined && scenario.until !== undefined)
    faults.add('until', 'either events or until, not both', shown(scenario.until));
  eventFaults(scenario, faults);
  return faults.list;
}

function unique(name: string, seen: Set<string>, place: string, what: string, faults: Faults): void {
  if (seen.has(name)) faults.add(place, `a name that no other ${what} has`, shown(name));
  seen.add(name);
}

function groupFaults(groups: readonly GroupSpec[], faults: Faults, at = ''): string[] {
  const names = new Set<string>([ROOT]);
  groups.forEach((group, i) => {
    unique(group.name, names, `${at}groups[${i}].name`, 'group', faults);
  });
  const parentOf = new Map(groups.map((g) => [g.name, g.parent ?? ROOT]));
  groups.forEach((group, i) => {
    const place = `${at}groups[${i}].parent`;
    if (group.parent !== undefined && !names.has(group.parent)) {
      faults.add(place, oneOf('a group', group.parent, [...names]), shown(group.parent));
    } else if (chainOf(group.name, parentOf).length === 0) {
      faults.add(place, 'a chain of parents that ends at the root', `${shown(group.parent)}, which leads back here`);
    }
  });
  return [...names];
}

/** From a group to the root; empty when it never gets there. */
function chainOf(name: string, parentOf: ReadonlyMap<string, string>): string[] {
  const chain = [name];
  for (let at = parentOf.get(name); at !== undefined; at = parentOf.get(at)) {
    if (chain.includes(at)) return [];
    chain.push(at);
  }
  return chain;
}

function cpuFaults(cpus: readonly number[], place: string, online: number, faults: Faults): void {
  if (cpus.length === 0) faults.add(place, 'at least one CPU', 'none');
  cpus.forEach((cpu, i) => {
    if (cpu >= online) faults.add(`${place}[${i}]`, `a CPU from 0 to ${online - 1}`, String(cpu));
  });
}

function inGroup(name: string | undefined, place: string, groups: readonly string[], faults: Faults): void {
  if (name !== undefined && !groups.includes(name)) faults.add(place, oneOf('a group', name, groups), shown(name));
}

/** What a task may name, and whose it is. */
interface Names {
  cpus: number;
  side: keyof typeof FOREIGN;
  groups: readonly string[];
  comms: readonly string[];
}

const isRealTime = ({ policy }: TaskSpec | VmSpec): boolean => policy === 'fifo' || policy === 'rr';

/** A priority belongs to the real-time policies, and they need one. */
function priorityFaults(spec: TaskSpec | VmSpec, at: string, faults: Faults): void {
  if (isRealTime(spec) && spec.rt_priority === undefined)
    faults.add(`${at}.rt_priority`, `a priority from 1 to 99 with policy ${spec.policy}`, 'nothing');
  if (!isRealTime(spec) && spec.rt_priority !== undefined)
    faults.add(`${at}.rt_priority`, 'none unless the policy is fifo or rr', String(spec.rt_priority));
}

function taskFaults(task: TaskSpec, at: string, { cpus, side, groups, comms }: Names, faults: Faults): void {
  inGroup(task.group, `${at}.group`, groups, faults);
  if (task.cpus !== undefined) cpuFaults(task.cpus, `${at}.cpus`, cpus, faults);
  const allowed = task.cpus ?? [...Array(cpus).keys()];
  if (task.starts !== undefined && !allowed.includes(task.starts))
    faults.add(`${at}.starts`, `one of the CPUs that it may run on: ${allowed.join(', ')}`, String(task.starts));
  priorityFaults(task, at, faults);
  if (isRealTime(task) && task.slice !== undefined && task.slice > 0)
    faults.add(`${at}.slice`, `none with policy ${task.policy}`, String(task.slice));
  programFaults(task.program, `${at}.program`, side, faults, (instruction, place) => {
    if ((instruction.op === 'yieldTo' || instruction.op === 'wake') && !comms.includes(instruction.task))
      faults.add(`${place}.task`, oneOf('a task', instruction.task, comms), shown(instruction.task));
  });
}

function vmFaults(vm: VmSpec, at: string, s: Scenario, groups: readonly string[], faults: Faults): void {
  priorityFaults(vm, at, faults);
  if (Array.isArray(vm.group)) {
    perVcpu(vm.group.length, vm.vcpus, `${at}.group`, faults);
    vm.group.forEach((name, i) => {
      inGroup(name, `${at}.group[${i}]`, groups, faults);
    });
  } else {
    inGroup(vm.group, `${at}.group`, groups, faults);
  }
  const cpus = vm.cpus ?? [...Array(s.cpus).keys()];
  if (isNested(cpus)) {
    perVcpu(cpus.length, vm.vcpus, `${at}.cpus`, faults);
    cpus.forEach((list, i) => {
      cpuFaults(list, `${at}.cpus[${i}]`, s.cpus, faults);
    });
  } else {
    cpuFaults(cpus, `${at}.cpus`, s.cpus, faults);
  }
  const each = vm.programs !== undefined && isProgramList(vm.programs);
  const programs = vm.programs === undefined ? [] : each ? (vm.programs as Program[]) : [vm.programs as Program];
  if (each) perVcpu(programs.length, vm.vcpus, `${at}.programs`, faults);
  if (vm.ipiv === true && vm.apicv !== true)
    faults.add(`${at}.ipiv`, 'apicv as well: IPI virtualization is a part of it', 'apicv off');
  if (vm.kernel !== undefined) guestKernelFaults(vm, vm.kernel, `${at}.kernel`, faults);
  if (s.arch === undefined) x86Faults(vm, at, faults);
  else notX86Faults(vm, at, s.arch, faults);
  if (s.arch === 'arm64') arm64Faults(vm, at, s, faults);
  if (s.arch === 's390') s390Faults(vm, at, faults);
  programs.forEach((program, i) => {
    const place = each ? `${at}.programs[${i}]` : `${at}.programs`;
    programFaults(program, place, 'guest', faults, (instruction, where) => {
      if (instruction.op === 'ipi' && instruction.to >= vm.vcpus)
        faults.add(`${where}.to`, `a vCPU from 0 to ${vm.vcpus - 1}`, String(instruction.to));
      instructionFaults(instruction, where, s.arch, faults);
    });
    lockFaults(program, place, faults);
  });
}

/** What a guest executes is its machine's, and so is what interrupts are called by. */
function instructionFaults(it: Instruction, place: string, arch: Scenario['arch'], faults: Faults): void {
  const own = arch ?? 'x86';
  const foreign = Object.entries(ONLY).some(
    ([name, ops]) => name !== own && (ops as readonly string[]).includes(it.op),
  );
  if (foreign) faults.add(`${place}.op`, `an instruction of ${own}`, it.op);
  if (it.op === 'ipi' && (arch === undefined ? it.vector < IPIS : it.vector >= IPIS))
    faults.add(`${place}.vector`, IPI_NAMES[own], String(it.vector));
  if (it.op !== 'timer' || arch === undefined) return;
  const [vector, name] = TIMERS[arch];
  if (it.vector !== vector) faults.add(`${place}.vector`, `${vector}, the interrupt of the ${name}`, String(it.vector));
}

const IPI_NAMES = {
  x86: 'a vector from 16 to 255',
  arm64: 'an SGI from 0 to 15',
  s390: 'a bit of ec_mask from 0 to 15',
} as const;

/** What only x86 has, in a VM of another machine. */
function notX86Faults(vm: VmSpec, at: string, arch: 'arm64' | 's390', faults: Faults): void {
  for (const member of ['vendor', 'apicv', 'ipiv', 'pv_eoi', 'x2apic', 'irqchip', 'halted'] as const)
    if (vm[member] !== undefined) faults.add(`${at}.${member}`, `nothing on ${arch}`, member);
  if (vm.vcpus > VCPUS[arch]) faults.add(`${at}.vcpus`, `at most ${VCPUS[arch]} on ${arch}`, String(vm.vcpus));
}

/** What only others have, in a VM of an s390 machine; its queued spinlocks are for CPUs of their own. */
function s390Faults(vm: VmSpec, at: string, faults: Faults): void {
  for (const member of ['vlpis', 'nassgireq', 'kernel'] as const)
    if (vm[member] !== undefined) faults.add(`${at}.${member}`, 'nothing on s390', member);
  if (vm.lockKind === 'ticket') faults.add(`${at}.lockKind`, 'tas on s390', 'ticket');
}

/** What the interrupt controller of an arm64 machine lacks. */
function arm64Faults(vm: VmSpec, at: string, s: Scenario, faults: Faults): void {
  const { gic = 'v3' } = s;
  if (vm.vlpis !== undefined && vm.vlpis > 0 && gic === 'v3')
    faults.add(`${at}.vlpis`, 'gic v4 or v4.1 as well', `gic ${gic}`);
  if (vm.nassgireq === true && gic !== 'v4.1') faults.add(`${at}.nassgireq`, 'gic v4.1 as well', `gic ${gic}`);
}

/** What only arm64 has, in a VM of an x86 machine. */
function x86Faults(vm: VmSpec, at: string, faults: Faults): void {
  for (const member of ['vlpis', 'nassgireq'] as const)
    if (vm[member] !== undefined) faults.add(`${at}.${member}`, 'nothing unless arch is arm64', member);
}

/** A machine in the machine: its CPUs are the vCPUs. */
function guestKernelFaults(vm: VmSpec, kernel: GuestKernelSpec, at: string, faults: Faults): void {
  if (vm.programs !== undefined) faults.add(at, 'either a kernel or programs, not both', 'both');
  if (vm.halted === true) faults.add(at, 'vCPUs that run, so that it can boot', 'halted');
  const groups = groupFaults(kernel.groups ?? [], faults, `${at}.`);
  const comms = new Set<string>();
  const all = kernel.tasks.map((task) => task.comm);
  if (kernel.tasks.length === 0) faults.add(`${at}.tasks`, 'at least one task', 'none');
  kernel.tasks.forEach((task, i) => {
    const place = `${at}.tasks[${i}]`;
    unique(task.comm, comms, `${place}.comm`, 'task', faults);
    const own = { cpus: vm.vcpus, groups, comms: all, side: "task of a guest's kernel" } as const;
    taskFaults(task, place, own, faults);
  });
}

function perVcpu(length: number, vcpus: number, place: string, faults: Faults): void {
  if (length !== vcpus) faults.add(place, `one for each of ${vcpus} vCPUs, or one for all`, `an array of ${length}`);
}

const isNested = (cpus: number[] | number[][]): cpus is number[][] => Array.isArray(cpus[0]);
const isProgramList = (programs: Program | Program[]): programs is Program[] => Array.isArray(programs[0]);

type Judge = (instruction: Instruction, place: string) => void;

function programFaults(
  program: Program | undefined,
  at: string,
  side: keyof typeof FOREIGN,
  faults: Faults,
  judge: Judge,
): void {
  if (program === undefined) return;
  if (program.length === 0) faults.add(at, 'at least one instruction', 'none');
  if (program.length > 0 && !program.some(takesTime))
    faults.add(at, 'an instruction that takes time or sleeps: compute, hlt, sleep, wait, pause or yield', 'none');
  program.forEach((instruction, i) => {
    const place = `${at}[${i}]`;
    const foreign: readonly Instruction['op'][] = FOREIGN[side];
    if (foreign.includes(instruction.op)) faults.add(`${place}.op`, `an instruction of a ${side}`, instruction.op);
    judge(instruction, place);
  });
}

/** A program none of whose instructions takes time would run for ever at one instant. */
function takesTime(instruction: Instruction): boolean {
  return [
    'compute',
    'hlt',
    'wfi',
    'wfe',
    'diag44',
    'diag9c',
    'enabledWait',
    'sleep',
    'wait',
    'pause',
    'exit',
    'yield',
  ].includes(instruction.op);
}

/** A vCPU must not take a lock that it holds nor release one that it does not hold, once round its program. */
function lockFaults(program: Program, at: string, faults: Faults): void {
  const held = new Set<number>();
  program.forEach((instruction, i) => {
    const place = `${at}[${i}].lock`;
    if (instruction.op === 'lock') {
      if (held.has(instruction.lock)) faults.add(place, 'a lock that is not held here', String(instruction.lock));
      held.add(instruction.lock);
    } else if (instruction.op === 'unlock') {
      if (!held.has(instruction.lock)) faults.add(place, 'a lock that is held here', String(instruction.lock));
      held.delete(instruction.lock);
    }
  });
  for (const lock of held) faults.add(at, `an unlock of lock ${lock} before the program starts over`, 'none');
}

function apicFaults(apics: ApicsSpec, s: Scenario, faults: Faults): void {
  if (s.arch !== undefined) faults.add('apics', `none on ${s.arch}`, 'apics');
  if ((s.vms ?? []).length > 0) faults.add('apics', 'either VMs or local APICs alone', 'both');
  const { ids, vcpus, mode } = apics;
  if (ids !== undefined && ids.length !== vcpus)
    faults.add('apics.ids', `one id for each of ${vcpus} vCPUs`, `an array of ${ids.length}`);
  ids?.forEach((id, i) => {
    if (ids.indexOf(id) < i) faults.add(`apics.ids[${i}]`, 'an id that no other vCPU has', String(id));
  });
  if (mode === 'xapic' && vcpus > 8)
    faults.add('apics.vcpus', 'at most 8, for each has a bit of the flat mode', String(vcpus));
  if (mode === 'cluster' && vcpus > 30) faults.add('apics.vcpus', 'at most 30, two in each cluster', String(vcpus));
}

/** vCPUs that an event of local APICs names. */
function vcpusOf(event: MachineEvent): { member: string; vcpu: number }[] {
  if (event.ev === 'amid') {
    return [event.of, event.other].flatMap((inner, i) =>
      vcpusOf(inner).map(({ vcpu }) => ({ member: `${i === 0 ? 'of' : 'other'}.vcpu`, vcpu })),
    );
  }
  return 'vcpu' in event ? [{ member: 'vcpu', vcpu: event.vcpu }] : [];
}

const threadsOf = (s: Scenario): number =>
  (s.tasks ?? []).length + (s.vms ?? []).reduce((sum, vm) => sum + vm.vcpus, 0);

const vcpusIn = (s: Scenario): number => (s.vms ?? []).reduce((sum, vm) => sum + vm.vcpus, 0);

function eventFaults(s: Scenario, faults: Faults): void {
  const tasks = threadsOf(s);
  const groups = (s.groups ?? []).length;
  (s.events ?? []).forEach((event, i) => {
    for (const fault of eventRange(event, s.cpus, tasks, groups)) {
      faults.add(`events[${i}].${fault.member}`, fault.expected, String(fault.got));
    }
    const { apics } = s;
    for (const { member, vcpu } of vcpusOf(event)) {
      if (event.ev === 'lpi') {
        if (vcpu >= vcpusIn(s)) faults.add(`events[${i}].vcpu`, `a vCPU from 0 to ${vcpusIn(s) - 1}`, String(vcpu));
      } else if (apics === undefined)
        faults.add(`events[${i}].ev`, 'an event of this machine, which has no apics', event.ev);
      else if (vcpu >= apics.vcpus)
        faults.add(`events[${i}].${member}`, `a vCPU from 0 to ${apics.vcpus - 1}`, String(vcpu));
    }
  });
}

interface OutOfRange {
  member: string;
  expected: string;
  got: number;
}

/** What an event names that the machine does not have: a CPU, a task (tasks first, then vCPU threads), a group. */
function eventRange(event: MachineEvent, cpus: number, tasks: number, groups: number): OutOfRange[] {
  const out: OutOfRange[] = [];
  if ('cpu' in event && event.cpu >= cpus)
    out.push({ member: 'cpu', expected: `a CPU from 0 to ${cpus - 1}`, got: event.cpu });
  if ('target' in event && event.target >= cpus)
    out.push({ member: 'target', expected: `a CPU from 0 to ${cpus - 1}`, got: event.target });
  if ('task' in event && event.task >= cpus + tasks)
    out.push({ member: 'task', expected: `a task id below ${cpus + tasks}`, got: event.task });
  if ('group' in event && event.group > groups)
    out.push({ member: 'group', expected: `a group from 0 (root) to ${groups}`, got: event.group });
  return out;
}
