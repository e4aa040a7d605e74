// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/rt.c (v6.1), as far as it differs from the pin: of every second real-time tasks get 950 ms of a CPU, and what
 * remains is for all others. Held against the C code of 6.1.192.
 *
 * CONFIG_RT_GROUP_SCHED is off, as at the pin: there is one bandwidth for all, def_rt_bandwidth.
 */
import { HRTIMER_NORESTART, HRTIMER_RESTART, type hrtimer_ptr } from '../../lib/hrtimer.js';
import { div_u64 } from '../../lib/math64.js';
import {
  add,
  type bool,
  ge,
  gt,
  lt,
  min,
  mul,
  S64_ZERO,
  s64_diff,
  s64_gt,
  s64_le,
  s64_lt,
  s64_sub,
  sub,
  to_s64,
  to_u64,
  U64_MAX,
  type u32,
  u64,
  ZERO,
} from '../../lib/types.js';
import { CPUPRI_INVALID } from '../../sched/cpupri.js';
import { NSEC_PER_USEC } from '../../sched/deadline.js';
import { MAX_RT_PRIO, type rq, type rt_rq, SCHED_RR, type sched_entity, type task_struct } from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/** kernel/sched/sched.h: struct rt_bandwidth. */
export interface rt_bandwidth {
  /** ns */
  rt_period: u64;
  /** ns; RUNTIME_INF for no limit */
  rt_runtime: u64;
  rt_period_timer: hrtimer_ptr;
  rt_period_active: number;
}

declare module '../../sched/sched.js' {
  interface rt_rq {
    /** ns of this period, and how many it may have */
    rt_time?: u64;
    rt_runtime?: u64;
    rt_throttled?: number;
    /** of the queued tasks, those that may run elsewhere; and all */
    rt_nr_migratory?: u32;
    rt_nr_total?: u32;
  }
  interface sched_state {
    def_rt_bandwidth?: rt_bandwidth;
    /** us */
    sysctl_sched_rt_period?: number;
    sysctl_sched_rt_runtime?: number;
  }
}

export const RUNTIME_INF: u64 = U64_MAX;

/** kernel/sched/sched.h: rt_bandwidth_enabled() */
export function rt_bandwidth_enabled(this: vmlinux_6_1): bool {
  return this.m.sysctl_sched_rt_runtime! >= 0;
}

/** kernel/sched/sched.h: global_rt_period() */
export function global_rt_period(this: vmlinux_6_1): u64 {
  return mul(u64(this.m.sysctl_sched_rt_period!), to_u64(NSEC_PER_USEC));
}

/** kernel/sched/sched.h: global_rt_runtime() */
export function global_rt_runtime(this: vmlinux_6_1): u64 {
  if (this.m.sysctl_sched_rt_runtime! < 0) return RUNTIME_INF;
  return mul(u64(this.m.sysctl_sched_rt_runtime!), to_u64(NSEC_PER_USEC));
}

/** kernel/sched/core.c: sched_init_smp(). MODEL: what sched_init() and rq_online_rt() do about the bandwidth stands here. */
export function sched_init_smp(this: vmlinux_6_1): void {
  const { m } = this;
  m.sysctl_sched_rt_period = 1_000_000;
  m.sysctl_sched_rt_runtime = 950_000;
  m.def_rt_bandwidth = {
    rt_period: this.global_rt_period(),
    rt_runtime: this.global_rt_runtime(),
    rt_period_timer: this.hrtimer_init('sched_rt_period_timer', 0),
    rt_period_active: 0,
  };
  for (const { rt, ...rq } of m.rq) {
    rt.rt_time = ZERO;
    rt.rt_throttled = 0;
    rt.rt_nr_migratory = 0;
    rt.rt_nr_total = 0;
    rt.rt_runtime = m.def_rt_bandwidth.rt_runtime;
    m.rq[rq.id].wake_stamp = this.get_jiffies_64();
    m.rq[rq.id].wake_avg_idle = rq.avg_idle;
  }
}

/** kernel/sched/rt.c: do_start_rt_bandwidth(): the first period ends at once, and the timer goes on from there. */
export function do_start_rt_bandwidth(this: vmlinux_6_1): void {
  const rt_b = this.m.def_rt_bandwidth!;
  if (rt_b.rt_period_active) return;
  rt_b.rt_period_active = 1;
  this.hrtimer_forward(rt_b.rt_period_timer, this.ktime_get(), ZERO);
  this.hrtimer_start(rt_b.rt_period_timer, this.m.hrtimer[rt_b.rt_period_timer].expires);
}

/** kernel/sched/rt.c: start_rt_bandwidth() */
export function start_rt_bandwidth(this: vmlinux_6_1): void {
  if (!this.rt_bandwidth_enabled() || this.m.def_rt_bandwidth!.rt_runtime === RUNTIME_INF) return;
  this.do_start_rt_bandwidth();
}

/** kernel/sched/rt.c: rt_rq_throttled() */
export function rt_rq_throttled(this: vmlinux_6_1, rt_rq: rt_rq): bool {
  return rt_rq.rt_throttled !== 0;
}

/** kernel/sched/rt.c: sched_rt_rq_enqueue() */
export function sched_rt_rq_enqueue(this: vmlinux_6_1, rq: rq): void {
  if (!rq.rt.rt_nr_running) return;
  this.enqueue_top_rt_rq(rq);
  this.resched_curr(rq);
}

/** kernel/sched/rt.c: sched_rt_rq_dequeue() */
export function sched_rt_rq_dequeue(this: vmlinux_6_1, rq: rq): void {
  this.dequeue_top_rt_rq(rq, rq.rt.rt_nr_running);
}

/** kernel/sched/rt.c: do_balance_runtime(): borrows from the CPUs that have runtime to spare. */
export function do_balance_runtime(this: vmlinux_6_1, rq: rq): void {
  const { rt } = rq;
  const weight = this.m.rq.length;
  const { rt_period } = this.m.def_rt_bandwidth!;

  for (const { rt: iter } of this.m.rq) {
    if (iter === rt || iter.rt_runtime === RUNTIME_INF) continue;
    let diff = s64_diff(iter.rt_runtime!, iter.rt_time!);
    if (!s64_gt(diff, S64_ZERO)) continue;

    diff = to_s64(div_u64(to_u64(diff), weight));
    if (gt(add(rt.rt_runtime!, to_u64(diff)), rt_period)) diff = s64_diff(rt_period, rt.rt_runtime!);
    iter.rt_runtime = sub(iter.rt_runtime!, to_u64(diff));
    rt.rt_runtime = add(rt.rt_runtime!, to_u64(diff));
    if (rt.rt_runtime === rt_period) return;
  }
}

/** kernel/sched/rt.c: __disable_runtime(): takes back what the CPU has lent, or gives what it has borrowed; then has no limit. */
export function __disable_runtime(this: vmlinux_6_1, rq: rq): void {
  const { rt } = rq;
  const { rt_runtime } = this.m.def_rt_bandwidth!;
  if (rt.rt_runtime !== RUNTIME_INF && rt.rt_runtime !== rt_runtime) {
    let want = s64_diff(rt_runtime, rt.rt_runtime!);
    for (const { rt: iter } of this.m.rq) {
      if (iter === rt || iter.rt_runtime === RUNTIME_INF) continue;
      if (s64_gt(want, S64_ZERO)) {
        const diff = s64_lt(to_s64(iter.rt_runtime!), want) ? to_s64(iter.rt_runtime!) : want;
        iter.rt_runtime = sub(iter.rt_runtime!, to_u64(diff));
        want = s64_sub(want, diff);
      } else {
        iter.rt_runtime = sub(iter.rt_runtime!, to_u64(want));
        want = S64_ZERO;
      }
      if (want === S64_ZERO) break;
    }
    this.warnOn(want !== S64_ZERO, '__disable_runtime: want');
  }
  rt.rt_runtime = RUNTIME_INF;
  rt.rt_throttled = 0;
  this.sched_rt_rq_enqueue(rq);
}

/** kernel/sched/rt.c: __enable_runtime() */
export function __enable_runtime(this: vmlinux_6_1, rq: rq): void {
  const { rt } = rq;
  rt.rt_runtime = this.m.def_rt_bandwidth!.rt_runtime;
  rt.rt_time = ZERO;
  rt.rt_throttled = 0;
}

/** kernel/sched/rt.c: rq_online_rt() */
export function rq_online_rt(this: vmlinux_6_1, rq: rq): void {
  if (rq.rt.overloaded) this.rt_set_overload(rq);
  this.__enable_runtime(rq);
  this.cpupri_set(rq.cpu, rq.rt.highest_prio.curr);
}

/** kernel/sched/rt.c: rq_offline_rt() */
export function rq_offline_rt(this: vmlinux_6_1, rq: rq): void {
  if (rq.rt.overloaded) this.rt_clear_overload(rq);
  this.__disable_runtime(rq);
  this.cpupri_set(rq.cpu, CPUPRI_INVALID);
}

/** kernel/sched/rt.c: balance_runtime() */
export function balance_runtime(this: vmlinux_6_1, rq: rq): void {
  if (!this.m.sched_feat.RT_RUNTIME_SHARE) return;
  if (gt(rq.rt.rt_time!, rq.rt.rt_runtime!)) this.do_balance_runtime(rq);
}

/** kernel/sched/rt.c: do_sched_rt_period_timer(): 1 when no CPU needs the next period. */
export function do_sched_rt_period_timer(this: vmlinux_6_1, overrun: u64): number {
  const rt_b = this.m.def_rt_bandwidth!;
  let idle = 1;
  let throttled = 0;

  // sched_rt_period_mask()
  for (const rq of this.m.rq.filter(({ cpu }) => this.cpu_online(cpu))) {
    const { rt } = rq;
    let enqueue = false;

    // What was borrowed is given back.
    if (!this.m.sched_feat.RT_RUNTIME_SHARE && rt.rt_runtime !== RUNTIME_INF) rt.rt_runtime = rt_b.rt_runtime;
    if (rt.rt_time === ZERO && !rt.rt_nr_running) continue;

    this.rq_lock(rq);
    this.update_rq_clock(rq);

    if (rt.rt_time !== ZERO) {
      if (rt.rt_throttled) this.balance_runtime(rq);
      const runtime = rt.rt_runtime!;
      rt.rt_time = sub(rt.rt_time!, min(rt.rt_time!, mul(overrun, runtime)));
      if (rt.rt_throttled && lt(rt.rt_time, runtime)) {
        rt.rt_throttled = 0;
        enqueue = true;
        // An idle CPU's clock stood still: it is not what the next pick should go by.
        if (rt.rt_nr_running && rq.curr === rq.idle) this.rq_clock_cancel_skipupdate(rq);
      }
      if (rt.rt_time !== ZERO || rt.rt_nr_running) idle = 0;
    } else if (rt.rt_nr_running) {
      idle = 0;
      if (!this.rt_rq_throttled(rt)) enqueue = true;
    }
    if (rt.rt_throttled) throttled = 1;

    if (enqueue) this.sched_rt_rq_enqueue(rq);
  }

  if (!throttled && (!this.rt_bandwidth_enabled() || rt_b.rt_runtime === RUNTIME_INF)) return 1;
  return idle;
}

/** kernel/sched/rt.c: sched_rt_period_timer() */
export function sched_rt_period_timer(this: vmlinux_6_1, timer: hrtimer_ptr): number {
  const rt_b = this.m.def_rt_bandwidth!;
  let idle = 0;
  for (;;) {
    const overrun = this.hrtimer_forward(timer, this.ktime_get(), rt_b.rt_period);
    if (overrun === ZERO) break;
    idle = this.do_sched_rt_period_timer(overrun);
  }
  if (idle) rt_b.rt_period_active = 0;
  return idle ? HRTIMER_NORESTART : HRTIMER_RESTART;
}

/** kernel/sched/rt.c: sched_rt_runtime_exceeded(): takes the queue off the CPU when its time is used up. */
export function sched_rt_runtime_exceeded(this: vmlinux_6_1, rq: rq): bool {
  const { rt } = rq;
  const rt_b = this.m.def_rt_bandwidth!;

  if (rt.rt_throttled) return this.rt_rq_throttled(rt);
  if (ge(rt.rt_runtime!, rt_b.rt_period)) return false;

  this.balance_runtime(rq);
  if (rt.rt_runtime === RUNTIME_INF) return false;

  if (gt(rt.rt_time!, rt.rt_runtime!)) {
    // Without any runtime at all there is nothing to throttle by.
    if (rt_b.rt_runtime !== ZERO) rt.rt_throttled = 1;
    else rt.rt_time = ZERO;

    if (this.rt_rq_throttled(rt)) {
      this.sched_rt_rq_dequeue(rq);
      return true;
    }
  }
  return false;
}

/** kernel/sched/sched.h: update_current_exec_runtime() */
export function update_current_exec_runtime(this: vmlinux_6_1, curr: sched_entity, now: u64, delta_exec: u64): void {
  curr.sum_exec_runtime = add(curr.sum_exec_runtime, delta_exec);
  curr.exec_start = now;
}

/** kernel/sched/rt.c: update_curr_rt() */
export function update_curr_rt(this: vmlinux_6_1, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const se = this.m.se[curr.se];
  if (curr.sched_class !== 'rt_sched_class') return;

  const now = this.rq_clock_task(rq);
  const delta_exec = s64_diff(now, se.exec_start);
  if (s64_le(delta_exec, S64_ZERO)) return;

  this.trace_sched_stat_runtime(curr, to_u64(delta_exec));
  this.update_current_exec_runtime(se, now, to_u64(delta_exec));

  if (!this.rt_bandwidth_enabled()) return;

  if (rq.rt.rt_runtime !== RUNTIME_INF) {
    rq.rt.rt_time = add(rq.rt.rt_time!, to_u64(delta_exec));
    const exceeded = this.sched_rt_runtime_exceeded(rq);
    if (exceeded) this.resched_curr(rq);
    if (exceeded) this.do_start_rt_bandwidth();
  }
}

/** kernel/sched/rt.c: enqueue_top_rt_rq() */
export function enqueue_top_rt_rq(this: vmlinux_6_1, rq: rq): void {
  const rt_rq = rq.rt;
  if (rt_rq.rt_queued) return;
  if (this.rt_rq_throttled(rt_rq)) return;
  if (rt_rq.rt_nr_running) {
    this.add_nr_running(rq, rt_rq.rt_nr_running);
    rt_rq.rt_queued = 1;
  }
}

/** kernel/sched/rt.c: inc_rt_tasks(), with inc_rt_group(). */
export function inc_rt_tasks(this: vmlinux_6_1, p: task_struct, rq: rq): void {
  const rt_rq = rq.rt;
  this.warnOn(!this.rt_prio(p.prio), 'inc_rt_tasks: !rt_prio(prio)');
  rt_rq.rt_nr_running++;
  if (p.policy === SCHED_RR) rt_rq.rr_nr_running++;
  this.inc_rt_prio(rq, p.prio);
  this.inc_rt_migration(p, rq);
  this.start_rt_bandwidth();
}

/** kernel/sched/rt.c: dec_rt_tasks() */
export function dec_rt_tasks(this: vmlinux_6_1, p: task_struct, rq: rq): void {
  const rt_rq = rq.rt;
  this.warnOn(!this.rt_prio(p.prio), 'dec_rt_tasks: !rt_prio(prio)');
  this.warnOn(!rt_rq.rt_nr_running, 'dec_rt_tasks: !rt_rq->rt_nr_running');
  rt_rq.rt_nr_running--;
  if (p.policy === SCHED_RR) rt_rq.rr_nr_running--;
  this.dec_rt_prio(rq, p.prio);
  this.dec_rt_migration(p, rq);
}

/* ---- pushing and pulling ---- */

/** kernel/sched/rt.c: update_rt_migration(): overloaded is a CPU with two tasks, of which one may go, be it the running one. */
export function update_rt_migration(this: vmlinux_6_1, rq: rq): void {
  const { rt } = rq;
  if (rt.rt_nr_migratory! > 0 && rt.rt_nr_total! > 1) {
    if (!rt.overloaded) {
      this.rt_set_overload(rq);
      rt.overloaded = 1;
    }
  } else if (rt.overloaded) {
    this.rt_clear_overload(rq);
    rt.overloaded = 0;
  }
}

/** kernel/sched/rt.c: inc_rt_migration() */
export function inc_rt_migration(this: vmlinux_6_1, p: task_struct, rq: rq): void {
  rq.rt.rt_nr_total = (rq.rt.rt_nr_total! + 1) >>> 0;
  if (p.nr_cpus_allowed > 1) rq.rt.rt_nr_migratory = (rq.rt.rt_nr_migratory! + 1) >>> 0;
  this.update_rt_migration(rq);
}

/** kernel/sched/rt.c: dec_rt_migration() */
export function dec_rt_migration(this: vmlinux_6_1, p: task_struct, rq: rq): void {
  rq.rt.rt_nr_total = (rq.rt.rt_nr_total! - 1) >>> 0;
  if (p.nr_cpus_allowed > 1) rq.rt.rt_nr_migratory = (rq.rt.rt_nr_migratory! - 1) >>> 0;
  this.update_rt_migration(rq);
}

/** kernel/sched/rt.c: enqueue_pushable_task() */
export function enqueue_pushable_task(this: vmlinux_6_1, rq: rq, p: task_struct): void {
  const { task } = this.m;
  const list = rq.rt.pushable_tasks;
  const was = list.indexOf(p.id);
  if (was >= 0) list.splice(was, 1);
  const at = list.findIndex((id) => task[id].prio > p.prio);
  list.splice(at < 0 ? list.length : at, 0, p.id);

  if (p.prio < rq.rt.highest_prio.next) rq.rt.highest_prio.next = p.prio;
}

/** kernel/sched/rt.c: dequeue_pushable_task() */
export function dequeue_pushable_task(this: vmlinux_6_1, rq: rq, p: task_struct): void {
  const list = rq.rt.pushable_tasks;
  const was = list.indexOf(p.id);
  if (was >= 0) list.splice(was, 1);
  rq.rt.highest_prio.next = list.length > 0 ? this.m.task[list[0]].prio : MAX_RT_PRIO - 1;
}
