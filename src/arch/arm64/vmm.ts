// SPDX-License-Identifier: GPL-2.0-only
/** arch/arm64/kvm/guest.c (6.12.117): attributes of a vCPU that userspace sets; and when it does. */
import { ENXIO } from '../../lib/errno.js';
import type { u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { kvm, kvm_vcpu } from './kvm_host.js';

/** include/uapi/asm/kvm.h: struct kvm_device_attr, with what its address holds; null where nothing can be read there. */
export interface kvm_device_attr {
  group: number;
  attr: number;
  value: u64 | null;
}

/** arch/arm64/kvm/guest.c: kvm_arm_vcpu_arch_set_attr(). MODEL: of the groups, none: no PMU, timers as they are, no stolen time. */
export function kvm_arm_vcpu_arch_set_attr(this: vmlinux_arm64, _vcpu: kvm_vcpu, _attr: kvm_device_attr): number {
  return -ENXIO;
}

/** What a VMM sets up of a VM that shares memory, before a vCPU runs. */
export function vmmSetsUp(this: vmlinux_arm64, _kvm: kvm): void {}
