// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 1/9] sched: Add vCPU debooster infrastructure
 *
 * Four fields a runqueue and one debugfs file. Nothing reads them yet.
 * MODEL: sched_init() is the machine's boot; a field that is absent has the value which sched_init() gives it.
 */
import type { u64 } from '../../lib/types.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Patch } from '../series.js';
import type { Adds } from './adds.js';

declare module '../../sched/sched.js' {
  interface rq {
    /** ns of rq_clock(): the last yield that passed the rate limit; 0 before the first */
    yield_deboost_last_time_ns?: u64;
    /** pid_t: the last pair that was penalised, and when; -1 before the first */
    yield_deboost_last_src_pid?: number;
    yield_deboost_last_dst_pid?: number;
    yield_deboost_last_pair_time_ns?: u64;
  }
}

export const knobs = {
  vcpu_debooster_enabled: {
    file: '/sys/kernel/debug/sched/vcpu_debooster_enabled',
    type: 'u32',
    initial: 1,
  },
} as const satisfies Record<string, Knob>;

/** unsigned int sysctl_sched_vcpu_debooster_enabled */
export function sysctl_sched_vcpu_debooster_enabled(kernel: vmlinux_x86): number {
  return knobValue(kernel.m, 'vcpu_debooster_enabled', knobs.vcpu_debooster_enabled);
}

export default {
  subject: 'sched: Add vCPU debooster infrastructure',
  knobs,
} satisfies Patch<Adds>;
