// SPDX-License-Identifier: GPL-2.0-only
/** Which machines the stand-ins around the C code can be; and the nearest of those to one that they cannot. */
import type { Scenario, TaskSpec, VmSpec } from '../../scenario/scenario.js';
import { KNOBS } from './operations.js';

const REAL_TIME: readonly unknown[] = ['fifo', 'rr'];

const oneOrAll = (cpus: number, allowed: readonly number[]): boolean => allowed.length === 1 || allowed.length === cpus;

function ofTask(cpus: number, task: TaskSpec): string | null {
  if (REAL_TIME.includes(task.policy)) return 'real-time tasks';
  if (task.unborn === true || task.asleep === true) return 'a task that nobody has woken';
  if (task.starts !== undefined) return 'a task that starts elsewhere';
  return task.cpus === undefined || oneOrAll(cpus, task.cpus) ? null : 'a task that may run on some of the CPUs';
}

function ofVm(vm: VmSpec): string | null {
  if (vm.vendor === 'svm') return 'kvm_amd';
  if (vm.apicv === true || vm.ipiv === true) return 'APICv';
  if (vm.pv_eoi === true) return 'PV EOI';
  if (vm.kernel !== undefined) return 'a kernel in a guest';
  if (vm.policy !== undefined) return 'vCPUs of another policy';
  const lists = (vm.cpus ?? []) as readonly (number | readonly number[])[];
  if (lists.some((list) => !Array.isArray(list) || list.length !== 1)) return 'a vCPU that may run on some of the CPUs';
  return null;
}

/** Why the machine cannot be made in C; null when it can. */
export function whyNotInC(scenario: Scenario): string | null {
  const { cpus, hz, arch, apics, knobs = {}, tasks = [], vms = [] } = scenario;
  if (arch !== undefined) return arch;
  if (apics !== undefined) return 'APICs without threads';
  if (hz !== 1000) return `HZ ${hz ?? 250}`;
  if (cpus > 8) return `${cpus} CPUs`;
  const knob = Object.keys(knobs).find((name) => !KNOBS.includes(name) && name !== 'enable_preemption_timer');
  if (knob !== undefined) return `the knob ${knob}`;
  return (
    tasks.map((task) => ofTask(cpus, task)).find((why) => why !== null) ??
    vms.map((vm) => ofVm(vm)).find((why) => why !== null) ??
    null
  );
}

const allOf = (cpus: number, allowed: readonly number[] | undefined): readonly number[] | undefined =>
  allowed?.length === 1 ? allowed : allowed === undefined || allowed.length === cpus ? undefined : [allowed[0]!];

function without<T extends object>(o: T, ...names: (keyof T)[]): T {
  const copy = { ...o };
  for (const name of names) delete copy[name];
  return copy;
}

/** The nearest machine that C can be: HZ 1000, kvm_intel without APICv, tasks that are awake. */
export function fitted(scenario: Scenario): Scenario {
  const { cpus, tasks, vms } = scenario;
  return {
    ...scenario,
    hz: 1000,
    ...(tasks === undefined
      ? {}
      : {
          tasks: tasks.map((task): TaskSpec => {
            const allowed = allOf(cpus, task.cpus);
            const plain = without(task, 'asleep', 'starts', 'cpus');
            return allowed === undefined ? plain : { ...plain, cpus: [...allowed] };
          }),
        }),
    ...(vms === undefined
      ? {}
      : { vms: vms.map((vm): VmSpec => ({ ...without(vm, 'apicv', 'ipiv', 'pv_eoi'), vendor: 'vmx' })) }),
  };
}
