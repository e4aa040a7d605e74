// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kvm/diag.c (6.12.117): diagnose 0x44 (time slice end) and 0x9c (time slice end, directed).
 *
 * Not mirrored: the other diagnoses, the run loop (no machine runs s390 guests; the handlers stand alone), protected
 * guests. The weak functions that s390 leaves to virt/kvm are at the end.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import { NotModelled } from '../../lib/bug.js';
import { EOPNOTSUPP } from '../../lib/errno.js';
import { type bool, S64_ZERO, s64_diff, s64_lt, toBigInt, type u32, type u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';

/** What diag.c reads and writes of struct kvm_vcpu_arch and of the counters. */
export interface s390_vcpu {
  /** the register that the instruction names: of 0x9c, the target's vcpu_id */
  gpr: number;
  /** PSW_MASK_PSTATE: the guest runs in problem state */
  pstate: bool;
  /** bit of gisa_int.kicked_mask */
  kicked: bool;
  /** kvm_s390_vcpu_has_irq() */
  has_irq: bool;
  instruction_diagnose_44: number;
  instruction_diagnose_9c: number;
  diag_9c_ignored: number;
  diag_9c_forward: number;
  instruction_diagnose_other: number;
}

/** Static variables of diag.c, the module's parameter, and what the host's hypervisor tells. */
export interface s390_host {
  /** forwarded yields a second; below HZ none, as the division leaves 0 */
  diag9c_forwarding_hz: u32;
  forward_cnt: number;
  cur_slice: u64;
  /** CPUs of the host that its hypervisor has taken away */
  preempted_cpus: number[];
  /** CPUs that smp_yield_cpu() was called for */
  yielded_to: number[];
}

declare module '../../kvm/kvm_host.js' {
  interface kvm_vcpu {
    s390?: s390_vcpu;
  }
  interface kvm_state {
    s390?: s390_host;
  }
}

/** A vCPU that has executed no diagnose. */
export function newS390Vcpu(): s390_vcpu {
  return {
    gpr: 0,
    pstate: false,
    kicked: false,
    has_irq: false,
    instruction_diagnose_44: 0,
    instruction_diagnose_9c: 0,
    diag_9c_ignored: 0,
    diag_9c_forward: 0,
    instruction_diagnose_other: 0,
  };
}

/** The module as loaded: forwarding is off. */
export function newS390Host(): s390_host {
  return { diag9c_forwarding_hz: 0, forward_cnt: 0, cur_slice: ZERO, preempted_cpus: [], yielded_to: [] };
}

const of = (vcpu: kvm_vcpu): s390_vcpu => {
  vcpu.s390 ??= newS390Vcpu();
  return vcpu.s390;
};
const host = (k: vmlinux): s390_host => {
  k.m.s390 ??= newS390Host();
  return k.m.s390;
};

/** The functions of this file, in the table of a kernel for s390. */
export interface s390 extends vmlinux {
  __diag_time_slice_end: typeof __diag_time_slice_end;
  diag9c_forwarding_overrun: typeof diag9c_forwarding_overrun;
  __diag_time_slice_end_directed: typeof __diag_time_slice_end_directed;
  vcpu_is_preempted: typeof vcpu_is_preempted;
  smp_yield_cpu: typeof smp_yield_cpu;
  trace_kvm_s390_handle_diag: typeof trace_kvm_s390_handle_diag;
  kvm_s390_handle_diag: typeof kvm_s390_handle_diag;
}

/** arch/s390/kvm/trace.h: kvm_s390_handle_diag(). MODEL: of the PSW, the problem state. */
export function trace_kvm_s390_handle_diag(this: vmlinux, vcpu: kvm_vcpu, code: number): void {
  if (this.tp === null) return;
  const ts = toBigInt(this.m.sched_clock).toString();
  const fields = { id: vcpu.vcpu_id, pswmask: '0x0', pswaddr: '0x0', code };
  this.tp({ system: 'kvm', event: 'kvm_s390_handle_diag', cpu: this.m.cpu, ts, fields });
}

/** arch/s390/kvm/diag.c: __diag_time_slice_end(). The yield's rest, when it slept, is kvm_vcpu_on_spin()'s alone. */
export function __diag_time_slice_end(this: vmlinux, vcpu: kvm_vcpu): number {
  of(vcpu).instruction_diagnose_44++;
  this.kvm_vcpu_on_spin(vcpu, true);
  return 0;
}

/** arch/s390/kvm/diag.c: diag9c_forwarding_overrun(): 1 when this jiffy's budget, one for the whole host, is spent. */
export function diag9c_forwarding_overrun(this: vmlinux): number {
  const h = host(this);
  const jiffies = this.get_jiffies_64();
  // RACE: neither word is locked
  if (s64_lt(s64_diff(h.cur_slice, jiffies), S64_ZERO)) {
    h.cur_slice = jiffies;
    h.forward_cnt = Math.trunc(h.diag9c_forwarding_hz / this.m.HZ);
  }
  return h.forward_cnt-- <= 0 ? 1 : 0;
}

/** arch/s390/include/asm/spinlock.h: vcpu_is_preempted(): of a CPU of the host, itself a guest of LPAR or z/VM. */
export function vcpu_is_preempted(this: vmlinux, cpu: number): bool {
  return host(this).preempted_cpus.includes(cpu);
}

/** arch/s390/kernel/smp.c: smp_yield_cpu(): diagnose 0x9c to the host's own hypervisor. */
export function smp_yield_cpu(this: vmlinux, cpu: number): void {
  host(this).yielded_to.push(cpu);
}

/** arch/s390/kvm/diag.c: __diag_time_slice_end_directed(): neither `ready` nor eligibility is asked, nothing remembered. */
export function __diag_time_slice_end_directed(this: s390, vcpu: kvm_vcpu): number {
  const stat = of(vcpu);
  // int tid: of the register, the low half counts
  const tid = stat.gpr | 0;
  stat.instruction_diagnose_9c++;

  const ignored = (): number => {
    stat.diag_9c_ignored++;
    return 0;
  };
  if (tid === vcpu.vcpu_id) return ignored();

  const target = this.kvm_get_vcpu_by_id(this.m.kvm[vcpu.kvm], tid);
  if (target === NULL) return ignored();
  const tcpu = this.m.vcpu[target];

  // loaded: it runs, as far as this host knows
  const tcpu_cpu = tcpu.cpu;
  if (tcpu_cpu >= 0) {
    // WHY this order: the budget is spent before it is known whether there is anybody to yield to
    if (!host(this).diag9c_forwarding_hz || this.diag9c_forwarding_overrun()) return ignored();
    if (!this.vcpu_is_preempted(tcpu_cpu)) return ignored();
    this.smp_yield_cpu(tcpu_cpu);
    stat.diag_9c_forward++;
    return 0;
  }

  if (this.kvm_vcpu_yield_to(tcpu) <= 0) return ignored();
  return 0;
}

/** arch/s390/kvm/diag.c: kvm_s390_handle_diag(): -EOPNOTSUPP leaves it to userspace; 8 stands for a program interrupt. */
export function kvm_s390_handle_diag(this: s390, vcpu: kvm_vcpu, code: number): number {
  if (of(vcpu).pstate) return PRIVILEGED_OPERATION;
  this.trace_kvm_s390_handle_diag(vcpu, code);
  switch (code) {
    case 0x44:
      return this.__diag_time_slice_end(vcpu);
    case 0x9c:
      return this.__diag_time_slice_end_directed(vcpu);
    case 0x10:
    case 0x258:
    case 0x308:
    case 0x500:
      throw new NotModelled(`diagnose 0x${code.toString(16)}`);
    default:
      of(vcpu).instruction_diagnose_other++;
      return -EOPNOTSUPP;
  }
}
/** Stands for kvm_s390_inject_program_int(vcpu, PGM_PRIVILEGED_OP). */
export const PRIVILEGED_OPERATION = 8;

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_put(): it is on no CPU from here on. Of the rest, nothing. */
export function kvm_arch_vcpu_put(this: vmlinux, vcpu: kvm_vcpu): void {
  vcpu.cpu = -1;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_load(). Of the rest, nothing. */
export function kvm_arch_vcpu_load(this: vmlinux, vcpu: kvm_vcpu, cpu: number): void {
  vcpu.cpu = cpu;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_runnable(): looking takes the kick away, also from another vCPU. */
export function kvm_arch_vcpu_runnable(this: vmlinux, vcpu: kvm_vcpu): bool {
  of(vcpu).kicked = false;
  return of(vcpu).has_irq;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_in_kernel() */
export function kvm_arch_vcpu_in_kernel(this: vmlinux, vcpu: kvm_vcpu): bool {
  return !of(vcpu).pstate;
}

/** virt/kvm/kvm_main.c: kvm_arch_dy_runnable(), weak */
export function kvm_arch_dy_runnable(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_runnable(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_vcpu_preempted_in_kernel(), weak: as it is now */
export function kvm_arch_vcpu_preempted_in_kernel(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_in_kernel(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_dy_has_pending_interrupt(), weak */
export function kvm_arch_dy_has_pending_interrupt(this: vmlinux, _vcpu: kvm_vcpu): bool {
  return false;
}

/** include/linux/kvm_host.h: vcpu_valid_wakeup(), of CONFIG_HAVE_KVM_INVALID_WAKEUPS */
export function vcpu_valid_wakeup(this: vmlinux, vcpu: kvm_vcpu): bool {
  return vcpu.valid_wakeup;
}
