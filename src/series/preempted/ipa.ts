// SPDX-License-Identifier: GPL-2.0-only
/**
 * The proposals in which the VMM says where the structures are, as with stolen time: a le64 in 64 bytes, zeroed when the guest asks.
 * Zengruan Ye's v2 and v3, and Usama Arif's, which stand on them.
 */
import { kvm_arch_vcpu_put as putBefore } from '../../arch/arm64/arm.js';
import { SMCCC_RET_NOT_SUPPORTED } from '../../arch/arm64/hypercalls.js';
import type { kvm, kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { kvm_device_attr } from '../../arch/arm64/vmm.js';
import { EEXIST, EFAULT, EINVAL, ENXIO } from '../../lib/errno.js';
import { add, and, u64 as asU64, type bool, type u64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { asGpa, gpaOf, guestPv, INVALID_GPA, pvOf, readFlag, VMM_GPA } from './flag.js';

/** include/uapi/asm/kvm.h: KVM_ARM_VCPU_PVLOCK_CTRL and its attribute KVM_ARM_VCPU_PVLOCK_IPA */
export const KVM_ARM_VCPU_PVLOCK_CTRL = 3;
export const KVM_ARM_VCPU_PVLOCK_IPA = 0;

/** sizeof(struct pvlock_vcpu_state), and of its member */
const STATE = 64;
const LE64 = 8;

/* ---- KVM ---- */

export interface HostAdds {
  kvm_arm_is_pvlock_preempted_ready: typeof kvm_arm_is_pvlock_preempted_ready;
  kvm_init_pvlock: typeof kvm_init_pvlock;
  kvm_update_pvlock_preempted: typeof kvm_update_pvlock_preempted;
}
export type pvlock_host = vmlinux_arm64 & HostAdds;

/** arch/arm64/include/asm/kvm_host.h: kvm_arm_is_pvlock_preempted_ready(), new */
export function kvm_arm_is_pvlock_preempted_ready(this: pvlock_host, vcpu: kvm_vcpu): bool {
  return pvOf(vcpu).base !== INVALID_GPA;
}

/** arch/arm64/kvm/pvlock.c: kvm_init_pvlock(), new: the structure is zeroed each time that the guest asks. */
export function kvm_init_pvlock(this: pvlock_host, vcpu: kvm_vcpu): u64 {
  const { base } = pvOf(vcpu);
  if (base === INVALID_GPA) return base;
  const kvm = this.m.kvm[vcpu.kvm];
  for (let i = 0; i < STATE; i += LE64) this.kvm_put_guest(kvm, add(base, asU64(i)), ZERO, LE64);
  return base;
}

/**
 * arch/arm64/kvm/pvlock.c: kvm_update_pvlock_preempted(), new
 *
 * As posted: a write to the guest's memory that may fault, where kvm_arch_vcpu_put() and load are atomic. MODEL: it does not.
 */
export function kvm_update_pvlock_preempted(this: pvlock_host, vcpu: kvm_vcpu, preempted: number): void {
  this.kvm_put_guest(this.m.kvm[vcpu.kvm], pvOf(vcpu).base, asU64(preempted), LE64);
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put() of Zengruan Ye: last of all */
export function putLast(this: pvlock_host, vcpu: kvm_vcpu): void {
  putBefore.call(this, vcpu);
  if (this.kvm_arm_is_pvlock_preempted_ready(vcpu)) this.kvm_update_pvlock_preempted(vcpu, 1);
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put() of Usama Arif: between the timer's put and the vgic's */
export function putBetween(this: pvlock_host, vcpu: kvm_vcpu): void {
  this.kvm_timer_vcpu_put(vcpu);
  if (this.kvm_arm_is_pvlock_preempted_ready(vcpu)) this.kvm_update_pvlock_preempted(vcpu, 1);
  this.kvm_vgic_put(vcpu);
  vcpu.cpu = -1;
}

/** x0 of the call's answer: the structure's address, or NOT_SUPPORTED. */
export function ipaAnswer(k: pvlock_host, vcpu: kvm_vcpu): u64 {
  const gpa = k.kvm_init_pvlock(vcpu);
  return gpa === INVALID_GPA ? SMCCC_RET_NOT_SUPPORTED : gpa;
}

/* ---- the VMM ---- */

export interface AttrAdds {
  kvm_arm_pvlock_set_attr: typeof kvm_arm_pvlock_set_attr;
}

/** arch/arm64/kvm/pvlock.c: kvm_arm_pvlock_set_attr(), new */
export function kvm_arm_pvlock_set_attr(this: vmlinux_arm64, vcpu: kvm_vcpu, { attr, value }: kvm_device_attr): number {
  const pv = pvOf(vcpu);
  if (attr !== KVM_ARM_VCPU_PVLOCK_IPA) return -ENXIO;
  if (value === null) return -EFAULT;
  if (and(value, asU64(STATE - 1)) !== ZERO) return -EINVAL;
  if (pv.base !== INVALID_GPA) return -EEXIST;
  if (!this.hasSlot(this.m.kvm[vcpu.kvm], value)) return -EINVAL;
  pv.base = value;
  return 0;
}

/** arch/arm64/kvm/guest.c: kvm_arm_vcpu_arch_set_attr() */
export function kvm_arm_vcpu_arch_set_attr(
  this: vmlinux_arm64 & AttrAdds,
  vcpu: kvm_vcpu,
  attr: kvm_device_attr,
): number {
  return attr.group === KVM_ARM_VCPU_PVLOCK_CTRL ? this.kvm_arm_pvlock_set_attr(vcpu, attr) : -ENXIO;
}

/** The VMM of the proposals, which gives each vCPU a structure of its own. */
export function vmmSetsUp(this: vmlinux_arm64, kvm: kvm): void {
  for (const id of kvm.vcpus) {
    const vcpu = this.m.vcpu[id];
    const value = asGpa(VMM_GPA + STATE * vcpu.vcpu_idx);
    this.kvm_arm_vcpu_arch_set_attr(vcpu, {
      group: KVM_ARM_VCPU_PVLOCK_CTRL,
      attr: KVM_ARM_VCPU_PVLOCK_IPA,
      value,
    });
  }
}

/* ---- the guest ---- */

export interface GuestAdds {
  has_kvm_pvlock(): bool;
  init_pvlock_vcpu_state(cpu: number): number;
  pvlock_vcpu_state_dying_cpu(cpu: number): number;
  kvm_arm_init_pvlock: typeof kvm_arm_init_pvlock;
  pv_lock_init: typeof pv_lock_init;
}
export type pvlock_guest = vmlinux_arm64 & GuestAdds;

/** What the call answered, mapped: 0 or an errno. */
export function mapped(k: vmlinux_arm64, cpu: number, a0: u64): number {
  if (a0 === SMCCC_RET_NOT_SUPPORTED) return -EINVAL;
  guestPv(k).gpa[cpu] = gpaOf(a0);
  return 0;
}

/** arch/arm64/kernel/paravirt.c: pvlock_vcpu_state_dying_cpu(), new: unmapped; the host knows nothing of it */
export function pvlock_vcpu_state_dying_cpu(this: pvlock_guest, cpu: number): number {
  guestPv(this).gpa[cpu] = -1;
  return 0;
}

/** arch/arm64/kernel/paravirt.c: kvm_arm_init_pvlock(), new */
export function kvm_arm_init_pvlock(this: pvlock_guest): number {
  return this.cpuhp_setup_state('init_pvlock_vcpu_state', 'pvlock_vcpu_state_dying_cpu');
}

/** arch/arm64/kernel/paravirt.c: pv_lock_init(), new */
export function pv_lock_init(this: pvlock_guest): number {
  if (!this.has_kvm_pvlock()) return 0;
  const ret = this.kvm_arm_init_pvlock();
  if (ret !== 0) return ret;
  guestPv(this).on = true;
  return 0;
}

/** Of a structure that the VMM placed, `mask` of its word; a CPU without one has a warning printed once. */
export function isPreempted(k: vmlinux_arm64, cpu: number, mask: number): bool {
  const pv = guestPv(k);
  if (pv.gpa[cpu] < 0) {
    pv.warned = true;
    return false;
  }
  return (readFlag(k, cpu, 4) & mask) !== 0;
}
