// SPDX-License-Identifier: GPL-2.0-only
/** The functions that the series adds, and the kernel as they see it. */
import type { Adds as Adds_2_6_38, vmlinux_2_6_38 } from '../linux-v2.6.38/adds.js';
import type * as patch3 from './0003-sched-Add-yield_to-task-preempt-functionality.js';
import type * as patch4 from './0004-kvm-use-yield_to-instead-of-sleep-in-kvm_vcpu_on_spi.js';

export interface Adds extends Adds_2_6_38 {
  yield_to_task_fair: typeof patch3.yield_to_task_fair;
  kvm_vcpu_on_spinBoosted: typeof patch4.kvm_vcpu_on_spinBoosted;
}

export type directed_yield = vmlinux_2_6_38 & Adds;
