// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC][PATCH 3/4] arm64: add host pvstate support
 *
 * As posted: each put says that the vCPU is preempted, whether it waits in WFI, goes to userspace, or was descheduled.
 */
import { kvm_arch_vcpu_load as loadBefore, kvm_arch_vcpu_put as putBefore } from '../../arch/arm64/arm.js';
import {
  kvm_smccc_default_allowed as allowedBefore,
  kvm_smccc_call_handlerLetIn as callBefore,
  kvm_smccc_call_handlerFeatures as featuresBefore,
  SMCCC_RET_NOT_SUPPORTED,
  SMCCC_RET_SUCCESS,
} from '../../arch/arm64/hypercalls.js';
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { EINVAL } from '../../lib/errno.js';
import { u64 as asU64, type bool, type u32, type u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { INVALID_GPA, pvOf } from '../preempted/flag.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  ARM_SMCCC_HV_PV_STATE_FEATURES,
  ARM_SMCCC_HV_PV_STATE_INIT,
  ARM_SMCCC_HV_PV_STATE_RELEASE,
} from './0001-arm64-kvm-define-pv_state-SMCCC-HV-calls.js';

/** sizeof(struct pvstate_vcpu_info): bool preempted; u8 reserved[63] */
const PVSTATE_VCPU_INFO = 64;

/** The functions that the patch adds. */
export interface Adds {
  kvm_init_vcpu_state: typeof kvm_init_vcpu_state;
  kvm_release_vcpu_state: typeof kvm_release_vcpu_state;
  kvm_arm_is_vcpu_state_enabled: typeof kvm_arm_is_vcpu_state_enabled;
  kvm_update_vcpu_preempted: typeof kvm_update_vcpu_preempted;
}
export type pvstate = vmlinux_arm64 & Adds;

/** arch/arm64/include/asm/kvm_host.h: kvm_arm_is_vcpu_state_enabled(), new */
export function kvm_arm_is_vcpu_state_enabled(this: pvstate, vcpu: kvm_vcpu): bool {
  return pvOf(vcpu).base !== INVALID_GPA;
}

/** arch/arm64/kvm/pvstate.c: kvm_init_vcpu_state(), new. As posted: a second address is ignored, with success. */
export function kvm_init_vcpu_state(this: pvstate, vcpu: kvm_vcpu, addr: u64): number {
  if (this.kvm_arm_is_vcpu_state_enabled(vcpu)) return 0;
  const pv = pvOf(vcpu);
  if (this.kvm_gfn_to_hva_cache_init(this.m.kvm[vcpu.kvm], pv.ghc, addr, PVSTATE_VCPU_INFO) !== 0) return -EINVAL;
  pv.base = addr;
  return 0;
}

/** arch/arm64/kvm/pvstate.c: kvm_release_vcpu_state(), new. As posted: the cache keeps the page. */
export function kvm_release_vcpu_state(this: pvstate, vcpu: kvm_vcpu): number {
  if (this.kvm_arm_is_vcpu_state_enabled(vcpu)) pvOf(vcpu).base = INVALID_GPA;
  return 0;
}

/** arch/arm64/kvm/pvstate.c: kvm_update_vcpu_preempted(), new: with page faults disabled; what cannot be written is not. */
export function kvm_update_vcpu_preempted(this: pvstate, vcpu: kvm_vcpu, preempted: bool): void {
  if (!this.kvm_arm_is_vcpu_state_enabled(vcpu)) return;
  this.kvm_write_guest_cached(this.m.kvm[vcpu.kvm], pvOf(vcpu).ghc, asU64(Number(preempted)), 1);
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_load(): last of all */
export function kvm_arch_vcpu_load(this: pvstate, vcpu: kvm_vcpu, cpu: number): void {
  loadBefore.call(this, vcpu, cpu);
  this.kvm_update_vcpu_preempted(vcpu, false);
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put(): first of all */
export function kvm_arch_vcpu_put(this: pvstate, vcpu: kvm_vcpu): void {
  this.kvm_update_vcpu_preempted(vcpu, true);
  putBefore.call(this, vcpu);
}

/** kvm_smccc_call_handler(): ARCH_FEATURES. */
export function kvm_smccc_call_handlerFeatures(this: pvstate, vcpu: kvm_vcpu, feature: u32): u64 {
  return feature === ARM_SMCCC_HV_PV_STATE_FEATURES ? SMCCC_RET_SUCCESS : featuresBefore.call(this, vcpu, feature);
}

/** kvm_smccc_call_handler(): a call. As posted: FEATURES is none by itself. */
export function kvm_smccc_call_handlerLetIn(this: pvstate, vcpu: kvm_vcpu, func_id: u32): u64[] {
  switch (func_id) {
    case ARM_SMCCC_HV_PV_STATE_INIT:
      return [answer(this.kvm_init_vcpu_state(vcpu, this.smccc_get_arg1(vcpu)))];
    case ARM_SMCCC_HV_PV_STATE_RELEASE:
      return [answer(this.kvm_release_vcpu_state(vcpu))];
    default:
      return callBefore.call(this, vcpu, func_id);
  }
}

const answer = (r: number): u64 => (r === 0 ? SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED);

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_default_allowed(): v5.7, for which it was posted, has no filter; here the calls pass it. */
export function kvm_smccc_default_allowed(this: pvstate, func_id: u32): bool {
  const own = func_id === ARM_SMCCC_HV_PV_STATE_INIT || func_id === ARM_SMCCC_HV_PV_STATE_RELEASE;
  return own || allowedBefore.call(this, func_id);
}

export default {
  subject: 'arm64: add host pvstate support',
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
