// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v3] KVM: arm64: Add early_param to control WFx trapping. One parameter of the host for both instructions. */
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** arch/arm64/include/asm/kvm_host.h: enum kvm_interrupt_passthrough */
export const KVM_INTERRUPT_PASSTHROUGH_DEFAULT = 0;
export const KVM_INTERRUPT_PASSTHROUGH_ALWAYS = 1;

export const knobs = {
  kvm_interrupt_passthrough: {
    file: 'kvm-arm.interrupt-passthrough=',
    type: 'u32',
    initial: KVM_INTERRUPT_PASSTHROUGH_DEFAULT,
    names: ['default', 'always', 'never'],
  },
} as const satisfies Record<string, Knob>;

/**
 * kvm_arch_vcpu_load(): the traps.
 *
 * As posted: without a GICv4, `always` is `never`. With one, WFI still traps where this vCPU's interrupts need the host.
 */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const passthrough = knobValue(this.m, 'kvm_interrupt_passthrough', knobs.kvm_interrupt_passthrough);
  if (
    (passthrough === KVM_INTERRUPT_PASSTHROUGH_ALWAYS && this.m.kvm_vgic_global_state.has_gicv4) ||
    (passthrough === KVM_INTERRUPT_PASSTHROUGH_DEFAULT && this.single_task_running())
  ) {
    this.vcpu_clear_wfx_traps(vcpu);
  } else {
    this.vcpu_set_wfx_traps(vcpu);
  }
}

export default {
  subject: 'KVM: arm64: Add early_param to control WFx trapping',
  funcs: { kvm_arch_vcpu_loadTraps },
  knobs,
} satisfies PatchArm64;
