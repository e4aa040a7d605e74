// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v3 2/8] arm/arm64: KVM: Advertise KVM UID to guests via SMCCC, by Will Deacon. The pin has it. */
import type { PatchArm64 } from '../series-arm64.js';

export default { subject: 'arm/arm64: KVM: Advertise KVM UID to guests via SMCCC' } satisfies PatchArm64;
