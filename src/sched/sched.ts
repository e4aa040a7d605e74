// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/sched.h, include/linux/sched.h (6.12.117): the scheduler's structures, as plain values.
 *
 * Mirrored: what EEVDF, yield and wake-up read or write. A pointer is the index of its target in the machine's
 * table for that type (`machine.se`, `machine.cfs_rq`, ...); NULL is -1. A record knows its own index as `id`.
 * MODEL: rq->cfs_tasks, leaf_cfs_rq_list and every lock are absent; one event runs at a time.
 */

import type { rb_node, rb_root_cached } from '../lib/rbtree_augmented.js';
import type { s64, u32, u64 } from '../lib/types.js';
import type { kernel_frame } from './kernel-stack.js';

declare const pointer: unique symbol;
type ptr<Name extends string> = number & { readonly [pointer]?: Name };
export type se_ptr = ptr<'sched_entity'>;
export type cfs_rq_ptr = ptr<'cfs_rq'>;
export type rq_ptr = ptr<'rq'>;
export type task_ptr = ptr<'task_struct'>;
export type tg_ptr = ptr<'task_group'>;
/** C's NULL for every pointer. */
export const NULL = -1;

/** include/linux/sched.h: struct load_weight. */
export interface load_weight {
  /** unsigned long, scaled by 1024 on 64 bit. */
  weight: u64;
  /** floor((2^32 - 1) / weight), 0 when not computed. */
  inv_weight: u32;
}

/** include/linux/sched.h: struct sched_avg. */
export interface sched_avg {
  last_update_time: u64;
  load_sum: u64;
  runnable_sum: u64;
  util_sum: u32;
  period_contrib: u32;
  load_avg: u64;
  runnable_avg: u64;
  util_avg: u64;
  util_est: u32;
}

/** include/linux/sched.h: struct sched_entity. */
export interface sched_entity {
  readonly id: se_ptr;
  load: load_weight;
  run_node: rb_node;
  /** virtual ns; relative to vruntime while rel_deadline is 1. */
  deadline: u64;
  /** rb augmentation: smallest vruntime of the subtree. */
  min_vruntime: u64;
  /** rb augmentation: smallest slice of the subtree, as far as the kernel keeps it. */
  min_slice: u64;
  on_rq: number;
  sched_delayed: number;
  rel_deadline: number;
  custom_slice: number;
  exec_start: u64;
  sum_exec_runtime: u64;
  prev_sum_exec_runtime: u64;
  /** virtual ns */
  vruntime: u64;
  /** lag (virtual ns) when off the queue; a copy of the deadline while running protected. */
  vlag: s64;
  /** ns */
  slice: u64;
  nr_migrations: u64;
  depth: number;
  parent: se_ptr;
  /** the queue this entity is on */
  cfs_rq: cfs_rq_ptr;
  /** the queue this group entity owns; NULL for a task */
  my_q: cfs_rq_ptr;
  /** container_of(): the task around it; NULL for a group entity */
  readonly task: task_ptr;
  runnable_weight: u64;
  avg: sched_avg;
}

/** kernel/sched/sched.h: struct cfs_rq. */
export interface cfs_rq {
  readonly id: cfs_rq_ptr;
  load: load_weight;
  nr_running: u32;
  h_nr_queued: u32;
  h_nr_runnable: u32;
  idle_nr_running: u32;
  idle_h_nr_running: u32;
  h_nr_delayed: u32;
  /** sum of (vruntime - zero_vruntime) * weight over the tree, without curr */
  avg_vruntime: s64;
  /** sum of scaled-down weights over the tree, without curr */
  avg_load: u64;
  zero_vruntime: u64;
  tasks_timeline: rb_root_cached;
  curr: se_ptr;
  next: se_ptr;
  avg: sched_avg;
  removed: { nr: number; load_avg: u64; util_avg: u64; runnable_avg: u64 };
  last_update_tg_load_avg: u64;
  tg_load_avg_contrib: u64;
  propagate: s64;
  prop_runnable_sum: s64;
  h_load: u64;
  rq: rq_ptr;
  tg: tg_ptr;
  /** 1 when the group is SCHED_IDLE */
  idle: number;
}

/** kernel/sched/sched.h: struct task_group. */
export interface task_group {
  readonly id: tg_ptr;
  parent: tg_ptr;
  /** per CPU; NULL for the root group */
  se: se_ptr[];
  /** per CPU */
  cfs_rq: cfs_rq_ptr[];
  shares: u64;
  idle: number;
  /** atomic_long_t */
  load_avg: s64;
}

/** include/linux/sched.h: struct sched_dl_entity, as far as the fair server needs it. */
export interface sched_dl_entity {
  dl_runtime: u64;
  dl_deadline: u64;
  dl_period: u64;
  dl_bw: u64;
  dl_density: u64;
  runtime: s64;
  deadline: u64;
  flags: u32;
  dl_throttled: number;
  dl_yielded: number;
  dl_non_contending: number;
  dl_overrun: number;
  dl_server: number;
  dl_server_active: number;
  dl_defer: number;
  dl_defer_armed: number;
  dl_defer_running: number;
  /** in the dl tree: RB_EMPTY_NODE() negated */
  on_rq: number;
  /** hrtimer: absolute expiry in ns, meaningful while armed */
  dl_timer: { armed: number; expires: u64 };
  rq: rq_ptr;
}

/** include/linux/sched.h: struct task_struct. `sched_class` is the class' symbol. */
export interface task_struct {
  readonly id: task_ptr;
  pid: number;
  comm: string;
  __state: u32;
  /** 0, TASK_ON_RQ_QUEUED 1, TASK_ON_RQ_MIGRATING 2 */
  on_rq: number;
  on_cpu: number;
  /** task_cpu() */
  cpu: number;
  wake_cpu: number;
  prio: number;
  static_prio: number;
  normal_prio: number;
  rt_priority: u32;
  policy: u32;
  sched_class: sched_class_name;
  /** the rest of calls that sleep; see kernel-stack */
  kernel_stack: kernel_frame[];
  /** preempt notifier: the vCPU this thread has loaded; NULL when none */
  preempt_notifier: number;
  /** its own sched_entity */
  readonly se: se_ptr;
  sched_task_group: tg_ptr;
  sched_reset_on_fork: number;
  sched_contributes_to_load: number;
  /** TIF_NEED_RESCHED of thread_info */
  tif_need_resched: number;
  /** cpus_ptr: allowed CPUs, ascending */
  cpus_ptr: number[];
  nr_cpus_allowed: number;
  wakee_flips: u32;
  last_wakee: task_ptr;
  recent_used_cpu: number;
  /** the server this task was picked through, as a CPU; NULL when none */
  dl_server: rq_ptr;
}

/** The scheduling classes by their kernel symbol, highest first. */
export type sched_class_name =
  | 'stop_sched_class'
  | 'dl_sched_class'
  | 'rt_sched_class'
  | 'fair_sched_class'
  | 'idle_sched_class';

/** kernel/sched/sched.h: struct rq. One a CPU; `id` is the CPU. */
export interface rq {
  readonly id: rq_ptr;
  cpu: number;
  nr_running: u32;
  /** The root cfs_rq of this CPU (embedded in C). */
  readonly cfs: cfs_rq_ptr;
  fair_server: sched_dl_entity;
  /** rq->dl_server: the CPU whose server the next pick runs for; NULL when none */
  dl_server: rq_ptr;
  /** one word with curr on 6.12 (a union); see rq.donor where later kernels tell them apart */
  curr: task_ptr;
  donor: task_ptr;
  idle: task_ptr;
  clock_update_flags: u32;
  clock: u64;
  clock_task: u64;
  clock_pelt: u64;
  clock_pelt_idle: u64;
  clock_idle: u64;
  lost_idle_time: u64;
  nr_switches: u64;
  nr_uninterruptible: number;
  ttwu_pending: number;
  yld_count: u32;
  ttwu_count: u32;
  ttwu_local: u32;
  next_balance: u64;
}

/** The scheduler's part of the machine. Index 0 of `task_group` is root_task_group. */
export interface sched_state {
  /** sched_clock(): ns since boot, the same on every CPU */
  sched_clock: u64;
  /** HZ of the build */
  HZ: number;
  /** TICK_NSEC of the build, from HZ */
  TICK_NSEC: u64;
  /** ns */
  sysctl_sched_base_slice: u32;
  /** scheduler features (kernel/sched/features.h), by name */
  sched_feat: Record<string, boolean>;
  /** WARN_ON() hits so far */
  warns: number;
  rq: rq[];
  cfs_rq: cfs_rq[];
  se: sched_entity[];
  task: task_struct[];
  task_group: task_group[];
}
