// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC][PATCH 2/4] arm64: add guest pvstate support
 *
 * Each CPU tells its host where its structure is, when it comes up; per-CPU memory, aligned to no more than a bool.
 */
import { ARM_SMCCC_ARCH_FEATURES_FUNC_ID, SMCCC_RET_SUCCESS } from '../../arch/arm64/hypercalls.js';
import { time_init as timeBefore } from '../../arch/arm64/setup.js';
import { EINVAL } from '../../lib/errno.js';
import { type bool, type u32, u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { asGpa, guestPv, perCpuGpa, readFlag, switchOn, UNALIGNED } from '../preempted/flag.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  ARM_SMCCC_HV_PV_STATE_FEATURES,
  ARM_SMCCC_HV_PV_STATE_INIT,
  ARM_SMCCC_HV_PV_STATE_RELEASE,
} from './0001-arm64-kvm-define-pv_state-SMCCC-HV-calls.js';

/** The functions that the patch adds. */
export interface Adds {
  has_pvstate: typeof has_pvstate;
  __pvstate_cpu_hook: typeof __pvstate_cpu_hook;
  pvstate_cpu_init: typeof pvstate_cpu_init;
  pvstate_cpu_release: typeof pvstate_cpu_release;
  pvstate_register_hooks: typeof pvstate_register_hooks;
  pv_state_init: typeof pv_state_init;
  paravirt_vcpu_is_preempted: typeof paravirt_vcpu_is_preempted;
}
type guest = vmlinux_arm64 & Adds;

/** arch/arm64/kernel/paravirt-state.c: has_pvstate(), new */
export function has_pvstate(this: guest): bool {
  const a0 = this.arm_smccc_1_1_invoke(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, u64(ARM_SMCCC_HV_PV_STATE_FEATURES));
  return a0 === SMCCC_RET_SUCCESS;
}

/** arch/arm64/kernel/paravirt-state.c: __pvstate_cpu_hook(), new */
export function __pvstate_cpu_hook(this: guest, cpu: number, event: u32): number {
  const gpa = perCpuGpa(cpu, UNALIGNED);
  guestPv(this).gpa[cpu] = gpa;
  return this.arm_smccc_1_1_invoke(event, asGpa(gpa)) === SMCCC_RET_SUCCESS ? 0 : -EINVAL;
}

/** arch/arm64/kernel/paravirt-state.c: pvstate_cpu_init(), new */
export function pvstate_cpu_init(this: guest, cpu: number): number {
  return this.__pvstate_cpu_hook(cpu, ARM_SMCCC_HV_PV_STATE_INIT);
}

/** arch/arm64/kernel/paravirt-state.c: pvstate_cpu_release(), new */
export function pvstate_cpu_release(this: guest, cpu: number): number {
  return this.__pvstate_cpu_hook(cpu, ARM_SMCCC_HV_PV_STATE_RELEASE);
}

/** arch/arm64/kernel/paravirt-state.c: pvstate_register_hooks(), new */
export function pvstate_register_hooks(this: guest): number {
  return this.cpuhp_setup_state('pvstate_cpu_init', 'pvstate_cpu_release');
}

/** arch/arm64/kernel/paravirt-state.c: pv_state_init(), new */
export function pv_state_init(this: guest): number {
  if (!this.has_pvstate()) return 0;
  const ret = this.pvstate_register_hooks();
  if (ret !== 0) return ret;
  switchOn(this);
  return 0;
}

/** arch/arm64/kernel/paravirt-state.c: paravirt_vcpu_is_preempted(), new: pv_ops.state.vcpu_is_preempted */
export function paravirt_vcpu_is_preempted(this: guest, cpu: number): bool {
  return this.m.pv_preempted?.on === true && readFlag(this, cpu, 1) !== 0;
}

/** arch/arm64/kernel/time.c: time_init() */
export function time_init(this: guest): void {
  timeBefore.call(this);
  this.pv_state_init();
}

export default {
  subject: 'arm64: add guest pvstate support',
  funcs: { time_init },
  adds: {
    has_pvstate,
    __pvstate_cpu_hook,
    pvstate_cpu_init,
    pvstate_cpu_release,
    pvstate_register_hooks,
    pv_state_init,
    paravirt_vcpu_is_preempted,
  },
} satisfies PatchArm64<Adds>;
