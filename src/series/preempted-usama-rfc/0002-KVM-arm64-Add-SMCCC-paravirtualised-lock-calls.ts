// SPDX-License-Identifier: GPL-2.0-only
/** [RFC 2/6] KVM: arm64: Add SMCCC paravirtualised lock calls: of the vendor specific hypervisor services, and so with a bit of their own */
import type { PatchArm64 } from '../series-arm64.js';

/** include/linux/arm-smccc.h: the same numbers */
export {
  ARM_SMCCC_HV_PV_LOCK_FEATURES,
  ARM_SMCCC_HV_PV_LOCK_PREEMPTED,
} from '../preempted-zengruan-v2/0002-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';

export default { subject: 'KVM: arm64: Add SMCCC paravirtualised lock calls' } satisfies PatchArm64;
