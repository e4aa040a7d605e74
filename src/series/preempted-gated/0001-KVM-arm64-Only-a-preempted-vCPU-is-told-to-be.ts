// SPDX-License-Identifier: GPL-2.0-only
/** KVM: arm64: Only a vCPU that was preempted is told to be. vcpu->preempted decides, as Joel Fernandes proposed. */
import { kvm_arch_vcpu_put as putBefore } from '../../arch/arm64/arm.js';
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { pvstate } from '../preempted-rfc-2020/0003-arm64-add-host-pvstate-support.js';
import type { PatchArm64 } from '../series-arm64.js';

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put(): as kvm_sched_out() has set it, before this is called. */
export function kvm_arch_vcpu_put(this: pvstate, vcpu: kvm_vcpu): void {
  if (vcpu.preempted) this.kvm_update_vcpu_preempted(vcpu, true);
  putBefore.call(this, vcpu);
}

export default {
  subject: 'KVM: arm64: Only a vCPU that was preempted is told to be',
  funcs: { kvm_arch_vcpu_put },
} satisfies PatchArm64;
