// SPDX-License-Identifier: GPL-2.0-only
/**
 * v6.1 on the pin: CFS, the scheduler before EEVDF. Held against the C code of 6.1.192, the stable release; what the stable
 * releases took over from later ones is in it.
 *
 * One entry a kernel file and not one a commit: between the two lie some 1500 commits to kernel/sched.
 */
import './fields.js';
import type { Knob } from '../../vmlinux/bind.js';
import { defineSeries } from '../series.js';
import type { Adds } from './adds.js';
import * as cfs from './cfs.js';
import * as core from './core.js';
import * as fair from './fair.js';
import { changed, deadline, delayed, eevdf, server, split } from './gone.js';
import * as load from './load.js';
import * as pick from './pick.js';
import * as rbtree from './rbtree.js';
import * as rt from './rt.js';

/** Their initial values, before they are scaled by the number of CPUs; /proc/sys/kernel has child_runs_first. */
const knobs = {
  latency_ns: { file: '/sys/kernel/debug/sched/latency_ns', type: 'u32', initial: 6_000_000 },
  min_granularity_ns: { file: '/sys/kernel/debug/sched/min_granularity_ns', type: 'u32', initial: 750_000 },
  idle_min_granularity_ns: { file: '/sys/kernel/debug/sched/idle_min_granularity_ns', type: 'u32', initial: 750_000 },
  wakeup_granularity_ns: { file: '/sys/kernel/debug/sched/wakeup_granularity_ns', type: 'u32', initial: 1_000_000 },
  child_runs_first: { file: '/proc/sys/kernel/sched_child_runs_first', type: 'u32', initial: 0 },
} as const satisfies Record<string, Knob>;

export default defineSeries<Adds>({
  id: 'v6.1',
  title: 'Linux v6.1, the scheduler before EEVDF',
  base: 'v6.12.117',
  release: true,
  patches: [
    {
      subject: 'kernel/sched/fair.c as of v6.1',
      removes: [...eevdf, ...delayed, ...server, ...deadline, ...split, ...changed],
      knobs,
      sched_feat: {
        PLACE_LAG: null,
        PLACE_DEADLINE_INITIAL: null,
        PLACE_REL_DEADLINE: null,
        RUN_TO_PARITY: null,
        PREEMPT_SHORT: null,
        PICK_BUDDY: null,
        DELAY_DEQUEUE: null,
        DELAY_ZERO: null,
        GENTLE_FAIR_SLEEPERS: true,
        START_DEBIT: true,
        LAST_BUDDY: true,
        SIS_PROP: false,
        UTIL_EST_FASTUP: true,
        ALT_PERIOD: true,
        BASE_SLICE: true,
      },
      funcs: {
        update_sysctl: cfs.update_sysctl,
        sched_init_granularity: cfs.sched_init_granularity,
        sched_update_scaling: cfs.sched_update_scaling,
        entity_before: cfs.entity_before,
        min_vruntime_cb_propagate: rbtree.min_vruntime_cb_propagate,
        min_vruntime_cb_copy: rbtree.min_vruntime_cb_copy,
        min_vruntime_cb_rotate: rbtree.min_vruntime_cb_rotate,
        __enqueue_entity: cfs.__enqueue_entity,
        __dequeue_entity: cfs.__dequeue_entity,
        update_curr: cfs.update_curr,
        place_entity: cfs.place_entity,
        enqueue_entity: cfs.enqueue_entity,
        dequeue_entity: cfs.dequeue_entity,
        entity_tick: cfs.entity_tick,
        hrtick_start_fair: cfs.hrtick_start_fair,
        hrtick_update: cfs.hrtick_update,
        get_rr_interval_fair: cfs.get_rr_interval_fair,
        set_next_entity: pick.set_next_entity,
        put_prev_entity: pick.put_prev_entity,
        pick_task_fair: pick.pick_task_fair,
        __pick_next_task_fair: pick.__pick_next_task_fair,
        set_next_task_fair: pick.set_next_task_fair,
        clear_buddies: pick.clear_buddies,
        check_preempt_wakeup_fair: pick.check_preempt_wakeup_fair,
        yield_task_fair: pick.yield_task_fair,
        balance_fair: fair.balance_fair,
        enqueue_task_fair: fair.enqueue_task_fair,
        dequeue_task_fair: fair.dequeue_task_fair,
        task_fork_fair: fair.task_fork_fair,
        detach_task_cfs_rq: fair.detach_task_cfs_rq,
        attach_task_cfs_rq: fair.attach_task_cfs_rq,
        migrate_task_rq_fair: fair.migrate_task_rq_fair,
        task_dead_fair: fair.task_dead_fair,
        init_cfs_rq: fair.init_cfs_rq,
        init_entity_runnable_average: load.init_entity_runnable_average,
        post_init_entity_util_avg: load.post_init_entity_util_avg,
        reweight_entity: load.reweight_entity,
        update_cfs_group: load.update_cfs_group,
        update_tg_load_avg: load.update_tg_load_avg,
        _task_util_est: load._task_util_est,
        util_est_update: load.util_est_update,
        wake_affine_idle: load.wake_affine_idle,
        select_idle_cpu: load.select_idle_cpu,
      },
      adds: {
        rb_add_cached: rbtree.rb_add_cached,
        rb_erase_cached: rbtree.rb_erase_cached,
        update_min_vruntime: cfs.update_min_vruntime,
        __pick_next_entity: cfs.__pick_next_entity,
        __sched_period: cfs.__sched_period,
        sched_slice: cfs.sched_slice,
        sched_vslice: cfs.sched_vslice,
        sched_idle_cfs_rq: cfs.sched_idle_cfs_rq,
        entity_is_long_sleeper: cfs.entity_is_long_sleeper,
        check_preempt_tick: cfs.check_preempt_tick,
        pick_next_entity: pick.pick_next_entity,
        pick_next_task_fair: pick.pick_next_task_fair,
        pickOnQueue: pick.pickOnQueue,
        pickAfterPut: pick.pickAfterPut,
        pickBesidePrev: pick.pickBesidePrev,
        __clear_buddies_last: pick.__clear_buddies_last,
        __clear_buddies_skip: pick.__clear_buddies_skip,
        set_last_buddy: pick.set_last_buddy,
        set_skip_buddy: pick.set_skip_buddy,
        wakeup_gran: pick.wakeup_gran,
        wakeup_preempt_entity: pick.wakeup_preempt_entity,
        dequeueFairHierarchy: fair.dequeueFairHierarchy,
        vruntime_normalized: fair.vruntime_normalized,
        within_margin: load.within_margin,
        wakeAvgIdle: load.wakeAvgIdle,
      },
    },
    {
      subject: 'kernel/sched/core.c, deadline.c, idle.c, stop_task.c as of v6.1',
      funcs: {
        sched_cpu_dying: core.sched_cpu_dying,
        enqueue_task: core.enqueue_task,
        deactivate_task: core.deactivate_task,
        ttwu_do_activate: core.ttwu_do_activate,
        ttwu_runnable: core.ttwu_runnable,
        sched_ttwu_pending: core.sched_ttwu_pending,
        ttwu_queue_cond: core.ttwu_queue_cond,
        try_to_wake_up: core.try_to_wake_up,
        __sched_fork: core.__sched_fork,
        sched_fork: core.sched_fork,
        wake_up_new_task: core.wake_up_new_task,
        context_switch: core.context_switch,
        __pick_next_task: core.__pick_next_task,
        __schedule: core.__schedule,
        __setscheduler_params: core.__setscheduler_params,
        __sched_setscheduler: core.__sched_setscheduler,
        pick_task_dl: core.pick_task_dl,
        put_prev_task_idle: core.put_prev_task_idle,
        set_next_task_idle: core.set_next_task_idle,
        put_prev_task_stop: core.put_prev_task_stop,
      },
      adds: {
        ttwu_do_wakeup: core.ttwu_do_wakeup,
        put_prev_task_balance: core.put_prev_task_balance,
        pickNextTaskOf: core.pickNextTaskOf,
      },
    },
    {
      subject: 'kernel/sched/rt.c as of v6.1',
      funcs: {
        sched_init_smp: rt.sched_init_smp,
        update_curr_rt: rt.update_curr_rt,
        enqueue_top_rt_rq: rt.enqueue_top_rt_rq,
        inc_rt_tasks: rt.inc_rt_tasks,
      },
      adds: {
        rt_bandwidth_enabled: rt.rt_bandwidth_enabled,
        global_rt_period: rt.global_rt_period,
        global_rt_runtime: rt.global_rt_runtime,
        do_start_rt_bandwidth: rt.do_start_rt_bandwidth,
        start_rt_bandwidth: rt.start_rt_bandwidth,
        rt_rq_throttled: rt.rt_rq_throttled,
        sched_rt_rq_enqueue: rt.sched_rt_rq_enqueue,
        sched_rt_rq_dequeue: rt.sched_rt_rq_dequeue,
        do_balance_runtime: rt.do_balance_runtime,
        balance_runtime: rt.balance_runtime,
        do_sched_rt_period_timer: rt.do_sched_rt_period_timer,
        sched_rt_period_timer: rt.sched_rt_period_timer,
        sched_rt_runtime_exceeded: rt.sched_rt_runtime_exceeded,
        update_current_exec_runtime: rt.update_current_exec_runtime,
      },
    },
  ],
});
