// SPDX-License-Identifier: GPL-2.0-only
/** A reviewer's alternative, never posted as code: traps stay but on CPUs that gave up the scheduler's accuracy anyway. */
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { bool } from '../../lib/types.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** The function that the patch adds. */
export interface Adds {
  tick_nohz_full_cpu: typeof tick_nohz_full_cpu;
}

export const knobs = {
  nohz_full: { file: 'nohz_full=', type: 'u32', initial: 0 },
} as const satisfies Record<string, Knob>;

/** include/linux/tick.h: tick_nohz_full_cpu(). MODEL: a mask of the first 32 CPUs; their tick goes on. */
export function tick_nohz_full_cpu(this: vmlinux_arm64, cpu: number): bool {
  return ((knobValue(this.m, 'nohz_full', knobs.nohz_full) >>> cpu) & 1) !== 0;
}

/** kvm_arch_vcpu_load(): the traps. */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64 & Adds, vcpu: kvm_vcpu): void {
  if (this.tick_nohz_full_cpu(this.m.cpu) && this.single_task_running()) this.vcpu_clear_wfx_traps(vcpu);
  else this.vcpu_set_wfx_traps(vcpu);
}

export default {
  subject: 'KVM: arm64: Untrapped WFx on nohz_full CPUs alone',
  funcs: { kvm_arch_vcpu_loadTraps },
  adds: { tick_nohz_full_cpu },
  knobs,
} satisfies PatchArm64<Adds>;
