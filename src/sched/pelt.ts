// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/pelt.c, pelt.h (6.12.117): per-entity load tracking.
 *
 * Mirrored: the sums and averages of entities, of fair queues, of the rt and dl classes, and the PELT clock.
 * MODEL: no irq and hardware pressure averages (no IRQ_TIME_ACCOUNTING, no arch_scale_hw_pressure()).
 *
 *   sum' = sum * y^periods + contribution,  y^32 = 1/2,  a period is 1024 * 1024 ns
 *   avg  = weight * sum / divider           divider = LOAD_AVG_MAX - 1024 + period_contrib
 */
import { div_u64 } from '../lib/math64.js';
import {
  add,
  gt,
  mul,
  mul_u64_u32_shr,
  ONE,
  rem,
  S64_ZERO,
  type s64,
  s64_diff,
  s64_lt,
  shl,
  shr,
  sub,
  to_s64,
  to_u32,
  to_u64,
  type u32,
  u64,
  ZERO,
} from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import {
  type cfs_rq,
  NULL,
  type rq,
  SCHED_CAPACITY_SCALE,
  SCHED_CAPACITY_SHIFT,
  type sched_avg,
  type sched_entity,
} from './sched.js';

export const LOAD_AVG_PERIOD = 32;
export const LOAD_AVG_MAX = 47742;
export const PELT_MIN_DIVIDER = LOAD_AVG_MAX - 1024;
export const UTIL_AVG_UNCHANGED = 0x8000_0000;

/** kernel/sched/sched-pelt.h: floor(2^32 * y^n), the first rounded down to fit. */
const runnable_avg_yN_inv: readonly u32[] = [
  0xffffffff, 0xfa83b2da, 0xf5257d14, 0xefe4b99a, 0xeac0c6e6, 0xe5b906e6, 0xe0ccdeeb, 0xdbfbb796, 0xd744fcc9,
  0xd2a81d91, 0xce248c14, 0xc9b9bd85, 0xc5672a10, 0xc12c4cc9, 0xbd08a39e, 0xb8fbaf46, 0xb504f333, 0xb123f581,
  0xad583ee9, 0xa9a15ab4, 0xa5fed6a9, 0xa2704302, 0x9ef5325f, 0x9b8d39b9, 0x9837f050, 0x94f4efa8, 0x91c3d373,
  0x8ea4398a, 0x8b95c1e3, 0x88980e80, 0x85aac367, 0x82cd8698,
];
const LOAD_AVG_MAX_U64 = u64(LOAD_AVG_MAX);
const PERIOD = u64(1024);
const FORGOTTEN = u64(LOAD_AVG_PERIOD * 63);

/** kernel/sched/pelt.c: decay_load(): val * y^n */
export function decay_load(this: vmlinux, val: u64, n: u64): u64 {
  if (gt(n, FORGOTTEN)) return ZERO;
  let local_n = to_u32(n);
  if (local_n >= LOAD_AVG_PERIOD) {
    val = shr(val, Math.floor(local_n / LOAD_AVG_PERIOD));
    local_n %= LOAD_AVG_PERIOD;
  }
  return mul_u64_u32_shr(val, runnable_avg_yN_inv[local_n], 32);
}

/** kernel/sched/pelt.c: __accumulate_pelt_segments(): rest of the oldest period, whole periods, the newest part. */
export function __accumulate_pelt_segments(this: vmlinux, periods: u64, d1: u32, d3: u32): u32 {
  const c1 = to_u32(this.decay_load(u64(d1), periods));
  const c2 = to_u32(sub(sub(LOAD_AVG_MAX_U64, this.decay_load(LOAD_AVG_MAX_U64, periods)), PERIOD));
  return (c1 + c2 + d3) >>> 0;
}

/** kernel/sched/pelt.c: accumulate_sum() */
export function accumulate_sum(
  this: vmlinux,
  delta: u64,
  sa: sched_avg,
  load: u64,
  runnable: u64,
  running: number,
): u32 {
  let contrib = to_u32(delta);
  delta = add(delta, u64(sa.period_contrib));
  const periods = shr(delta, 10);
  if (periods !== ZERO) {
    sa.load_sum = this.decay_load(sa.load_sum, periods);
    sa.runnable_sum = this.decay_load(sa.runnable_sum, periods);
    sa.util_sum = to_u32(this.decay_load(u64(sa.util_sum), periods));
    delta = rem(delta, PERIOD);
    if (load !== ZERO) {
      contrib = this.__accumulate_pelt_segments(periods, (1024 - sa.period_contrib) >>> 0, to_u32(delta));
    }
  }
  sa.period_contrib = to_u32(delta);
  if (load !== ZERO) sa.load_sum = add(sa.load_sum, mul(load, u64(contrib)));
  if (runnable !== ZERO) {
    sa.runnable_sum = add(sa.runnable_sum, shl(mul(runnable, u64(contrib)), SCHED_CAPACITY_SHIFT));
  }
  if (running) sa.util_sum = (sa.util_sum + ((contrib << SCHED_CAPACITY_SHIFT) >>> 0)) >>> 0;
  return to_u32(periods);
}

/** kernel/sched/pelt.c: ___update_load_sum() */
export function ___update_load_sum(
  this: vmlinux,
  now: u64,
  sa: sched_avg,
  load: u64,
  runnable: u64,
  running: number,
): number {
  let delta = sub(now, sa.last_update_time);
  if (s64_lt(s64_diff(now, sa.last_update_time), S64_ZERO)) {
    sa.last_update_time = now;
    return 0;
  }
  delta = shr(delta, 10);
  if (delta === ZERO) return 0;
  sa.last_update_time = add(sa.last_update_time, shl(delta, 10));
  if (load === ZERO) {
    running = 0;
    runnable = ZERO;
  }
  return this.accumulate_sum(delta, sa, load, runnable, running) !== 0 ? 1 : 0;
}

/** kernel/sched/pelt.c: ___update_load_avg() */
export function ___update_load_avg(this: vmlinux, sa: sched_avg, load: u64): void {
  const divider = this.get_pelt_divider(sa);
  sa.load_avg = div_u64(mul(load, sa.load_sum), divider);
  sa.runnable_avg = div_u64(sa.runnable_sum, divider);
  sa.util_avg = u64(Math.floor(sa.util_sum / divider));
}

/** kernel/sched/pelt.c: __update_load_avg_blocked_se() */
export function __update_load_avg_blocked_se(this: vmlinux, now: u64, se: sched_entity): number {
  if (this.___update_load_sum(now, se.avg, ZERO, ZERO, 0)) {
    this.___update_load_avg(se.avg, to_u64(this.se_weight(se)));
    return 1;
  }
  return 0;
}

/** kernel/sched/pelt.c: __update_load_avg_se() */
export function __update_load_avg_se(this: vmlinux, now: u64, cfs_rq: cfs_rq, se: sched_entity): number {
  const load = se.on_rq !== 0 ? ONE : ZERO;
  const running = cfs_rq.curr === se.id ? 1 : 0;
  if (this.___update_load_sum(now, se.avg, load, to_u64(this.se_runnable(se)), running)) {
    this.___update_load_avg(se.avg, to_u64(this.se_weight(se)));
    this.cfs_se_util_change(se.avg);
    return 1;
  }
  return 0;
}

/** kernel/sched/pelt.c: __update_load_avg_cfs_rq() */
export function __update_load_avg_cfs_rq(this: vmlinux, now: u64, cfs_rq: cfs_rq): number {
  const load = this.scale_load_down(cfs_rq.load.weight);
  const runnable = u64((cfs_rq.h_nr_queued - cfs_rq.h_nr_delayed) >>> 0);
  if (this.___update_load_sum(now, cfs_rq.avg, load, runnable, cfs_rq.curr !== NULL ? 1 : 0)) {
    this.___update_load_avg(cfs_rq.avg, ONE);
    return 1;
  }
  return 0;
}

/** kernel/sched/pelt.c: update_rt_rq_load_avg() */
export function update_rt_rq_load_avg(this: vmlinux, now: u64, rq: rq, running: number): number {
  const load = running ? ONE : ZERO;
  if (this.___update_load_sum(now, rq.avg_rt, load, load, running)) {
    this.___update_load_avg(rq.avg_rt, ONE);
    return 1;
  }
  return 0;
}

/** kernel/sched/pelt.c: update_dl_rq_load_avg() */
export function update_dl_rq_load_avg(this: vmlinux, now: u64, rq: rq, running: number): number {
  const load = running ? ONE : ZERO;
  if (this.___update_load_sum(now, rq.avg_dl, load, load, running)) {
    this.___update_load_avg(rq.avg_dl, ONE);
    return 1;
  }
  return 0;
}

/** kernel/sched/pelt.h: get_pelt_divider() */
export function get_pelt_divider(this: vmlinux, avg: sched_avg): u32 {
  return (PELT_MIN_DIVIDER + avg.period_contrib) >>> 0;
}

/** kernel/sched/pelt.h: cfs_se_util_change() */
export function cfs_se_util_change(this: vmlinux, avg: sched_avg): void {
  if (!this.m.sched_feat.UTIL_EST) return;
  if ((avg.util_est & UTIL_AVG_UNCHANGED) === 0) return;
  avg.util_est = (avg.util_est & ~UTIL_AVG_UNCHANGED) >>> 0;
}

/** kernel/sched/pelt.h: rq_clock_pelt() */
export function rq_clock_pelt(this: vmlinux, rq: rq): u64 {
  this.assert_clock_updated(rq);
  return sub(rq.clock_pelt, rq.lost_idle_time);
}

/** kernel/sched/pelt.h: _update_idle_rq_clock_pelt() */
export function _update_idle_rq_clock_pelt(this: vmlinux, rq: rq): void {
  rq.clock_pelt = this.rq_clock_task(rq);
  rq.clock_idle = this.rq_clock(rq);
  rq.clock_pelt_idle = this.rq_clock_pelt(rq);
}

/** include/linux/arch_topology.h: topology_get_cpu_scale(): arch_scale_cpu_capacity(). MODEL: all CPUs are alike. */
export function topology_get_cpu_scale(this: vmlinux, _cpu: number): u64 {
  return SCHED_CAPACITY_SCALE;
}

/** kernel/sched/sched.h: arch_scale_freq_capacity() */
export function arch_scale_freq_capacity(this: vmlinux, _cpu: number): u64 {
  return SCHED_CAPACITY_SCALE;
}

/** kernel/sched/sched.h: cap_scale(). WHY a logical shift: the capacity is an unsigned long, so the product is one too. */
export function cap_scale(this: vmlinux, v: s64, s: u64): s64 {
  return to_s64(shr(mul(to_u64(v), s), SCHED_CAPACITY_SHIFT));
}

/** kernel/sched/pelt.h: update_rq_clock_pelt() */
export function update_rq_clock_pelt(this: vmlinux, rq: rq, delta: s64): void {
  if (this.is_idle_task(this.m.task[rq.curr])) {
    this._update_idle_rq_clock_pelt(rq);
    return;
  }
  delta = this.cap_scale(delta, this.topology_get_cpu_scale(this.cpu_of(rq)));
  delta = this.cap_scale(delta, this.arch_scale_freq_capacity(this.cpu_of(rq)));
  rq.clock_pelt = add(rq.clock_pelt, to_u64(delta));
}

/** kernel/sched/pelt.h: update_idle_rq_clock_pelt(): a CPU that was fully used leaves no idle time to catch up on. */
export function update_idle_rq_clock_pelt(this: vmlinux, rq: rq): void {
  const divider = ((LOAD_AVG_MAX - 1024) << SCHED_CAPACITY_SHIFT) - LOAD_AVG_MAX;
  const cfs = this.m.cfs_rq[rq.cfs];
  const util_sum = (cfs.avg.util_sum + rq.avg_rt.util_sum + rq.avg_dl.util_sum) >>> 0;
  if (util_sum >= divider) {
    rq.lost_idle_time = add(rq.lost_idle_time, sub(this.rq_clock_task(rq), rq.clock_pelt));
  }
  this._update_idle_rq_clock_pelt(rq);
}

/** kernel/sched/pelt.h: update_idle_cfs_rq_clock_pelt(): nothing without CONFIG_CFS_BANDWIDTH. */
export function update_idle_cfs_rq_clock_pelt(this: vmlinux, _cfs_rq: cfs_rq): void {}

/** kernel/sched/pelt.h: cfs_rq_clock_pelt(), without CONFIG_CFS_BANDWIDTH. */
export function cfs_rq_clock_pelt(this: vmlinux, cfs_rq: cfs_rq): u64 {
  return this.rq_clock_pelt(this.rq_of(cfs_rq));
}
