// SPDX-License-Identifier: GPL-2.0-only
/** [RFC][PATCH 4/4] arm64: do not use dummy vcpu_is_preempted() anymore. The scheduler and optimistic spinning ask pv_ops. */
import type { bool } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';
import type { Adds } from './0002-arm64-add-guest-pvstate-support.js';

/** arch/arm64/include/asm/spinlock.h: vcpu_is_preempted() */
export function vcpu_is_preempted(this: vmlinux_arm64 & Adds, cpu: number): bool {
  return this.paravirt_vcpu_is_preempted(cpu);
}

export default {
  subject: 'arm64: do not use dummy vcpu_is_preempted() anymore',
  funcs: { vcpu_is_preempted },
} satisfies PatchArm64<Adds>;
