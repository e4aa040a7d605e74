// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched_fair.c (v2.6.38): what of its group's shares a CPU gets.
 *
 *   shares = tg.shares * load / (tg.load_weight - contribution + load), between MIN_SHARES and tg.shares
 *
 * load is the weight queued here now; a queue's contribution to tg.load_weight is its load averaged over some 10 ms, refreshed when
 * it has moved by more than an eighth.
 */
import {
  add,
  div,
  gt,
  mul,
  ONE,
  S64_ZERO,
  s64,
  s64_add,
  s64_diff,
  s64_div,
  s64_gt,
  s64_lt,
  s64_mul,
  s64_neg,
  s64_sub,
  shr,
  sub,
  to_s32,
  to_s64,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import { type cfs_rq, MIN_SHARES, NULL, type sched_entity, type task_group } from '../../sched/sched.js';
import type { vmlinux_2_6_38 } from './adds.js';

/** ns: sysctl_sched_shares_window */
const sysctl_sched_shares_window: u64 = u64(10_000_000);

/** kernel/sched_fair.c: update_cfs_rq_load_contribution() */
export function update_cfs_rq_load_contribution(this: vmlinux_2_6_38, cfs_rq: cfs_rq, global_update: number): void {
  const tg = this.m.task_group[cfs_rq.tg];
  const contribution = cfs_rq.load_contribution!;
  const load_avg = s64_diff(div(cfs_rq.load_avg!, add(cfs_rq.load_period!, ONE)), contribution);
  const abs = to_u64(s64_lt(load_avg, S64_ZERO) ? s64_neg(load_avg) : load_avg);

  if (!global_update && !gt(abs, shr(contribution, 3))) return;
  tg.load_weight = to_s32(s64_add(s64(tg.load_weight ?? 0), load_avg));
  cfs_rq.load_contribution = add(contribution, to_u64(load_avg));
}

/** kernel/sched_fair.c: update_cfs_load() */
export function update_cfs_load(this: vmlinux_2_6_38, cfs_rq: cfs_rq, global_update: number): void {
  const period = sysctl_sched_shares_window;
  const load = cfs_rq.load.weight;
  if (cfs_rq.tg === 0) return;

  const now = this.rq_clock_task(this.rq_of(cfs_rq));
  let delta = sub(now, cfs_rq.load_stamp!);

  // four idle windows end what is known of the load
  if (gt(cfs_rq.load_stamp!, cfs_rq.load_last!) && gt(sub(now, cfs_rq.load_last!), mul(u64(4), period))) {
    cfs_rq.load_period = ZERO;
    cfs_rq.load_avg = ZERO;
    delta = sub(period, ONE);
  }

  cfs_rq.load_stamp = now;
  cfs_rq.load_unacc_exec_time = ZERO;
  cfs_rq.load_period = add(cfs_rq.load_period!, delta);
  if (load !== ZERO) {
    cfs_rq.load_last = now;
    cfs_rq.load_avg = add(cfs_rq.load_avg!, mul(delta, load));
  }

  if (global_update || gt(cfs_rq.load_period, period) || cfs_rq.load_period === ZERO) {
    this.update_cfs_rq_load_contribution(cfs_rq, global_update);
  }

  while (gt(cfs_rq.load_period, period)) {
    cfs_rq.load_period = shr(cfs_rq.load_period, 1);
    cfs_rq.load_avg = shr(cfs_rq.load_avg!, 1);
  }
}

/** kernel/sched_fair.c: calc_cfs_shares() */
export function calc_cfs_shares(this: vmlinux_2_6_38, cfs_rq: cfs_rq, tg: task_group): s64 {
  const load = to_s64(cfs_rq.load.weight);
  const most = to_s64(tg.shares);
  const load_weight = s64_sub(s64_add(s64(tg.load_weight ?? 0), load), to_s64(cfs_rq.load_contribution!));

  let shares = s64_mul(most, load);
  if (load_weight !== S64_ZERO) shares = s64_div(shares, load_weight);

  if (s64_lt(shares, to_s64(MIN_SHARES))) shares = to_s64(MIN_SHARES);
  return s64_gt(shares, most) ? most : shares;
}

/** kernel/sched_fair.c: update_cfs_shares(): the weight of the group's entity above this queue. */
export function update_cfs_shares(this: vmlinux_2_6_38, cfs_rq: cfs_rq): void {
  const tg = this.m.task_group[cfs_rq.tg];
  const se = tg.se[this.cpu_of(this.rq_of(cfs_rq))];
  if (se === NULL) return;
  const entity = this.m.se[se];
  this.reweight_entity(this.cfs_rq_of(entity), entity, to_u64(this.calc_cfs_shares(cfs_rq, tg)));
}

/** kernel/sched_fair.c: update_entity_shares_tick(): for what runs long without coming or going. */
export function update_entity_shares_tick(this: vmlinux_2_6_38, cfs_rq: cfs_rq): void {
  if (!gt(cfs_rq.load_unacc_exec_time!, sysctl_sched_shares_window)) return;
  this.update_cfs_load(cfs_rq, 0);
  this.update_cfs_shares(cfs_rq);
}

/** kernel/sched/fair.c: update_cfs_group(), of which 2.6.38 knows the loop in sched_group_set_shares(). */
export function update_cfs_group(this: vmlinux_2_6_38, se: sched_entity): void {
  const gcfs_rq = this.group_cfs_rq(se);
  if (gcfs_rq !== null) this.update_cfs_shares(gcfs_rq);
}
