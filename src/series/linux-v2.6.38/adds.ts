// SPDX-License-Identifier: GPL-2.0-only
/** The functions that 2.6.38 has and v6.1 lacks, and the kernel as its functions see it. */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Adds as Adds_6_1 } from '../linux-v6.1/adds.js';
import type * as kvm from './kvm.js';
import type * as shares from './shares.js';

export interface Adds extends Adds_6_1 {
  update_cfs_load: typeof shares.update_cfs_load;
  update_cfs_rq_load_contribution: typeof shares.update_cfs_rq_load_contribution;
  calc_cfs_shares: typeof shares.calc_cfs_shares;
  update_cfs_shares: typeof shares.update_cfs_shares;
  update_entity_shares_tick: typeof shares.update_entity_shares_tick;
  kvm_vcpu_on_spinSlept: typeof kvm.kvm_vcpu_on_spinSlept;
  hrtimer_wakeup: typeof kvm.hrtimer_wakeup;
  exitHandled: typeof kvm.exitHandled;
}

export type vmlinux_2_6_38 = vmlinux_x86 & Adds;
