// SPDX-License-Identifier: GPL-2.0-only
/**
 * Fresh records of the scheduler's structures, as kzalloc() leaves them (pointers NULL).
 *
 * WHY one literal a type: all records of a type then share one hidden class, and the in-place driver stays fast.
 */
import type { rb_node } from '../lib/rbtree_augmented.js';
import { S64_ZERO, u64, ZERO } from '../lib/types.js';
import {
  type cfs_rq,
  NULL,
  type root_domain,
  type rq,
  SCHED_CAPACITY_SCALE,
  type sched_avg,
  type sched_dl_entity,
  type sched_entity,
  type sched_features,
  type task_group,
  type task_struct,
} from './sched.js';

const newRbNode = (): rb_node => ({ parent: NULL, color: 0, rb_right: NULL, rb_left: NULL, empty: 1 });

/** struct sched_avg, all 0. */
export function newSchedAvg(): sched_avg {
  return {
    last_update_time: ZERO,
    load_sum: ZERO,
    runnable_sum: ZERO,
    util_sum: 0,
    period_contrib: 0,
    load_avg: ZERO,
    runnable_avg: ZERO,
    util_avg: ZERO,
    util_est: 0,
  };
}

/** struct sched_entity number `id`, embedded in `task` (NULL for a group entity). */
export function newSchedEntity(id: number, task: number): sched_entity {
  return {
    id,
    load: { weight: ZERO, inv_weight: 0 },
    run_node: newRbNode(),
    deadline: ZERO,
    min_vruntime: ZERO,
    min_slice: ZERO,
    on_rq: 0,
    sched_delayed: 0,
    rel_deadline: 0,
    custom_slice: 0,
    exec_start: ZERO,
    sum_exec_runtime: ZERO,
    prev_sum_exec_runtime: ZERO,
    vruntime: ZERO,
    vlag: S64_ZERO,
    slice: ZERO,
    nr_migrations: ZERO,
    depth: 0,
    parent: NULL,
    cfs_rq: NULL,
    my_q: NULL,
    task,
    runnable_weight: ZERO,
    avg: newSchedAvg(),
  };
}

/** struct cfs_rq number `id`, before init_cfs_rq(). */
export function newCfsRq(id: number): cfs_rq {
  return {
    id,
    load: { weight: ZERO, inv_weight: 0 },
    nr_running: 0,
    h_nr_queued: 0,
    h_nr_runnable: 0,
    idle_nr_running: 0,
    idle_h_nr_running: 0,
    h_nr_delayed: 0,
    avg_vruntime: S64_ZERO,
    avg_load: ZERO,
    zero_vruntime: ZERO,
    tasks_timeline: { rb_node: NULL, rb_leftmost: NULL },
    curr: NULL,
    next: NULL,
    avg: newSchedAvg(),
    removed: { nr: 0, load_avg: ZERO, util_avg: ZERO, runnable_avg: ZERO },
    last_update_tg_load_avg: ZERO,
    tg_load_avg_contrib: ZERO,
    propagate: S64_ZERO,
    prop_runnable_sum: S64_ZERO,
    h_load: ZERO,
    last_h_load_update: ZERO,
    h_load_next: NULL,
    rq: NULL,
    tg: NULL,
    idle: 0,
  };
}

/** struct task_group number `id`. */
export function newTaskGroup(id: number): task_group {
  return { id, parent: NULL, se: [], cfs_rq: [], shares: ZERO, idle: 0, load_avg: S64_ZERO };
}

/** struct sched_dl_entity, before init_dl_entity(). */
export function newSchedDlEntity(): sched_dl_entity {
  return {
    dl_runtime: ZERO,
    dl_deadline: ZERO,
    dl_period: ZERO,
    dl_bw: ZERO,
    dl_density: ZERO,
    runtime: S64_ZERO,
    deadline: ZERO,
    flags: 0,
    dl_throttled: 0,
    dl_yielded: 0,
    dl_non_contending: 0,
    dl_overrun: 0,
    dl_server: 0,
    dl_server_active: 0,
    dl_defer: 0,
    dl_defer_armed: 0,
    dl_defer_running: 0,
    on_rq: 0,
    dl_timer: NULL,
    rq: NULL,
  };
}

/** struct root_domain, after init_rootdomain(). */
export function newRootDomain(): root_domain {
  return { rto_mask: [], rto_cpu: -1, rto_loop: 0, rto_loop_next: 0, rto_push_work: NULL };
}

/** struct rq of CPU `cpu`, whose root queue is cfs_rq number `cfs`. */
export function newRq(cpu: number, cfs: number): rq {
  return {
    id: cpu,
    cpu,
    nr_running: 0,
    cfs,
    rt: {
      queue: [],
      rt_nr_running: 0,
      rr_nr_running: 0,
      highest_prio: { curr: 99, next: 99 },
      pushable_tasks: [],
      overloaded: 0,
      rt_queued: 0,
    },
    dl: { dl_nr_running: 0 },
    fair_server: newSchedDlEntity(),
    dl_server: NULL,
    curr: NULL,
    donor: NULL,
    idle: NULL,
    stop: NULL,
    clock_update_flags: 0,
    clock: ZERO,
    clock_task: ZERO,
    clock_pelt: ZERO,
    clock_pelt_idle: ZERO,
    clock_idle: ZERO,
    lost_idle_time: ZERO,
    nr_switches: ZERO,
    nr_uninterruptible: 0,
    nr_iowait: 0,
    ttwu_pending: 0,
    balance_callback: [],
    wake_list: [],
    yld_count: 0,
    ttwu_count: 0,
    ttwu_local: 0,
    next_balance: ZERO,
    idle_stamp: ZERO,
    avg_idle: ZERO,
    max_idle_balance_cost: ZERO,
    avg_rt: newSchedAvg(),
    avg_dl: newSchedAvg(),
    cpu_capacity: SCHED_CAPACITY_SCALE,
    hrtick_timer: NULL,
  };
}

/** struct task_struct number `id` with entity `se`: a SCHED_NORMAL task of nice 0 that was never started. */
export function newTask(id: number, se: number): task_struct {
  return {
    id,
    pid: 0,
    comm: '',
    flags: 0,
    __state: 0,
    on_rq: 0,
    on_cpu: 0,
    cpu: 0,
    wake_cpu: 0,
    prio: 120,
    static_prio: 120,
    normal_prio: 120,
    rt_priority: 0,
    policy: 0,
    sched_class: 'fair_sched_class',
    kernel_stack: [],
    preempt_notifier: NULL,
    sched_info: { pcount: ZERO, run_delay: ZERO, last_arrival: ZERO, last_queued: ZERO },
    se,
    rt: { timeout: ZERO, watchdog_stamp: ZERO, time_slice: 0, on_rq: 0, on_list: 0 },
    sched_task_group: 0,
    cpu_cgrp: 0,
    sched_reset_on_fork: 0,
    sched_contributes_to_load: 0,
    sched_remote_wakeup: 0,
    in_iowait: 0,
    tif_need_resched: 0,
    cpus_ptr: [],
    nr_cpus_allowed: 0,
    nvcsw: ZERO,
    nivcsw: ZERO,
    wakee_flips: 0,
    wakee_flip_decay_ts: ZERO,
    last_wakee: NULL,
    recent_used_cpu: 0,
    dl_server: NULL,
  };
}

/** kernel/sched/features.h of 6.12.117: the defaults without CONFIG_PREEMPT_RT. */
export function newSchedFeatures(): sched_features {
  return {
    PLACE_LAG: true,
    PLACE_DEADLINE_INITIAL: true,
    PLACE_REL_DEADLINE: true,
    RUN_TO_PARITY: true,
    PREEMPT_SHORT: true,
    NEXT_BUDDY: false,
    PICK_BUDDY: true,
    CACHE_HOT_BUDDY: true,
    DELAY_DEQUEUE: true,
    DELAY_ZERO: true,
    WAKEUP_PREEMPTION: true,
    HRTICK: false,
    HRTICK_DL: false,
    DOUBLE_TICK: false,
    NONTASK_CAPACITY: true,
    TTWU_QUEUE: true,
    SIS_UTIL: true,
    WARN_DOUBLE_CLOCK: false,
    RT_PUSH_IPI: false,
    RT_RUNTIME_SHARE: false,
    LB_MIN: false,
    ATTACH_AGE_LOAD: true,
    WA_IDLE: true,
    WA_WEIGHT: true,
    WA_BIAS: true,
    UTIL_EST: true,
    LATENCY_WARN: false,
    NI_RANDOM: true,
  };
}

/** TICK_NSEC of a build with `HZ`: ns, rounded as include/vdso/jiffies.h does. */
export const tickNsec = (HZ: number): ReturnType<typeof u64> => u64(Math.floor((1_000_000_000 + HZ / 2) / HZ));
