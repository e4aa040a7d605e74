// SPDX-License-Identifier: GPL-2.0-only
/** [PATCHv2 1/4] arm64: smccc: Add SMCCC pv-vcpu-state function call IDs */
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h */
export const ARM_SMCCC_HV_PV_VCPU_STATE_FEATURES = 0xc500_0060;
export const ARM_SMCCC_HV_PV_VCPU_STATE_INIT = 0xc500_0061;
export const ARM_SMCCC_HV_PV_VCPU_STATE_RELEASE = 0xc500_0062;

export default { subject: 'arm64: smccc: Add SMCCC pv-vcpu-state function call IDs' } satisfies PatchArm64;
