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
PROBE_MEMBER(cfs_rq_h_nr_delayed, cfs_rq, h_nr_delayed)
PROBE_MEMBER(cfs_rq_sum_w_vruntime, cfs_rq, sum_w_vruntime)
PROBE_MEMBER(cfs_rq_h_nr_delayed, cfs_rq, h_nr_delayed)
PROBE_MEMBER(cfs_rq_sum_weight, cfs_rq, sum_weight)
PROBE_MEMBER(cfs_rq_zero_vruntime, cfs_rq, zero_vruntime)
PROBE_MEMBER(se_sched_delayed, sched_entity, sched_delayed)
PROBE_MEMBER(se_rel_deadline, sched_entity, rel_deadline)
PROBE_MEMBER(se_custom_slice, sched_entity, custom_slice)
PROBE_MEMBER(se_min_slice, sched_entity, min_slice)
PROBE_MEMBER(se_min_vruntime, sched_entity, min_vruntime)
PROBE_MEMBER(se_vprot, sched_entity, vprot)
PROBE_MEMBER(se_h_load, sched_entity, h_load.weight)
PROBE_MEMBER(task_max_allowed_capacity, task_struct, max_allowed_capacity)
PROBE_CALL(cpu_enabled_mask, (void)sizeof(__cpu_enabled_mask))
PROBE_CALL(sched_init_dl_servers, (void)sizeof(&sched_init_dl_servers))
PROBE_CALL(sched_tick, (void)sizeof(&sched_tick))
PROBE_CALL(sched_move_task_autogroup, sched_move_task(p, false))
PROBE_CALL(tg_cfs_rq, (void)sizeof(tg_cfs_rq(p->sched_task_group, 0)))
/* functions that are called singly */
PROBE_CALL(calc_delta_fair, { u64 (*f)(u64, struct sched_entity *) = calc_delta_fair; (void)f; })
PROBE_CALL(__calc_delta, { u64 (*f)(u64, unsigned long, struct load_weight *) = __calc_delta; (void)f; })
PROBE_CALL(avg_vruntime, { u64 (*f)(struct cfs_rq *) = avg_vruntime; (void)f; })
PROBE_CALL(vruntime_eligible, { int (*f)(struct cfs_rq *, u64) = vruntime_eligible; (void)f; })
PROBE_CALL(entity_eligible, { int (*f)(struct cfs_rq *, struct sched_entity *) = entity_eligible; (void)f; })
PROBE_CALL(entity_lag, { s64 (*f)(u64, struct sched_entity *) = entity_lag; (void)f; })
PROBE_CALL(update_deadline, (void)update_deadline(c, s))
PROBE_CALL(place_entity, { void (*f)(struct cfs_rq *, struct sched_entity *, int) = place_entity; (void)f; })
PROBE_CALL(reweight_entity, { void (*f)(struct cfs_rq *, struct sched_entity *, unsigned long) = reweight_entity; (void)f; })
PROBE_CALL(reweight_eevdf, reweight_eevdf(s, 1ULL, 1UL))
PROBE_CALL(update_entity_lag, update_entity_lag(c, s))
PROBE_MEMBER(clock_base_get_time, hrtimer_clock_base, get_time)
PROBE_MEMBER(hrtimer_state, hrtimer, state)
PROBE_CALL(hrtimer_init, (void)sizeof(&hrtimer_init))
PROBE_CALL(hrtimer_setup, (void)sizeof(&hrtimer_setup))
PROBE_MEMBER(rq_fair_server, rq, fair_server)
PROBE_CALL(sd_share_id, (void)sizeof(per_cpu(sd_share_id, 0)))
PROBE_CALL(SD_SHARE_LLC, (void)SD_SHARE_LLC)
PROBE_CALL(schedstat, (void)sizeof(&force_schedstat_enabled))
