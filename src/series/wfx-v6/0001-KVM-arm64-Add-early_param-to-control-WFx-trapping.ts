// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v6] KVM: arm64: Add early_param to control WFx trapping, as merged: 0b5afe05377d. */
import { kvm_arch_vcpu_loadTraps, kvm_vcpu_should_clear_twe, kvm_vcpu_should_clear_twi } from '../../arch/arm64/arm.js';
import type { PatchArm64 } from '../series-arm64.js';
import { knobs } from './policies.js';

/** The functions that the patch adds. */
export interface Adds {
  kvm_vcpu_should_clear_twi: typeof kvm_vcpu_should_clear_twi;
  kvm_vcpu_should_clear_twe: typeof kvm_vcpu_should_clear_twe;
}

export default {
  subject: 'KVM: arm64: Add early_param to control WFx trapping',
  knobs,
  commit: '0b5afe05377d',
  funcs: { kvm_arch_vcpu_loadTraps },
  adds: { kvm_vcpu_should_clear_twi, kvm_vcpu_should_clear_twe },
} satisfies PatchArm64<Adds>;
