// SPDX-License-Identifier: GPL-2.0-only
/** 0b5afe05377d taken back: KVM: arm64: Add early_param to control WFx trapping. */
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** kvm_arch_vcpu_load(): one question for both traps. */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  if (this.single_task_running()) this.vcpu_clear_wfx_traps(vcpu);
  else this.vcpu_set_wfx_traps(vcpu);
}

export default {
  subject: 'Revert "KVM: arm64: Add early_param to control WFx trapping"',
  funcs: { kvm_arch_vcpu_loadTraps },
  removes: ['kvm_vcpu_should_clear_twi', 'kvm_vcpu_should_clear_twe'],
} satisfies PatchArm64;
