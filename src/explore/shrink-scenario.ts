// SPDX-License-Identifier: GPL-2.0-only
/** Scenarios with a little less in them. Some may be illegal; boot refuses those. */
import type { GroupSpec, Scenario, TaskSpec, VmSpec } from '../scenario/scenario.js';

function without<T>(list: readonly T[], i: number): T[] {
  return [...list.slice(0, i), ...list.slice(i + 1)];
}

function replaced<T>(list: readonly T[], i: number, item: T): T[] {
  return [...list.slice(0, i), item, ...list.slice(i + 1)];
}

function omit<T extends object>(from: T, key: keyof T): T {
  const copy = { ...from };
  delete copy[key];
  return copy;
}

/** The optional parts of a record, each left out once. */
function* leftOut<T extends object>(record: T, keys: readonly (keyof T)[]): Generator<T> {
  for (const key of keys) if (record[key] !== undefined) yield omit(record, key);
}

/** Most wanted first: whole things go before details. */
export function* smallerScenarios(s: Scenario): Generator<Scenario> {
  const { tasks = [], vms = [], groups = [] } = s;
  for (let i = vms.length - 1; i >= 0; i--) yield { ...s, vms: without(vms, i) };
  for (let i = tasks.length - 1; i >= 0; i--) yield { ...s, tasks: without(tasks, i) };
  for (let i = groups.length - 1; i >= 0; i--) yield withoutGroup(s, i);
  if (s.cpus > 1) yield { ...s, cpus: s.cpus - 1 };
  for (let i = 0; i < vms.length; i++) {
    for (const vm of smallerVms(vms[i])) yield { ...s, vms: replaced(vms, i, vm) };
  }
  for (let i = 0; i < tasks.length; i++) {
    for (const task of smallerTasks(tasks[i])) yield { ...s, tasks: replaced(tasks, i, task) };
  }
  for (let i = 0; i < groups.length; i++) {
    for (const group of leftOut<GroupSpec>(groups[i], ['shares', 'idle', 'parent'])) {
      yield { ...s, groups: replaced(groups, i, group) };
    }
  }
  yield* leftOut<Scenario>(s, ['features', 'knobs', 'vruntime_offset', 'base_slice', 'hz', 'seed', 'eager', 'name']);
}

/** Its members go to its parent. */
function withoutGroup(s: Scenario, i: number): Scenario {
  const groups = s.groups ?? [];
  const { name, parent } = groups[i];
  const moved = <T extends { group?: string }>(item: T): T => {
    if (item.group !== name) return item;
    return parent === undefined ? omit(item, 'group') : { ...item, group: parent };
  };
  const movedVm = (vm: VmSpec): VmSpec => {
    if (!Array.isArray(vm.group)) return moved(vm as VmSpec & { group?: string });
    if (parent === undefined) return vm.group.includes(name) ? omit(vm, 'group') : vm;
    return { ...vm, group: vm.group.map((g) => (g === name ? parent : g)) };
  };
  const reparented = without(groups, i).map((group) => {
    if (group.parent !== name) return group;
    return parent === undefined ? omit(group, 'parent') : { ...group, parent };
  });
  const out: Scenario = { ...s, groups: reparented };
  if (s.tasks !== undefined) out.tasks = s.tasks.map(moved);
  if (s.vms !== undefined) out.vms = s.vms.map(movedVm);
  return out;
}

function* smallerVms(vm: VmSpec): Generator<VmSpec> {
  if (vm.vcpus > 1) yield fewerVcpus(vm, vm.vcpus - 1);
  yield* leftOut<VmSpec>(vm, ['group', 'nice', 'cpus', 'apicv', 'ipiv', 'pv_eoi', 'x2apic', 'irqchip', 'lockKind']);
}

function fewerVcpus(vm: VmSpec, vcpus: number): VmSpec {
  const out: VmSpec = { ...vm, vcpus };
  if (Array.isArray(vm.group)) out.group = vm.group.slice(0, vcpus);
  if (Array.isArray(vm.cpus?.[0])) out.cpus = (vm.cpus as number[][]).slice(0, vcpus);
  if (Array.isArray(vm.programs?.[0]))
    out.programs = (vm.programs as NonNullable<VmSpec['programs']>[]).slice(0, vcpus) as never;
  return out;
}

function* smallerTasks(task: TaskSpec): Generator<TaskSpec> {
  yield* leftOut<TaskSpec>(task, [
    'program',
    'group',
    'starts',
    'cpus',
    'slice',
    'nice',
    'asleep',
    'policy',
    'rt_priority',
  ]);
}
