// SPDX-License-Identifier: GPL-2.0-only
/** What is known of preemption on both sides: the word, where the host has the vCPU, what the guest's CPUs do. */
import type { kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import type { GuestKernel } from '../../../src/guest/guest-kernel.js';
import { loadBytes } from '../../../src/kvm/guest-memory.js';
import { s64_diff, s64_toNumber, toNumber, U64_MAX } from '../../../src/lib/types.js';
import { arm64Machine } from '../../../src/machine/arm64-events.js';
import type { machine } from '../../../src/machine/state.js';
import { type VcpuState, vcpuStateOf } from '../../../src/machine/vcpu-life.js';
import { WHILE_BUSY } from '../../../src/sched/kernel-stack.js';

/** ns since boot */
export const now = (m: machine): number => s64_toNumber(s64_diff(m.sched_clock, m.bootClock));

export const vcpusOf = (m: machine): readonly kvm_vcpu[] => arm64Machine(m).vcpu;
export const nameOf = (m: machine, v: kvm_vcpu): string => `${m.vmNames[v.kvm]}/${v.vcpu_idx}`;
export const stateOf = (m: machine, v: kvm_vcpu): VcpuState => vcpuStateOf(m, m.vcpu[v.id]);

/** Where KVM writes for the vCPU; null for nowhere. */
export function baseOf(v: kvm_vcpu): number | null {
  const base = v.arch.pv_preempted?.base ?? U64_MAX;
  return base === U64_MAX ? null : toNumber(base);
}

/** Whether a slot has the address. */
export function isThere(m: machine, v: kvm_vcpu, gpa: number): boolean {
  const memory = m.guest[v.kvm]?.memory;
  return memory !== undefined && gpa < memory.size && !memory.holes.includes(Math.floor(gpa / 4096));
}

/** Whether the word says that the vCPU is preempted; null where there is none. All of them have that in their first byte. */
export function flagOf(m: machine, v: kvm_vcpu): boolean | null {
  const base = baseOf(v);
  const memory = m.guest[v.kvm]?.memory;
  if (base === null || memory === undefined || !isThere(m, v, base)) return null;
  return loadBytes(memory, base, 1) !== 0;
}

/** Its thread has a CPU. */
export const onCpu = (m: machine, v: kvm_vcpu): boolean => v.pid >= 0 && m.rq[m.task[v.pid].cpu].curr === v.pid;

export const osOf = (m: machine): GuestKernel | null => m.guest[0]?.os ?? null;
export const vcpuAt = (m: machine, idx: number): kvm_vcpu => vcpusOf(m)[m.kvm[0].vcpus[idx]];

/** vCPUs on which the guest is idle, and whether their threads have CPUs. */
export function idleOnes(m: machine): Map<number, boolean> {
  const os = osOf(m);
  const idle = new Map<number, boolean>();
  os?.m.rq.forEach((rq) => {
    if (rq.curr === rq.idle && rq.nr_running === 0 && rq.wake_list.length === 0)
      idle.set(rq.cpu, onCpu(m, vcpuAt(m, rq.cpu)));
  });
  return idle;
}

/** Those of them to which the guest has sent a task since: it is queued there, or on its way. */
export function filled(m: machine, idle: ReadonlyMap<number, boolean>): number[] {
  const os = osOf(m);
  return [...idle.keys()].filter((cpu) => {
    const rq = os?.m.rq[cpu];
    return rq !== undefined && (rq.nr_running > 0 || rq.wake_list.length > 0);
  });
}

/** Tasks of the guest that spin for a lock on a vCPU that runs: the vCPU, and the vCPU that they wait for. */
export function spinners(m: machine): { vcpu: number; waitsFor: number; queued: boolean }[] {
  const os = osOf(m);
  if (os === null) return [];
  return os.m.task.flatMap((p) => {
    const [frame] = p.kernel_stack;
    if (frame?.waits !== WHILE_BUSY || !onCpu(m, vcpuAt(m, p.cpu)) || os.m.rq[p.cpu].curr !== p.id) return [];
    const queued = frame.fn === 'osq_lockTurn';
    const owner = os.m.sleeping_lock?.[frame.args[0]].owner ?? -1;
    const waitsFor = queued ? (os.m.osq_node?.[p.cpu].prev ?? -1) : owner < 0 ? -1 : os.m.task[owner].cpu;
    return [{ vcpu: p.cpu, waitsFor, queued }];
  });
}
