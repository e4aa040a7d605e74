// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v3 1/8] arm/arm64: Probe for the presence of KVM hypervisor services, by Will Deacon. The guest asks for the UID; here has_kvm_pvlock() does. */
import type { PatchArm64 } from '../series-arm64.js';

export default { subject: 'arm/arm64: Probe for the presence of KVM hypervisor services' } satisfies PatchArm64;
