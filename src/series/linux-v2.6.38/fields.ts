// SPDX-License-Identifier: GPL-2.0-only
/**
 * What 2.6.38 keeps beside the fields of v6.1: the shares of groups before there were averages of entities. Optional, because a
 * machine of another kernel has none of it; init_cfs_rq() sets what belongs to a queue before anything reads it.
 *
 * Not used by 2.6.38: h_nr_queued and its like, which the checks of structures count, and the averages, which the choice of a CPU
 * reads (DV-661).
 */
import type { hrtimer_ptr } from '../../lib/hrtimer.js';
import type { s32, u64 } from '../../lib/types.js';

declare module '../../sched/sched.js' {
  interface cfs_rq {
    /** sum of load.weight * ns over about sysctl_sched_shares_window, and the ns that it covers */
    load_avg?: u64;
    load_period?: u64;
    /** clock_task at the last update, and at the last one that found load */
    load_stamp?: u64;
    load_last?: u64;
    /** ns that ran here since the last update */
    load_unacc_exec_time?: u64;
    /** what of tg.load_weight is this queue's */
    load_contribution?: u64;
  }
  interface sched_features {
    /** WAKEUP_PREEMPTION's name then */
    WAKEUP_PREEMPT?: boolean;
  }
  interface task_group {
    /** atomic_t */
    load_weight?: s32;
  }
}

declare module '../../kvm/kvm_host.js' {
  interface kvm_vcpu {
    /** MODEL: the timer on the stack of kvm_vcpu_on_spin(), made once */
    spin_timer?: hrtimer_ptr;
  }
}
