// SPDX-License-Identifier: GPL-2.0-only
/** What is known of a boost: the thread's policy, what the host believes, and what the shared page says. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { type guest_memory, loadWord } from '../../../src/kvm/guest-memory.js';
import { IN_GUEST_MODE } from '../../../src/kvm/kvm_host.js';
import { and, not, s64_diff, s64_toNumber, toNumber, u64, ZERO } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { type cfs_rq, NULL, SCHED_FIFO, SCHED_RR, type task_struct } from '../../../src/sched/sched.js';
import type { pvsched } from '../../../src/series/pvsched-v1/adds.js';
import { kernelByName } from '../../../src/series/registry.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import type { Step } from '../../vocabulary.js';

export const BASE = 'v6.12.117';
export const SERIES = `${BASE}+pvsched-v1`;
/** the release that v1 was made for */
export const ON_CFS = 'v6.5';

/** The kernel without the series: the one whose scheduler `k` has. */
export function baseOf(k: vmlinux_x86): string {
  return kernelByName(ON_CFS).table.pick_task_fair === k.pick_task_fair ? ON_CFS : BASE;
}
export const [DISABLED, NORMAL, BOOSTED] = [0, 1, 2];
export const [UNBOOST, BOOST] = [1, 2];
/** ns: pvsched_max_preempt_disabled_us as it is at first */
export const LIMIT = 3_000_000;

/** ns: the slice of one of two tasks; on CFS half of the period in which both run */
export const sliceOf = (m: machine): number =>
  m.sysctl_sched_latency === undefined ? m.sysctl_sched_base_slice : m.sysctl_sched_latency / 2;

/** ns since boot */
export const now = (m: machine): number => s64_toNumber(s64_diff(m.sched_clock, m.bootClock));

export const threadOf = (m: machine, v: kvm_vcpu): task_struct | undefined => m.task[v.pid];

/** SCHED_FIFO or SCHED_RR */
export function isRealTime(m: machine, v: kvm_vcpu): boolean {
  const policy = threadOf(m, v)?.policy;
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

export const nameOf = (m: machine, v: kvm_vcpu): string => `${m.vmNames[v.kvm]}/${v.vcpu_idx}`;
export const sayPolicy = (m: machine, v: kvm_vcpu): string => (isRealTime(m, v) ? 'real-time' : 'SCHED_NORMAL');

/** What the host believes; undefined on kernels without the series, and before anything happened. */
export const statusOf = (v: kvm_vcpu): number | undefined => v.arch.pv_sched?.boost;

/** The MSR, without bit 0; null while it is disabled. */
export function pageOf(v: kvm_vcpu): number | null {
  const msr = v.arch.pv_sched?.msr_val ?? ZERO;
  return msr === ZERO ? null : toNumber(and(msr, not(u64(1))));
}

export const memoryOf = (m: machine, v: kvm_vcpu): guest_memory | undefined => m.guest[v.kvm]?.memory;

export function isThere(m: machine, v: kvm_vcpu): boolean {
  const gpa = pageOf(v);
  const memory = memoryOf(m, v);
  return gpa !== null && memory !== undefined && gpa < memory.size && !memory.holes.includes(Math.floor(gpa / 4096));
}

/** What the page says; null where there is none. */
export function shared(m: machine, v: kvm_vcpu): { status: number; request: number; off: boolean } | null {
  const gpa = pageOf(v);
  const memory = memoryOf(m, v);
  if (gpa === null || memory === undefined || !isThere(m, v)) return null;
  const word = toNumber(and(loadWord(memory, gpa + 8), u64(0xffff)));
  return { status: toNumber(loadWord(memory, gpa)), request: word & 0xff, off: word >> 8 !== 0 };
}

/** The key, the VM's switch and the MSR. */
export const isEnabled = ({ kernel }: Step, v: kvm_vcpu): boolean =>
  (kernel as pvsched).kvm_arch_vcpu_pv_sched_enabled?.(v) === true;

/** It runs guest code, on the CPU that its thread has. */
export const inGuest = (m: machine, v: kvm_vcpu): boolean =>
  v.mode === IN_GUEST_MODE && v.cpu >= 0 && m.rq[v.cpu].curr === v.pid && v.pid !== NULL;

/** What its guest's kernel does on it: null where none runs. */
export function guestState(m: machine, v: kvm_vcpu) {
  const os = m.guest[v.kvm]?.os;
  if (os === undefined) return null;
  const cpu = os.cpu[v.vcpu_idx];
  const rq = os.m.rq[v.vcpu_idx];
  const curr = os.m.task[rq.curr];
  return {
    os,
    curr,
    idle: rq.curr === rq.idle,
    /** its own instructions, none of its kernel's under way */
    plain: cpu.contexts.length === 0 && cpu.asks.length === 0,
    user: rq.curr !== rq.idle && os.task[rq.curr].user,
    fair: curr.sched_class === 'fair_sched_class',
    preemptCount: os.m.irq_cpu?.[v.vcpu_idx].preempt_count ?? 0,
  };
}

export const ranOf = (m: machine, task: number): number => toNumber(m.se[m.task[task].se].sum_exec_runtime);

/** A fault: of the entities of a queue the one that was made last runs, due or not. */
export const lastOne = {
  pick_eevdf(this: vmlinux_x86, { id }: cfs_rq) {
    return this.m.se.findLast((se) => se.on_rq !== 0 && se.cfs_rq === id) ?? null;
  },
};
