// SPDX-License-Identifier: GPL-2.0-only
/**
 * The GICv4 as its driver has it (drivers/irqchip/irq-gic-v4.c, irq-gic-v3-its.c): a vCPU is resident on a CPU or not.
 *
 * WHY not tagged as mirrored: the tree that functions are looked up in is without drivers.
 */
import type { bool } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { kvm_vcpu } from './kvm_host.js';

/** its_make_vpe_non_resident(): with a doorbell when the vCPU is about to block. */
export function itsMakeNonResident(this: vmlinux_arm64, vcpu: kvm_vcpu, db: bool): number {
  const vpe = vcpu.arch.vgic_cpu.its_vpe;
  // v4.1 without a doorbell does not ask, and takes it that there is something
  const asks = db || !this.m.kvm_vgic_global_state.has_gicv4_1;
  vpe.pending_last = asks ? vpe.vpt.length > 0 : true;
  vpe.doorbell = db;
  vpe.resident = false;
  return 0;
}

/** its_make_vpe_resident(): pending_last stays: it says that something may be pending, not that nothing is. */
export function itsMakeResident(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const vpe = vcpu.arch.vgic_cpu.its_vpe;
  vpe.doorbell = false;
  vpe.resident = true;
  return 0;
}

/** The GIC makes an LPI or an SGI of the vCPU pending without KVM; whether it rings the doorbell for it. */
export function gicInjects(this: vmlinux_arm64, vcpu: kvm_vcpu, intid: number): bool {
  const vpe = vcpu.arch.vgic_cpu.its_vpe;
  if (!vpe.vpt.includes(intid)) vpe.vpt.push(intid);
  if (vpe.resident || !vpe.doorbell) return false;
  // it rings once
  vpe.doorbell = false;
  return true;
}
