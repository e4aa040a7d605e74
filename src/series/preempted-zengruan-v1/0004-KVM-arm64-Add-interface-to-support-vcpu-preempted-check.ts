// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH 4/5] KVM: arm64: Add interface to support vcpu preempted check. vcpu_is_preempted() asks pv_ops, which says no. */
import type { bool } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** The functions that the patch adds. */
export interface Adds {
  pv_vcpu_is_preempted: typeof pv_vcpu_is_preempted;
}

/** arch/arm64/include/asm/paravirt.h: pv_vcpu_is_preempted(), new: pv_ops.lock.vcpu_is_preempted, __native_vcpu_is_preempted() at first */
export function pv_vcpu_is_preempted(this: vmlinux_arm64, _cpu: number): bool {
  return false;
}

/** arch/arm64/include/asm/spinlock.h: vcpu_is_preempted() */
export function vcpu_is_preempted(this: vmlinux_arm64 & Adds, cpu: number): bool {
  return this.pv_vcpu_is_preempted(cpu);
}

export default {
  subject: 'KVM: arm64: Add interface to support vcpu preempted check',
  funcs: { vcpu_is_preempted },
  adds: { pv_vcpu_is_preempted },
} satisfies PatchArm64<Adds>;
