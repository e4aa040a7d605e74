// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCHv2 4/4] arm64: add host pv-vcpu-state support
 *
 * As the RFC; RELEASE empties the cache as well.
 */
import {
  kvm_smccc_default_allowed as allowedBefore,
  kvm_smccc_call_handlerLetIn as callBefore,
  kvm_smccc_call_handlerFeatures as featuresBefore,
  SMCCC_RET_NOT_SUPPORTED,
  SMCCC_RET_SUCCESS,
} from '../../arch/arm64/hypercalls.js';
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { u32, u64 } from '../../lib/types.js';
import { emptyCache, INVALID_GPA, pvOf } from '../preempted/flag.js';
import {
  type Adds,
  kvm_arch_vcpu_load,
  kvm_arch_vcpu_put,
  kvm_arm_is_vcpu_state_enabled,
  kvm_init_vcpu_state,
  kvm_update_vcpu_preempted,
  type pvstate,
} from '../preempted-rfc-2020/0003-arm64-add-host-pvstate-support.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  ARM_SMCCC_HV_PV_VCPU_STATE_FEATURES,
  ARM_SMCCC_HV_PV_VCPU_STATE_INIT,
  ARM_SMCCC_HV_PV_VCPU_STATE_RELEASE,
} from './0001-arm64-smccc-Add-SMCCC-pv-vcpu-state-function-call-ID.js';

export type { Adds };

/** arch/arm64/kvm/pv-vcpu-state.c: kvm_release_vcpu_state(), new */
export function kvm_release_vcpu_state(this: pvstate, vcpu: kvm_vcpu): number {
  if (!this.kvm_arm_is_vcpu_state_enabled(vcpu)) return 0;
  const pv = pvOf(vcpu);
  pv.base = INVALID_GPA;
  pv.ghc = emptyCache();
  return 0;
}

/** kvm_smccc_call_handler(): ARCH_FEATURES. */
export function kvm_smccc_call_handlerFeatures(this: pvstate, vcpu: kvm_vcpu, feature: u32): u64 {
  return feature === ARM_SMCCC_HV_PV_VCPU_STATE_FEATURES ? SMCCC_RET_SUCCESS : featuresBefore.call(this, vcpu, feature);
}

/** kvm_smccc_call_handler(): a call. */
export function kvm_smccc_call_handlerLetIn(this: pvstate, vcpu: kvm_vcpu, func_id: u32): u64[] {
  const answer = (r: number): u64[] => [r === 0 ? SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED];
  if (func_id === ARM_SMCCC_HV_PV_VCPU_STATE_INIT)
    return answer(this.kvm_init_vcpu_state(vcpu, this.smccc_get_arg1(vcpu)));
  if (func_id === ARM_SMCCC_HV_PV_VCPU_STATE_RELEASE) return answer(this.kvm_release_vcpu_state(vcpu));
  return callBefore.call(this, vcpu, func_id);
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_default_allowed(): v5.13, for which it was posted, has no filter; here the calls pass it. */
export function kvm_smccc_default_allowed(this: pvstate, func_id: u32): boolean {
  const own = func_id === ARM_SMCCC_HV_PV_VCPU_STATE_INIT || func_id === ARM_SMCCC_HV_PV_VCPU_STATE_RELEASE;
  return own || allowedBefore.call(this, func_id);
}

export default {
  subject: 'arm64: add host pv-vcpu-state support',
  funcs: {
    kvm_arch_vcpu_load,
    kvm_arch_vcpu_put,
    kvm_smccc_call_handlerFeatures,
    kvm_smccc_call_handlerLetIn,
    kvm_smccc_default_allowed,
  },
  adds: {
    kvm_arm_is_vcpu_state_enabled,
    kvm_init_vcpu_state,
    kvm_release_vcpu_state,
    kvm_update_vcpu_preempted,
  },
} satisfies PatchArm64<Adds>;
