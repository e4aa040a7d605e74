// SPDX-License-Identifier: GPL-2.0-only
/** arch/arm64/kvm/vgic/vgic-v3.c, vgic-mmio-v3.c (6.12.117): load and put of the CPU interface; SGIs. */
import { type bool, shr, to_u32, type u64 } from '../../../lib/types.js';
import type { vmlinux_arm64 } from '../../../vmlinux/vmlinux-arm64.js';
import type { kvm, kvm_vcpu } from '../kvm_host.js';

/** arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_load() */
export function vgic_v3_load(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.warnOn(this.vgic_v4_load(vcpu) !== 0, 'vgic_v3_load: vgic_v4_load(vcpu)');
}

/** arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_put() */
export function vgic_v3_put(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.warnOn(this.vgic_v4_put(vcpu) !== 0, 'vgic_v3_put: vgic_v4_put(vcpu)');
}

/** arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_has_its(). MODEL: the GIC is a v3. */
export function vgic_has_its(this: vmlinux_arm64, kvm: kvm): bool {
  return kvm.arch.has_its;
}

/** arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_supports_direct_msis() */
export function vgic_supports_direct_msis(this: vmlinux_arm64, kvm: kvm): bool {
  const { has_gicv4, has_gicv4_1 } = this.m.kvm_vgic_global_state;
  return has_gicv4_1 || (has_gicv4 && this.vgic_has_its(kvm));
}

/** arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_queue_sgi(): pending for KVM, or the GIC's to deliver. */
export function vgic_v3_queue_sgi(this: vmlinux_arm64, vcpu: kvm_vcpu, sgi: number, _allow_group1: bool): void {
  // irq->hw: what vgic_v4_enable_vsgis() made of the SGIs of a VM with nassgireq
  if (this.m.kvm[vcpu.kvm].arch.nassgireq) {
    // MODEL: the doorbell comes on this CPU, and at once
    if (this.gicInjects(vcpu, sgi)) this.vgic_v4_doorbell_handler(vcpu.id);
    return;
  }
  vcpu.arch.vgic_cpu.pending_latch = (vcpu.arch.vgic_cpu.pending_latch | (1 << sgi)) >>> 0;
  this.vgic_queue_irq_unlock(vcpu, sgi);
}

/** arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_dispatch_sgi(). MODEL: a vCPU's affinity is its vcpu_id, below 16. */
export function vgic_v3_dispatch_sgi(this: vmlinux_arm64, vcpu: kvm_vcpu, reg: u64, allow_group1: bool): void {
  const kvm = this.m.kvm[vcpu.kvm];
  const sgi = to_u32(shr(reg, 24)) & 0xf;
  if (to_u32(shr(reg, 40)) & 1) {
    for (const id of kvm.vcpus) {
      if (id !== vcpu.id) this.vgic_v3_queue_sgi(this.m.vcpu[id], sgi, allow_group1);
    }
    return;
  }
  const target_cpus = to_u32(reg) & 0xffff;
  for (let aff0 = 0; aff0 < 16; aff0++) {
    if (!(target_cpus & (1 << aff0))) continue;
    const id = this.kvm_get_vcpu_by_id(kvm, aff0);
    if (id >= 0) this.vgic_v3_queue_sgi(this.m.vcpu[id], sgi, allow_group1);
  }
}
