// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/trace.h (6.12.117): x86 KVM's tracepoints, fields under the kernel's names.
 *
 * Mirrored: interrupts, the APIC and its timer, posted interrupts, AVIC, MSRs; entry, exit, hypercalls, PLE windows,
 * steal time.
 */
import { KVM_ISA_SVM, type kvm_vcpu, SVM_EXIT_AVIC_INCOMPLETE_IPI } from '../arch/x86/kvm_host.js';
import type { kvm_lapic } from '../lapic/lapic.js';
import { or, type s64, s64_toNumber, shl, toBigInt, type u32, u64, ZERO } from '../lib/types.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';

type Fields = Readonly<Record<string, string | number | boolean>>;

function emit(k: vmlinux_x86, event: string, fields: Fields): void {
  if (k.tp !== null) k.tp({ system: 'kvm', event, cpu: k.m.cpu, ts: toBigInt(k.m.sched_clock).toString(), fields });
}

const hex = (x: u64): string => `0x${toBigInt(x).toString(16)}`;

/** arch/x86/kvm/trace.h: trace_kvm_apic() */
export function trace_kvm_apic(this: vmlinux_x86, rw: number, reg: u32, val: u64): void {
  if (this.tp !== null) emit(this, 'kvm_apic', { rw, reg, val: hex(val) });
}

/** arch/x86/kvm/trace.h: trace_kvm_apic_ipi() */
export function trace_kvm_apic_ipi(this: vmlinux_x86, icr_low: u32, dest_id: u32): void {
  if (this.tp !== null) emit(this, 'kvm_apic_ipi', { icr_low, dest_id });
}

/** arch/x86/kvm/trace.h: trace_kvm_apic_accept_irq(): apicid is the vcpu_id, dm and tm are cut to 16 bits, vec to 8. */
export function trace_kvm_apic_accept_irq(this: vmlinux_x86, apicid: u32, dm: number, tm: number, vec: number): void {
  if (this.tp !== null)
    emit(this, 'kvm_apic_accept_irq', { apicid, dm: dm & 0xffff, tm: tm & 0xffff, vec: vec & 0xff });
}

/** arch/x86/kvm/trace.h: trace_kvm_apicv_accept_irq() */
export function trace_kvm_apicv_accept_irq(this: vmlinux_x86, apicid: u32, dm: number, tm: number, vec: number): void {
  if (this.tp !== null)
    emit(this, 'kvm_apicv_accept_irq', { apicid, dm: dm & 0xffff, tm: tm & 0xffff, vec: vec & 0xff });
}

/** arch/x86/kvm/trace.h: trace_kvm_eoi() */
export function trace_kvm_eoi(this: vmlinux_x86, apic: kvm_lapic, vector: number): void {
  if (this.tp !== null) emit(this, 'kvm_eoi', { apicid: this.m.vcpu[apic.vcpu].vcpu_id, vector });
}

/** arch/x86/kvm/trace.h: trace_kvm_pv_eoi() */
export function trace_kvm_pv_eoi(this: vmlinux_x86, apic: kvm_lapic, vector: number): void {
  if (this.tp !== null) emit(this, 'kvm_pv_eoi', { apicid: this.m.vcpu[apic.vcpu].vcpu_id, vector });
}

/** arch/x86/kvm/trace.h: trace_kvm_inj_virq() */
export function trace_kvm_inj_virq(this: vmlinux_x86, vector: u32, soft: boolean, reinjected: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_inj_virq', { vector, soft, reinjected });
}

/** arch/x86/kvm/trace.h: trace_kvm_inj_exception() */
export function trace_kvm_inj_exception(
  this: vmlinux_x86,
  exception: number,
  has_error: boolean,
  error_code: u32,
  reinjected: boolean,
): void {
  if (this.tp !== null) emit(this, 'kvm_inj_exception', { exception, has_error, error_code, reinjected });
}

/** arch/x86/kvm/trace.h: trace_kvm_msr() */
export function trace_kvm_msr(this: vmlinux_x86, write: number, ecx: u32, data: u64, exception: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_msr', { write, ecx, data: hex(data), exception });
}

/** include/trace/events/kvm.h: trace_kvm_msi_set_irq() */
export function trace_kvm_msi_set_irq(this: vmlinux_x86, address: u64, data: u64): void {
  if (this.tp !== null) emit(this, 'kvm_msi_set_irq', { address: hex(address), data: hex(data) });
}

/** include/trace/events/kvm.h: trace_kvm_ioapic_set_irq() */
export function trace_kvm_ioapic_set_irq(this: vmlinux_x86, e: u64, pin: number, coalesced: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_ioapic_set_irq', { e: hex(e), pin, coalesced });
}

/** include/trace/events/kvm.h: trace_kvm_ioapic_delayed_eoi_inj() */
export function trace_kvm_ioapic_delayed_eoi_inj(this: vmlinux_x86, e: u64): void {
  if (this.tp !== null) emit(this, 'kvm_ioapic_delayed_eoi_inj', { e: hex(e) });
}

/** arch/x86/kvm/trace.h: trace_kvm_wait_lapic_expire(): delta > 0 is late, in guest TSC cycles. */
export function trace_kvm_wait_lapic_expire(this: vmlinux_x86, vcpu_id: u32, delta: s64): void {
  if (this.tp !== null) emit(this, 'kvm_wait_lapic_expire', { vcpu_id, delta: s64_toNumber(delta) });
}

/** arch/x86/kvm/trace.h: trace_kvm_hv_timer_state() */
export function trace_kvm_hv_timer_state(this: vmlinux_x86, vcpu_id: u32, hv_timer_in_use: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_hv_timer_state', { vcpu_id, hv_timer_in_use: hv_timer_in_use ? 1 : 0 });
}

/** arch/x86/kvm/trace.h: trace_kvm_apicv_inhibit_changed(): at every call, changed or not. */
export function trace_kvm_apicv_inhibit_changed(
  this: vmlinux_x86,
  reason: number,
  set: boolean,
  inhibits: number,
): void {
  if (this.tp !== null) emit(this, 'kvm_apicv_inhibit_changed', { reason, set, inhibits });
}

/** arch/x86/kvm/trace.h: trace_kvm_smm_transition() */
export function trace_kvm_smm_transition(this: vmlinux_x86, vcpu_id: u32, smbase: u64, entering: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_smm_transition', { vcpu_id, smbase: hex(smbase), entering });
}

/** arch/x86/kvm/trace.h: trace_kvm_avic_incomplete_ipi() */
export function trace_kvm_avic_incomplete_ipi(
  this: vmlinux_x86,
  vcpu: u32,
  icrh: u32,
  icrl: u32,
  id: u32,
  index: u32,
): void {
  if (this.tp !== null) emit(this, 'kvm_avic_incomplete_ipi', { vcpu, icrh, icrl, id, index });
}

/** arch/x86/kvm/trace.h: trace_kvm_avic_unaccelerated_access() */
export function trace_kvm_avic_unaccelerated_access(
  this: vmlinux_x86,
  vcpu: u32,
  offset: u32,
  ft: boolean,
  rw: boolean,
  vec: u32,
): void {
  if (this.tp !== null) emit(this, 'kvm_avic_unaccelerated_access', { vcpu, offset, ft, rw, vec });
}

/** arch/x86/kvm/trace.h: trace_kvm_avic_kick_vcpu_slowpath() */
export function trace_kvm_avic_kick_vcpu_slowpath(this: vmlinux_x86, icrh: u32, icrl: u32, index: u32): void {
  if (this.tp !== null) emit(this, 'kvm_avic_kick_vcpu_slowpath', { icrh, icrl, index });
}

/** arch/x86/kvm/trace.h: trace_kvm_avic_doorbell() */
export function trace_kvm_avic_doorbell(this: vmlinux_x86, vcpuid: u32, apicid: u32): void {
  if (this.tp !== null) emit(this, 'kvm_avic_doorbell', { vcpuid, apicid });
}

/** arch/x86/kvm/trace.h: kvm_entry(). MODEL: no RIP. */
export function trace_kvm_entry(this: vmlinux_x86, vcpu: kvm_vcpu, immediate_exit: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_entry', { vcpu_id: vcpu.vcpu_id, rip: '0x0', immediate_exit });
}

/** exit_info_2: of an incomplete IPI the cause and the index. MODEL: 0 for others; no guest physical addresses. */
function exitInfo2({ arch }: kvm_vcpu): u64 {
  if (arch.exit_reason !== SVM_EXIT_AVIC_INCOMPLETE_IPI) return ZERO;
  return or(shl(u64(arch.avic_exit.id), 32), u64(arch.avic_exit.index));
}

/** arch/x86/kvm/trace.h: kvm_exit() */
export function trace_kvm_exit(this: vmlinux_x86, vcpu: kvm_vcpu, isa: u32): void {
  if (this.tp === null) return;
  emit(this, 'kvm_exit', {
    vcpu_id: vcpu.vcpu_id,
    exit_reason: vcpu.arch.exit_reason,
    isa,
    guest_rip: '0x0',
    info1: hex(vcpu.arch.exit_qualification),
    info2: isa === KVM_ISA_SVM ? hex(exitInfo2(vcpu)) : '0x0', // IDT_VECTORING_INFO: never one here
    // of an SVM exit it is EXITINTINFO, an event whose delivery was cut short: never one here
    intr_info: isa === KVM_ISA_SVM ? 0 : vcpu.arch.exit_intr_info,
    error_code: 0,
  });
}

/** arch/x86/kvm/trace.h: kvm_hypercall() */
export function trace_kvm_hypercall(this: vmlinux_x86, nr: u64, a0: u64, a1: u64, a2: u64, a3: u64): void {
  if (this.tp === null) return;
  emit(this, 'kvm_hypercall', { nr: hex(nr), a0: hex(a0), a1: hex(a1), a2: hex(a2), a3: hex(a3) });
}

/** arch/x86/kvm/trace.h: kvm_hv_hypercall() */
export function trace_kvm_hv_hypercall(
  this: vmlinux_x86,
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
export function trace_kvm_hv_hypercall_done(this: vmlinux_x86, result: u64): void {
  if (this.tp !== null) emit(this, 'kvm_hv_hypercall_done', { result: hex(result) });
}

/** arch/x86/kvm/trace.h: kvm_hv_send_ipi() */
export function trace_kvm_hv_send_ipi(this: vmlinux_x86, vector: u32, processor_mask: u64): void {
  if (this.tp !== null) emit(this, 'kvm_hv_send_ipi', { vector, processor_mask: hex(processor_mask) });
}

/** arch/x86/kvm/trace.h: kvm_ple_window_update(): printed old before new. */
export function trace_kvm_ple_window_update(this: vmlinux_x86, vcpu_id: u32, next: u32, old: u32): void {
  if (this.tp !== null) emit(this, 'kvm_ple_window_update', { vcpu_id, old, new: next });
}

/** arch/x86/kvm/trace.h: kvm_pv_tlb_flush() */
export function trace_kvm_pv_tlb_flush(this: vmlinux_x86, vcpu_id: u32, need_flush_tlb: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_pv_tlb_flush', { vcpu_id, need_flush_tlb });
}

/** arch/x86/kvm/trace.h: trace_kvm_write_tsc_offset() */
export function trace_kvm_write_tsc_offset(this: vmlinux_x86, vcpu_id: u32, previous: u64, next: u64): void {
  if (this.tp !== null)
    emit(this, 'kvm_write_tsc_offset', {
      vcpu_id,
      previous_tsc_offset: toBigInt(previous).toString(),
      next_tsc_offset: toBigInt(next).toString(),
    });
}

/** arch/x86/kvm/trace.h: trace_kvm_cr_write() */
export function trace_kvm_cr_write(this: vmlinux_x86, cr: u32, val: u64): void {
  if (this.tp !== null) emit(this, 'kvm_cr', { rw: 1, cr, val: hex(val) });
}
