// SPDX-License-Identifier: GPL-2.0-only
/** [v2 4/6] KVM: arm64: Provide VCPU attributes for PV lock. Group 3, attribute 0: where the vCPU's structure is; a VMM sets it once. */
import { type AttrAdds, kvm_arm_pvlock_set_attr, kvm_arm_vcpu_arch_set_attr, vmmSetsUp } from '../preempted/ipa.js';
import type { PatchArm64 } from '../series-arm64.js';

export type { AttrAdds };

export default {
  subject: 'KVM: arm64: Provide VCPU attributes for PV lock',
  funcs: { kvm_arm_vcpu_arch_set_attr, vmmSetsUp },
  adds: { kvm_arm_pvlock_set_attr },
} satisfies PatchArm64<AttrAdds>;
