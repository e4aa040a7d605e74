// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH 5/5] KVM: arm64: Support the vcpu preemption check
 *
 * Per-CPU memory, aligned to 64, whose bit 0 is looked at.
 */
import { ARM_SMCCC_ARCH_FEATURES_FUNC_ID, SMCCC_RET_SUCCESS } from '../../arch/arm64/hypercalls.js';
import { setup_arch as setupBefore } from '../../arch/arm64/setup.js';
import { type guest_memory, storeWord } from '../../kvm/guest-memory.js';
import { type bool, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { ALIGNED, asGpa, guestPv, perCpuGpa, readFlag, switchOn } from '../preempted/flag.js';
import type { PatchArm64 } from '../series-arm64.js';
import { pv_lock } from './0002-KVM-arm64-Implement-PV_LOCK_FEATURES-call.js';

/** The functions that the patch adds. */
export interface Adds {
  has_kvm_pvlock: typeof has_kvm_pvlock;
  init_pvlock_vcpu_state: typeof init_pvlock_vcpu_state;
  pvlock_vcpu_state_dying_cpu: typeof pvlock_vcpu_state_dying_cpu;
  kvm_arm_init_pvlock: typeof kvm_arm_init_pvlock;
  kvm_guest_init: typeof kvm_guest_init;
}
type guest = vmlinux_arm64 & Adds;

/** arch/arm64/kernel/paravirt.c: has_kvm_pvlock(), new */
export function has_kvm_pvlock(this: guest): bool {
  const a0 = this.arm_smccc_1_1_invoke(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, u64(pv_lock.FEATURES));
  return a0 === SMCCC_RET_SUCCESS;
}

/** arch/arm64/kernel/paravirt.c: init_pvlock_vcpu_state(), new. As posted: what the call answers is ignored. */
export function init_pvlock_vcpu_state(this: guest, cpu: number): number {
  const gpa = perCpuGpa(cpu, ALIGNED);
  guestPv(this).gpa[cpu] = gpa;
  this.arm_smccc_1_1_invoke(pv_lock.PREEMPTED, asGpa(gpa));
  return 0;
}

/** arch/arm64/kernel/paravirt.c: pvlock_vcpu_state_dying_cpu(), new. As posted: the host writes on. */
export function pvlock_vcpu_state_dying_cpu(this: guest, cpu: number): number {
  for (let i = 0; i < 64; i += 8) storeWord(this.ram as guest_memory, perCpuGpa(cpu, ALIGNED) + i, ZERO);
  return 0;
}

/** arch/arm64/kernel/paravirt.c: kvm_arm_init_pvlock(), new */
export function kvm_arm_init_pvlock(this: guest): number {
  const ret = this.cpuhp_setup_state('init_pvlock_vcpu_state', 'pvlock_vcpu_state_dying_cpu');
  if (ret < 0) return ret;
  switchOn(this);
  return 0;
}

/** arch/arm64/kernel/paravirt.c: kvm_guest_init(), new */
export function kvm_guest_init(this: guest): number {
  if (this.has_kvm_pvlock()) this.kvm_arm_init_pvlock();
  return 0;
}

/** pv_ops.lock.vcpu_is_preempted: kvm_vcpu_is_preempted() of arch/arm64/kernel/paravirt.c */
export function pv_vcpu_is_preempted(this: guest, cpu: number): bool {
  return this.m.pv_preempted?.on === true && (readFlag(this, cpu, 4) & 1) !== 0;
}

/** arch/arm64/kernel/setup.c: setup_arch(). As posted: before CPU hotplug knows of the boot CPU, which tells its host nothing. */
export function setup_arch(this: guest): void {
  setupBefore.call(this);
  this.kvm_guest_init();
}

export default {
  subject: 'KVM: arm64: Support the vcpu preemption check',
  funcs: { pv_vcpu_is_preempted, setup_arch },
  adds: { has_kvm_pvlock, init_pvlock_vcpu_state, pvlock_vcpu_state_dying_cpu, kvm_arm_init_pvlock, kvm_guest_init },
} satisfies PatchArm64<Adds & { pv_vcpu_is_preempted(cpu: number): bool }>;
