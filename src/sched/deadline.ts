// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/deadline.c (6.12.117): the server that keeps fair tasks from starving under real-time ones.
 *
 * Mirrored: start, accounting, timer, replenishment, stop, and the pick through it. One server a CPU: 50 ms in each
 * second, deferred until it is needed. MODEL: bandwidth sums (running_bw, this_bw, total_bw) and the inactive timer
 * that ends them are absent: frequency scaling and admission alone read them. Not modelled: SCHED_DEADLINE tasks.
 */
import type { hrtimer_ptr } from '../lib/hrtimer.js';
import { HRTIMER_NORESTART, HRTIMER_RESTART } from '../lib/hrtimer.js';
import {
  add,
  type bool,
  div,
  mul,
  S64_ZERO,
  s64,
  s64_add,
  s64_diff,
  s64_div,
  s64_gt,
  s64_le,
  s64_lt,
  s64_shr,
  s64_sub,
  shl,
  shr,
  sub,
  to_s64,
  to_u64,
  u64,
  ZERO,
} from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { CPUPRI_HIGHER } from './cpupri.js';
import { ENQUEUE_REPLENISH, ENQUEUE_WAKEUP, NULL, type rq, type sched_dl_entity, type task_struct } from './sched.js';

const DL_SCALE = 10;
const BW_SHIFT = 20;
export const NSEC_PER_USEC = s64(1000);
/** ns */
const dl_server_min_res: u64 = u64(1_000_000);
export const SERVER_RUNTIME: u64 = u64(50_000_000);
export const SERVER_PERIOD: u64 = u64(1_000_000_000);

/** kernel/sched/deadline.c: dl_server() */
export function dl_server(this: vmlinux, dl_se: sched_dl_entity): bool {
  return dl_se.dl_server !== 0;
}

/** kernel/sched/sched.h: dl_server_active() */
export function dl_server_active(this: vmlinux, dl_se: sched_dl_entity): bool {
  return dl_se.dl_server_active !== 0;
}

/** include/linux/sched/deadline.h: dl_time_before() */
export function dl_time_before(this: vmlinux, a: u64, b: u64): bool {
  return s64_lt(s64_diff(a, b), S64_ZERO);
}

/** kernel/sched/deadline.c: rq_of_dl_se() */
export function rq_of_dl_se(this: vmlinux, dl_se: sched_dl_entity): rq {
  return this.m.rq[dl_se.rq];
}

/** kernel/sched/deadline.c: on_dl_rq() */
export function on_dl_rq(this: vmlinux, dl_se: sched_dl_entity): bool {
  return dl_se.on_rq !== 0;
}

/** kernel/sched/core.c: to_ratio(): runtime / period, in 2^-20. */
export function to_ratio(this: vmlinux, period: u64, runtime: u64): u64 {
  if (period === ZERO) return ZERO;
  return div(shl(runtime, BW_SHIFT), period);
}

/** kernel/sched/deadline.c: inc_dl_tasks(): the server counts as a runnable task of the CPU. */
export function inc_dl_tasks(this: vmlinux, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);
  rq.dl.dl_nr_running++;
  this.add_nr_running(rq, 1);
  this.inc_dl_deadline(rq);
}

/** kernel/sched/deadline.c: dec_dl_tasks() */
export function dec_dl_tasks(this: vmlinux, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);
  this.warnOn(!rq.dl.dl_nr_running, 'dec_dl_tasks: !dl_rq->dl_nr_running');
  rq.dl.dl_nr_running--;
  this.sub_nr_running(rq, 1);
  this.dec_dl_deadline(rq);
}

/** kernel/sched/deadline.c: inc_dl_deadline(). MODEL: earliest_dl and cpudl are read for deadline tasks alone. */
export function inc_dl_deadline(this: vmlinux, rq: rq): void {
  if (rq.dl.dl_nr_running === 1) this.cpupri_set(rq.cpu, CPUPRI_HIGHER);
}

/** kernel/sched/deadline.c: dec_dl_deadline() */
export function dec_dl_deadline(this: vmlinux, rq: rq): void {
  if (rq.dl.dl_nr_running === 0) this.cpupri_set(rq.cpu, rq.rt.highest_prio.curr);
}

/** kernel/sched/deadline.c: replenish_dl_new_period() */
export function replenish_dl_new_period(this: vmlinux, dl_se: sched_dl_entity, rq: rq): void {
  dl_se.deadline = add(this.rq_clock(rq), dl_se.dl_deadline);
  dl_se.runtime = to_s64(dl_se.dl_runtime);
  // Deferred: not before its zero-laxity time, at which it needs the CPU to make its deadline.
  if (dl_se.dl_defer && !dl_se.dl_defer_running) {
    dl_se.dl_throttled = 1;
    dl_se.dl_defer_armed = 1;
  }
}

/** kernel/sched/deadline.c: setup_new_dl_entity() */
export function setup_new_dl_entity(this: vmlinux, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);
  this.warnOn(
    this.dl_time_before(this.rq_clock(rq), dl_se.deadline),
    'setup_new_dl_entity: dl_time_before(rq_clock(rq), dl_se->deadline)',
  );
  if (dl_se.dl_throttled) return;
  this.replenish_dl_new_period(dl_se, rq);
}

/** kernel/sched/deadline.c: dl_entity_overflow(): whether the rest of runtime is more than the rest of the period bears. */
export function dl_entity_overflow(this: vmlinux, dl_se: sched_dl_entity, t: u64): bool {
  const left = mul(shr(dl_se.dl_deadline, DL_SCALE), to_u64(s64_shr(dl_se.runtime, DL_SCALE)));
  const right = mul(shr(sub(dl_se.deadline, t), DL_SCALE), shr(dl_se.dl_runtime, DL_SCALE));
  return this.dl_time_before(right, left);
}

/** kernel/sched/deadline.c: replenish_dl_entity() */
export function replenish_dl_entity(this: vmlinux, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);
  this.warnOn(dl_se.dl_runtime === ZERO, 'replenish_dl_entity: pi_of(dl_se)->dl_runtime <= 0');

  if (dl_se.dl_deadline === ZERO || (dl_se.dl_defer_armed && this.dl_entity_overflow(dl_se, this.rq_clock(rq)))) {
    dl_se.deadline = add(this.rq_clock(rq), dl_se.dl_deadline);
    dl_se.runtime = to_s64(dl_se.dl_runtime);
  }

  if (dl_se.dl_yielded && s64_gt(dl_se.runtime, S64_ZERO)) dl_se.runtime = S64_ZERO;

  while (s64_le(dl_se.runtime, S64_ZERO)) {
    dl_se.deadline = add(dl_se.deadline, dl_se.dl_period);
    dl_se.runtime = s64_add(dl_se.runtime, to_s64(dl_se.dl_runtime));
  }

  // Lagged by more than a period: start afresh.
  if (this.dl_time_before(dl_se.deadline, this.rq_clock(rq))) this.replenish_dl_new_period(dl_se, rq);

  if (dl_se.dl_yielded) dl_se.dl_yielded = 0;
  if (dl_se.dl_throttled) dl_se.dl_throttled = 0;

  // This is the deferred replenishment: it runs now.
  if (dl_se.dl_defer_armed) {
    dl_se.dl_defer_armed = 0;
    return;
  }

  if (
    dl_se.dl_defer &&
    !dl_se.dl_defer_running &&
    this.dl_time_before(this.rq_clock(rq), sub(dl_se.deadline, to_u64(dl_se.runtime)))
  ) {
    dl_se.dl_defer_armed = 1;
    dl_se.dl_throttled = 1;
    if (!this.start_dl_timer(dl_se)) {
      // Too late to defer.
      this.hrtimer_cancel(dl_se.dl_timer);
      dl_se.dl_defer_armed = 0;
      dl_se.dl_throttled = 0;
    }
  }
}

/** kernel/sched/deadline.c: update_dl_revised_wakeup() */
export function update_dl_revised_wakeup(this: vmlinux, dl_se: sched_dl_entity, rq: rq): void {
  const laxity = sub(dl_se.deadline, this.rq_clock(rq));
  this.warnOn(
    this.dl_time_before(dl_se.deadline, this.rq_clock(rq)),
    'update_dl_revised_wakeup: dl_time_before(dl_se->deadline, rq_clock(rq))',
  );
  dl_se.runtime = to_s64(shr(mul(dl_se.dl_density, laxity), BW_SHIFT));
}

/** kernel/sched/deadline.c: dl_is_implicit() */
export function dl_is_implicit(this: vmlinux, dl_se: sched_dl_entity): bool {
  return dl_se.dl_deadline === dl_se.dl_period;
}

/** kernel/sched/deadline.c: update_dl_entity(): on wake-up: keep the running period, or begin a new one. */
export function update_dl_entity(this: vmlinux, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);

  if (this.dl_time_before(dl_se.deadline, this.rq_clock(rq)) || this.dl_entity_overflow(dl_se, this.rq_clock(rq))) {
    if (
      (!this.dl_is_implicit(dl_se) || (dl_se.dl_defer && dl_se.dl_defer_running)) &&
      !this.dl_time_before(dl_se.deadline, this.rq_clock(rq))
    ) {
      this.update_dl_revised_wakeup(dl_se, rq);
      return;
    }
    dl_se.dl_defer_running = 0;
    this.replenish_dl_new_period(dl_se, rq);
  } else if (this.dl_server(dl_se) && dl_se.dl_defer) {
    // Within its period, with runtime left: it waits for its zero-laxity time again, unless it was running.
    if (!dl_se.dl_defer_running) {
      dl_se.dl_defer_armed = 1;
      dl_se.dl_throttled = 1;
    }
  }
}

/** kernel/sched/deadline.c: dl_next_period() */
export function dl_next_period(this: vmlinux, dl_se: sched_dl_entity): u64 {
  return add(sub(dl_se.deadline, dl_se.dl_deadline), dl_se.dl_period);
}

/** kernel/sched/deadline.c: start_dl_timer(): 0 when the time has passed already. */
export function start_dl_timer(this: vmlinux, dl_se: sched_dl_entity): number {
  const rq = this.rq_of_dl_se(dl_se);
  let act: u64;
  if (dl_se.dl_defer_armed) {
    this.warnOn(!dl_se.dl_throttled, 'start_dl_timer: !dl_se->dl_throttled');
    act = sub(dl_se.deadline, to_u64(dl_se.runtime));
  } else {
    act = this.dl_next_period(dl_se);
  }

  // From the runqueue's clock to the timer's.
  const now = this.ktime_get();
  act = add(act, sub(now, this.rq_clock(rq)));

  // ktime_us_delta(act, now) < 0: within the last microsecond it still starts.
  if (s64_lt(s64_div(s64_diff(act, now), NSEC_PER_USEC), S64_ZERO)) return 0;

  if (!this.hrtimer_is_queued(dl_se.dl_timer)) this.hrtimer_start(dl_se.dl_timer, act);
  return 1;
}

/** kernel/sched/deadline.c: dl_server_timer() */
export function dl_server_timer(this: vmlinux, timer: hrtimer_ptr, dl_se: sched_dl_entity): number {
  const rq = this.rq_of_dl_se(dl_se);
  this.rq_lock(rq);

  if (!dl_se.dl_throttled || dl_se.dl_runtime === ZERO) return HRTIMER_NORESTART;

  this.update_rq_clock(rq);

  if (dl_se.dl_runtime === ZERO) return HRTIMER_NORESTART;

  if (dl_se.dl_defer_armed) {
    // Runtime was consumed while it waited, so the zero-laxity time is later than it was.
    const zerolax = sub(dl_se.deadline, to_u64(dl_se.runtime));
    if (this.dl_time_before(this.rq_clock(rq), sub(zerolax, dl_server_min_res))) {
      const fw = sub(sub(dl_se.deadline, this.rq_clock(rq)), to_u64(dl_se.runtime));
      this.hrtimer_forward(timer, this.ktime_get(), fw);
      return HRTIMER_RESTART;
    }
    dl_se.dl_defer_running = 1;
  }

  this.enqueue_dl_entity(dl_se, ENQUEUE_REPLENISH);

  // No deadline task can be current.
  this.resched_curr(rq);
  return HRTIMER_NORESTART;
}

/** kernel/sched/deadline.c: dl_task_timer(): the timer's callback; its owner is the CPU of the server. */
export function dl_task_timer(this: vmlinux, timer: hrtimer_ptr): number {
  const dl_se = this.m.rq[this.m.hrtimer[timer].owner].fair_server;
  return this.dl_server_timer(timer, dl_se);
}

/** kernel/sched/deadline.c: dl_runtime_exceeded() */
export function dl_runtime_exceeded(this: vmlinux, dl_se: sched_dl_entity): bool {
  return s64_le(dl_se.runtime, S64_ZERO);
}

/** kernel/sched/deadline.c: update_curr_dl_se() */
export function update_curr_dl_se(this: vmlinux, rq: rq, dl_se: sched_dl_entity, delta_exec: s64): void {
  if (s64_le(delta_exec, S64_ZERO)) {
    if (dl_se.dl_yielded) this.throttleDlEntity(rq, dl_se);
    return;
  }

  if (this.dl_server(dl_se) && dl_se.dl_throttled && !dl_se.dl_defer) return;

  dl_se.runtime = s64_sub(dl_se.runtime, delta_exec);

  // Fair tasks got the server's share by themselves: it waits for another period from now.
  if (dl_se.dl_defer && dl_se.dl_throttled && this.dl_runtime_exceeded(dl_se)) {
    dl_se.dl_defer_running = 0;
    this.hrtimer_cancel(dl_se.dl_timer);
    this.replenish_dl_new_period(dl_se, rq);
    this.warnOn(!this.start_dl_timer(dl_se), 'update_curr_dl_se: !start_dl_timer(dl_se)');
    return;
  }

  this.throttleDlEntity(rq, dl_se);
}

/** The part of update_curr_dl_se() from its label on: a server without runtime leaves until the next period. */
export function throttleDlEntity(this: vmlinux, rq: rq, dl_se: sched_dl_entity): void {
  if (!this.dl_runtime_exceeded(dl_se) && !dl_se.dl_yielded) return;
  dl_se.dl_throttled = 1;
  this.dequeue_dl_entity(dl_se, 0);
  if (!this.start_dl_timer(dl_se)) this.enqueue_dl_entity(dl_se, ENQUEUE_REPLENISH);
  if (!this.on_dl_rq(dl_se)) this.resched_curr(rq); // !is_leftmost()
}

/** kernel/sched/deadline.c: dl_server_update_idle_time(): idle time is time that fair tasks did not need. */
export function dl_server_update_idle_time(this: vmlinux, rq: rq, p: task_struct): void {
  const server = rq.fair_server;
  if (!server.dl_defer) return;
  // No need to discount more than there is.
  if (s64_lt(server.runtime, S64_ZERO)) return;

  const se = this.m.se[p.se];
  const delta_exec = s64_diff(this.rq_clock_task(rq), se.exec_start);
  if (s64_lt(delta_exec, S64_ZERO)) return;

  server.runtime = s64_sub(server.runtime, delta_exec);
  if (s64_lt(server.runtime, S64_ZERO)) {
    server.dl_defer_running = 0;
    server.runtime = S64_ZERO;
  }
  se.exec_start = this.rq_clock_task(rq);
}

/** kernel/sched/deadline.c: dl_server_update() */
export function dl_server_update(this: vmlinux, dl_se: sched_dl_entity, delta_exec: s64): void {
  // Zero runtime: switched off.
  if (dl_se.dl_runtime !== ZERO) this.update_curr_dl_se(this.rq_of_dl_se(dl_se), dl_se, delta_exec);
}

/** kernel/sched/deadline.c: dl_server_start() */
export function dl_server_start(this: vmlinux, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);

  if (!this.dl_server(dl_se)) {
    this.dl_server_apply_params(dl_se, SERVER_RUNTIME, SERVER_PERIOD, true);
    dl_se.dl_server = 1;
    dl_se.dl_defer = 1;
    this.setup_new_dl_entity(dl_se);
  }

  if (dl_se.dl_runtime === ZERO || dl_se.dl_server_active) return;
  if (this.warnOn(!this.cpu_online(this.cpu_of(rq)), 'dl_server_start: !cpu_online(cpu_of(rq))')) return;

  dl_se.dl_server_active = 1;
  this.enqueue_dl_entity(dl_se, ENQUEUE_WAKEUP);
  // !dl_task(rq->curr): always.
  this.resched_curr(rq);
}

/** kernel/sched/deadline.c: dl_server_stop() */
export function dl_server_stop(this: vmlinux, dl_se: sched_dl_entity): void {
  if (dl_se.dl_runtime === ZERO) return;
  this.dequeue_dl_entity(dl_se, 0);
  this.hrtimer_cancel(dl_se.dl_timer);
  dl_se.dl_defer_armed = 0;
  dl_se.dl_throttled = 0;
  dl_se.dl_server_active = 0;
}

/** kernel/sched/deadline.c: dl_server_init(). MODEL: server_pick_task is fair_server_pick_task(), the only one. */
export function dl_server_init(this: vmlinux, dl_se: sched_dl_entity, rq: rq): void {
  dl_se.rq = rq.id;
}

/** kernel/sched/deadline.c: dl_server_apply_params(): 0. MODEL: 5 % always pass admission. */
export function dl_server_apply_params(
  this: vmlinux,
  dl_se: sched_dl_entity,
  runtime: u64,
  period: u64,
  _init: bool,
): number {
  dl_se.dl_runtime = runtime;
  dl_se.dl_deadline = period;
  dl_se.dl_period = period;
  dl_se.runtime = S64_ZERO;
  dl_se.deadline = ZERO;
  dl_se.dl_bw = this.to_ratio(dl_se.dl_period, dl_se.dl_runtime);
  dl_se.dl_density = this.to_ratio(dl_se.dl_deadline, dl_se.dl_runtime);
  return 0;
}

/** kernel/sched/deadline.c: __enqueue_dl_entity() */
export function __enqueue_dl_entity(this: vmlinux, dl_se: sched_dl_entity): void {
  this.warnOn(this.on_dl_rq(dl_se), '__enqueue_dl_entity: !RB_EMPTY_NODE(&dl_se->rb_node)');
  dl_se.on_rq = 1;
  this.inc_dl_tasks(dl_se);
}

/** kernel/sched/deadline.c: __dequeue_dl_entity() */
export function __dequeue_dl_entity(this: vmlinux, dl_se: sched_dl_entity): void {
  if (!this.on_dl_rq(dl_se)) return;
  dl_se.on_rq = 0;
  this.dec_dl_tasks(dl_se);
}

/** kernel/sched/deadline.c: enqueue_dl_entity(), of a server. */
export function enqueue_dl_entity(this: vmlinux, dl_se: sched_dl_entity, flags: number): void {
  this.warnOn(this.on_dl_rq(dl_se), 'enqueue_dl_entity: on_dl_rq(dl_se)');

  // Throttled and not yet replenished.
  if (!dl_se.dl_defer && dl_se.dl_throttled && !(flags & ENQUEUE_REPLENISH)) return;

  if (flags & ENQUEUE_WAKEUP) this.update_dl_entity(dl_se);
  else if (flags & ENQUEUE_REPLENISH) this.replenish_dl_entity(dl_se);

  // A deferred one comes back with its timer.
  if (dl_se.dl_throttled && this.start_dl_timer(dl_se)) return;

  // Its zero-laxity time has passed: it competes at once.
  if (dl_se.dl_throttled) {
    this.hrtimer_cancel(dl_se.dl_timer);
    dl_se.dl_defer_armed = 0;
    dl_se.dl_throttled = 0;
  }

  this.__enqueue_dl_entity(dl_se);
}

/** kernel/sched/deadline.c: dequeue_dl_entity(), of a server. */
export function dequeue_dl_entity(this: vmlinux, dl_se: sched_dl_entity, _flags: number): void {
  this.__dequeue_dl_entity(dl_se);
}

/** kernel/sched/deadline.c: balance_dl() */
export function balance_dl(this: vmlinux, rq: rq, _p: task_struct): bool {
  return this.sched_stop_runnable(rq) || this.sched_dl_runnable(rq);
}

/** kernel/sched/deadline.c: __pick_task_dl() */
export function __pick_task_dl(this: vmlinux, rq: rq): task_struct | null {
  for (;;) {
    if (!this.sched_dl_runnable(rq)) return null;
    const dl_se = rq.fair_server;
    const p = this.fair_server_pick_task(dl_se);
    if (p !== null) {
      rq.dl_server = rq.id;
      return p;
    }
    // No fair task is left: here, and nowhere else, the server stops.
    this.dl_server_stop(dl_se);
  }
}

/** kernel/sched/deadline.c: pick_task_dl() */
export function pick_task_dl(this: vmlinux, rq: rq): task_struct | null {
  return this.__pick_task_dl(rq);
}

/** kernel/sched/deadline.c: init_dl_entity(), of the server of CPU `cpu`. */
export function init_dl_entity(this: vmlinux, dl_se: sched_dl_entity, cpu: number): void {
  dl_se.on_rq = 0;
  if (dl_se.dl_timer === NULL) dl_se.dl_timer = this.hrtimer_init('dl_task_timer', cpu);
  this.__dl_clear_params(dl_se);
}

/** kernel/sched/deadline.c: __dl_clear_params() */
export function __dl_clear_params(this: vmlinux, dl_se: sched_dl_entity): void {
  dl_se.dl_runtime = ZERO;
  dl_se.dl_deadline = ZERO;
  dl_se.dl_period = ZERO;
  dl_se.flags = 0;
  dl_se.dl_bw = ZERO;
  dl_se.dl_density = ZERO;
  dl_se.dl_throttled = 0;
  dl_se.dl_yielded = 0;
  dl_se.dl_non_contending = 0;
  dl_se.dl_overrun = 0;
  dl_se.dl_server = 0;
  dl_se.dl_defer = 0;
  dl_se.dl_defer_running = 0;
  dl_se.dl_defer_armed = 0;
}

/** kernel/sched/deadline.c: rq_online_dl(). MODEL: cpudl is deadline tasks' alone. */
export function rq_online_dl(this: vmlinux, _rq: rq): void {}

/** kernel/sched/deadline.c: rq_offline_dl(). MODEL: as above. */
export function rq_offline_dl(this: vmlinux, _rq: rq): void {}
