// SPDX-License-Identifier: GPL-2.0-only
/** v6.19-rc1: what kernel/sched does otherwise than at the pin, one entry an upstream commit (the last that touched it). */
import type { Patch } from '../series.js';
import type { Adds } from './adds.js';
import * as change from './change.js';
import * as core from './core.js';
import * as deadline from './deadline.js';
import * as eevdf from './eevdf.js';
import * as fair from './fair.js';
import * as load from './load.js';

export const sched: Patch<Adds>[] = [
  {
    // v6.13; the resched bit that waits for the tick
    subject: 'sched: Add Lazy preemption model',
    commit: '7c70cb94d29c',
    knobs: core.knobs,
    funcs: {
      resched_curr: core.resched_curr,
      clear_tsk_need_resched: core.clear_tsk_need_resched,
      sched_tick: core.sched_tick,
      xfer_to_guest_mode_work_pending: core.xfer_to_guest_mode_work_pending,
      xfer_to_guest_mode_work: core.xfer_to_guest_mode_work,
    },
    adds: {
      dynamic_preempt_lazy: core.dynamic_preempt_lazy,
      get_lazy_tif_bit: core.get_lazy_tif_bit,
      __resched_curr: core.__resched_curr,
      resched_curr_lazy: core.resched_curr_lazy,
    },
  },
  {
    // v6.13
    subject: 'sched/fair: Fix EEVDF entity placement bug causing scheduling lag',
    commit: '6d71a9c61604',
    funcs: { reweight_entity: fair.reweight_entity, place_entity: eevdf.place_entity },
  },
  {
    // v6.17; with 74eec63661d4, 9de74a9850b9, 3a0baa8e6c57 and 0b9ca2dcabc3 of the same set
    subject: 'sched/fair: Limit run to parity to the min slice of enqueued entities',
    commit: '052c3d87c82e',
    funcs: {
      set_protect_slice: eevdf.set_protect_slice,
      protect_slice: eevdf.protect_slice,
      cancel_protect_slice: eevdf.cancel_protect_slice,
    },
    adds: { update_protect_slice: eevdf.update_protect_slice },
  },
  {
    // v6.16
    subject: 'sched/fair: Allow decaying util_est when util_avg > CPU capa',
    commit: 'f2d650618bc7',
    funcs: { util_est_update: load.util_est_update },
  },
  {
    // v6.16; of enqueue_task_fair() the condition reads otherwise and comes to the same
    subject: 'sched/util_est: Simplify condition for util_est_{en,de}queue()',
    commit: '0212696a8446',
    funcs: { dequeue_task_fair: load.dequeue_task_fair },
  },
  {
    // v6.17; time is charged to who runs
    subject: 'sched: Fix runtime accounting w/ split exec & sched contexts',
    commit: 'aa4f74dfd42b',
    funcs: { update_curr_common: fair.update_curr_common, wakeup_preempt: core.wakeup_preempt },
    adds: { update_se: fair.update_se },
  },
  {
    // v6.17
    subject: "sched/deadline: Don't count nr_running for dl_server proxy tasks",
    commit: '52d15521eb75',
    funcs: { inc_dl_tasks: deadline.inc_dl_tasks, dec_dl_tasks: deadline.dec_dl_tasks },
  },
  {
    // v6.17
    subject: 'sched/deadline: Fix RT task potential starvation when expiry time passed',
    commit: '421fc59cf58c',
    funcs: { throttleDlEntity: deadline.throttleDlEntity },
  },
  {
    // v6.17
    subject: 'sched/deadline: Initialize dl_servers after SMP',
    commit: '9f239df55546',
    funcs: { sched_init_smp: deadline.sched_init_smp },
    adds: { sched_init_dl_servers: deadline.sched_init_dl_servers },
  },
  {
    subject: 'sched/core: Remove double update_rq_clock() in __set_cpus_allowed_ptr_locked()',
    commit: 'e40cea333e60',
    funcs: { set_cpus_allowed_ptr: change.set_cpus_allowed_ptr },
  },
  {
    // with 650952d3fb38, d4c64207b88a and 73ec89a1ce4b of the same set
    subject: 'sched: Employ sched_change guards',
    commit: 'e9139f765ac7',
    funcs: {
      set_user_nice: change.set_user_nice,
      sched_move_task: change.sched_move_task,
      __do_set_cpus_allowed: change.__do_set_cpus_allowed,
    },
    adds: { sched_change_begin: change.sched_change_begin, sched_change_end: change.sched_change_end },
  },
  {
    subject: 'sched: Move sched_class::prio_changed() into the change pattern',
    commit: '6455ad5346c9',
    funcs: { prio_changed_fair: change.prio_changed_fair, prio_changed_rt: change.prio_changed_rt },
  },
  {
    // with 1ae5f5dfe5ad, which leaves a delayed task to its class
    subject: 'sched: Fold sched_class::switch{ing,ed}_{to,from}() into the change pattern',
    commit: '637b0682821b',
    funcs: { __sched_setscheduler: change.__sched_setscheduler },
    adds: { switching_from_fair: change.switching_from_fair },
  },
  {
    // the pin has it, this release does not
    subject: 'sched/fair: Fix overflow in update_tg_cfs_runnable()',
    commit: '4f166adb5cb0',
    funcs: { update_tg_cfs_runnable: load.update_tg_cfs_runnable },
  },
  {
    // the pin has it, and what came after it; this release does not
    subject: "sched/deadline: Fix 'stuck' dl_server",
    commit: '115135422562',
    funcs: { update_dl_entity: deadline.update_dl_entity },
  },
  {
    subject: 'sched/eevdf: Fix min_vruntime vs avg_vruntime',
    commit: '79f3f9bedd14',
    funcs: {
      avg_vruntime: eevdf.avg_vruntime,
      update_zero_vruntime: eevdf.update_zero_vruntime,
      __enqueue_entity: eevdf.__enqueue_entity,
      __dequeue_entity: eevdf.__dequeue_entity,
      update_deadline: eevdf.update_deadline,
    },
    adds: { avg_vruntime_update: eevdf.avg_vruntime_update },
  },
  {
    subject: 'sched/deadline: Fix dl_server time accounting',
    commit: 'e636ffb9e31b',
    funcs: {
      update_curr: fair.update_curr,
      dl_server_update: deadline.dl_server_update,
      dl_server_start: deadline.dl_server_start,
      dl_server_update_idle_time: deadline.dl_server_update_idle_time,
      put_prev_task_idle: deadline.put_prev_task_idle,
      task_tick_idle: deadline.task_tick_idle,
    },
    adds: {
      classUpdateCurr: deadline.classUpdateCurr,
      update_curr_idle: deadline.update_curr_idle,
      dl_server_update_idle: deadline.dl_server_update_idle,
    },
  },
  {
    subject: 'sched/deadline: Fix dl_server stop condition',
    commit: 'f5a538c07df2',
    funcs: {
      dl_server_timer: deadline.dl_server_timer,
      update_curr_dl_se: deadline.update_curr_dl_se,
      dl_server_stop: deadline.dl_server_stop,
    },
  },
  {
    subject: 'sched/fair: Forfeit vruntime on yield',
    commit: '79104becf42b',
    funcs: { yield_task_fair: fair.yield_task_fair },
  },
  {
    subject: 'sched/proxy: Yield the donor task',
    commit: '127b90315ca0',
    funcs: {
      yield_task_rt: core.yield_task_rt,
      do_sched_yield: core.do_sched_yield,
      yield_to: core.yield_to,
    },
  },
  {
    // v6.18; task-based throttling takes throttled tasks off the queue
    subject: 'sched/fair: Switch to task based throttle model',
    commit: 'e1fad12dcb66',
    funcs: { yield_to_task_fair: fair.yield_to_task_fair },
  },
  {
    subject: 'sched/fair: Enable scheduler feature NEXT_BUDDY',
    commit: 'aceccac58ad7',
    sched_feat: { NEXT_BUDDY: true },
  },
  {
    subject: 'sched/fair: Reimplement NEXT_BUDDY to align with EEVDF goals',
    commit: 'e837456fdca8',
    funcs: {
      pick_eevdf: eevdf.pick_eevdf,
      pick_next_entity: fair.pick_next_entity,
      check_preempt_wakeup_fair: fair.check_preempt_wakeup_fair,
    },
    adds: {
      __pick_eevdf: eevdf.__pick_eevdf,
      set_preempt_buddy: fair.set_preempt_buddy,
      preempt_sync: fair.preempt_sync,
    },
  },
];
