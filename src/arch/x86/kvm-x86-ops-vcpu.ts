// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/include/asm/kvm-x86-ops.h (6.12.117): the static calls of load, put, run, exit and injection; those of
 * the interrupt controller are in kvm-x86-ops.
 */
import type { bool } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { HF_SMM_MASK, type kvm, type kvm_vcpu } from './kvm_host.js';
import { AVIC_REQUIRED_APICV_INHIBITS } from './svm.js';
import { VMX_REQUIRED_APICV_INHIBITS } from './vmx.js';

function isVmx(k: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return k.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
}

/** arch/x86/include/asm/kvm-x86-ops.h: vm_init() */
export function kvm_x86_vm_init(this: vmlinux_x86, kvm: kvm): number {
  return kvm.arch.vendor === 'vmx' ? this.vmx_vm_init(kvm) : this.svm_vm_init(kvm);
}

/** kvm_x86_ops.required_apicv_inhibits */
export function kvm_x86_required_apicv_inhibits(this: vmlinux_x86, kvm: kvm): number {
  return kvm.arch.vendor === 'vmx' ? VMX_REQUIRED_APICV_INHIBITS : AVIC_REQUIRED_APICV_INHIBITS;
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_create() */
export function kvm_x86_vcpu_create(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return isVmx(this, vcpu) ? this.vmx_vcpu_create(vcpu) : this.svm_vcpu_create(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_reset() */
export function kvm_x86_vcpu_reset(this: vmlinux_x86, vcpu: kvm_vcpu, init_event: bool): void {
  if (isVmx(this, vcpu)) this.vmx_vcpu_reset(vcpu, init_event);
  else this.svm_vcpu_reset(vcpu, init_event);
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_load() */
export function kvm_x86_vcpu_load(this: vmlinux_x86, vcpu: kvm_vcpu, cpu: number): void {
  if (isVmx(this, vcpu)) this.vmx_vcpu_load(vcpu, cpu);
  else this.svm_vcpu_load(vcpu, cpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_put() */
export function kvm_x86_vcpu_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_vcpu_put(vcpu);
  else this.svm_vcpu_put(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: get_cpl() */
export function kvm_x86_get_cpl(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return isVmx(this, vcpu) ? this.vmx_get_cpl(vcpu) : this.svm_get_cpl(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_blocking(): kvm_amd's only. */
export function kvm_x86_vcpu_blocking(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!isVmx(this, vcpu)) this.avic_vcpu_blocking(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_unblocking() */
export function kvm_x86_vcpu_unblocking(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!isVmx(this, vcpu)) this.avic_vcpu_unblocking(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: dy_apicv_has_pending_interrupt(): kvm_amd has none, so never. */
export function kvm_x86_dy_apicv_has_pending_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return isVmx(this, vcpu) && this.pi_has_pending_interrupt(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: interrupt_allowed() */
export function kvm_x86_interrupt_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, for_injection: bool): number {
  return isVmx(this, vcpu)
    ? this.vmx_interrupt_allowed(vcpu, for_injection)
    : this.svm_interrupt_allowed(vcpu, for_injection);
}

/** arch/x86/include/asm/kvm-x86-ops.h: nmi_allowed() */
export function kvm_x86_nmi_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, for_injection: bool): number {
  return isVmx(this, vcpu) ? this.vmx_nmi_allowed(vcpu, for_injection) : this.svm_nmi_allowed(vcpu, for_injection);
}

/** arch/x86/include/asm/kvm-x86-ops.h: smi_allowed(): not while in SMM already. */
export function kvm_x86_smi_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, _for_injection: bool): number {
  return (vcpu.arch.hflags & HF_SMM_MASK) === 0 ? 1 : 0;
}

/** arch/x86/include/asm/kvm-x86-ops.h: enable_smi_window() */
export function kvm_x86_enable_smi_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_enable_smi_window(vcpu);
  else this.svm_enable_smi_window(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: inject_irq() */
export function kvm_x86_inject_irq(this: vmlinux_x86, vcpu: kvm_vcpu, reinjected: bool): void {
  if (isVmx(this, vcpu)) this.vmx_inject_irq(vcpu, reinjected);
  else this.svm_inject_irq(vcpu, reinjected);
}

/** arch/x86/include/asm/kvm-x86-ops.h: inject_nmi() */
export function kvm_x86_inject_nmi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_inject_nmi(vcpu);
  else this.svm_inject_nmi(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: inject_exception() */
export function kvm_x86_inject_exception(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_inject_exception(vcpu);
  else this.svm_inject_exception(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: get_interrupt_shadow() */
export function kvm_x86_get_interrupt_shadow(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return isVmx(this, vcpu) ? this.vmx_get_interrupt_shadow(vcpu) : this.svm_get_interrupt_shadow(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: set_interrupt_shadow() */
export function kvm_x86_set_interrupt_shadow(this: vmlinux_x86, vcpu: kvm_vcpu, mask: number): void {
  if (isVmx(this, vcpu)) this.vmx_set_interrupt_shadow(vcpu, mask);
  else this.svm_set_interrupt_shadow(vcpu, mask);
}

/** arch/x86/include/asm/kvm-x86-ops.h: skip_emulated_instruction() */
export function kvm_x86_skip_emulated_instruction(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return isVmx(this, vcpu) ? this.skip_emulated_instruction(vcpu) : this.svm_skip_emulated_instruction(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: complete_emulated_msr() */
export function kvm_x86_complete_emulated_msr(this: vmlinux_x86, vcpu: kvm_vcpu, err: number): number {
  return isVmx(this, vcpu) ? this.kvm_complete_insn_gp(vcpu, err) : this.svm_complete_emulated_msr(vcpu, err);
}

/** arch/x86/include/asm/kvm-x86-ops.h: cancel_injection() */
export function kvm_x86_cancel_injection(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_cancel_injection(vcpu);
  else this.svm_cancel_injection(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: enable_irq_window() */
export function kvm_x86_enable_irq_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_enable_irq_window(vcpu);
  else this.svm_enable_irq_window(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: enable_nmi_window() */
export function kvm_x86_enable_nmi_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_enable_nmi_window(vcpu);
  else this.svm_enable_nmi_window(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: prepare_switch_to_guest(). MODEL: no host state to save. */
export function kvm_x86_prepare_switch_to_guest(this: vmlinux_x86, _vcpu: kvm_vcpu): void {}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_run() */
export function kvm_x86_vcpu_run(this: vmlinux_x86, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  return isVmx(this, vcpu)
    ? this.vmx_vcpu_run(vcpu, force_immediate_exit)
    : this.svm_vcpu_run(vcpu, force_immediate_exit);
}

/** arch/x86/include/asm/kvm-x86-ops.h: handle_exit_irqoff() */
export function kvm_x86_handle_exit_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_handle_exit_irqoff(vcpu);
  else this.svm_handle_exit_irqoff(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: handle_exit() */
export function kvm_x86_handle_exit(this: vmlinux_x86, vcpu: kvm_vcpu, exit_fastpath: number): number {
  return isVmx(this, vcpu) ? this.vmx_handle_exit(vcpu, exit_fastpath) : this.svm_handle_exit(vcpu, exit_fastpath);
}
