// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH 2/5] KVM: arm64: Implement PV_LOCK_FEATURES call */
import {
  kvm_smccc_default_allowed as allowedBefore,
  kvm_smccc_call_handlerLetIn as callBefore,
  kvm_smccc_call_handlerFeatures as featuresBefore,
  SMCCC_RET_NOT_SUPPORTED,
  SMCCC_RET_SUCCESS,
} from '../../arch/arm64/hypercalls.js';
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { type bool, to_u32, type u32, type u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h: fast calls of 64 bits, of the standard hypervisor services */
export const pv_lock = { FEATURES: 0xc500_0040, PREEMPTED: 0xc500_0041 } as const;

/** kvm_smccc_call_handler(): ARCH_FEATURES. */
export function kvm_smccc_call_handlerFeatures(this: vmlinux_arm64, vcpu: kvm_vcpu, feature: u32): u64 {
  return feature === pv_lock.FEATURES ? SMCCC_RET_SUCCESS : featuresBefore.call(this, vcpu, feature);
}

/** kvm_smccc_call_handler(): a call; of FEATURES, both are there. */
export function kvm_smccc_call_handlerLetIn(this: vmlinux_arm64, vcpu: kvm_vcpu, func_id: u32): u64[] {
  if (func_id !== pv_lock.FEATURES) return callBefore.call(this, vcpu, func_id);
  const feature = to_u32(this.smccc_get_arg1(vcpu));
  const own = feature === pv_lock.FEATURES || feature === pv_lock.PREEMPTED;
  return [own ? SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED];
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_default_allowed(): v5.5, for which it was posted, has no filter; here the calls pass it. */
export function kvm_smccc_default_allowed(this: vmlinux_arm64, func_id: u32): bool {
  const own = func_id === pv_lock.FEATURES || func_id === pv_lock.PREEMPTED;
  return own || allowedBefore.call(this, func_id);
}

export default {
  subject: 'KVM: arm64: Implement PV_LOCK_FEATURES call',
  funcs: { kvm_smccc_call_handlerFeatures, kvm_smccc_call_handlerLetIn, kvm_smccc_default_allowed },
} satisfies PatchArm64;
