// SPDX-License-Identifier: GPL-2.0-only
/** [RFC][PATCH 1/4] arm64:kvm: define pv_state SMCCC HV calls: fast calls of 64 bits, of the standard hypervisor services. */
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h */
export const ARM_SMCCC_HV_PV_STATE_FEATURES = 0xc500_0022;
export const ARM_SMCCC_HV_PV_STATE_INIT = 0xc500_0023;
export const ARM_SMCCC_HV_PV_STATE_RELEASE = 0xc500_0024;

export default { subject: 'arm64:kvm: define pv_state SMCCC HV calls' } satisfies PatchArm64;
