// SPDX-License-Identifier: GPL-2.0-only
/** The pin's functions that v6.1 lacks: EEVDF, delayed dequeue, slices of one's own, the fair server. */
import type { kernel_functions } from '../../vmlinux/vmlinux.js';
import type { kernel_functions_x86 } from '../../vmlinux/vmlinux-x86.js';

/** kernel/sched/fair.c, v6.6 on: "sched/fair: Implement an EEVDF-like scheduling policy" (147f3efaa241) and its set */
export const eevdf = [
  'entity_key',
  'avg_vruntime_add',
  'avg_vruntime_sub',
  'update_zero_vruntime',
  'avg_vruntime',
  'entity_lag',
  'update_entity_lag',
  'vruntime_eligible',
  'entity_eligible',
  'cfs_rq_min_slice',
  '__min_vruntime_update',
  '__min_slice_update',
  'min_vruntime_update',
  '__pick_root_entity',
  'set_protect_slice',
  'protect_slice',
  'cancel_protect_slice',
  'pick_eevdf',
  'update_deadline',
  'did_preempt_short',
  'do_preempt_short',
  'reweight_eevdf',
] as const satisfies readonly (keyof kernel_functions)[];

/** kernel/sched/fair.c, core.c, v6.12: "sched/fair: Implement delayed dequeue" (152e11f6df29) */
export const delayed = [
  'set_delayed',
  'clear_delayed',
  'finish_delayed_dequeue_entity',
  'requeue_delayed_entity',
  'dequeue_entities',
  'cfs_h_nr_delayed',
  'block_task',
  'try_to_block_task',
  '__block_task',
] as const satisfies readonly (keyof kernel_functions)[];

/** kernel/sched/fair.c, deadline.c, v6.8 and v6.12: the deadline server (63ba8422f876, 557a6bfc662c) */
export const server = [
  'fair_server_pick_task',
  'fair_server_init',
  'dl_server',
  'dl_server_active',
  'dl_server_init',
  'dl_server_start',
  'dl_server_stop',
  'dl_server_update',
  'dl_server_update_idle_time',
  'dl_server_apply_params',
  'dl_server_timer',
] as const satisfies readonly (keyof kernel_functions)[];

/** kernel/sched/deadline.c: v6.1 has them for SCHED_DEADLINE tasks, which are not modelled; the pin's are for the server alone */
export const deadline = [
  'rq_of_dl_se',
  'on_dl_rq',
  'inc_dl_tasks',
  'dec_dl_tasks',
  'inc_dl_deadline',
  'dec_dl_deadline',
  'replenish_dl_new_period',
  'setup_new_dl_entity',
  'dl_entity_overflow',
  'replenish_dl_entity',
  'update_dl_revised_wakeup',
  'dl_is_implicit',
  'update_dl_entity',
  'dl_next_period',
  'start_dl_timer',
  'dl_task_timer',
  'dl_runtime_exceeded',
  'update_curr_dl_se',
  'throttleDlEntity',
  '__enqueue_dl_entity',
  '__dequeue_dl_entity',
  'enqueue_dl_entity',
  'dequeue_dl_entity',
  '__pick_task_dl',
  'init_dl_entity',
  '__dl_clear_params',
] as const satisfies readonly (keyof kernel_functions)[];

/** kernel/sched/core.c, fair.c, sched.h: made of what v6.1 does in one function */
export const split = [
  'update_curr_se',
  'update_curr_task',
  'update_curr_common',
  '__set_next_task_fair',
  '__put_prev_set_next_dl_server',
  'put_prev_set_next_task',
  'check_class_changing',
  'sched_set_rq_online',
  'sched_set_rq_offline',
  'clear_tg_offline_cfs_rqs',
] as const satisfies readonly (keyof kernel_functions)[];

/** virt/kvm, arch/x86/kvm: v6.9, "KVM: Add dedicated arch hook for querying if vCPU was preempted in-kernel" (77bcd9e6231a) */
export const kvm = ['kvm_arch_vcpu_preempted_in_kernel'] as const satisfies readonly (keyof kernel_functions_x86)[];

/** The same name with other parameters. */
export const changed = [
  'pick_next_entity',
  'pick_next_task_fair',
  'ttwu_do_wakeup',
] as const satisfies readonly (keyof kernel_functions)[];
