// SPDX-License-Identifier: GPL-2.0-only
/** arch/arm64/kvm/trace_arm.h, trace_handle_exit.h, vgic/trace.h (6.12.117): fields under the kernel's names. */
import { ARM_EXCEPTION_TRAP, ESR_ELx_EC_SHIFT, type kvm_vcpu } from '../arch/arm64/kvm_host.js';
import { toBigInt, type u64 } from '../lib/types.js';
import type { vmlinux_arm64 } from '../vmlinux/vmlinux-arm64.js';

type Fields = Readonly<Record<string, string | number | boolean>>;

function emit(k: vmlinux_arm64, event: string, fields: Fields): void {
  if (k.tp !== null) k.tp({ system: 'kvm', event, cpu: k.m.cpu, ts: toBigInt(k.m.sched_clock).toString(), fields });
}

const hex = (n: number): string => `0x${n.toString(16)}`;

/** arch/arm64/kvm/trace_arm.h: kvm_entry() */
export function trace_kvm_entry(this: vmlinux_arm64, vcpu_pc: number): void {
  if (this.tp !== null) emit(this, 'kvm_entry', { vcpu_pc: hex(vcpu_pc) });
}

/** arch/arm64/kvm/trace_arm.h: kvm_exit() */
export function trace_kvm_exit(this: vmlinux_arm64, ret: number, vcpu: kvm_vcpu): void {
  if (this.tp === null) return;
  const esr_ec = ret === ARM_EXCEPTION_TRAP ? vcpu.arch.fault.esr_el2 >>> ESR_ELx_EC_SHIFT : 0;
  emit(this, 'kvm_exit', { ret, esr_ec, vcpu_pc: hex(vcpu.arch.pc) });
}

/** arch/arm64/kvm/trace_handle_exit.h: kvm_wfx_arm64(): the timed forms are not told from the others. */
export function trace_kvm_wfx_arm64(this: vmlinux_arm64, vcpu_pc: number, is_wfe: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_wfx_arm64', { is_wfe, vcpu_pc: hex(vcpu_pc) });
}

/** arch/arm64/kvm/trace_handle_exit.h: kvm_hvc_arm64(). MODEL: the immediate is 0, as SMCCC has it. */
export function trace_kvm_hvc_arm64(this: vmlinux_arm64, vcpu_pc: number, r0: u64): void {
  if (this.tp !== null)
    emit(this, 'kvm_hvc_arm64', { vcpu_pc: hex(vcpu_pc), r0: `0x${toBigInt(r0).toString(16)}`, imm: '0x0' });
}

/** arch/arm64/kvm/trace_arm.h: kvm_timer_update_irq() */
export function trace_kvm_timer_update_irq(this: vmlinux_arm64, vcpu_id: number, irq: number, level: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_timer_update_irq', { vcpu_id, irq, level });
}

/** arch/arm64/kvm/vgic/trace.h: vgic_update_irq_pending() */
export function trace_vgic_update_irq_pending(this: vmlinux_arm64, vcpu_id: number, irq: number, level: boolean): void {
  if (this.tp !== null) emit(this, 'vgic_update_irq_pending', { vcpu_id, irq, level });
}
