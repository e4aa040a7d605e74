// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.19-rc1): load tracking, as far as it differs from the pin. Held against the C code of
 * v6.19.
 */
import {
  add,
  type bool,
  gt,
  lt,
  mul,
  S64_ZERO,
  type s64,
  s64_diff,
  s64_lt,
  to_u32,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import { PELT_MIN_DIVIDER_U64, UTIL_EST_MARGIN, UTIL_EST_WEIGHT_SHIFT } from '../../sched/fair.js';
import { UTIL_AVG_UNCHANGED } from '../../sched/pelt.js';
import { type cfs_rq, DEQUEUE_SLEEP, type rq, type sched_entity, type task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { vmlinux_6_19 } from './adds.js';

/** value + delta, and 0 when it falls below 0 */
function add_positive(value: u64, delta: s64): u64 {
  const res = add(value, to_u64(delta));
  return s64_lt(delta, S64_ZERO) && gt(res, value) ? ZERO : res;
}

/** kernel/sched/fair.c: util_est_update(): also when utilization is above the CPU's capacity. */
export function util_est_update(this: vmlinux_6_19, _cfs_rq: cfs_rq, p: task_struct, task_sleep: bool): void {
  if (!this.m.sched_feat.UTIL_EST) return;
  if (!task_sleep) return;

  const sa = this.m.se[p.se].avg;
  let ewma = sa.util_est;
  if ((ewma & UTIL_AVG_UNCHANGED) !== 0) return;

  const dequeued = to_u32(this.task_util(p));
  if (ewma <= dequeued) {
    ewma = dequeued;
  } else {
    const last_ewma_diff = (ewma - dequeued) >>> 0;
    if (last_ewma_diff >= UTIL_EST_MARGIN && !lt(u64((dequeued + UTIL_EST_MARGIN) >>> 0), this.task_runnable(p))) {
      ewma = (ewma << UTIL_EST_WEIGHT_SHIFT) >>> 0;
      ewma = (ewma - last_ewma_diff) >>> 0;
      ewma >>>= UTIL_EST_WEIGHT_SHIFT;
    }
  }
  sa.util_est = (ewma | UTIL_AVG_UNCHANGED) >>> 0;
}

/** kernel/sched/fair.c: dequeue_task_fair(): a delayed task's estimate was taken off when it went to sleep. */
export function dequeue_task_fair(this: vmlinux_6_19, rq: rq, p: task_struct, flags: number): bool {
  const root = this.m.cfs_rq[rq.cfs];
  const se = this.m.se[p.se];
  if (se.sched_delayed === 0) this.util_est_dequeue(root, p);

  this.util_est_update(root, p, (flags & DEQUEUE_SLEEP) !== 0);
  if (this.dequeue_entities(rq, se, flags) < 0) return false;

  this.hrtick_update(rq);
  return true;
}

/**
 * kernel/sched/fair.c: update_tg_cfs_runnable(): the new sum is a u32 here, and a great average overflows it.
 */
export function update_tg_cfs_runnable(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, gcfs_rq: cfs_rq): void {
  const delta_avg = s64_diff(gcfs_rq.avg.runnable_avg, se.avg.runnable_avg);
  if (delta_avg === S64_ZERO) return;

  const divider = this.get_pelt_divider(cfs_rq.avg);
  se.avg.runnable_avg = gcfs_rq.avg.runnable_avg;
  const new_sum = u64(to_u32(mul(se.avg.runnable_avg, u64(divider))));
  const delta_sum = s64_diff(new_sum, se.avg.runnable_sum);
  se.avg.runnable_sum = new_sum;

  const avg = cfs_rq.avg;
  avg.runnable_avg = add_positive(avg.runnable_avg, delta_avg);
  avg.runnable_sum = add_positive(avg.runnable_sum, delta_sum);
  avg.runnable_sum = u64(Math.max(to_u32(avg.runnable_sum), to_u32(mul(avg.runnable_avg, PELT_MIN_DIVIDER_U64))));
}
