/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this tree has. Compiled for its errors alone: a line that does not compile is something the tree lacks.
 * The build reads the line's name and writes native-probe.h.
 */
#include "kernel/sched/fair.c"
#define PROBE_MEMBER(name, type, member) unsigned long native_probe_##name = __builtin_offsetof(struct type, member);
#define PROBE_CALL(name, ...) void native_probe_##name(struct task_struct *p, struct sched_entity *s, struct cfs_rq *c) { __VA_ARGS__; }
PROBE_MEMBER(cfs_rq_nr_queued, cfs_rq, nr_queued)
PROBE_MEMBER(cfs_rq_h_nr_queued, cfs_rq, h_nr_queued)
PROBE_MEMBER(cfs_rq_h_nr_runnable, cfs_rq, h_nr_runnable)
PROBE_MEMBER(cfs_rq_sum_w_vruntime, cfs_rq, sum_w_vruntime)
PROBE_MEMBER(cfs_rq_sum_weight, cfs_rq, sum_weight)
PROBE_MEMBER(cfs_rq_zero_vruntime, cfs_rq, zero_vruntime)
PROBE_MEMBER(se_sched_delayed, sched_entity, sched_delayed)
PROBE_MEMBER(se_rel_deadline, sched_entity, rel_deadline)
PROBE_MEMBER(se_custom_slice, sched_entity, custom_slice)
PROBE_MEMBER(se_min_slice, sched_entity, min_slice)
PROBE_MEMBER(se_min_vruntime, sched_entity, min_vruntime)
PROBE_MEMBER(se_vprot, sched_entity, vprot)
PROBE_MEMBER(task_max_allowed_capacity, task_struct, max_allowed_capacity)
PROBE_CALL(cpu_enabled_mask, (void)sizeof(__cpu_enabled_mask))
PROBE_CALL(sched_tick, (void)sizeof(&sched_tick))
PROBE_CALL(sched_move_task_autogroup, sched_move_task(p, false))
PROBE_CALL(tg_cfs_rq, (void)sizeof(tg_cfs_rq(p->sched_task_group, 0)))
PROBE_CALL(entity_lag_avruntime, { s64 (*f)(u64, struct sched_entity *) = entity_lag; (void)f; })
PROBE_CALL(reweight_eevdf_avruntime, reweight_eevdf(s, 1ULL, 1UL))
PROBE_MEMBER(clock_base_get_time, hrtimer_clock_base, get_time)
PROBE_MEMBER(hrtimer_state, hrtimer, state)
PROBE_CALL(hrtimer_setup, (void)sizeof(&hrtimer_setup))
PROBE_MEMBER(rq_fair_server, rq, fair_server)
