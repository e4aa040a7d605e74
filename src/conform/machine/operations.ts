// SPDX-License-Identifier: GPL-2.0-only
/** A scenario and its events as operations of the native machine (src/native/c/machine/drv_machine.c). */
import { assert } from '../../base/assert.js';
import { POLICY } from '../../machine/policies.js';
import type { machine } from '../../machine/state.js';
import type { PipeOperation } from '../../native/format.js';
import { FEATURE_NAMES } from '../../native/format.js';
import type { MachineEvent } from '../../scenario/events.js';
import type { Scenario } from '../../scenario/scenario.js';
import {
  __TASK_STOPPED,
  __TASK_TRACED,
  SCHED_FIFO,
  SCHED_RR,
  TASK_DEAD,
  TASK_INTERRUPTIBLE,
  TASK_NOLOAD,
  TASK_PARKED,
  TASK_UNINTERRUPTIBLE,
} from '../../sched/sched.js';

/** In the flags: it ran on no CPU of the host. */
export const NO_CPU = 0x4000_0000;
const X2APIC = 1;
const HALTED = 2;
/** In the flags of FORK: allowed on every CPU; and behind it the vCPU whose thread it is, one more. */
const ANY_CPU = 1;
const THREAD = 8;

/** KNOB of this number: need_resched is served by operations of their own. */
const LAZY = 100;
/** Queues start so many virtual ns before the wrap. */
const BOOT_VRUNTIME = 1n << 20n;

/** `cpu`, `id`, `flags`, `a` and `b` are 0 when left out. */
export const machineOp = (op: string, given: Partial<PipeOperation> = {}): PipeOperation => ({
  op,
  cpu: 0,
  id: 0,
  flags: 0,
  a: 0,
  b: 0,
  ...given,
});

/** Knobs of kvm.ko by the numbers that KNOB takes. */
export const KNOBS = ['halt_poll_ns', 'halt_poll_ns_grow', 'halt_poll_ns_grow_start', 'halt_poll_ns_shrink'];
/** What the stand-in for the vendor's module does not have; every scenario turns it off. */
export const WITHOUT = { enable_preemption_timer: 0 };

/**
 * What makes a scenario's machine in C. Of a scenario the following: CPUs, base slice, groups, tasks of SCHED_NORMAL that may run on one CPU
 * or on all, VMs of vmx without APICv whose threads may.
 */
export function setupOperations(scenario: Scenario): PipeOperation[] {
  const { cpus, base_slice, groups = [], tasks = [], vms = [], knobs = {}, features = {}, eager = true } = scenario;
  assert(base_slice !== undefined, 'the base slice is named');
  const ops = [
    machineOp('LLC', { a: 2 ** cpus - 1 }),
    machineOp('BASE_SLICE', { a: base_slice }),
    ...Object.entries(features).map(([name, on]) =>
      machineOp('FEATURE', { id: FEATURE_NAMES.indexOf(name), a: Number(on) }),
    ),
    ...groups.map((group) => machineOp('GROUP', { a: groupOf(scenario, group.parent) })),
    ...groups.flatMap(({ name, shares }) =>
      shares === undefined ? [] : [machineOp('SHARES', { id: groupOf(scenario, name), a: shares })],
    ),
    ...groups.flatMap(({ name, idle }) =>
      idle === true ? [machineOp('GROUP_IDLE', { id: groupOf(scenario, name), a: 1 })] : [],
    ),
    ...clocks(scenario),
    ...(eager ? [] : [machineOp('KNOB', { id: LAZY, a: 1 })]),
    ...KNOBS.flatMap((name, id) => (knobs[name] === undefined ? [] : [machineOp('KNOB', { id, a: knobs[name] })])),
  ];
  let cpu = 0;
  const fork = (allowed: readonly number[] | undefined, nice = 0, group: string | undefined, flags = 0): void => {
    assert(allowed === undefined || allowed.length === 1, 'one CPU or all');
    cpu = allowed?.[0] ?? 0;
    const any = allowed === undefined ? ANY_CPU : 0;
    ops.push(machineOp('FORK', { cpu, flags: flags | any, a: nice, b: groupOf(scenario, group) }));
  };
  for (const [id, task] of tasks.entries()) {
    fork(task.cpus?.length === cpus ? undefined : task.cpus, task.nice, task.group);
    if (task.policy === undefined && task.slice === undefined) continue;
    const flags = POLICY[task.policy ?? 'normal'] | NO_CPU;
    ops.push(machineOp('SETATTR', { id, flags, a: task.nice ?? 0, b: task.slice ?? 0 }));
  }
  let vcpus = 0;
  for (const vm of vms) {
    const flags = (vm.x2apic === false ? 0 : X2APIC) | (vm.halted === true ? HALTED : 0);
    ops.push(machineOp('VM', { cpu, flags, a: vm.vcpus }));
    for (let i = 0; i < vm.vcpus; i++) {
      const allowed = vm.cpus as number[][] | undefined;
      fork(allowed?.[i], vm.nice, vm.group as string | undefined, (vcpus + i + 1) << THREAD);
    }
    vcpus += vm.vcpus;
  }
  ops.push(machineOp('PASS', { flags: NO_CPU }));
  return ops;
}

/** Where the virtual clocks of queues start, as far as it is not where Linux lets them. */
function clocks({ cpus, groups = [], vruntime_offset }: Scenario): PipeOperation[] {
  if (vruntime_offset === undefined) return [];
  const a = BigInt.asIntN(64, BigInt(vruntime_offset) - BOOT_VRUNTIME);
  return Array.from({ length: cpus }, (_, cpu) =>
    Array.from({ length: 1 + groups.length }, (_unused, id) => machineOp('VTIME', { cpu, id, a })),
  ).flat();
}

const groupOf = ({ groups = [] }: Scenario, name: string | undefined): number =>
  name === undefined ? 0 : 1 + groups.findIndex((group) => group.name === name);

const STATES = {
  S: TASK_INTERRUPTIBLE,
  D: TASK_UNINTERRUPTIBLE,
  I: TASK_UNINTERRUPTIBLE | TASK_NOLOAD,
  T: __TASK_STOPPED,
  t: __TASK_TRACED,
  P: TASK_PARKED,
  X: TASK_DEAD,
} as const;

/** The operation that a legal event is; PASS where its effect is not known before. */
export function eventOperation(m: machine, e: MachineEvent): PipeOperation {
  const firstTask = m.rq.length;
  switch (e.ev) {
    case 'advance':
      return machineOp('ADVANCE', { a: e.ns });
    case 'tick':
    case 'resched':
    case 'schedule':
    case 'yield':
    case 'intr':
    case 'pause':
    case 'hlt':
      return machineOp(e.ev.toUpperCase(), { cpu: e.cpu });
    case 'pollEnd':
      return machineOp('POLL_END', { cpu: e.cpu });
    case 'eoi':
      return machineOp('GUEST_EOI', { cpu: e.cpu });
    case 'yield_to':
    case 'wake':
      return machineOp(e.ev.toUpperCase(), { cpu: e.cpu, id: e.task - firstTask });
    case 'block':
      return machineOp('BLOCK', { cpu: e.cpu, a: STATES[e.state ?? 'S'] });
    case 'nice':
      return machineOp('NICE', { cpu: e.cpu, id: e.task - firstTask, a: e.nice });
    case 'setattr':
      return machineOp('SETATTR', {
        cpu: e.cpu,
        id: e.task - firstTask,
        flags: e.policy,
        a: e.policy === SCHED_FIFO || e.policy === SCHED_RR ? e.priority : e.nice,
        b: e.slice,
      });
    case 'shares':
      return machineOp('SHARES', { cpu: e.cpu, id: e.group, a: e.shares });
    case 'move':
      return machineOp('MOVE', { cpu: e.cpu, id: e.task - firstTask, a: e.group });
    case 'ipi': {
      const vcpu = m.vcpu[m.task[m.rq[e.cpu].curr].preempt_notifier];
      const target = m.kvm[vcpu.kvm].vcpus[e.to];
      if (target === undefined) return machineOp('PASS', { cpu: e.cpu });
      return machineOp('ICR', { cpu: e.cpu, a: e.vector, b: m.vcpu[target].vcpu_id });
    }
    case 'icr':
      return machineOp('ICR', { cpu: e.cpu, a: e.low >>> 0, b: e.dest >>> 0 });
    case 'cpl':
      return machineOp('CPL', { cpu: e.cpu, a: e.cpl });
    case 'if':
      return machineOp('IF', { cpu: e.cpu, a: Number(e.on), b: Number(e.shadow ?? false) });
    case 'hypercall':
      return machineOp('HYPERCALL', { cpu: e.cpu, id: e.nr, a: e.a0, b: e.a1, flags: e.a2 });
    case 'wrmsr':
      return machineOp('WRMSR', {
        cpu: m.vcpu[e.vcpu].cpu,
        id: e.msr,
        a: (BigInt(e.high >>> 0) << 32n) | BigInt(e.value >>> 0),
        flags: NO_CPU,
      });
    case 'step':
      return machineOp('PASS', { cpu: e.cpu });
    default:
      throw new TypeError(`no operation for ${e.ev}`);
  }
}
