// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v5] KVM: arm64: Add early_param to control WFx trapping. Decided when the vCPU is initialised. */
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
  kvm_vcpu_should_clear_twi: typeof kvm_vcpu_should_clear_twi;
  kvm_vcpu_should_clear_twe: typeof kvm_vcpu_should_clear_twe;
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twi(), new */
export function kvm_vcpu_should_clear_twi(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  const { kvm_wfi_trap_policy } = this.m.kvm_arm64_params;
  if (kvm_wfi_trap_policy === KVM_WFX_NOTRAP_SINGLE_TASK) {
    return (
      this.single_task_running() && (vcpu.arch.vgic_cpu.its_vpe.vlpi_count !== 0 || this.m.kvm[vcpu.kvm].arch.nassgireq)
    );
  }
  return kvm_wfi_trap_policy === KVM_WFX_NOTRAP;
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twe(), new */
export function kvm_vcpu_should_clear_twe(this: vmlinux_arm64, _vcpu: kvm_vcpu): bool {
  const { kvm_wfe_trap_policy } = this.m.kvm_arm64_params;
  if (kvm_wfe_trap_policy === KVM_WFX_NOTRAP_SINGLE_TASK) return this.single_task_running();
  return kvm_wfe_trap_policy === KVM_WFX_NOTRAP;
}

/** kvm_arch_vcpu_load(): nothing of the traps. */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, _vcpu: kvm_vcpu): void {}

/**
 * arch/arm64/include/asm/kvm_emulate.h: vcpu_reset_hcr(): in the patch kvm_vcpu_reset_hcr(), in arm.c.
 *
 * As posted: KVM_ARM_VCPU_INIT comes before the first instruction of the guest, when nobody has mapped an LPI yet, and on the CPU
 * on which the VMM happens to be. What was decided then stays.
 */
export function vcpu_reset_hcr(this: vmlinux_arm64 & Adds, vcpu: kvm_vcpu): void {
  vcpu.arch.hcr_el2 = HCR_TWE | HCR_TWI;
  if (this.kvm_vcpu_should_clear_twe(vcpu)) vcpu.arch.hcr_el2 &= ~HCR_TWE;
  if (this.kvm_vcpu_should_clear_twi(vcpu)) vcpu.arch.hcr_el2 &= ~HCR_TWI;
}

export default {
  subject: 'KVM: arm64: Add early_param to control WFx trapping',
  knobs,
  funcs: { kvm_arch_vcpu_loadTraps, vcpu_reset_hcr },
  adds: { kvm_vcpu_should_clear_twi, kvm_vcpu_should_clear_twe },
  removes: ['vcpu_clear_wfx_traps', 'vcpu_set_wfx_traps'],
} satisfies PatchArm64<Adds>;
