// SPDX-License-Identifier: GPL-2.0-only
/**
 * v6.5 on v6.1: the last release of CFS, and what pvsched v1 was made for. Held against the C code of 6.5.
 *
 * One entry a kernel file, as for v6.1. v6.1 here is 6.1.192: some of this is a fix of 2023 to 2026 that v6.5 does not have yet.
 */
import { sched_ttwu_pending, ttwu_do_wakeup } from '../../sched/core.js';
import { __migrate_task, rq_attach_root, set_rq_offline } from '../../sched/core-hotplug.js';
import { set_load_weight } from '../historic/d32960528702-idle-policy-weight.js';
import { update_tg_cfs_runnable } from '../linux-v6.19-rc1/load.js';
import { defineSeries } from '../series.js';
import type { Adds } from './adds.js';
import * as kvm from './kvm.js';
import * as sched from './sched.js';

export default defineSeries<Adds>({
  id: 'v6.5',
  title: 'Linux v6.5, the last release of CFS',
  base: 'v6.1',
  release: true,
  tree: '6.5.0',
  borrowed: { lapic: "the local APICs are v6.12's (DV-624)" },
  until: 'v6.6-rc1',
  patches: [
    {
      subject: 'kernel/sched/fair.c, idle.c as of v6.5',
      funcs: {
        check_preempt_tick: sched.check_preempt_tick,
        pick_next_task_fair: sched.pick_next_task_fair,
        set_next_task_idle: sched.set_next_task_idle,
        update_tg_cfs_runnable,
      },
    },
    {
      subject: 'kernel/sched/core.c, topology.c as of v6.5',
      removes: ['ttwu_do_wakeup'],
      funcs: {
        update_rq_clock_task: sched.update_rq_clock_task,
        set_load_weight,
        ttwu_do_activate: sched.ttwu_do_activate,
        ttwu_runnable: sched.ttwu_runnable,
        sched_ttwu_pending,
        sched_move_task: sched.sched_move_task,
        __migrate_task,
        set_rq_offline,
        sched_cpu_deactivate: sched.sched_cpu_deactivate,
        rq_attach_root,
      },
      // WHY the cast: to the types a kernel on v6.1 has that release's and the pin's, as overloads
      adds: { ttwu_do_wakeup: ttwu_do_wakeup as unknown as Adds['ttwu_do_wakeup'] },
    },
    {
      subject: 'kernel/sched/rt.c, cpupri.c as of v6.5',
      sched_feat: { RT_PUSH_IPI: true },
      funcs: { rto_next_cpu: sched.rto_next_cpu, __cpupri_find: sched.__cpupri_find },
    },
    {
      subject: 'arch/x86/kvm as of v6.5: into the guest and out of it',
      funcs: {
        vmx_exit_handlers_fastpath: kvm.vmx_exit_handlers_fastpath,
        svm_exit_handlers_fastpath: kvm.svm_exit_handlers_fastpath,
        handle_fastpath_set_msr_irqoff: kvm.handle_fastpath_set_msr_irqoff,
        __kvm_emulate_halt: kvm.__kvm_emulate_halt,
        apic_timer_expired: kvm.apic_timer_expired,
      },
    },
  ],
});
