// SPDX-License-Identifier: GPL-2.0-only
/** arch/arm64/kvm/sys_regs.c (6.12.117): of the registers that trap, ICC_SGI1R_EL1, by which a vCPU sends SGIs. */
import type { bool } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { kvm_vcpu } from './kvm_host.js';

/** arch/arm64/kvm/sys_regs.c: access_gic_sgi(). MODEL: a write to ICC_SGI1R_EL1, by a guest with a GICv3. */
export function access_gic_sgi(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  this.vgic_v3_dispatch_sgi(vcpu, vcpu.arch.exit.value, true);
  return true;
}

/** arch/arm64/kvm/sys_regs.c: kvm_handle_sys_reg(): of the registers, the one that there is. */
export function kvm_handle_sys_reg(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  if (this.access_gic_sgi(vcpu)) this.kvm_incr_pc(vcpu);
  return 1;
}
