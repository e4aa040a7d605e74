// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH] KVM: arm64: Add capability for unconditional WFx passthrough. A flag of the VM beside the runqueue's answer. */
import type { kvm, kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { EINVAL } from '../../lib/errno.js';
import type { bool, u32 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** include/uapi/linux/kvm.h */
export const KVM_CAP_ARM_WFX_PASSTHROUGH = 236;

declare module '../../arch/arm64/kvm_host.js' {
  interface kvm_arch {
    /** KVM_ARCH_FLAG_WFX_PASSTHROUGH_ENABLED, bit 8 of flags; absent for clear. Nothing clears it */
    wfx_passthrough?: bool;
  }
}

/**
 * arch/arm64/kvm/arm.c: kvm_vm_ioctl_enable_cap()
 *
 * As posted: check_extension() has no case for it, so that userspace which asks first never enables it.
 */
export function kvm_vm_ioctl_enable_cap(this: vmlinux_arm64, kvm: kvm, cap: number, _args: u32): number {
  if (cap !== KVM_CAP_ARM_WFX_PASSTHROUGH) return -EINVAL;
  kvm.arch.wfx_passthrough = true;
  return 0;
}

/**
 * kvm_arch_vcpu_load(): the traps.
 *
 * As posted: vcpu_clear_wfx_traps() sets TWI again where interrupts need the host: the flag is not unconditional for WFI.
 */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  if (this.single_task_running() || this.m.kvm[vcpu.kvm].arch.wfx_passthrough === true) this.vcpu_clear_wfx_traps(vcpu);
  else this.vcpu_set_wfx_traps(vcpu);
}

export default {
  subject: 'KVM: arm64: Add capability for unconditional WFx passthrough',
  funcs: { kvm_vm_ioctl_enable_cap, kvm_arch_vcpu_loadTraps },
} satisfies PatchArm64;
