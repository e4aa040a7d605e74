// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kernel/kvm.c (6.12.117): the guest's side of KVM.
 *
 * Not mirrored: async page faults, clock, PV TLB flush, PV spinlocks, CPU hotplug, suspend.
 */

import type { irq_cpu } from '../../irq/preempt.js';
import type { bool, u32 } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import {
  KVM_FEATURE_POLL_CONTROL,
  KVM_FEATURE_PV_EOI,
  KVM_FEATURE_PV_SCHED_YIELD,
  KVM_FEATURE_PV_SEND_IPI,
  KVM_FEATURE_PV_TLB_FLUSH,
  KVM_FEATURE_PV_UNHALT,
  KVM_FEATURE_STEAL_TIME,
} from './kvm_host.js';
import { KVM_VCPU_PREEMPTED } from './x86.js';

/** include/linux/kvm_para.h: kvm_para_has_feature() */
export function kvm_para_has_feature(this: vmlinux_x86, feature: number): boolean {
  return (((this.m.kvm_para_features ?? 0) >>> feature) & 1) !== 0;
}

/** __do_cpuid_func(): EAX of leaf 0x40000001, what KVM offers its guests. */
export function __do_cpuid_funcKvmFeatures(this: vmlinux_x86): u32 {
  return [
    ...[KVM_FEATURE_STEAL_TIME, KVM_FEATURE_PV_EOI, KVM_FEATURE_PV_UNHALT, KVM_FEATURE_PV_TLB_FLUSH],
    ...[KVM_FEATURE_PV_SEND_IPI, KVM_FEATURE_POLL_CONTROL, KVM_FEATURE_PV_SCHED_YIELD],
  ].reduce((bits, feature) => bits | (1 << feature), 0);
}

/** arch/x86/include/asm/qspinlock.h: vcpu_is_preempted(): a static call of __kvm_vcpu_is_preempted() in a guest with steal time. */
export function vcpu_is_preempted(this: vmlinux_x86, cpu: number): bool {
  return this.kvm_para_has_feature(KVM_FEATURE_STEAL_TIME) && this.__kvm_vcpu_is_preempted(cpu);
}

/** arch/x86/kernel/kvm.c: __kvm_vcpu_is_preempted() */
export function __kvm_vcpu_is_preempted(this: vmlinux_x86, cpu: number): bool {
  return (((this.m.irq_cpu as irq_cpu[])[cpu].preempted ?? 0) & KVM_VCPU_PREEMPTED) !== 0;
}

/** arch/x86/kernel/kvm.c: kvm_guest_init(), once at boot. */
export function kvm_guest_init(this: vmlinux_x86): void {}

/**
 * arch/x86/kernel/kvm.c: kvm_guest_cpu_init(), on the vCPU that executes it.
 *
 * MODEL: PV EOI and steal time, whose MSRs it writes, are enabled when the VM is set up.
 */
export function kvm_guest_cpu_init(this: vmlinux_x86): void {}
