// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/kvm/trace.h (6.12.117): entry, exit, hypercalls, PLE windows, steal time; the rest is in kvm_x86. */
import type { kvm_vcpu } from '../kvm/kvm_host.js';
import { toBigInt, type u32, type u64 } from '../lib/types.js';
import type { vmlinux } from '../series/vmlinux.js';

type Fields = Readonly<Record<string, string | number | boolean>>;

function emit(k: vmlinux, event: string, fields: Fields): void {
  if (k.tp !== null) k.tp({ system: 'kvm', event, cpu: k.m.cpu, ts: toBigInt(k.m.sched_clock).toString(), fields });
}

const hex = (x: u64): string => `0x${toBigInt(x).toString(16)}`;

/** arch/x86/kvm/trace.h: kvm_entry(). MODEL: no RIP. */
export function trace_kvm_entry(this: vmlinux, vcpu: kvm_vcpu, immediate_exit: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_entry', { vcpu_id: vcpu.vcpu_id, rip: '0x0', immediate_exit });
}

/** arch/x86/kvm/trace.h: kvm_exit() */
export function trace_kvm_exit(this: vmlinux, vcpu: kvm_vcpu, isa: u32): void {
  if (this.tp === null) return;
  emit(this, 'kvm_exit', {
    vcpu_id: vcpu.vcpu_id,
    exit_reason: vcpu.arch.exit_reason,
    isa,
    guest_rip: '0x0',
    info1: hex(vcpu.arch.exit_qualification),
    info2: '0x0',
    intr_info: vcpu.arch.exit_intr_info,
    error_code: 0,
  });
}

/** arch/x86/kvm/trace.h: kvm_hypercall() */
export function trace_kvm_hypercall(this: vmlinux, nr: u64, a0: u64, a1: u64, a2: u64, a3: u64): void {
  if (this.tp === null) return;
  emit(this, 'kvm_hypercall', { nr: hex(nr), a0: hex(a0), a1: hex(a1), a2: hex(a2), a3: hex(a3) });
}

/** arch/x86/kvm/trace.h: kvm_hv_hypercall() */
export function trace_kvm_hv_hypercall(
  this: vmlinux,
  code: u32,
  fast: boolean,
  var_cnt: u32,
  rep_cnt: u32,
  rep_idx: u32,
  ingpa: u64,
  outgpa: u64,
): void {
  if (this.tp === null) return;
  emit(this, 'kvm_hv_hypercall', { code, fast, var_cnt, rep_cnt, rep_idx, ingpa: hex(ingpa), outgpa: hex(outgpa) });
}

/** arch/x86/kvm/trace.h: kvm_hv_hypercall_done() */
export function trace_kvm_hv_hypercall_done(this: vmlinux, result: u64): void {
  if (this.tp !== null) emit(this, 'kvm_hv_hypercall_done', { result: hex(result) });
}

/** arch/x86/kvm/trace.h: kvm_ple_window_update(): printed old before new. */
export function trace_kvm_ple_window_update(this: vmlinux, vcpu_id: u32, next: u32, old: u32): void {
  if (this.tp !== null) emit(this, 'kvm_ple_window_update', { vcpu_id, old, new: next });
}

/** arch/x86/kvm/trace.h: kvm_pv_tlb_flush() */
export function trace_kvm_pv_tlb_flush(this: vmlinux, vcpu_id: u32, need_flush_tlb: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_pv_tlb_flush', { vcpu_id, need_flush_tlb });
}
