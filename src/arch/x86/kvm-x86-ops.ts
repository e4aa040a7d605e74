// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/include/asm/kvm-x86-ops.h (6.12.117): the static calls into kvm_intel or kvm_amd.
 *
 * `kvm_x86_<op>` is the kernel's own symbol of the static call. Here it looks at the VM's vendor. An op that may be
 * absent has a predicate (`hasSyncPirToIrr`) where the kernel tests the pointer; otherwise absent is a no-op.
 */

import type { kvm_lapic } from '../../lapic/lapic.js';
import { NotModelled } from '../../lib/bug.js';
import type { u8, u64 } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { kvm_vcpu } from './kvm_host.js';

function isVmx(k: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return k.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
}

/** kvm_x86_ops.sync_pir_to_irr != NULL: kvm_intel with APICv. */
export function hasSyncPirToIrr(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return isVmx(this, vcpu) && this.m.kvm[vcpu.kvm].arch.enable_apicv;
}

/** kvm_x86_ops.update_cr8_intercept != NULL: AMD, and Intel with a TPR shadow. MODEL: every Intel has one. */
export function hasUpdateCr8Intercept(this: vmlinux_x86, _vcpu: kvm_vcpu): boolean {
  return true;
}

/** kvm_x86_ops.set_hv_timer != NULL: kvm_intel with the preemption timer. */
export function hasSetHvTimer(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return isVmx(this, vcpu) && this.m.kvm_x86_params.enable_preemption_timer;
}

/** kvm_x86_ops.x2apic_icr_is_split */
export function isX2apicIcrSplit(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return !isVmx(this, vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_deliver_interrupt() */
export function kvm_x86_deliver_interrupt(
  this: vmlinux_x86,
  apic: kvm_lapic,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  if (isVmx(this, this.m.vcpu[apic.vcpu])) this.vmx_deliver_interrupt(apic, delivery_mode, trig_mode, vector);
  else this.svm_deliver_interrupt(apic, delivery_mode, trig_mode, vector);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_sync_pir_to_irr(): -1 also where the op is absent. */
export function kvm_x86_sync_pir_to_irr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.hasSyncPirToIrr(vcpu) ? this.vmx_sync_pir_to_irr(vcpu) : -1;
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_hwapic_irr_update() */
export function kvm_x86_hwapic_irr_update(this: vmlinux_x86, vcpu: kvm_vcpu, max_irr: number): void {
  if (isVmx(this, vcpu)) this.vmx_hwapic_irr_update(vcpu, max_irr);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_hwapic_isr_update() */
export function kvm_x86_hwapic_isr_update(this: vmlinux_x86, vcpu: kvm_vcpu, isr: number): void {
  if (isVmx(this, vcpu)) this.vmx_hwapic_isr_update(vcpu, isr);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_update_cr8_intercept() */
export function kvm_x86_update_cr8_intercept(this: vmlinux_x86, vcpu: kvm_vcpu, tpr: number, irr: number): void {
  if (isVmx(this, vcpu)) this.vmx_update_cr8_intercept(vcpu, tpr, irr);
  else this.svm_update_cr8_intercept(vcpu, tpr, irr);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_load_eoi_exitmap() */
export function kvm_x86_load_eoi_exitmap(this: vmlinux_x86, vcpu: kvm_vcpu, eoi_exit_bitmap: readonly number[]): void {
  if (isVmx(this, vcpu)) this.vmx_load_eoi_exitmap(vcpu, eoi_exit_bitmap);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_set_virtual_apic_mode() */
export function kvm_x86_set_virtual_apic_mode(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_set_virtual_apic_mode(vcpu);
  else this.avic_refresh_virtual_apic_mode(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_refresh_apicv_exec_ctrl() */
export function kvm_x86_refresh_apicv_exec_ctrl(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  // MODEL: vmx_refresh_apicv_exec_ctrl() moves execution controls only.
  if (!isVmx(this, vcpu)) this.avic_refresh_apicv_exec_ctrl(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_apicv_pre_state_restore() */
export function kvm_x86_apicv_pre_state_restore(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (isVmx(this, vcpu)) this.vmx_apicv_pre_state_restore(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_apicv_post_state_restore() */
export function kvm_x86_apicv_post_state_restore(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!isVmx(this, vcpu)) this.avic_apicv_post_state_restore(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_vcpu_get_apicv_inhibit_reasons(): nested AVIC only. */
export function kvm_x86_vcpu_get_apicv_inhibit_reasons(this: vmlinux_x86, _vcpu: kvm_vcpu): number {
  return 0;
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_set_hv_timer() */
export function kvm_x86_set_hv_timer(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  guest_deadline_tsc: u64,
  expired: { value: boolean },
): number {
  return this.vmx_set_hv_timer(vcpu, guest_deadline_tsc, expired);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_cancel_hv_timer() */
export function kvm_x86_cancel_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.hasSetHvTimer(vcpu)) this.vmx_cancel_hv_timer(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_apic_init_signal_blocked(): VMX root operation, GIF = 0. MODEL: nothing nests. */
export function kvm_x86_apic_init_signal_blocked(this: vmlinux_x86, _vcpu: kvm_vcpu): boolean {
  return false;
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_vcpu_deliver_sipi_vector() */
export function kvm_x86_vcpu_deliver_sipi_vector(this: vmlinux_x86, vcpu: kvm_vcpu, vector: u8): void {
  this.kvm_vcpu_deliver_sipi_vector(vcpu, vector);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_get_nmi_mask() */
export function kvm_x86_get_nmi_mask(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return isVmx(this, vcpu) ? this.vmx_get_nmi_mask(vcpu) : this.svm_get_nmi_mask(vcpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_set_nmi_mask() */
export function kvm_x86_set_nmi_mask(this: vmlinux_x86, vcpu: kvm_vcpu, masked: boolean): void {
  if (isVmx(this, vcpu)) this.vmx_set_nmi_mask(vcpu, masked);
  else this.svm_set_nmi_mask(vcpu, masked);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_is_vnmi_pending(): kvm_amd with vNMI, which is not modelled. */
export function kvm_x86_is_vnmi_pending(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  if (!isVmx(this, vcpu) && this.m.kvm_x86_params.vnmi) throw new NotModelled('SVM: vNMI');
  return false;
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_set_vnmi_pending() */
export function kvm_x86_set_vnmi_pending(this: vmlinux_x86, _vcpu: kvm_vcpu): boolean {
  return false;
}
