// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 3/6] KVM: arm64: Support pvlock preempted via shared structure
 *
 * KVM zeroes and writes a structure whose address the VMM has given; without one, every call answers NOT_SUPPORTED.
 */
import { kvm_arch_vcpu_load as loadBefore } from '../../arch/arm64/arm.js';
import {
  kvm_smccc_default_allowed as allowedBefore,
  kvm_smccc_call_handlerLetIn as callBefore,
  kvm_smccc_call_handlerFeatures as featuresBefore,
  SMCCC_RET_NOT_SUPPORTED,
  SMCCC_RET_SUCCESS,
} from '../../arch/arm64/hypercalls.js';
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { type bool, to_u32, type u32, type u64 } from '../../lib/types.js';
import { INVALID_GPA, pvOf } from '../preempted/flag.js';
import {
  type HostAdds,
  ipaAnswer,
  putLast as kvm_arch_vcpu_put,
  kvm_arm_is_pvlock_preempted_ready,
  kvm_init_pvlock,
  kvm_update_pvlock_preempted,
  type pvlock_host,
} from '../preempted/ipa.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  ARM_SMCCC_HV_PV_LOCK_FEATURES,
  ARM_SMCCC_HV_PV_LOCK_PREEMPTED,
} from './0002-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';

export type { HostAdds };

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_load(): last of all */
export function kvm_arch_vcpu_load(this: pvlock_host, vcpu: kvm_vcpu, cpu: number): void {
  loadBefore.call(this, vcpu, cpu);
  if (this.kvm_arm_is_pvlock_preempted_ready(vcpu)) this.kvm_update_pvlock_preempted(vcpu, 0);
}

/** kvm_smccc_call_handler(): a call. */
export function kvm_smccc_call_handlerLetIn(this: pvlock_host, vcpu: kvm_vcpu, func_id: u32): u64[] {
  if (func_id === ARM_SMCCC_HV_PV_LOCK_FEATURES) return [featuresOf(vcpu, to_u32(this.smccc_get_arg1(vcpu)))];
  if (func_id === ARM_SMCCC_HV_PV_LOCK_PREEMPTED) return [ipaAnswer(this, vcpu)];
  return callBefore.call(this, vcpu, func_id);
}

/** kvm_hypercall_pv_features(), of the calls that are new */
function featuresOf(vcpu: kvm_vcpu, feature: u32): u64 {
  const own = feature === ARM_SMCCC_HV_PV_LOCK_FEATURES || feature === ARM_SMCCC_HV_PV_LOCK_PREEMPTED;
  return own && pvOf(vcpu).base !== INVALID_GPA ? SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED;
}

/** kvm_smccc_call_handler(): ARCH_FEATURES. */
export function kvm_smccc_call_handlerFeatures(this: pvlock_host, vcpu: kvm_vcpu, feature: u32): u64 {
  return feature === ARM_SMCCC_HV_PV_LOCK_FEATURES ? SMCCC_RET_SUCCESS : featuresBefore.call(this, vcpu, feature);
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_default_allowed(): v5.5, for which it was posted, has no filter; here the calls pass it. */
export function kvm_smccc_default_allowed(this: pvlock_host, func_id: u32): bool {
  const own = func_id === ARM_SMCCC_HV_PV_LOCK_FEATURES || func_id === ARM_SMCCC_HV_PV_LOCK_PREEMPTED;
  return own || allowedBefore.call(this, func_id);
}

export default {
  subject: 'KVM: arm64: Support pvlock preempted via shared structure',
  funcs: {
    kvm_arch_vcpu_load,
    kvm_arch_vcpu_put,
    kvm_smccc_call_handlerLetIn,
    kvm_smccc_default_allowed,
    kvm_smccc_call_handlerFeatures,
  },
  adds: { kvm_arm_is_pvlock_preempted_ready, kvm_init_pvlock, kvm_update_pvlock_preempted },
} satisfies PatchArm64<HostAdds>;
