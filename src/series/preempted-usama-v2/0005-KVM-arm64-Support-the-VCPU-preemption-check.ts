// SPDX-License-Identifier: GPL-2.0-only
/**
 * [v2 5/6] KVM: arm64: Support the VCPU preemption check
 *
 * As the RFC, behind one call.
 */
import { ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID } from '../../arch/arm64/hypercalls.js';
import { setup_arch as setupBefore } from '../../arch/arm64/setup.js';
import { and, type bool, u64, ZERO } from '../../lib/types.js';
import {
  type GuestAdds,
  isPreempted,
  kvm_arm_init_pvlock,
  mapped,
  pv_lock_init,
  type pvlock_guest,
  pvlock_vcpu_state_dying_cpu,
} from '../preempted/ipa.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  KVM_REG_ARM_VENDOR_HYP_BIT_PV_LOCK,
  pv_lock_call,
} from './0002-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';

export type { GuestAdds };

/** arch/arm64/kernel/paravirt.c: has_kvm_pvlock(), new: kvm_arm_hyp_service_available(), whose bits were read at boot */
export function has_kvm_pvlock(this: pvlock_guest): bool {
  const bits = this.arm_smccc_1_1_invoke(ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID);
  return and(bits, u64(1 << KVM_REG_ARM_VENDOR_HYP_BIT_PV_LOCK)) !== ZERO;
}

/** arch/arm64/kernel/paravirt.c: init_pvlock_vcpu_state(), new */
export function init_pvlock_vcpu_state(this: pvlock_guest, cpu: number): number {
  return mapped(this, cpu, this.arm_smccc_1_1_invoke(pv_lock_call));
}

/** arch/arm64/include/asm/spinlock.h: vcpu_is_preempted(): a static call of para_vcpu_is_preempted() */
export function vcpu_is_preempted(this: pvlock_guest, cpu: number): bool {
  return this.m.pv_preempted?.on === true && isPreempted(this, cpu, 0xffff_ffff);
}

/** arch/arm64/kernel/setup.c: setup_arch(). As posted: before CPU hotplug knows of the boot CPU, whose structure nobody asks for. */
export function setup_arch(this: pvlock_guest): void {
  setupBefore.call(this);
  this.pv_lock_init();
}

export default {
  subject: 'KVM: arm64: Support the VCPU preemption check',
  funcs: { vcpu_is_preempted, setup_arch },
  adds: { has_kvm_pvlock, init_pvlock_vcpu_state, pvlock_vcpu_state_dying_cpu, kvm_arm_init_pvlock, pv_lock_init },
} satisfies PatchArm64<GuestAdds>;
