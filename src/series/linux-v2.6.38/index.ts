// SPDX-License-Identifier: GPL-2.0-only
/**
 * v2.6.38 on v6.1: the scheduler and the KVM that the directed yield of 2011 was written for.
 *
 * Read, function by function, in the files of that time; no C of theirs runs here (DV-660). What yield_to() and the threads of vCPUs
 * reach is mirrored; what they do not is v6.1's (DV-661, DV-662).
 */
import './fields.js';
import { defineSeries } from '../series.js';
import type { Adds } from './adds.js';
import * as cfs from './cfs.js';
import * as kvm from './kvm.js';
import * as pick from './pick.js';
import * as shares from './shares.js';

/** kernel/sched_fair.c, v2.6.39: "sched: Add yield_to(task, preempt) functionality" (d95f41220065) */
const withoutYieldTo = ['yield_to_task_fair', 'classHasYieldToTask', 'classYieldToTask'] as const;

export default defineSeries<Adds>({
  id: 'v2.6.38',
  title: 'Linux v2.6.38, before the directed yield',
  base: 'v6.1',
  release: true,
  borrowed: { lapic: "the local APICs are v6.12's (DV-662)" },
  patches: [
    {
      subject: 'kernel/sched.c, kernel/sched_fair.c as of v2.6.38',
      // with one parameter less in C; v6.1's name and parameters stand for it
      removes: ['pick_next_entity', ...withoutYieldTo],
      knobs: { sched_compat_yield: pick.compat_yield },
      sched_feat: {
        WAKEUP_PREEMPTION: null,
        WAKEUP_PREEMPT: true,
        ALT_PERIOD: null,
        BASE_SLICE: null,
        SIS_PROP: null,
        UTIL_EST: null,
        UTIL_EST_FASTUP: null,
        TTWU_QUEUE: null,
        HRTICK_DL: null,
      },
      funcs: {
        scale_load: cfs.scale_load,
        scale_load_down: cfs.scale_load_down,
        __calc_delta: cfs.__calc_delta,
        calc_delta_fair: cfs.calc_delta_fair,
        sched_slice: cfs.sched_slice,
        update_min_vruntime: cfs.update_min_vruntime,
        update_curr: cfs.update_curr,
        place_entity: cfs.place_entity,
        enqueue_entity: cfs.enqueue_entity,
        dequeue_entity: cfs.dequeue_entity,
        enqueue_task_fair: cfs.enqueue_task_fair,
        dequeue_task_fair: cfs.dequeue_task_fair,
        check_preempt_tick: cfs.check_preempt_tick,
        entity_tick: cfs.entity_tick,
        hrtick_start_fair: cfs.hrtick_start_fair,
        init_cfs_rq: cfs.init_cfs_rq,
        alloc_fair_sched_group: cfs.alloc_fair_sched_group,
        init_tg_cfs_entry: cfs.init_tg_cfs_entry,
        sched_group_set_idle: cfs.sched_group_set_idle,
        update_cfs_group: shares.update_cfs_group,
        set_next_entity: pick.set_next_entity,
        pickBesidePrev: pick.pickBesidePrev,
        put_prev_entity: pick.put_prev_entity,
        clear_buddies: pick.clear_buddies,
        set_last_buddy: pick.set_last_buddy,
        set_next_buddy: pick.set_next_buddy,
        check_preempt_wakeup_fair: pick.check_preempt_wakeup_fair,
        yield_task_fair: pick.yield_task_fair,
        yield_to: pick.yield_to,
        ttwu_queue_cond: pick.ttwu_queue_cond,
      },
      adds: {
        pick_next_entity: pick.pick_next_entity,
        update_cfs_load: shares.update_cfs_load,
        update_cfs_rq_load_contribution: shares.update_cfs_rq_load_contribution,
        calc_cfs_shares: shares.calc_cfs_shares,
        update_cfs_shares: shares.update_cfs_shares,
        update_entity_shares_tick: shares.update_entity_shares_tick,
      },
    },
    {
      subject: 'virt/kvm/kvm_main.c, arch/x86/kvm/vmx.c, svm.c as of v2.6.38',
      funcs: {
        kvm_vcpu_on_spin: kvm.kvm_vcpu_on_spin,
        handle_pause: kvm.handle_pause,
        pause_interception: kvm.pause_interception,
        vmx_grow_ple_window: kvm.vmx_grow_ple_window,
        vmx_shrink_ple_window: kvm.vmx_shrink_ple_window,
        svm_grow_ple_window: kvm.svm_grow_ple_window,
        svm_shrink_ple_window: kvm.svm_shrink_ple_window,
        kvm_vcpu_halt: kvm.kvm_vcpu_halt,
        kvm_vcpu_haltOut: kvm.kvm_vcpu_haltOut,
        kvm_vcpu_check_block: kvm.kvm_vcpu_check_block,
        kvm_vcpu_wake_up: kvm.kvm_vcpu_wake_up,
        kvm_sched_in: kvm.kvm_sched_in,
        kvm_sched_out: kvm.kvm_sched_out,
        __do_cpuid_funcKvmFeatures: kvm.__do_cpuid_funcKvmFeatures,
      },
      adds: {
        kvm_vcpu_on_spinSlept: kvm.kvm_vcpu_on_spinSlept,
        hrtimer_wakeup: kvm.hrtimer_wakeup,
        exitHandled: kvm.exitHandled,
      },
    },
  ],
});
