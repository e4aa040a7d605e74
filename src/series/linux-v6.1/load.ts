// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.1): weights, load tracking and the choice of a CPU, as far as they differ from the pin. Held against the
 * C code of 6.1.192, but for util_est, which nothing reads that is modelled.
 */
import { div_u64 } from '../../lib/math64.js';
import {
  add,
  type bool,
  div,
  gt,
  lt,
  mul,
  ONE,
  S64_ZERO,
  s64_add,
  s64_diff,
  s64_div,
  s64_gt,
  s64_lt,
  s64_neg,
  s64_sub,
  shr,
  to_s64,
  to_u32,
  to_u64,
  type u32,
  u64,
  ZERO,
} from '../../lib/types.js';
import { S64_TWO, UTIL_EST_MARGIN, UTIL_EST_WEIGHT_SHIFT } from '../../sched/fair.js';
import { UTIL_AVG_UNCHANGED } from '../../sched/pelt.js';
import type { cfs_rq, sched_entity, task_struct } from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/** kernel/sched/fair.c: init_entity_runnable_average() */
export function init_entity_runnable_average(this: vmlinux_6_1, se: sched_entity): void {
  const sa = se.avg;
  sa.last_update_time = ZERO;
  sa.load_sum = ZERO;
  sa.runnable_sum = ZERO;
  sa.util_sum = 0;
  sa.period_contrib = 0;
  sa.load_avg = this.entity_is_task(se) ? this.scale_load_down(se.load.weight) : ZERO;
  sa.runnable_avg = ZERO;
  sa.util_avg = ZERO;
  sa.util_est = 0;
  sa.util_est_ewma = 0;
}

/** kernel/sched/fair.c: post_init_entity_util_avg(). WHY weight unscaled: Linux multiplied by it so until v6.11. */
export function post_init_entity_util_avg(this: vmlinux_6_1, p: task_struct): void {
  const se = this.m.se[p.se];
  const cfs_rq = this.cfs_rq_of(se);
  const sa = se.avg;
  const cpu_scale = to_s64(this.topology_get_cpu_scale(this.cpu_of(this.rq_of(cfs_rq))));
  const cap = s64_div(s64_sub(cpu_scale, to_s64(cfs_rq.avg.util_avg)), S64_TWO);

  if (p.sched_class !== 'fair_sched_class') {
    se.avg.last_update_time = this.cfs_rq_clock_pelt(cfs_rq);
    return;
  }

  if (s64_gt(cap, S64_ZERO)) {
    if (cfs_rq.avg.util_avg !== ZERO) {
      sa.util_avg = mul(cfs_rq.avg.util_avg, se.load.weight);
      sa.util_avg = div(sa.util_avg, add(cfs_rq.avg.load_avg, ONE));
      if (gt(sa.util_avg, to_u64(cap))) sa.util_avg = to_u64(cap);
    } else {
      sa.util_avg = to_u64(cap);
    }
  }
  sa.runnable_avg = sa.util_avg;
}

/** kernel/sched/fair.c: reweight_entity(): its place stays, whatever the weight. */
export function reweight_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, se: sched_entity, weight: u64): void {
  if (se.on_rq) {
    // what it ran until now is charged at the old weight
    if (cfs_rq.curr === se.id) this.update_curr(cfs_rq);
    this.update_load_sub(cfs_rq.load, se.load.weight);
  }
  this.dequeue_load_avg(cfs_rq, se);

  this.update_load_set(se.load, weight);

  const divider = this.get_pelt_divider(se.avg);
  se.avg.load_avg = div_u64(mul(to_u64(this.se_weight(se)), se.avg.load_sum), divider);

  this.enqueue_load_avg(cfs_rq, se);
  if (se.on_rq) this.update_load_add(cfs_rq.load, se.load.weight);
}

/** kernel/sched/fair.c: update_cfs_group(): an empty group, too, and where the weight stays. */
export function update_cfs_group(this: vmlinux_6_1, se: sched_entity): void {
  const gcfs_rq = this.group_cfs_rq(se);
  if (gcfs_rq === null) return;
  if (this.throttled_hierarchy(gcfs_rq)) return;
  this.reweight_entity(this.cfs_rq_of(se), se, to_u64(this.calc_group_shares(gcfs_rq)));
}

/** kernel/sched/fair.c: update_tg_load_avg(): for a change of 1/64, as often as that happens. */
export function update_tg_load_avg(this: vmlinux_6_1, cfs_rq: cfs_rq): void {
  const delta = s64_diff(cfs_rq.avg.load_avg, cfs_rq.tg_load_avg_contrib);
  if (cfs_rq.tg === 0) return;

  const abs = s64_lt(delta, S64_ZERO) ? s64_neg(delta) : delta;
  if (gt(to_u64(abs), shr(cfs_rq.tg_load_avg_contrib, 6))) {
    const tg = this.m.task_group[cfs_rq.tg];
    tg.load_avg = s64_add(tg.load_avg, delta);
    cfs_rq.tg_load_avg_contrib = cfs_rq.avg.load_avg;
  }
}

/** kernel/sched/fair.c: _task_util_est() */
export function _task_util_est(this: vmlinux_6_1, p: task_struct): u32 {
  const { util_est, util_est_ewma = 0 } = this.m.se[p.se].avg;
  return Math.max(util_est_ewma, (util_est & ~UTIL_AVG_UNCHANGED) >>> 0);
}

/** kernel/sched/fair.c: within_margin(): whether -margin < value < margin. */
export function within_margin(this: vmlinux_6_1, value: number, margin: number): bool {
  return (value + margin - 1) >>> 0 < 2 * margin - 1;
}

/** kernel/sched/fair.c: util_est_update() */
export function util_est_update(this: vmlinux_6_1, cfs_rq: cfs_rq, p: task_struct, task_sleep: bool): void {
  const { sched_feat } = this.m;
  if (!sched_feat.UTIL_EST) return;
  if (!task_sleep) return;

  const sa = this.m.se[p.se].avg;
  let enqueued = sa.util_est;
  let ewma = sa.util_est_ewma ?? 0;
  // nothing was tracked since the last activation
  if (enqueued & UTIL_AVG_UNCHANGED) return;

  let last_enqueued_diff = enqueued;
  enqueued = to_u32(this.task_util(p));

  if (!(sched_feat.UTIL_EST_FASTUP && ewma < enqueued)) {
    const last_ewma_diff = (enqueued - ewma) | 0;
    last_enqueued_diff -= enqueued;
    if (this.within_margin(last_ewma_diff, UTIL_EST_MARGIN)) {
      if (this.within_margin(last_enqueued_diff, UTIL_EST_MARGIN)) return;
    } else {
      if (gt(this.task_util(p), this.topology_get_cpu_scale(this.cpu_of(this.rq_of(cfs_rq))))) return;
      ewma = (ewma << UTIL_EST_WEIGHT_SHIFT) >>> 0;
      ewma = (ewma + last_ewma_diff) >>> 0;
      ewma >>>= UTIL_EST_WEIGHT_SHIFT;
    }
  } else {
    // up at once, down slowly
    ewma = enqueued;
  }

  sa.util_est = (enqueued | UTIL_AVG_UNCHANGED) >>> 0;
  sa.util_est_ewma = ewma;
}

/* ---- the choice of a CPU ---- */

/** kernel/sched/fair.c: wake_affine_idle(): nr_cpumask_bits (here the number of CPUs) for no preference. */
export function wake_affine_idle(this: vmlinux_6_1, this_cpu: number, prev_cpu: number, sync: bool): number {
  if (this.available_idle_cpu(this_cpu) && this.cpus_share_cache(this_cpu, prev_cpu)) {
    return this.available_idle_cpu(prev_cpu) ? prev_cpu : this_cpu;
  }
  if (sync && this.cpu_rq(this_cpu).nr_running === 1) return this_cpu;
  if (this.available_idle_cpu(prev_cpu)) return prev_cpu;
  return this.m.rq.length;
}

/** INT_MAX: no bound */
const EVERY_CPU = 0x7fff_ffff;

/**
 * kernel/sched/fair.c: select_idle_cpu(): with SIS_PROP it looks at the fewer CPUs the shorter this one has been idle.
 *
 * MODEL: no time passes in a scan, so the average cost of one stays 0. DEVIATION DV-021, as at the pin.
 */
export function select_idle_cpu(this: vmlinux_6_1, p: task_struct, span: readonly number[], target: number): number {
  const { m } = this;
  let nr = EVERY_CPU;

  if (m.sched_feat.SIS_PROP) {
    if (m.sd_llc[m.cpu].length === 0) return -1;
    const span_avg = mul(u64(span.length), this.wakeAvgIdle());
    nr = gt(span_avg, u64(4)) ? to_u32(span_avg) | 0 : 4;
  }

  const from = span.findIndex((cpu) => cpu >= target + 1);
  for (let i = 0; i < span.length; i++) {
    const cpu = span[(Math.max(from, 0) + i) % span.length];
    if (!p.cpus_ptr.includes(cpu)) continue;
    nr = (nr - 1) | 0;
    if (nr === 0) return -1;
    const idle_cpu = this.__select_idle_cpu(cpu, p);
    if (idle_cpu >= 0) return idle_cpu;
  }
  return -1;
}

/** The part of select_idle_cpu() that ages this_rq->wake_avg_idle, halved for each jiffy since it woke from idle. */
export function wakeAvgIdle(this: vmlinux_6_1): u64 {
  const this_rq = this.this_rq();
  const now = this.get_jiffies_64();
  let stamp = this_rq.wake_stamp ?? ZERO;
  let avg_idle = this_rq.wake_avg_idle ?? ZERO;
  while (lt(stamp, now) && avg_idle !== ZERO) {
    stamp = add(stamp, ONE);
    avg_idle = shr(avg_idle, 1);
  }
  this_rq.wake_stamp = stamp;
  this_rq.wake_avg_idle = avg_idle;
  return avg_idle;
}
