// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kernel/kvm.c (6.12.117): the guest's side of KVM.
 *
 * Not mirrored: async page faults, clock, PV TLB flush, PV spinlocks, CPU hotplug, suspend.
 */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

/**
 * arch/x86/kernel/kvm.c: kvm_guest_cpu_init(), on the vCPU that executes it.
 *
 * MODEL: PV EOI and steal time, whose MSRs it writes, are enabled when the VM is set up.
 */
export function kvm_guest_cpu_init(this: vmlinux_x86): void {}
