// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v3 4/8] KVM: arm64: Add SMCCC paravirtualised lock calls: one call of 32 bits, whose answer may be an address of 64 */
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h */
export const ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FUNC_ID = 0x8600_0001;
/** x1 of the call: what is asked */
export const ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FEATURES = 0;
export const ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_PREEMPTED = 1;

export default { subject: 'KVM: arm64: Add SMCCC paravirtualised lock calls' } satisfies PatchArm64;
