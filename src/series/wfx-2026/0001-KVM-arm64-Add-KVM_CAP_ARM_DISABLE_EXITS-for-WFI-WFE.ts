// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH 1/2] KVM: arm64: Add KVM_CAP_ARM_DISABLE_EXITS for WFI/WFE passthrough. A VM may have its traps taken away for good. */
import {
  kvm_vcpu_should_clear_twe as tweBefore,
  kvm_vcpu_should_clear_twi as twiBefore,
} from '../../arch/arm64/arm.js';
import type { kvm, kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { EINVAL } from '../../lib/errno.js';
import type { bool, u32 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** include/uapi/linux/kvm.h */
export const KVM_CAP_ARM_DISABLE_EXITS = 248;
export const KVM_ARM_DISABLE_EXITS_WFI = 1 << 0;
export const KVM_ARM_DISABLE_EXITS_WFE = 1 << 1;
export const KVM_ARM_DISABLE_VALID_EXITS = KVM_ARM_DISABLE_EXITS_WFI | KVM_ARM_DISABLE_EXITS_WFE;

declare module '../../arch/arm64/kvm_host.js' {
  interface kvm_arch {
    /** absent for false */
    wfi_in_guest?: bool;
    wfe_in_guest?: bool;
  }
}

/** arch/arm64/kvm/arm.c: kvm_vm_ioctl_enable_cap(): nothing is stored unless every bit is known. */
export function kvm_vm_ioctl_enable_cap(this: vmlinux_arm64, kvm: kvm, cap: number, args: u32): number {
  if (cap !== KVM_CAP_ARM_DISABLE_EXITS) return -EINVAL;
  if (args & ~KVM_ARM_DISABLE_VALID_EXITS) return -EINVAL;
  if (args & KVM_ARM_DISABLE_EXITS_WFI) kvm.arch.wfi_in_guest = true;
  if (args & KVM_ARM_DISABLE_EXITS_WFE) kvm.arch.wfe_in_guest = true;
  return 0;
}

/** arch/arm64/kvm/arm.c: kvm_vm_ioctl_check_extension() */
export function kvm_vm_ioctl_check_extension(this: vmlinux_arm64, _kvm: kvm, ext: number): number {
  return ext === KVM_CAP_ARM_DISABLE_EXITS ? KVM_ARM_DISABLE_VALID_EXITS : 0;
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twi() */
export function kvm_vcpu_should_clear_twi(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.m.kvm[vcpu.kvm].arch.wfi_in_guest === true || twiBefore.call(this, vcpu);
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twe() */
export function kvm_vcpu_should_clear_twe(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.m.kvm[vcpu.kvm].arch.wfe_in_guest === true || tweBefore.call(this, vcpu);
}

export default {
  subject: 'KVM: arm64: Add KVM_CAP_ARM_DISABLE_EXITS for WFI/WFE passthrough',
  funcs: {
    kvm_vm_ioctl_enable_cap,
    kvm_vm_ioctl_check_extension,
    kvm_vcpu_should_clear_twi,
    kvm_vcpu_should_clear_twe,
  },
} satisfies PatchArm64;
