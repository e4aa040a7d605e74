// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCHv2 2/4] arm64: add guest pvstate support
 *
 * As the RFC, but from smp_prepare_cpus(), and by a static call.
 */
import { ARM_SMCCC_ARCH_FEATURES_FUNC_ID, SMCCC_RET_SUCCESS } from '../../arch/arm64/hypercalls.js';
import { smp_prepare_cpus as prepareBefore } from '../../arch/arm64/setup.js';
import { EINVAL } from '../../lib/errno.js';
import { type bool, type u32, u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { asGpa, guestPv, perCpuGpa, readFlag, switchOn, UNALIGNED } from '../preempted/flag.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  ARM_SMCCC_HV_PV_VCPU_STATE_FEATURES,
  ARM_SMCCC_HV_PV_VCPU_STATE_INIT,
  ARM_SMCCC_HV_PV_VCPU_STATE_RELEASE,
} from './0001-arm64-smccc-Add-SMCCC-pv-vcpu-state-function-call-ID.js';

/** The functions that the patch adds. */
export interface Adds {
  has_pv_vcpu_state: typeof has_pv_vcpu_state;
  __pv_vcpu_state_hook: typeof __pv_vcpu_state_hook;
  pv_vcpu_state_init: typeof pv_vcpu_state_init;
  pv_vcpu_state_release: typeof pv_vcpu_state_release;
  pv_vcpu_state_register_hooks: typeof pv_vcpu_state_register_hooks;
  pv_vcpu_init: typeof pv_vcpu_init;
  __vcpu_is_preempted: typeof __vcpu_is_preempted;
}
type guest = vmlinux_arm64 & Adds;

/** arch/arm64/kernel/pv-vcpu-state.c: has_pv_vcpu_state(), new */
export function has_pv_vcpu_state(this: guest): bool {
  const a0 = this.arm_smccc_1_1_invoke(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, u64(ARM_SMCCC_HV_PV_VCPU_STATE_FEATURES));
  return a0 === SMCCC_RET_SUCCESS;
}

/** arch/arm64/kernel/pv-vcpu-state.c: __pv_vcpu_state_hook(), new */
export function __pv_vcpu_state_hook(this: guest, cpu: number, event: u32): number {
  const gpa = perCpuGpa(cpu, UNALIGNED);
  guestPv(this).gpa[cpu] = gpa;
  return this.arm_smccc_1_1_invoke(event, asGpa(gpa)) === SMCCC_RET_SUCCESS ? 0 : -EINVAL;
}

/** arch/arm64/kernel/pv-vcpu-state.c: pv_vcpu_state_init(), new */
export function pv_vcpu_state_init(this: guest, cpu: number): number {
  return this.__pv_vcpu_state_hook(cpu, ARM_SMCCC_HV_PV_VCPU_STATE_INIT);
}

/** arch/arm64/kernel/pv-vcpu-state.c: pv_vcpu_state_release(), new */
export function pv_vcpu_state_release(this: guest, cpu: number): number {
  return this.__pv_vcpu_state_hook(cpu, ARM_SMCCC_HV_PV_VCPU_STATE_RELEASE);
}

/** arch/arm64/kernel/pv-vcpu-state.c: pv_vcpu_state_register_hooks(), new. As posted: a failure is a warning, and 0. */
export function pv_vcpu_state_register_hooks(this: guest): number {
  this.cpuhp_setup_state('pv_vcpu_state_init', 'pv_vcpu_state_release');
  return 0;
}

/** arch/arm64/kernel/pv-vcpu-state.c: pv_vcpu_init(), new: the static call is switched whatever the hooks say. */
export function pv_vcpu_init(this: guest): number {
  if (!this.has_pv_vcpu_state()) return 0;
  const ret = this.pv_vcpu_state_register_hooks();
  if (ret !== 0) return ret;
  switchOn(this);
  return 0;
}

/** arch/arm64/kernel/pv-vcpu-state.c: __vcpu_is_preempted(), new */
export function __vcpu_is_preempted(this: guest, cpu: number): bool {
  return readFlag(this, cpu, 1) !== 0;
}

/** arch/arm64/kernel/smp.c: smp_prepare_cpus() */
export function smp_prepare_cpus(this: guest): void {
  prepareBefore.call(this);
  this.pv_vcpu_init();
}

export default {
  subject: 'arm64: add guest pvstate support',
  funcs: { smp_prepare_cpus },
  adds: {
    has_pv_vcpu_state,
    __pv_vcpu_state_hook,
    pv_vcpu_state_init,
    pv_vcpu_state_release,
    pv_vcpu_state_register_hooks,
    pv_vcpu_init,
    __vcpu_is_preempted,
  },
} satisfies PatchArm64<Adds>;
