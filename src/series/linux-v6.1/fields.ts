// SPDX-License-Identifier: GPL-2.0-only
/**
 * What CFS keeps beside the pin's fields. Optional, because a machine of another kernel has none of it; v6.1's
 * sched_init_granularity(), init_cfs_rq() and init_entity_runnable_average() set all of it before anything reads it.
 *
 * Where only the name changed, the pin's stays: cfs_rq.h_nr_queued is h_nr_running there. Not used by v6.1: deadline, vlag, slice,
 * min_vruntime and min_slice of an entity; zero_vruntime, avg_vruntime, avg_load and h_nr_runnable of a queue.
 */
import type { u32, u64 } from '../../lib/types.js';

declare module '../../sched/sched.js' {
  interface cfs_rq {
    /** virtual ns: never goes back; where sleepers and newcomers are placed from */
    min_vruntime?: u64;
    /** the entity that was preempted by a wake-up */
    last?: se_ptr;
    /** the entity that yielded */
    skip?: se_ptr;
  }
  interface sched_avg {
    /** util_est.ewma; util_est itself is util_est.enqueued */
    util_est_ewma?: u32;
  }
  interface rq {
    /** jiffies of the last wake-up from idle, and the average idle time as SIS_PROP spends it, ns */
    wake_stamp?: u64;
    wake_avg_idle?: u64;
  }
  interface sched_state {
    /** ns: the period in which every runnable task runs once, up to sched_nr_latency of them */
    sysctl_sched_latency?: u32;
    normalized_sysctl_sched_latency?: u32;
    /** ns */
    sysctl_sched_min_granularity?: u32;
    normalized_sysctl_sched_min_granularity?: u32;
    /** ns; not scaled */
    sysctl_sched_idle_min_granularity?: u32;
    /** ns */
    sysctl_sched_wakeup_granularity?: u32;
    normalized_sysctl_sched_wakeup_granularity?: u32;
    sched_nr_latency?: u32;
    sysctl_sched_child_runs_first?: u32;
  }
}
