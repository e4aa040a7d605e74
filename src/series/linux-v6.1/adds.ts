// SPDX-License-Identifier: GPL-2.0-only
/** The functions that v6.1 has and the pin lacks, those that it lacks, and the kernel as its functions see it. */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Without } from '../series.js';
import type * as cfs from './cfs.js';
import type * as core from './core.js';
import type * as fair from './fair.js';
import type { deadline, delayed, eevdf, kvm as goneKvm, server, split } from './gone.js';
import type * as kvm from './kvm.js';
import type * as load from './load.js';
import type * as pick from './pick.js';
import type * as rbtree from './rbtree.js';
import type * as rt from './rt.js';

export interface Adds
  extends Without<typeof eevdf>,
    Without<typeof delayed>,
    Without<typeof server>,
    Without<typeof deadline>,
    Without<typeof split>,
    Without<typeof goneKvm> {
  rb_add_cached: typeof rbtree.rb_add_cached;
  rb_erase_cached: typeof rbtree.rb_erase_cached;
  update_min_vruntime: typeof cfs.update_min_vruntime;
  __pick_next_entity: typeof cfs.__pick_next_entity;
  __sched_period: typeof cfs.__sched_period;
  sched_slice: typeof cfs.sched_slice;
  sched_vslice: typeof cfs.sched_vslice;
  sched_idle_cfs_rq: typeof cfs.sched_idle_cfs_rq;
  entity_is_long_sleeper: typeof cfs.entity_is_long_sleeper;
  check_preempt_tick: typeof cfs.check_preempt_tick;
  pick_next_entity: typeof pick.pick_next_entity;
  pick_next_task_fair: typeof pick.pick_next_task_fair;
  pickOnQueue: typeof pick.pickOnQueue;
  pickAfterPut: typeof pick.pickAfterPut;
  pickBesidePrev: typeof pick.pickBesidePrev;
  __clear_buddies_last: typeof pick.__clear_buddies_last;
  __clear_buddies_skip: typeof pick.__clear_buddies_skip;
  set_last_buddy: typeof pick.set_last_buddy;
  set_skip_buddy: typeof pick.set_skip_buddy;
  wakeup_gran: typeof pick.wakeup_gran;
  wakeup_preempt_entity: typeof pick.wakeup_preempt_entity;
  dequeueFairHierarchy: typeof fair.dequeueFairHierarchy;
  vruntime_normalized: typeof fair.vruntime_normalized;
  within_margin: typeof load.within_margin;
  wakeAvgIdle: typeof load.wakeAvgIdle;
  ttwu_do_wakeup: typeof core.ttwu_do_wakeup;
  put_prev_task_balance: typeof core.put_prev_task_balance;
  pickNextTaskOf: typeof core.pickNextTaskOf;
  rt_bandwidth_enabled: typeof rt.rt_bandwidth_enabled;
  global_rt_period: typeof rt.global_rt_period;
  global_rt_runtime: typeof rt.global_rt_runtime;
  do_start_rt_bandwidth: typeof rt.do_start_rt_bandwidth;
  start_rt_bandwidth: typeof rt.start_rt_bandwidth;
  rt_rq_throttled: typeof rt.rt_rq_throttled;
  sched_rt_rq_enqueue: typeof rt.sched_rt_rq_enqueue;
  sched_rt_rq_dequeue: typeof rt.sched_rt_rq_dequeue;
  do_balance_runtime: typeof rt.do_balance_runtime;
  __disable_runtime: typeof rt.__disable_runtime;
  __enable_runtime: typeof rt.__enable_runtime;
  balance_runtime: typeof rt.balance_runtime;
  do_sched_rt_period_timer: typeof rt.do_sched_rt_period_timer;
  sched_rt_period_timer: typeof rt.sched_rt_period_timer;
  update_rt_migration: typeof rt.update_rt_migration;
  inc_rt_migration: typeof rt.inc_rt_migration;
  dec_rt_migration: typeof rt.dec_rt_migration;
  sched_rt_runtime_exceeded: typeof rt.sched_rt_runtime_exceeded;
  kvm_arch_sched_in: typeof kvm.kvm_arch_sched_in;
  kvm_x86_sched_in: typeof kvm.kvm_x86_sched_in;
  vmx_sched_in: typeof kvm.vmx_sched_in;
  svm_sched_in: typeof kvm.svm_sched_in;
  update_current_exec_runtime: typeof rt.update_current_exec_runtime;
}

export type vmlinux_6_1 = vmlinux_x86 & Adds;
