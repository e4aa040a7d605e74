// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/vgic/vgic.c (6.12.117): an interrupt on its way to a vCPU: pending, in a list register, active.
 *
 * MODEL: the state of all interrupts of a vCPU is a few words (`vgic_cpu`). The distributor is on, every interrupt enabled
 * at one priority, PMR open; the GIC is a v3 with a list register for every interrupt. What is pending is on the vCPU's
 * ap_list, so that queueing it is no more than a request and a kick.
 */
import type { bool } from '../../../lib/types.js';
import type { vmlinux_arm64 } from '../../../vmlinux/vmlinux-arm64.js';
import {
  KVM_REQ_IRQ_PENDING,
  type kvm,
  type kvm_vcpu,
  VGIC_NR_PRIVATE_IRQS,
  VGIC_NR_SGIS,
  VTIMER_PPI,
} from '../kvm_host.js';

/** INTIDs 0 to 15 */
const SGIS = 0xffff;
const bit = (intid: number): number => (1 << intid) >>> 0;

/** Whether the interrupt is of the vCPU and no LPI: SGI or PPI. */
const isPrivate = (intid: number): bool => intid < VGIC_NR_PRIVATE_IRQS;

/** arch/arm64/kvm/vgic/vgic.c: vgic_target_oracle(): whether it is active or pending, and so the vCPU's. */
export function vgic_target_oracle(this: vmlinux_arm64, vcpu: kvm_vcpu, intid: number): bool {
  const { vgic_cpu } = vcpu.arch;
  if (!isPrivate(intid)) return vgic_cpu.lpi_pending.includes(intid);
  return ((vgic_cpu.active | vgic_cpu.pending_latch | vgic_cpu.line_level) & bit(intid)) !== 0;
}

/** arch/arm64/kvm/vgic/vgic.c: vgic_validate_injection(): of a line, a change; of an edge, the rising one. */
export function vgic_validate_injection(this: vmlinux_arm64, vcpu: kvm_vcpu, intid: number, level: bool): bool {
  const isLevel = intid >= VGIC_NR_SGIS && isPrivate(intid);
  return isLevel ? ((vcpu.arch.vgic_cpu.line_level & bit(intid)) !== 0) !== level : level;
}

/** arch/arm64/kvm/vgic/vgic.c: vgic_queue_irq_unlock(): the vCPU that has it is to look. */
export function vgic_queue_irq_unlock(this: vmlinux_arm64, vcpu: kvm_vcpu, intid: number): bool {
  if (!this.vgic_target_oracle(vcpu, intid)) return false;
  this.kvm_make_request(KVM_REQ_IRQ_PENDING, vcpu);
  this.kvm_vcpu_kick(vcpu);
  return true;
}

/** arch/arm64/kvm/vgic/vgic.c: kvm_vgic_inject_irq(). MODEL: a PPI by its owner, or an LPI of the vCPU named. */
export function kvm_vgic_inject_irq(
  this: vmlinux_arm64,
  _kvm: kvm,
  vcpu: kvm_vcpu,
  intid: number,
  level: bool,
): number {
  this.trace_vgic_update_irq_pending(vcpu.vcpu_idx, intid, level);
  if (!this.vgic_validate_injection(vcpu, intid, level)) return 0;
  const { vgic_cpu } = vcpu.arch;
  if (!isPrivate(intid)) {
    if (!vgic_cpu.lpi_pending.includes(intid)) vgic_cpu.lpi_pending.push(intid);
  } else if (level) {
    vgic_cpu.line_level = (vgic_cpu.line_level | bit(intid)) >>> 0;
  } else {
    vgic_cpu.line_level = (vgic_cpu.line_level & ~bit(intid)) >>> 0;
  }
  this.vgic_queue_irq_unlock(vcpu, intid);
  return 0;
}

/** arch/arm64/kvm/vgic/vgic.c: kvm_vgic_vcpu_pending_irq() */
export function kvm_vgic_vcpu_pending_irq(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const { vgic_cpu } = vcpu.arch;
  if (vgic_cpu.its_vpe.pending_last) return 1;
  const pending = (vgic_cpu.pending_latch | vgic_cpu.line_level) & ~vgic_cpu.active;
  return Number(pending !== 0 || vgic_cpu.lpi_pending.length > 0);
}

/** arch/arm64/kvm/vgic/vgic.c: kvm_vgic_map_is_active(): of a PPI that stands for one of the host's. */
export function kvm_vgic_map_is_active(this: vmlinux_arm64, vcpu: kvm_vcpu, vintid: number): bool {
  return (vcpu.arch.vgic_cpu.active & bit(vintid)) !== 0;
}

/**
 * arch/arm64/kvm/vgic/vgic.c: kvm_vgic_flush_hwstate(): what is pending or active goes into list registers, with
 * vgic_v3_populate_lr(): of the timer's line, KVM hears the rising edge alone, and so lowers it here.
 */
export function kvm_vgic_flush_hwstate(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { vgic_cpu } = vcpu.arch;
  const { lr } = vgic_cpu;
  lr.active = vgic_cpu.active;
  // WHY: an interrupt that stands for one of the host's is never pending and active at once
  lr.pending = ((vgic_cpu.pending_latch & SGIS) | (vgic_cpu.line_level & ~vgic_cpu.active)) >>> 0;
  vgic_cpu.pending_latch = 0;
  vgic_cpu.line_level = (vgic_cpu.line_level & ~lr.pending) >>> 0;
  lr.lpis = vgic_cpu.lpi_pending;
  vgic_cpu.lpi_pending = [];
}

/** arch/arm64/kvm/vgic/vgic.c: kvm_vgic_sync_hwstate(), vgic_v3_fold_lr_state(): what the list registers hold is KVM's again. */
export function kvm_vgic_sync_hwstate(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { vgic_cpu } = vcpu.arch;
  const { lr } = vgic_cpu;
  const timer = bit(VTIMER_PPI);
  const deactivated = (vgic_cpu.active & ~lr.active & timer) !== 0;
  vgic_cpu.active = lr.active;
  vgic_cpu.pending_latch = (vgic_cpu.pending_latch | (lr.pending & SGIS)) >>> 0;
  vgic_cpu.lpi_pending = [...lr.lpis, ...vgic_cpu.lpi_pending.filter((intid) => !lr.lpis.includes(intid))];
  this.vgic_irq_handle_resampling(vcpu, VTIMER_PPI, deactivated, (lr.pending & timer) !== 0);
  vgic_cpu.lr = { pending: 0, active: 0, lpis: [] };
}

/** arch/arm64/kvm/vgic/vgic.c: vgic_irq_handle_resampling(): whether the timer's line is still high. */
export function vgic_irq_handle_resampling(
  this: vmlinux_arm64,
  vcpu: kvm_vcpu,
  intid: number,
  lr_deactivated: bool,
  lr_pending: bool,
): void {
  const { vgic_cpu, timer } = vcpu.arch;
  if (!lr_pending && !(lr_deactivated && (vgic_cpu.line_level & bit(intid)) !== 0)) return;
  // vgic_get_phys_line_level()
  const high = this.kvm_timer_should_fire(vcpu);
  vgic_cpu.line_level = (high ? vgic_cpu.line_level | bit(intid) : vgic_cpu.line_level & ~bit(intid)) >>> 0;
  if (high) return;
  // vgic_irq_set_phys_active()
  timer.phys_active = false;
  this.comparatorSet(vcpu);
}

/** arch/arm64/kvm/vgic/vgic.c: kvm_vgic_load(). MODEL: the GIC is in the kernel and initialised. */
export function kvm_vgic_load(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.vgic_v3_load(vcpu);
}

/** arch/arm64/kvm/vgic/vgic.c: kvm_vgic_put() */
export function kvm_vgic_put(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.vgic_v3_put(vcpu);
}
