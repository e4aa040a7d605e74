// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v3 8/8] KVM: arm64: Support the VCPU preemption check
 *
 * As v2, behind the hypervisor's UID, and any bit counts.
 */
import {
  ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID,
  ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_0,
  SMCCC_RET_SUCCESS,
} from '../../arch/arm64/hypercalls.js';
import { setup_arch as setupBefore } from '../../arch/arm64/setup.js';
import { type bool, u64 } from '../../lib/types.js';
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
  ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FEATURES,
  ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FUNC_ID,
  ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_PREEMPTED,
} from './0004-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';

export type { GuestAdds };

/** arch/arm64/kernel/paravirt.c: has_kvm_pvlock(), new. MODEL: of the hypervisor's UID, the first word is compared. */
export function has_kvm_pvlock(this: pvlock_guest): bool {
  const uid = this.arm_smccc_1_1_invoke(ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID);
  if (uid !== u64(ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_0)) return false;
  const a0 = this.arm_smccc_1_1_invoke(
    ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FUNC_ID,
    u64(ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FEATURES),
  );
  return a0 === SMCCC_RET_SUCCESS;
}

/** arch/arm64/kernel/paravirt.c: init_pvlock_vcpu_state(), new */
export function init_pvlock_vcpu_state(this: pvlock_guest, cpu: number): number {
  return mapped(
    this,
    cpu,
    this.arm_smccc_1_1_invoke(
      ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FUNC_ID,
      u64(ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_PREEMPTED),
    ),
  );
}

/** pv_ops.lock.vcpu_is_preempted: kvm_vcpu_is_preempted() of arch/arm64/kernel/paravirt.c */
export function pv_vcpu_is_preempted(this: pvlock_guest, cpu: number): bool {
  return this.m.pv_preempted?.on === true && isPreempted(this, cpu, 0xffff_ffff);
}

/** arch/arm64/kernel/setup.c: setup_arch(). As posted: before CPU hotplug knows of the boot CPU, whose structure nobody asks for. */
export function setup_arch(this: pvlock_guest): void {
  setupBefore.call(this);
  this.pv_lock_init();
}

export default {
  subject: 'KVM: arm64: Support the VCPU preemption check',
  funcs: { pv_vcpu_is_preempted, setup_arch },
  adds: { has_kvm_pvlock, init_pvlock_vcpu_state, pvlock_vcpu_state_dying_cpu, kvm_arm_init_pvlock, pv_lock_init },
} satisfies PatchArm64<GuestAdds & { pv_vcpu_is_preempted(cpu: number): bool }>;
