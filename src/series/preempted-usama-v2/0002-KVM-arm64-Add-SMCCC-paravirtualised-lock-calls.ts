// SPDX-License-Identifier: GPL-2.0-only
/** [v2 2/6] KVM: arm64: Add SMCCC paravirtualised lock calls: one call, as of ptp_kvm */
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h: ARM_SMCCC_VENDOR_HYP_KVM_PV_LOCK_FUNC_ID */
export const pv_lock_call = 0xc600_0002;

export { KVM_REG_ARM_VENDOR_HYP_BIT_PV_LOCK } from '../preempted-usama-rfc/0003-KVM-arm64-Support-pvlock-preempted-via-shared-structu.js';

export default { subject: 'KVM: arm64: Add SMCCC paravirtualised lock calls' } satisfies PatchArm64;
