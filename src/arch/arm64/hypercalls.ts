// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/hypercalls.c, include/linux/arm-smccc.h (6.12.117): SMCCC calls of a guest, and which of them are let in.
 *
 * Not mirrored: the filter that userspace sets up; PTP and TRNG throw NotModelled. MODEL: no stolen time is set up; the CPUs
 * are vulnerable to Spectre, so that none of its workarounds is offered.
 */
import { NotModelled } from '../../lib/bug.js';
import { type bool, to_u32, U64_MAX, type u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { kvm_vcpu } from './kvm_host.js';

/** include/linux/arm-smccc.h */
export const ARM_SMCCC_VERSION_FUNC_ID = 0x8000_0000;
export const ARM_SMCCC_ARCH_FEATURES_FUNC_ID = 0x8000_0001;
export const ARM_SMCCC_HV_PV_TIME_FEATURES = 0xc500_0020;
export const ARM_SMCCC_HV_PV_TIME_ST = 0xc500_0021;
export const ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID = 0x8600_0000;
export const ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID = 0x8600_ff01;
export const ARM_SMCCC_VERSION_1_1 = 0x1_0001;
export const ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_0 = 0xb66f_b428;
export const ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_1 = 0xe911_c52e;
export const ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_2 = 0x564b_caa9;
export const ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_3 = 0x743a_004d;
export const ARM_SMCCC_VENDOR_HYP_KVM_PTP_FUNC_ID = 0x8600_0001;
export const ARM_SMCCC_TRNG_VERSION = 0x8400_0050;
export const ARM_SMCCC_TRNG_FEATURES = 0x8400_0051;
export const ARM_SMCCC_TRNG_GET_UUID = 0x8400_0052;
export const ARM_SMCCC_TRNG_RND32 = 0x8400_0053;
export const ARM_SMCCC_TRNG_RND64 = 0xc400_0053;
export const SMCCC_RET_SUCCESS: u64 = ZERO;
export const SMCCC_RET_NOT_SUPPORTED: u64 = U64_MAX;
export const SMCCC_RET_INVALID_PARAMETER: u64 = u64(2n ** 64n - 3n);
const ARM_SMCCC_OWNER_STANDARD = 4;
/** arch/arm64/include/uapi/asm/kvm.h: PSCI 0.1 */
const KVM_PSCI_FN_BASE = 0x95c1_ba5e;

/** include/kvm/arm_hypercalls.h, include/uapi/asm/kvm.h: bits of the firmware's registers */
export const KVM_REG_ARM_STD_HYP_BIT_PV_TIME = 0;
export const KVM_REG_ARM_VENDOR_HYP_BIT_FUNC_FEAT = 0;
export const KVM_REG_ARM_VENDOR_HYP_BIT_PTP = 1;

/** include/kvm/arm_hypercalls.h: smccc_get_function() */
export function smccc_get_function(this: vmlinux_arm64, vcpu: kvm_vcpu): u32 {
  return to_u32(vcpu.arch.regs[0]);
}

/** include/kvm/arm_hypercalls.h: smccc_get_arg1() */
export function smccc_get_arg1(this: vmlinux_arm64, vcpu: kvm_vcpu): u64 {
  return vcpu.arch.regs[1];
}

/** include/kvm/arm_hypercalls.h: smccc_set_retval() */
export function smccc_set_retval(this: vmlinux_arm64, vcpu: kvm_vcpu, a0: u64, a1: u64, a2: u64, a3: u64): void {
  vcpu.arch.regs = [a0, a1, a2, a3];
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_default_allowed() */
export function kvm_smccc_default_allowed(this: vmlinux_arm64, func_id: u32): bool {
  if (func_id === ARM_SMCCC_VERSION_FUNC_ID || func_id === ARM_SMCCC_ARCH_FEATURES_FUNC_ID) return true;
  if (((func_id >>> 24) & 0x3f) === ARM_SMCCC_OWNER_STANDARD && (func_id & 0xffff) <= 0x1f) return true;
  return func_id >= KVM_PSCI_FN_BASE && func_id <= KVM_PSCI_FN_BASE + 3;
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_test_fw_bmap(). MODEL: userspace leaves KVM_REG_ARM_STD_BMAP as it is. */
export function kvm_smccc_test_fw_bmap(this: vmlinux_arm64, vcpu: kvm_vcpu, func_id: u32): bool {
  const { std_hyp_bmap, vendor_hyp_bmap } = this.m.kvm[vcpu.kvm].arch.smccc_feat;
  switch (func_id) {
    case ARM_SMCCC_TRNG_VERSION:
    case ARM_SMCCC_TRNG_FEATURES:
    case ARM_SMCCC_TRNG_GET_UUID:
    case ARM_SMCCC_TRNG_RND32:
    case ARM_SMCCC_TRNG_RND64:
      return true;
    case ARM_SMCCC_HV_PV_TIME_FEATURES:
    case ARM_SMCCC_HV_PV_TIME_ST:
      return (std_hyp_bmap & (1 << KVM_REG_ARM_STD_HYP_BIT_PV_TIME)) !== 0;
    case ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID:
    case ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID:
      return (vendor_hyp_bmap & (1 << KVM_REG_ARM_VENDOR_HYP_BIT_FUNC_FEAT)) !== 0;
    case ARM_SMCCC_VENDOR_HYP_KVM_PTP_FUNC_ID:
      return (vendor_hyp_bmap & (1 << KVM_REG_ARM_VENDOR_HYP_BIT_PTP)) !== 0;
    default:
      return false;
  }
}

/**
 * arch/arm64/kvm/hypercalls.c: kvm_smccc_call_handler(): 1, back to the guest.
 *
 * Split: kvm_smccc_call_handlerFeatures() says what ARCH_FEATURES answers, kvm_smccc_call_handlerLetIn() what the others do.
 */
export function kvm_smccc_call_handler(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const func_id = this.smccc_get_function(vcpu);
  if (!this.kvm_smccc_test_fw_bmap(vcpu, func_id) && !this.kvm_smccc_default_allowed(func_id)) {
    this.smccc_set_retval(vcpu, SMCCC_RET_NOT_SUPPORTED, ZERO, ZERO, ZERO);
    return 1;
  }
  const [a0, a1 = ZERO, a2 = ZERO, a3 = ZERO] = this.kvm_smccc_call_handlerLetIn(vcpu, func_id);
  this.smccc_set_retval(vcpu, a0, a1, a2, a3);
  return 1;
}

/** kvm_smccc_call_handler(): SMCCC_ARCH_FEATURES of a call. */
export function kvm_smccc_call_handlerFeatures(this: vmlinux_arm64, vcpu: kvm_vcpu, feature: u32): u64 {
  const pv_time = this.m.kvm[vcpu.kvm].arch.smccc_feat.std_hyp_bmap & (1 << KVM_REG_ARM_STD_HYP_BIT_PV_TIME);
  return feature === ARM_SMCCC_HV_PV_TIME_FEATURES && pv_time ? SMCCC_RET_SUCCESS : SMCCC_RET_NOT_SUPPORTED;
}

/** kvm_smccc_call_handler(): a call that was let in: x0 to x3 of its answer. */
export function kvm_smccc_call_handlerLetIn(this: vmlinux_arm64, vcpu: kvm_vcpu, func_id: u32): u64[] {
  switch (func_id) {
    case ARM_SMCCC_VERSION_FUNC_ID:
      return [u64(ARM_SMCCC_VERSION_1_1)];
    case ARM_SMCCC_ARCH_FEATURES_FUNC_ID:
      return [this.kvm_smccc_call_handlerFeatures(vcpu, to_u32(this.smccc_get_arg1(vcpu)))];
    case ARM_SMCCC_HV_PV_TIME_FEATURES:
    case ARM_SMCCC_HV_PV_TIME_ST:
      return [SMCCC_RET_NOT_SUPPORTED];
    case ARM_SMCCC_VENDOR_HYP_CALL_UID_FUNC_ID:
      return [
        u64(ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_0),
        u64(ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_1),
        u64(ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_2),
        u64(ARM_SMCCC_VENDOR_HYP_UID_KVM_REG_3),
      ];
    case ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID:
      return [u64(this.m.kvm[vcpu.kvm].arch.smccc_feat.vendor_hyp_bmap)];
    case ARM_SMCCC_VENDOR_HYP_KVM_PTP_FUNC_ID:
      throw new NotModelled('kvm_ptp_get_time()');
    case ARM_SMCCC_TRNG_VERSION:
    case ARM_SMCCC_TRNG_FEATURES:
    case ARM_SMCCC_TRNG_GET_UUID:
    case ARM_SMCCC_TRNG_RND32:
    case ARM_SMCCC_TRNG_RND64:
      throw new NotModelled('kvm_trng_call()');
    default:
      throw new NotModelled(`PSCI call 0x${func_id.toString(16)}`);
  }
}
