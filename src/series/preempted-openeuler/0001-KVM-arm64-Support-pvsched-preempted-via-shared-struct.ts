// SPDX-License-Identifier: GPL-2.0-only
/**
 * KVM: arm64: Support pvsched preempted via shared structure
 *
 * The host's side: a le32 in 64 bytes, wherever the guest says; with page faults disabled.
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
import { NotModelled } from '../../lib/bug.js';
import { u64 as asU64, type bool, to_u32, type u32, type u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { INVALID_GPA, pvOf } from '../preempted/flag.js';
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h */
export const ARM_SMCCC_HV_PV_SCHED_FEATURES = 0xc500_0090;
export const ARM_SMCCC_HV_PV_SCHED_IPA_INIT = 0xc500_0091;
export const ARM_SMCCC_HV_PV_SCHED_IPA_RELEASE = 0xc500_0092;
export const ARM_SMCCC_HV_PV_SCHED_KICK_CPU = 0xc500_0093;

const LE32 = 4;

/** The functions that the patch adds. */
export interface HostAdds {
  kvm_arm_is_pvsched_enabled: typeof kvm_arm_is_pvsched_enabled;
  kvm_update_pvsched_preempted: typeof kvm_update_pvsched_preempted;
  kvm_hypercall_pvsched_features: typeof kvm_hypercall_pvsched_features;
}
type host = vmlinux_arm64 & HostAdds;

/** arch/arm64/include/asm/kvm_host.h: kvm_arm_is_pvsched_enabled(), new */
export function kvm_arm_is_pvsched_enabled(this: host, vcpu: kvm_vcpu): bool {
  return pvOf(vcpu).base !== INVALID_GPA;
}

/** arch/arm64/kvm/pvsched.c: kvm_update_pvsched_preempted(), new */
export function kvm_update_pvsched_preempted(this: host, vcpu: kvm_vcpu, preempted: number): void {
  const { base } = pvOf(vcpu);
  if (base === INVALID_GPA) return;
  this.kvm_put_guest(this.m.kvm[vcpu.kvm], base, asU64(preempted), LE32);
}

/** arch/arm64/kvm/pvsched.c: kvm_hypercall_pvsched_features(), new: KICK_CPU is not among them. */
export function kvm_hypercall_pvsched_features(this: host, vcpu: kvm_vcpu): u64 {
  const feature = to_u32(this.smccc_get_arg1(vcpu));
  const there = [ARM_SMCCC_HV_PV_SCHED_FEATURES, ARM_SMCCC_HV_PV_SCHED_IPA_INIT, ARM_SMCCC_HV_PV_SCHED_IPA_RELEASE];
  return there.includes(feature) ? SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_load() */
export function kvm_arch_vcpu_load(this: host, vcpu: kvm_vcpu, cpu: number): void {
  loadBefore.call(this, vcpu, cpu);
  if (this.kvm_arm_is_pvsched_enabled(vcpu)) this.kvm_update_pvsched_preempted(vcpu, 0);
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put(). MODEL: last of all, as in the proposal that it comes from. */
export function kvm_arch_vcpu_put(this: host, vcpu: kvm_vcpu): void {
  putBefore.call(this, vcpu);
  if (this.kvm_arm_is_pvsched_enabled(vcpu)) this.kvm_update_pvsched_preempted(vcpu, 1);
}

/** kvm_smccc_call_handler(): ARCH_FEATURES. */
export function kvm_smccc_call_handlerFeatures(this: host, vcpu: kvm_vcpu, feature: u32): u64 {
  return feature === ARM_SMCCC_HV_PV_SCHED_FEATURES ? SMCCC_RET_SUCCESS : featuresBefore.call(this, vcpu, feature);
}

/** kvm_smccc_call_handler(): a call. Any address is taken. */
export function kvm_smccc_call_handlerLetIn(this: host, vcpu: kvm_vcpu, func_id: u32): u64[] {
  switch (func_id) {
    case ARM_SMCCC_HV_PV_SCHED_FEATURES:
      return [this.kvm_hypercall_pvsched_features(vcpu)];
    case ARM_SMCCC_HV_PV_SCHED_IPA_INIT:
      pvOf(vcpu).base = this.smccc_get_arg1(vcpu);
      return [SMCCC_RET_SUCCESS];
    case ARM_SMCCC_HV_PV_SCHED_IPA_RELEASE:
      pvOf(vcpu).base = INVALID_GPA;
      return [SMCCC_RET_SUCCESS];
    case ARM_SMCCC_HV_PV_SCHED_KICK_CPU:
      throw new NotModelled('PV_SCHED_KICK_CPU, which the queued spinlocks of arm_pvspin make');
    default:
      return callBefore.call(this, vcpu, func_id);
  }
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_default_allowed(): the kernels that ship it have no filter, or let it through. */
export function kvm_smccc_default_allowed(this: host, func_id: u32): bool {
  const own = func_id >= ARM_SMCCC_HV_PV_SCHED_FEATURES && func_id <= ARM_SMCCC_HV_PV_SCHED_KICK_CPU;
  return own || allowedBefore.call(this, func_id);
}

export default {
  subject: 'KVM: arm64: Support pvsched preempted via shared structure',
  funcs: {
    kvm_arch_vcpu_load,
    kvm_arch_vcpu_put,
    kvm_smccc_call_handlerFeatures,
    kvm_smccc_call_handlerLetIn,
    kvm_smccc_default_allowed,
  },
  adds: { kvm_arm_is_pvsched_enabled, kvm_update_pvsched_preempted, kvm_hypercall_pvsched_features },
} satisfies PatchArm64<HostAdds>;
