// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v2 2/6] KVM: arm64: Add SMCCC paravirtualised lock calls: of the vendor specific hypervisor services */
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h */
export const ARM_SMCCC_HV_PV_LOCK_FEATURES = 0xc600_0020;
export const ARM_SMCCC_HV_PV_LOCK_PREEMPTED = 0xc600_0021;

export default { subject: 'KVM: arm64: Add SMCCC paravirtualised lock calls' } satisfies PatchArm64;
