// SPDX-License-Identifier: GPL-2.0-only
/**
 * KVM: arm64: Support the vCPU preemption check
 *
 * The guest's side. MODEL: set up at an early initcall; where the kernels that ship it do is not known.
 */
import { ARM_SMCCC_ARCH_FEATURES_FUNC_ID, SMCCC_RET_SUCCESS } from '../../arch/arm64/hypercalls.js';
import { do_pre_smp_initcalls as initcallsBefore } from '../../arch/arm64/setup.js';
import { type guest_memory, storeWord } from '../../kvm/guest-memory.js';
import { type bool, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { ALIGNED, asGpa, guestPv, perCpuGpa, readFlag, switchOn } from '../preempted/flag.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  ARM_SMCCC_HV_PV_SCHED_FEATURES,
  ARM_SMCCC_HV_PV_SCHED_IPA_INIT,
  ARM_SMCCC_HV_PV_SCHED_IPA_RELEASE,
} from './0001-KVM-arm64-Support-pvsched-preempted-via-shared-struct.js';

/** The functions that the patch adds. */
export interface GuestAdds {
  has_kvm_pvsched: typeof has_kvm_pvsched;
  init_pvsched_vcpu_state: typeof init_pvsched_vcpu_state;
  pvsched_vcpu_state_dying_cpu: typeof pvsched_vcpu_state_dying_cpu;
  pv_sched_init: typeof pv_sched_init;
}
type guest = vmlinux_arm64 & GuestAdds;

/** arch/arm64/kernel/paravirt.c: has_kvm_pvsched(), new */
export function has_kvm_pvsched(this: guest): bool {
  const a0 = this.arm_smccc_1_1_invoke(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, u64(ARM_SMCCC_HV_PV_SCHED_FEATURES));
  return a0 === SMCCC_RET_SUCCESS;
}

/** arch/arm64/kernel/paravirt.c: init_pvsched_vcpu_state(), new: what the call answers is ignored. */
export function init_pvsched_vcpu_state(this: guest, cpu: number): number {
  const gpa = perCpuGpa(cpu, ALIGNED);
  guestPv(this).gpa[cpu] = gpa;
  this.arm_smccc_1_1_invoke(ARM_SMCCC_HV_PV_SCHED_IPA_INIT, asGpa(gpa));
  return 0;
}

/** arch/arm64/kernel/paravirt.c: pvsched_vcpu_state_dying_cpu(), new */
export function pvsched_vcpu_state_dying_cpu(this: guest, cpu: number): number {
  this.arm_smccc_1_1_invoke(ARM_SMCCC_HV_PV_SCHED_IPA_RELEASE);
  for (let i = 0; i < 64; i += 8) storeWord(this.ram as guest_memory, perCpuGpa(cpu, ALIGNED) + i, ZERO);
  return 0;
}

/** arch/arm64/kernel/paravirt.c: pv_sched_init(), new. MODEL: no kernel with hyp mode runs in a guest. */
export function pv_sched_init(this: guest): number {
  if (!this.has_kvm_pvsched()) return 0;
  const ret = this.cpuhp_setup_state('init_pvsched_vcpu_state', 'pvsched_vcpu_state_dying_cpu');
  if (ret < 0) return ret;
  switchOn(this);
  return 0;
}

/** arch/arm64/include/asm/spinlock.h: vcpu_is_preempted(): pv_ops.sched.vcpu_is_preempted */
export function vcpu_is_preempted(this: guest, cpu: number): bool {
  return this.m.pv_preempted?.on === true && readFlag(this, cpu, 4) !== 0;
}

/** init/main.c: do_pre_smp_initcalls() */
export function do_pre_smp_initcalls(this: guest): void {
  initcallsBefore.call(this);
  this.pv_sched_init();
}

export default {
  subject: 'KVM: arm64: Support the vCPU preemption check',
  funcs: { vcpu_is_preempted, do_pre_smp_initcalls },
  adds: { has_kvm_pvsched, init_pvsched_vcpu_state, pvsched_vcpu_state_dying_cpu, pv_sched_init },
} satisfies PatchArm64<GuestAdds>;
