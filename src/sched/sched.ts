// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/sched.h, include/linux/sched.h (6.12.117): the scheduler's structures, as plain values.
 *
 * Mirrored: what EEVDF, yield and wake-up read or write. A pointer is the index of its target in the machine's
 * table for that type (`machine.se`, `machine.cfs_rq`, ...); NULL is -1. A record knows its own index as `id`.
 * MODEL: rq->cfs_tasks, leaf_cfs_rq_list and every lock are absent; one event runs at a time. Of taking a rq
 * lock, what rq_pin_lock() does to clock_update_flags is left; unlocking leaves no trace.
 * The build: SMP, FAIR_GROUP_SCHED, SCHED_DEBUG, HRTICK; no CFS_BANDWIDTH, NUMA_BALANCING, UCLAMP_TASK,
 * SCHED_CORE, SCHED_CLASS_EXT, RT_GROUP_SCHED, PSI, CPU_FREQ, IRQ_TIME_ACCOUNTING, schedstats.
 */

import { nullDereference } from '../lib/bug.js';
import type { hrtimer_ptr } from '../lib/hrtimer.js';
import type { rb_node, rb_root_cached } from '../lib/rbtree_augmented.js';
import {
  add,
  type bool,
  div,
  max,
  S64_ZERO,
  s64,
  s64_div,
  shl,
  shr,
  sub,
  to_s64,
  to_u64,
  type u32,
  u64,
  ZERO,
} from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { cpuhp_state } from './cpuhp.js';
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

/** What a pointer that may be NULL points at. Only the table's own pointers are taken; `table[p]` takes any (ADR 10). */
export function deref<T extends { readonly id: number }>(table: readonly T[], p: T['id']): T | null {
  return p === NULL ? null : table[p];
}

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
  /** jiffies */
  last_h_load_update: u64;
  h_load_next: se_ptr;
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

/** include/linux/sched.h: struct sched_rt_entity. MODEL: run_list is the position in rt_rq.queue. */
export interface sched_rt_entity {
  timeout: u64;
  watchdog_stamp: u64;
  time_slice: u32;
  on_rq: number;
  on_list: number;
}

/**
 * kernel/sched/sched.h: struct rt_rq.
 *
 * MODEL: the bitmap and its 100 lists are one list in the order in which they would be scanned.
 */
export interface rt_rq {
  queue: task_ptr[];
  rt_nr_running: u32;
  rr_nr_running: u32;
  /** `next`: the most urgent of the pushable tasks */
  highest_prio: { curr: number; next: number };
  /** tasks that could run elsewhere, by priority; first in, first out among equals */
  pushable_tasks: task_ptr[];
  /** in rd->rto_mask, as long as the CPU is online */
  overloaded: number;
  rt_queued: number;
}

/**
 * kernel/sched/sched.h: struct root_domain, one for all CPUs.
 *
 * MODEL: cpupri is `sched_state.cpupri`; rto_count is the size of rto_mask; the others are deadline tasks' and load balancing's.
 */
export interface root_domain {
  /** CPUs with real-time tasks that could run elsewhere, ascending */
  rto_mask: number[];
  /** RT_PUSH_IPI: the CPU of rto_mask that pushes; -1 when none does */
  rto_cpu: number;
  /** the round that this is, and the one that was asked for last */
  rto_loop: number;
  rto_loop_next: number;
  /** the CPU that rto_push_work is queued on; NULL when it is on none */
  rto_push_work: number;
}

/** kernel/sched/sched.h: struct dl_rq. MODEL: only a server can be in its tree, so its size says it all. */
export interface dl_rq {
  dl_nr_running: u32;
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
  dl_timer: hrtimer_ptr;
  rq: rq_ptr;
}

/** include/linux/sched.h: struct task_struct. `sched_class` is the class' symbol. */
export interface task_struct {
  readonly id: task_ptr;
  pid: number;
  comm: string;
  /** PF_* */
  flags: u32;
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
  /** struct sched_info; times in ns of rq_clock(), 0 for none */
  sched_info: { pcount: u64; run_delay: u64; last_arrival: u64; last_queued: u64 };
  /** its own sched_entity */
  readonly se: se_ptr;
  rt: sched_rt_entity;
  sched_task_group: tg_ptr;
  /** task_css(p, cpu_cgrp_id): the cgroup the task is in; sched_task_group follows in sched_move_task() */
  cpu_cgrp: tg_ptr;
  sched_reset_on_fork: number;
  sched_contributes_to_load: number;
  sched_remote_wakeup: number;
  in_iowait: number;
  /** TIF_NEED_RESCHED of thread_info */
  tif_need_resched: number;
  /** cpus_ptr: allowed CPUs, ascending */
  cpus_ptr: number[];
  nr_cpus_allowed: number;
  nvcsw: u64;
  nivcsw: u64;
  wakee_flips: u32;
  /** jiffies */
  wakee_flip_decay_ts: u64;
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

/** kernel/sched/sched.h: struct balance_callback, by the name of its function. */
export type balance_callback_name = 'push_rt_tasks' | 'pull_rt_task' | 'balance_push';

/** kernel/sched/sched.h: struct rq. One a CPU; `id` is the CPU. */
export interface rq {
  readonly id: rq_ptr;
  cpu: number;
  nr_running: u32;
  /** The root cfs_rq of this CPU (embedded in C). */
  readonly cfs: cfs_rq_ptr;
  rt: rt_rq;
  dl: dl_rq;
  fair_server: sched_dl_entity;
  /** rq->dl_server: the CPU whose server the next pick runs for; NULL when none */
  dl_server: rq_ptr;
  /** one word with curr on 6.12 (a union); see rq.donor where later kernels tell them apart */
  curr: task_ptr;
  donor: task_ptr;
  idle: task_ptr;
  stop: task_ptr;
  clock_update_flags: u32;
  clock: u64;
  clock_task: u64;
  /** CONFIG_PARAVIRT_TIME_ACCOUNTING, with steal time on: a kernel in a guest */
  prev_steal_time_rq?: u64;
  clock_pelt: u64;
  clock_pelt_idle: u64;
  clock_idle: u64;
  lost_idle_time: u64;
  nr_switches: u64;
  nr_uninterruptible: number;
  nr_iowait: number;
  ttwu_pending: number;
  /** 0 when it is offline; absent as long as it never was */
  online?: number;
  /** functions that run when the lock is dropped, in their order */
  balance_callback: balance_callback_name[];
  /** the CPU's call_single_queue, oldest first: tasks that sched_ttwu_pending() will activate */
  wake_list: task_ptr[];
  yld_count: u32;
  ttwu_count: u32;
  ttwu_local: u32;
  /** jiffies */
  next_balance: u64;
  idle_stamp: u64;
  avg_idle: u64;
  max_idle_balance_cost: u64;
  avg_rt: sched_avg;
  avg_dl: sched_avg;
  cpu_capacity: u64;
  hrtick_timer: hrtimer_ptr;
}

/** kernel/sched/features.h: SCHED_FEAT(). A series may bring more. */
export interface sched_features {
  PLACE_LAG: boolean;
  PLACE_DEADLINE_INITIAL: boolean;
  PLACE_REL_DEADLINE: boolean;
  RUN_TO_PARITY: boolean;
  PREEMPT_SHORT: boolean;
  NEXT_BUDDY: boolean;
  PICK_BUDDY: boolean;
  CACHE_HOT_BUDDY: boolean;
  DELAY_DEQUEUE: boolean;
  DELAY_ZERO: boolean;
  WAKEUP_PREEMPTION: boolean;
  HRTICK: boolean;
  HRTICK_DL: boolean;
  DOUBLE_TICK: boolean;
  NONTASK_CAPACITY: boolean;
  TTWU_QUEUE: boolean;
  SIS_UTIL: boolean;
  WARN_DOUBLE_CLOCK: boolean;
  RT_PUSH_IPI: boolean;
  RT_RUNTIME_SHARE: boolean;
  LB_MIN: boolean;
  ATTACH_AGE_LOAD: boolean;
  WA_IDLE: boolean;
  WA_WEIGHT: boolean;
  WA_BIAS: boolean;
  UTIL_EST: boolean;
  LATENCY_WARN: boolean;
  NI_RANDOM: boolean;
  [feature: string]: boolean;
}

/** The scheduler's part of the machine. Index 0 of `task_group` is root_task_group. */
export interface sched_state {
  /** sched_clock(): ns since boot, the same on every CPU */
  sched_clock: u64;
  /** HZ of the build */
  HZ: number;
  /** CONFIG_NO_HZ_COMMON of the build: an idle CPU has no tick, so what its clocks miss is made up for */
  NO_HZ_COMMON: boolean;
  /** TICK_NSEC of the build, from HZ */
  TICK_NSEC: u64;
  /** ns */
  sysctl_sched_base_slice: u32;
  normalized_sysctl_sched_base_slice: u32;
  /** SCHED_TUNABLESCALING_* */
  sysctl_sched_tunable_scaling: number;
  /** ns */
  sysctl_sched_migration_cost: u32;
  /** jiffies */
  sched_rr_timeslice: u32;
  /** scheduler features (kernel/sched/features.h), by name */
  sched_feat: sched_features;
  /** per CPU: the lowest CPU that shares its last-level cache; see topology */
  sd_llc_id: number[];
  /** per CPU: the span of sd_llc, ascending; empty when the CPU has no scheduling domain */
  sd_llc: number[][];
  rd: root_domain;
  /** rd->cpupri.cpu_to_pri: per CPU, see cpupri */
  cpupri: number[];
  /** lib/cpumask.c: per CPU, what cpumask_any_and_distribute() chose there last */
  distribute_cpu_mask_prev: number[];
  /** CPU hotplug; absent until a CPU was to go down */
  cpuhp?: cpuhp_state;
  /** WARN_ON() hits so far */
  warns: number;
  rq: rq[];
  cfs_rq: cfs_rq[];
  se: sched_entity[];
  task: task_struct[];
  task_group: task_group[];
}

/* include/linux/sched.h, include/uapi/linux/sched.h */
export const TASK_RUNNING = 0x0000;
export const TASK_INTERRUPTIBLE = 0x0001;
export const TASK_UNINTERRUPTIBLE = 0x0002;
export const __TASK_STOPPED = 0x0004;
export const __TASK_TRACED = 0x0008;
export const TASK_PARKED = 0x0040;
export const TASK_DEAD = 0x0080;
export const TASK_WAKEKILL = 0x0100;
export const TASK_WAKING = 0x0200;
export const TASK_NOLOAD = 0x0400;
export const TASK_NEW = 0x0800;
export const TASK_FROZEN = 0x8000;
export const TASK_NORMAL = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;
export const TASK_REPORT = 0x7f;
export const PF_IDLE = 0x00000002;
export const PF_EXITING = 0x00000004;
export const PF_KTHREAD = 0x00200000;
export const SCHED_NORMAL = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
export const SCHED_DEADLINE = 6;
export const SCHED_RESET_ON_FORK = 0x40000000;
export const SCHED_FLAG_RESET_ON_FORK = 0x01;
export const SCHED_FLAG_KEEP_POLICY = 0x08;
export const SCHED_FLAG_KEEP_PARAMS = 0x10;
export const SCHED_FLAG_UTIL_CLAMP = 0x60;
export const SCHED_FLAG_ALL = 0x7f;
export const SCHED_FLAG_SUGOV = 0x10000000;
export const SETPARAM_POLICY = -1;

/* include/linux/sched/prio.h */
export const MAX_DL_PRIO = 0;
export const MAX_RT_PRIO = 100;
export const MAX_PRIO = 140;
export const DEFAULT_PRIO = 120;
export const MIN_NICE = -20;
export const MAX_NICE = 19;
export const NICE_TO_PRIO = (nice: number): number => nice + DEFAULT_PRIO;
export const PRIO_TO_NICE = (prio: number): number => prio - DEFAULT_PRIO;

/* kernel/sched/sched.h */
export const TASK_ON_RQ_QUEUED = 1;
export const TASK_ON_RQ_MIGRATING = 2;
export const DEQUEUE_SLEEP = 0x01;
export const DEQUEUE_SAVE = 0x02;
export const DEQUEUE_MOVE = 0x04;
export const DEQUEUE_NOCLOCK = 0x08;
export const DEQUEUE_SPECIAL = 0x10;
export const DEQUEUE_MIGRATING = 0x100;
export const DEQUEUE_DELAYED = 0x200;
export const ENQUEUE_WAKEUP = 0x01;
export const ENQUEUE_RESTORE = 0x02;
export const ENQUEUE_MOVE = 0x04;
export const ENQUEUE_NOCLOCK = 0x08;
export const ENQUEUE_HEAD = 0x10;
export const ENQUEUE_REPLENISH = 0x20;
export const ENQUEUE_MIGRATED = 0x40;
export const ENQUEUE_INITIAL = 0x80;
export const ENQUEUE_MIGRATING = 0x100;
export const ENQUEUE_DELAYED = 0x200;
export const ENQUEUE_RQ_SELECTED = 0x400;
export const WF_EXEC = 0x02;
export const WF_FORK = 0x04;
export const WF_TTWU = 0x08;
export const WF_SYNC = 0x10;
export const WF_MIGRATED = 0x20;
export const WF_CURRENT_CPU = 0x40;
export const WF_RQ_SELECTED = 0x80;
export const RQCF_REQ_SKIP = 0x01;
export const RQCF_ACT_SKIP = 0x02;
export const RQCF_UPDATED = 0x04;
export const SM_IDLE = -1;
export const SM_NONE = 0;
export const SM_PREEMPT = 1;
/** 1L << NICE_0_LOAD_SHIFT */
export const NICE_0_LOAD: u64 = u64(1 << 20);
export const MIN_SHARES: u64 = u64(2);
export const MAX_SHARES: u64 = u64(1 << 18);
export const WEIGHT_IDLEPRIO: u64 = u64(3);
export const WMULT_IDLEPRIO = 1431655765;
export const SCHED_CAPACITY_SHIFT = 10;
export const SCHED_CAPACITY_SCALE: u64 = u64(1024);
export const SCHED_TUNABLESCALING_NONE = 0;
export const SCHED_TUNABLESCALING_LOG = 1;
export const SCHED_TUNABLESCALING_LINEAR = 2;
export const NSEC_PER_MSEC: u64 = u64(1_000_000);

/** the least that scale_load_down() makes of a weight */
const WEIGHT_LEAST: u64 = u64(2);
/** update_avg() moves by this part of the difference */
const AVG_PART: s64 = s64(8);

/** Their order in memory: the higher class first. */
function rankOf(name: sched_class_name): number {
  if (name === 'fair_sched_class') return 3;
  if (name === 'idle_sched_class') return 4;
  if (name === 'stop_sched_class') return 0;
  return name === 'dl_sched_class' ? 1 : 2;
}

/** kernel/sched/sched.h: scale_load() */
export function scale_load(this: vmlinux, w: u64): u64 {
  return shl(w, 10);
}

/** kernel/sched/sched.h: scale_load_down(): no weight but 0 becomes less than 2. */
export function scale_load_down(this: vmlinux, w: u64): u64 {
  return w === ZERO ? w : max(WEIGHT_LEAST, shr(w, 10));
}

/** kernel/sched/sched.h: idle_policy() */
export function idle_policy(this: vmlinux, policy: number): bool {
  return policy === SCHED_IDLE;
}

/** kernel/sched/sched.h: normal_policy() */
export function normal_policy(this: vmlinux, policy: number): bool {
  return policy === SCHED_NORMAL;
}

/** kernel/sched/sched.h: fair_policy() */
export function fair_policy(this: vmlinux, policy: number): bool {
  return this.normal_policy(policy) || policy === SCHED_BATCH;
}

/** kernel/sched/sched.h: rt_policy() */
export function rt_policy(this: vmlinux, policy: number): bool {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

/** kernel/sched/sched.h: dl_policy() */
export function dl_policy(this: vmlinux, policy: number): bool {
  return policy === SCHED_DEADLINE;
}

/** kernel/sched/sched.h: valid_policy() */
export function valid_policy(this: vmlinux, policy: number): bool {
  return this.idle_policy(policy) || this.fair_policy(policy) || this.rt_policy(policy) || this.dl_policy(policy);
}

/** kernel/sched/sched.h: task_has_idle_policy() */
export function task_has_idle_policy(this: vmlinux, p: task_struct): bool {
  return this.idle_policy(p.policy);
}

/** kernel/sched/sched.h: task_has_rt_policy() */
export function task_has_rt_policy(this: vmlinux, p: task_struct): bool {
  return this.rt_policy(p.policy);
}

/** kernel/sched/sched.h: task_has_dl_policy() */
export function task_has_dl_policy(this: vmlinux, p: task_struct): bool {
  return this.dl_policy(p.policy);
}

/** include/linux/sched/deadline.h: dl_prio() */
export function dl_prio(this: vmlinux, prio: number): bool {
  return prio < MAX_DL_PRIO;
}

/** include/linux/sched/rt.h: rt_prio() */
export function rt_prio(this: vmlinux, prio: number): bool {
  return prio < MAX_RT_PRIO && prio >= MAX_DL_PRIO;
}

/** include/linux/sched/rt.h: rt_or_dl_prio() */
export function rt_or_dl_prio(this: vmlinux, prio: number): bool {
  return prio < MAX_RT_PRIO;
}

/** include/linux/sched/deadline.h: dl_task() */
export function dl_task(this: vmlinux, p: task_struct): bool {
  return this.dl_prio(p.prio);
}

/** include/linux/sched/rt.h: rt_task() */
export function rt_task(this: vmlinux, p: task_struct): bool {
  return this.rt_prio(p.prio);
}

/** include/linux/sched.h: task_nice() */
export function task_nice(this: vmlinux, p: task_struct): number {
  return PRIO_TO_NICE(p.static_prio);
}

/** arch/x86/include/asm/current.h: get_current(): `current`. */
export function get_current(this: vmlinux): task_struct {
  const m = this.m;
  return m.task[m.rq[m.cpu].curr];
}

/** kernel/sched/sched.h: cpu_rq() */
export function cpu_rq(this: vmlinux, cpu: number): rq {
  return this.m.rq[cpu];
}

/** kernel/sched/sched.h: this_rq() */
export function this_rq(this: vmlinux): rq {
  return this.m.rq[this.m.cpu];
}

/** include/linux/sched.h: task_cpu() */
export function task_cpu(this: vmlinux, p: task_struct): number {
  return p.cpu;
}

/** kernel/sched/sched.h: task_rq() */
export function task_rq(this: vmlinux, p: task_struct): rq {
  return this.m.rq[p.cpu];
}

/** kernel/sched/sched.h: rq_of() */
export function rq_of(this: vmlinux, cfs_rq: cfs_rq): rq {
  return this.m.rq[cfs_rq.rq];
}

/** kernel/sched/sched.h: cpu_of() */
export function cpu_of(this: vmlinux, rq: rq): number {
  return rq.cpu;
}

/** kernel/sched/sched.h: entity_is_task() */
export function entity_is_task(this: vmlinux, se: sched_entity): bool {
  return se.my_q === NULL;
}

/** kernel/sched/sched.h: task_of() */
export function task_of(this: vmlinux, se: sched_entity): task_struct {
  this.warnOn(!this.entity_is_task(se), 'task_of: !entity_is_task(se)');
  return se.task === NULL ? nullDereference('task_of') : this.m.task[se.task];
}

/** kernel/sched/sched.h: task_cfs_rq() */
export function task_cfs_rq(this: vmlinux, p: task_struct): cfs_rq {
  return this.m.cfs_rq[this.m.se[p.se].cfs_rq];
}

/** kernel/sched/sched.h: cfs_rq_of() */
export function cfs_rq_of(this: vmlinux, se: sched_entity): cfs_rq {
  return this.m.cfs_rq[se.cfs_rq];
}

/** kernel/sched/sched.h: group_cfs_rq(): the queue a group entity owns; null for a task. */
export function group_cfs_rq(this: vmlinux, grp: sched_entity): cfs_rq | null {
  return deref(this.m.cfs_rq, grp.my_q);
}

/** kernel/sched/sched.h: task_group() */
export function task_group(this: vmlinux, p: task_struct): task_group {
  return this.m.task_group[p.sched_task_group];
}

/** kernel/sched/sched.h: task_current() */
export function task_current(this: vmlinux, rq: rq, p: task_struct): bool {
  return rq.curr === p.id;
}

/** kernel/sched/sched.h: task_on_cpu() */
export function task_on_cpu(this: vmlinux, _rq: rq, p: task_struct): bool {
  return p.on_cpu !== 0;
}

/** kernel/sched/sched.h: task_on_rq_queued() */
export function task_on_rq_queued(this: vmlinux, p: task_struct): bool {
  return p.on_rq === TASK_ON_RQ_QUEUED;
}

/** kernel/sched/sched.h: task_on_rq_migrating() */
export function task_on_rq_migrating(this: vmlinux, p: task_struct): bool {
  return p.on_rq === TASK_ON_RQ_MIGRATING;
}

/** include/linux/sched.h: task_is_running() */
export function task_is_running(this: vmlinux, p: task_struct): bool {
  return p.__state === TASK_RUNNING;
}

/** include/linux/sched.h: task_is_runnable(): queued, and not merely kept in the queue until eligible. */
export function task_is_runnable(this: vmlinux, p: task_struct): bool {
  return p.on_rq !== 0 && this.m.se[p.se].sched_delayed === 0;
}

/** include/linux/sched.h: is_idle_task() */
export function is_idle_task(this: vmlinux, p: task_struct): bool {
  return (p.flags & PF_IDLE) !== 0;
}

/** include/linux/sched.h: test_tsk_need_resched() */
export function test_tsk_need_resched(this: vmlinux, p: task_struct): bool {
  return p.tif_need_resched !== 0;
}

/** include/linux/sched.h: set_tsk_need_resched() */
export function set_tsk_need_resched(this: vmlinux, p: task_struct): void {
  p.tif_need_resched = 1;
}

/** include/linux/sched.h: clear_tsk_need_resched() */
export function clear_tsk_need_resched(this: vmlinux, p: task_struct): void {
  p.tif_need_resched = 0;
}

/** include/linux/sched.h: need_resched() */
export function need_resched(this: vmlinux): bool {
  return this.get_current().tif_need_resched !== 0;
}

/**
 * include/linux/preempt.h: in_task(): no interrupt handler runs on this CPU.
 *
 * DEVIATION DV-621: known from `m.hardirq`, which the machine sets around timers and ticks; softirqs are absent.
 */
export function in_task(this: vmlinux): bool {
  return this.m.hardirq !== 1;
}

/** kernel/sched/sched.h: sched_class_above() */
export function sched_class_above(this: vmlinux, a: sched_class_name, b: sched_class_name): bool {
  return rankOf(a) < rankOf(b);
}

/** kernel/sched/clock.c: sched_clock_cpu(). MODEL: the clocks of all CPUs agree. */
export function sched_clock_cpu(this: vmlinux, _cpu: number): u64 {
  return this.m.sched_clock;
}

/** kernel/time/jiffies.c: get_jiffies_64(). MODEL: follows sched_clock() from 0, not from INITIAL_JIFFIES. */
export function get_jiffies_64(this: vmlinux): u64 {
  return div(this.m.sched_clock, this.m.TICK_NSEC);
}

/** kernel/sched/sched.h: assert_clock_updated() */
export function assert_clock_updated(this: vmlinux, rq: rq): void {
  this.warnOn(rq.clock_update_flags < RQCF_ACT_SKIP, 'assert_clock_updated: rq->clock_update_flags < RQCF_ACT_SKIP');
}

/** kernel/sched/sched.h: rq_clock() */
export function rq_clock(this: vmlinux, rq: rq): u64 {
  this.assert_clock_updated(rq);
  return rq.clock;
}

/** kernel/sched/sched.h: rq_clock_task() */
export function rq_clock_task(this: vmlinux, rq: rq): u64 {
  this.assert_clock_updated(rq);
  return rq.clock_task;
}

/** kernel/sched/sched.h: rq_clock_skip_update(): the update in the next __schedule() is left out. */
export function rq_clock_skip_update(this: vmlinux, rq: rq): void {
  rq.clock_update_flags |= RQCF_REQ_SKIP;
}

/** kernel/sched/sched.h: rq_clock_cancel_skipupdate() */
export function rq_clock_cancel_skipupdate(this: vmlinux, rq: rq): void {
  rq.clock_update_flags &= ~RQCF_REQ_SKIP;
}

/** kernel/sched/sched.h: rq_pin_lock() */
export function rq_pin_lock(this: vmlinux, rq: rq): void {
  rq.clock_update_flags &= RQCF_REQ_SKIP | RQCF_ACT_SKIP;
}

/** kernel/sched/sched.h: rq_unpin_lock(): returns rf->clock_update_flags, for rq_repin_lock(). */
export function rq_unpin_lock(this: vmlinux, rq: rq): number {
  return rq.clock_update_flags > RQCF_ACT_SKIP ? RQCF_UPDATED : 0;
}

/** kernel/sched/sched.h: rq_repin_lock() */
export function rq_repin_lock(this: vmlinux, rq: rq, clock_update_flags: number): void {
  rq.clock_update_flags |= clock_update_flags;
}

/** kernel/sched/sched.h: double_lock_balance(). MODEL: the second lock is free, so that the first is not dropped. */
export function double_lock_balance(this: vmlinux, this_rq: rq, busiest: rq): number {
  this.double_rq_clock_clear_update(this_rq, busiest);
  return 0;
}

/**
 * kernel/sched/sched.h: queue_balance_callback()
 *
 * WHY the last one does not count as queued: Linux knows that a callback is by its next pointer, and the last has none.
 */
export function queue_balance_callback(this: vmlinux, rq: rq, func: balance_callback_name): void {
  if (rq.balance_callback[0] === 'balance_push') return;
  const at = rq.balance_callback.indexOf(func);
  if (at >= 0 && at < rq.balance_callback.length - 1) return;
  rq.balance_callback.unshift(func);
}

/** kernel/sched/sched.h: rq_lock() */
export function rq_lock(this: vmlinux, rq: rq): void {
  this.rq_pin_lock(rq);
}

/** kernel/sched/sched.h: rq_lock_irq() */
export function rq_lock_irq(this: vmlinux, rq: rq): void {
  this.rq_pin_lock(rq);
}

/** kernel/sched/sched.h: rq_lock_irqsave() */
export function rq_lock_irqsave(this: vmlinux, rq: rq): void {
  this.rq_pin_lock(rq);
}

/** kernel/sched/sched.h: this_rq_lock_irq() */
export function this_rq_lock_irq(this: vmlinux): rq {
  const rq = this.this_rq();
  this.rq_lock(rq);
  return rq;
}

/** kernel/sched/sched.h: double_rq_clock_clear_update() */
export function double_rq_clock_clear_update(this: vmlinux, rq1: rq, rq2: rq): void {
  rq1.clock_update_flags &= RQCF_REQ_SKIP | RQCF_ACT_SKIP;
  rq2.clock_update_flags &= RQCF_REQ_SKIP | RQCF_ACT_SKIP;
}

/** kernel/sched/sched.h: se_update_runnable() */
export function se_update_runnable(this: vmlinux, se: sched_entity): void {
  if (!this.entity_is_task(se)) {
    const cfs_rq = this.m.cfs_rq[se.my_q];
    se.runnable_weight = u64((cfs_rq.h_nr_queued - cfs_rq.h_nr_delayed) >>> 0);
  }
}

/** kernel/sched/sched.h: se_runnable() */
export function se_runnable(this: vmlinux, se: sched_entity): s64 {
  if (se.sched_delayed) return S64_ZERO;
  if (this.entity_is_task(se)) return to_s64(u64(se.on_rq !== 0 ? 1 : 0));
  return to_s64(se.runnable_weight);
}

/** kernel/sched/sched.h: se_weight() */
export function se_weight(this: vmlinux, se: sched_entity): s64 {
  return to_s64(this.scale_load_down(se.load.weight));
}

/** kernel/sched/sched.h: set_task_rq() */
export function set_task_rq(this: vmlinux, p: task_struct, cpu: number): void {
  const m = this.m;
  const tg = this.task_group(p);
  const se = m.se[p.se];
  const next = tg.cfs_rq[cpu];
  this.set_task_rq_fair(se, se.cfs_rq === NULL ? null : m.cfs_rq[se.cfs_rq], m.cfs_rq[next]);
  se.cfs_rq = next;
  const parent = tg.se[cpu];
  se.parent = parent;
  se.depth = parent !== NULL ? m.se[parent].depth + 1 : 0;
}

/** kernel/sched/sched.h: __set_task_cpu() */
export function __set_task_cpu(this: vmlinux, p: task_struct, cpu: number): void {
  this.set_task_rq(p, cpu);
  p.cpu = cpu;
  p.wake_cpu = cpu;
}

/** kernel/sched/sched.h: add_nr_running(). MODEL: rd->overloaded is read by load balancing alone. */
export function add_nr_running(this: vmlinux, rq: rq, count: u32): void {
  rq.nr_running = (rq.nr_running + count) >>> 0;
}

/** kernel/sched/sched.h: sub_nr_running() */
export function sub_nr_running(this: vmlinux, rq: rq, count: u32): void {
  rq.nr_running = (rq.nr_running - count) >>> 0;
}

/** kernel/sched/sched.h: __block_task() */
export function __block_task(this: vmlinux, rq: rq, p: task_struct): void {
  if (p.sched_contributes_to_load) rq.nr_uninterruptible++;
  if (p.in_iowait) rq.nr_iowait++;
  p.on_rq = 0;
}

/** kernel/sched/sched.h: put_prev_task() */
export function put_prev_task(this: vmlinux, rq: rq, prev: task_struct): void {
  this.warnOn(rq.curr !== prev.id, 'put_prev_task: rq->curr != prev');
  this.classPutPrevTask(rq, prev, null);
}

/** kernel/sched/sched.h: set_next_task() */
export function set_next_task(this: vmlinux, rq: rq, next: task_struct): void {
  this.classSetNextTask(rq, next, false);
}

/** kernel/sched/sched.h: __put_prev_set_next_dl_server() */
export function __put_prev_set_next_dl_server(this: vmlinux, rq: rq, prev: task_struct, next: task_struct): void {
  prev.dl_server = NULL;
  next.dl_server = rq.dl_server;
  rq.dl_server = NULL;
}

/** kernel/sched/sched.h: put_prev_set_next_task() */
export function put_prev_set_next_task(this: vmlinux, rq: rq, prev: task_struct, next: task_struct): void {
  this.warnOn(rq.curr !== prev.id, 'put_prev_set_next_task: rq->curr != prev');
  this.__put_prev_set_next_dl_server(rq, prev, next);
  if (next.id === prev.id) return;
  this.classPutPrevTask(rq, prev, next);
  this.classSetNextTask(rq, next, true);
}

/** kernel/sched/sched.h: sched_stop_runnable() */
export function sched_stop_runnable(this: vmlinux, rq: rq): bool {
  return rq.stop !== NULL && this.task_on_rq_queued(this.m.task[rq.stop]);
}

/** kernel/sched/sched.h: sched_dl_runnable() */
export function sched_dl_runnable(this: vmlinux, rq: rq): bool {
  return rq.dl.dl_nr_running > 0;
}

/** kernel/sched/sched.h: sched_rt_runnable() */
export function sched_rt_runnable(this: vmlinux, rq: rq): bool {
  return rq.rt.rt_queued > 0;
}

/** kernel/sched/sched.h: sched_fair_runnable() */
export function sched_fair_runnable(this: vmlinux, rq: rq): bool {
  return this.m.cfs_rq[rq.cfs].nr_running > 0;
}

/** kernel/sched/sched.h: hrtick_enabled(). MODEL: high resolution timers are always on. */
export function hrtick_enabled(this: vmlinux, rq: rq): bool {
  return this.cpu_active(this.cpu_of(rq));
}

/** kernel/sched/sched.h: hrtick_enabled_fair() */
export function hrtick_enabled_fair(this: vmlinux, rq: rq): bool {
  if (!this.m.sched_feat.HRTICK) return false;
  return this.hrtick_enabled(rq);
}

/** kernel/sched/sched.h: is_per_cpu_kthread() */
export function is_per_cpu_kthread(this: vmlinux, p: task_struct): bool {
  return (p.flags & PF_KTHREAD) !== 0 && p.nr_cpus_allowed === 1;
}

/** kernel/sched/sched.h: update_avg(): an exponential average, 1/8 of the way to each sample. */
export function update_avg(this: vmlinux, avg: u64, sample: u64): u64 {
  const diff = to_s64(sub(sample, avg));
  return add(avg, to_u64(s64_div(diff, AVG_PART)));
}
