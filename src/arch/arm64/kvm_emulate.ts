// SPDX-License-Identifier: GPL-2.0-only
/** arch/arm64/include/asm/kvm_emulate.h (6.12.117): privilege, the WFx traps as a pair, what was emulated and is behind PC. */
import type { bool } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { HCR_TWE, HCR_TWI, type kvm_vcpu } from './kvm_host.js';

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_mode_priv() */
export function vcpu_mode_priv(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return vcpu.arch.priv;
}

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_reset_hcr(). MODEL: a vCPU that has not run; of the flags, the traps. */
export function vcpu_reset_hcr(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 = HCR_TWE | HCR_TWI;
}

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_clear_wfx_traps(): nobody calls it any more in 6.12. */
export function vcpu_clear_wfx_traps(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 &= ~HCR_TWE;
  if (vcpu.arch.vgic_cpu.its_vpe.vlpi_count !== 0 || this.m.kvm[vcpu.kvm].arch.nassgireq) {
    vcpu.arch.hcr_el2 &= ~HCR_TWI;
  } else {
    vcpu.arch.hcr_el2 |= HCR_TWI;
  }
}

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_set_wfx_traps(): nobody calls it any more in 6.12. */
export function vcpu_set_wfx_traps(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 |= HCR_TWE;
  vcpu.arch.hcr_el2 |= HCR_TWI;
}

/**
 * arch/arm64/include/asm/kvm_emulate.h: kvm_incr_pc(): PC itself moves on the way into the guest.
 *
 * Split: it goes on in kvm_incr_pcOf().
 */
export function kvm_incr_pc(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.increment_pc = true;
}

/** kvm_incr_pc() as the rest of kvm_handle_wfx(): 1. */
export function kvm_incr_pcOf(this: vmlinux_arm64, vcpuId: number): number {
  this.kvm_incr_pc(this.m.vcpu[vcpuId]);
  return 1;
}
