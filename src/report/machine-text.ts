// SPDX-License-Identifier: GPL-2.0-only
/** The machine of a run in words: who is there, with which weight, where, and what it does by itself. */
import { wrap } from '../base/text.js';
import type { Instruction, Program } from '../guest/instructions.js';
import { weightOfNice } from '../machine/weight-of-nice.js';
import type { ApicsSpec, GroupSpec, Scenario, TaskSpec, VmSpec } from '../scenario/scenario.js';

/** `2800000` as `2.8 ms`. */
function time(ns: number): string {
  if (ns >= 1_000_000 && ns % 1_000 === 0) return `${ns / 1_000_000} ms`;
  if (ns >= 1_000 && ns % 10 === 0) return `${ns / 1_000} us`;
  return `${ns} ns`;
}

function instructionText(i: Instruction): string {
  switch (i.op) {
    case 'compute':
    case 'sleep':
      return `${i.op} ${time(i.ns)}`;
    case 'lock':
    case 'unlock':
      return `${i.op} ${i.lock}`;
    case 'ipi':
      return `ipi vcpu${i.to} 0x${i.vector.toString(16)}`;
    case 'timer':
      return `timer ${time(i.ns)} 0x${i.vector.toString(16)}`;
    case 'yieldTo':
      return `yieldTo ${i.task}`;
    default:
      return i.op;
  }
}

const programText = (p: Program): string => p.map(instructionText).join(', ');

const cpusText = (cpus: readonly number[], online: number): string =>
  cpus.length === 0 || online === 1 || cpus.length === online ? '' : `CPU ${cpus.join(',')}`;

const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ');

/** A nice value with the weight that it has; every task whose weight is not the default's says so. */
const niceText = (nice: number | undefined): string => `nice ${nice ?? 0} (weight ${weightOfNice(nice ?? 0)})`;

function taskText(task: TaskSpec, online: number): string {
  const realTime = task.policy === 'fifo' || task.policy === 'rr';
  const weight = realTime
    ? `${task.policy} priority ${task.rt_priority}`
    : task.policy === 'idle'
      ? 'SCHED_IDLE (weight 3)'
      : `${task.policy === 'batch' ? 'batch, ' : ''}${niceText(task.nice)}`;
  return `${task.comm}: ${joined([
    weight,
    task.group === undefined ? '' : `in ${task.group}`,
    cpusText(task.cpus ?? [], online),
    task.slice !== undefined && task.slice > 0 ? `slice ${time(task.slice)}` : '',
    task.asleep === true ? 'asleep at first' : '',
    task.program === undefined ? '' : `runs {${programText(task.program)}}`,
  ])}`;
}

const groupText = (g: GroupSpec): string =>
  `${g.name}: ${joined([g.idle === true ? 'cpu.idle' : `shares ${g.shares ?? 1024}`, g.parent === undefined ? '' : `in ${g.parent}`])}`;

const isList = <T>(value: T | T[][] | T[]): value is T[][] => Array.isArray(value) && Array.isArray(value[0]);

function vmLines(vm: VmSpec, online: number, arch: string | undefined): string[] {
  const flags = (['apicv', 'ipiv', 'pv_eoi', 'x2apic', 'halted'] as const).filter((flag) => vm[flag] === true);
  const group = vm.group === undefined ? '' : `in ${Array.isArray(vm.group) ? vm.group.join(', ') : vm.group}`;
  const cpus = vm.cpus ?? [];
  const where = isList(cpus)
    ? `on CPU ${(cpus as number[][]).map((list) => list.join(',')).join(' / ')}`
    : cpusText(cpus as number[], online);
  const head = joined([
    `${vm.vcpus} ${vm.vcpus === 1 ? 'vCPU' : 'vCPUs'}`,
    arch ?? vm.vendor ?? 'vmx',
    ...flags,
    vm.vlpis === undefined ? '' : `${vm.vlpis} ${vm.vlpis === 1 ? 'vLPI' : 'vLPIs'} each`,
    vm.nassgireq === true ? 'nASSGIreq' : '',
    vm.irqchip ?? '',
    niceText(vm.nice),
    group,
    where,
    vm.lockKind === undefined ? '' : `${vm.lockKind} locks`,
  ]);
  const programs = vm.programs ?? [];
  const each = isList(programs as Instruction[]) ? (programs as Program[]) : null;
  const one = each === null && programs.length > 0 ? [`every vCPU runs {${programText(programs as Program)}}`] : [];
  return [
    `VM ${vm.name}: ${head}`,
    ...one,
    ...(each ?? []).map((program, i) => `${vm.name}/${i} runs {${programText(program)}}`),
  ];
}

const apicsText = (a: ApicsSpec): string =>
  `local APICs: ${joined([
    `${a.vcpus} vCPUs`,
    a.ids === undefined ? '' : `ids ${a.ids.join(' ')}`,
    a.mode,
    a.vendor ?? 'svm',
    `${a.irqchip ?? 'split'} irqchip`,
  ])}`;

const pairs = (record: Record<string, unknown>): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}=${typeof value === 'boolean' ? Number(value) : value}`)
    .join(' ');

/** The machine as lines of at most `width` characters; ids in events are explained by the names here. */
export function machineLines(s: Scenario, width: number): string[] {
  const head = joined([
    `${s.cpus} ${s.cpus === 1 ? 'CPU' : 'CPUs'}`,
    s.apics === undefined ? `HZ ${s.hz ?? 250}` : '',
    s.base_slice === undefined ? '' : `base_slice ${time(s.base_slice)}`,
    s.eager === false ? 'schedule() only by resched events' : '',
    s.vruntime_offset === undefined ? '' : `every vruntime starts at ${s.vruntime_offset}`,
    s.seed === undefined ? '' : `seed ${s.seed}`,
    pairs({ ...s.features, ...s.knobs }),
  ]);
  const lines = [
    ...(s.apics === undefined ? [] : [apicsText(s.apics)]),
    ...(s.groups ?? []).map((g) => `group ${groupText(g)}`),
    ...(s.tasks ?? []).map((t) => taskText(t, s.cpus)),
    ...(s.vms ?? []).flatMap((vm) => vmLines(vm, s.cpus, s.arch)),
  ];
  return [`machine: ${head}`, ...lines.map((line) => `  ${line}`)].flatMap((line) => wrap(line, width, '      '));
}
