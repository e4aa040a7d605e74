// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v4] KVM: arm64: Add early_param to control WFx trapping. A parameter for WFI and one for WFE. */
import {
  HCR_TWE,
  HCR_TWI,
  KVM_WFX_NOTRAP,
  KVM_WFX_NOTRAP_SINGLE_TASK,
  type kvm_vcpu,
} from '../../arch/arm64/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';
import { knobs } from '../wfx-v6/policies.js';

/** The functions that the patch adds. */
export interface Adds {
  kvm_should_clear_wfx_trap: typeof kvm_should_clear_wfx_trap;
  vcpu_clear_wfe_trap: typeof vcpu_clear_wfe_trap;
  vcpu_clear_wfi_trap: typeof vcpu_clear_wfi_trap;
  vcpu_set_wfe_trap: typeof vcpu_set_wfe_trap;
  vcpu_set_wfi_trap: typeof vcpu_set_wfi_trap;
}

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_clear_wfe_trap(), new */
export function vcpu_clear_wfe_trap(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 &= ~HCR_TWE;
}

/**
 * arch/arm64/include/asm/kvm_emulate.h: vcpu_clear_wfi_trap(), new
 *
 * As posted: it may set the trap that it is called to clear.
 */
export function vcpu_clear_wfi_trap(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  if (vcpu.arch.vgic_cpu.its_vpe.vlpi_count !== 0 || this.m.kvm[vcpu.kvm].arch.nassgireq) {
    vcpu.arch.hcr_el2 &= ~HCR_TWI;
  } else {
    vcpu.arch.hcr_el2 |= HCR_TWI;
  }
}

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_set_wfe_trap(), new */
export function vcpu_set_wfe_trap(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 |= HCR_TWE;
}

/** arch/arm64/include/asm/kvm_emulate.h: vcpu_set_wfi_trap(), new */
export function vcpu_set_wfi_trap(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 |= HCR_TWI;
}

/** arch/arm64/kvm/arm.c: kvm_should_clear_wfx_trap(), new. As posted: without a GICv4, `notrap` traps. */
export function kvm_should_clear_wfx_trap(this: vmlinux_arm64, p: number): bool {
  return (
    (p === KVM_WFX_NOTRAP && this.m.kvm_vgic_global_state.has_gicv4) ||
    (p === KVM_WFX_NOTRAP_SINGLE_TASK && this.single_task_running())
  );
}

/** kvm_arch_vcpu_load(): the traps. */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64 & Adds, vcpu: kvm_vcpu): void {
  const { kvm_wfi_trap_policy, kvm_wfe_trap_policy } = this.m.kvm_arm64_params;
  if (this.kvm_should_clear_wfx_trap(kvm_wfi_trap_policy)) this.vcpu_clear_wfi_trap(vcpu);
  else this.vcpu_set_wfi_trap(vcpu);

  if (this.kvm_should_clear_wfx_trap(kvm_wfe_trap_policy)) this.vcpu_clear_wfe_trap(vcpu);
  else this.vcpu_set_wfe_trap(vcpu);
}

export default {
  subject: 'KVM: arm64: Add early_param to control WFx trapping',
  knobs,
  funcs: { kvm_arch_vcpu_loadTraps },
  adds: {
    kvm_should_clear_wfx_trap,
    vcpu_clear_wfe_trap,
    vcpu_clear_wfi_trap,
    vcpu_set_wfe_trap,
    vcpu_set_wfi_trap,
  },
} satisfies PatchArm64<Adds>;
