// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/vgic/vgic-v4.c (6.12.117): interrupts that reach the guest without KVM, and the doorbell by which KVM hears
 * of them while the vCPU is not resident.
 */
import type { vmlinux_arm64 } from '../../../vmlinux/vmlinux-arm64.js';
import { KVM_REQ_IRQ_PENDING, type kvm_vcpu } from '../kvm_host.js';

/** arch/arm64/kvm/vgic/vgic-v4.c: vgic_v4_put() */
export function vgic_v4_put(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const vpe = vcpu.arch.vgic_cpu.its_vpe;
  if (!this.vgic_supports_direct_msis(this.m.kvm[vcpu.kvm]) || !vpe.resident) return 0;
  return this.itsMakeNonResident(vcpu, vcpu.arch.in_wfi);
}

/** arch/arm64/kvm/vgic/vgic-v4.c: vgic_v4_load() */
export function vgic_v4_load(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const vpe = vcpu.arch.vgic_cpu.its_vpe;
  if (!this.vgic_supports_direct_msis(this.m.kvm[vcpu.kvm]) || vpe.resident) return 0;
  if (vcpu.arch.in_wfi) return 0;
  return this.itsMakeResident(vcpu);
}

/** arch/arm64/kvm/vgic/vgic-v4.c: vgic_v4_doorbell_handler() */
export function vgic_v4_doorbell_handler(this: vmlinux_arm64, vcpuId: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  vcpu.arch.vgic_cpu.its_vpe.pending_last = true;
  this.kvm_make_request(KVM_REQ_IRQ_PENDING, vcpu);
  this.kvm_vcpu_kick(vcpu);
}
