// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/deadline.c, idle.c (v6.19-rc1), of them the fair server, as far as it differs from the pin: idle time
 * counts for it, a whole period of idling stops it, and it is no task in nr_running.
 *
 * Read as text in mails: 52d15521eb75, e636ffb9e31b, f5a538c07df2. Held against the C code of v6.19.
 */

import { NotModelled } from '../../lib/bug.js';
import { HRTIMER_NORESTART, HRTIMER_RESTART, type hrtimer_ptr } from '../../lib/hrtimer.js';
import { S64_ZERO, type s64, s64_diff, s64_le, s64_sub, sub, to_u64, u64, ZERO } from '../../lib/types.js';
import { SERVER_PERIOD, SERVER_RUNTIME } from '../../sched/deadline.js';
import {
  ENQUEUE_REPLENISH,
  ENQUEUE_WAKEUP,
  type rq,
  type sched_dl_entity,
  type task_struct,
} from '../../sched/sched.js';
import type { vmlinux_6_19 } from './adds.js';

declare module '../../sched/sched.js' {
  interface sched_dl_entity {
    /** idle time has pushed the activation once; absent for 0 */
    dl_defer_idle?: number;
  }
}

const dl_server_min_res = u64(1_000_000);

/** kernel/sched/deadline.c: inc_dl_tasks() */
export function inc_dl_tasks(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);
  rq.dl.dl_nr_running++;
  if (!this.dl_server(dl_se)) this.add_nr_running(rq, 1);
}

/** kernel/sched/deadline.c: dec_dl_tasks() */
export function dec_dl_tasks(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);
  this.warnOn(!rq.dl.dl_nr_running, 'dec_dl_tasks: !dl_rq->dl_nr_running');
  rq.dl.dl_nr_running--;
  if (!this.dl_server(dl_se)) this.sub_nr_running(rq, 1);
}

/** rq->donor->sched_class->update_curr(rq) */
export function classUpdateCurr(this: vmlinux_6_19, rq: rq): void {
  switch (this.m.task[rq.donor].sched_class) {
    case 'fair_sched_class':
      this.update_curr_fair(rq);
      return;
    case 'rt_sched_class':
      this.update_curr_rt(rq);
      return;
    case 'idle_sched_class':
      this.update_curr_idle(rq);
      return;
    case 'stop_sched_class':
      return;
    default:
      throw new NotModelled('update_curr_dl(): tasks with SCHED_DEADLINE');
  }
}

/** kernel/sched/deadline.c: dl_server_timer() */
export function dl_server_timer(this: vmlinux_6_19, timer: hrtimer_ptr, dl_se: sched_dl_entity): number {
  const rq = this.rq_of_dl_se(dl_se);
  this.rq_lock(rq);

  if (!dl_se.dl_throttled || dl_se.dl_runtime === ZERO) return HRTIMER_NORESTART;

  this.update_rq_clock(rq);

  // what current has run so far may be the server's
  this.classUpdateCurr(rq);

  if (dl_se.dl_defer_idle) {
    this.dl_server_stop(dl_se);
    return HRTIMER_NORESTART;
  }

  if (dl_se.dl_defer_armed) {
    const zerolax = sub(dl_se.deadline, to_u64(dl_se.runtime));
    if (this.dl_time_before(this.rq_clock(rq), sub(zerolax, dl_server_min_res))) {
      const fw = sub(sub(dl_se.deadline, this.rq_clock(rq)), to_u64(dl_se.runtime));
      this.hrtimer_forward(timer, this.ktime_get(), fw);
      return HRTIMER_RESTART;
    }
    dl_se.dl_defer_running = 1;
  }

  this.enqueue_dl_entity(dl_se, ENQUEUE_REPLENISH);

  this.resched_curr(rq);
  return HRTIMER_NORESTART;
}

/** kernel/sched/deadline.c: update_curr_dl_se() */
export function update_curr_dl_se(this: vmlinux_6_19, rq: rq, dl_se: sched_dl_entity, delta_exec: s64): void {
  const idle = rq.curr === rq.idle;

  if (s64_le(delta_exec, S64_ZERO)) {
    if (dl_se.dl_yielded) this.throttleDlEntity(rq, dl_se);
    return;
  }

  if (this.dl_server(dl_se) && dl_se.dl_throttled && !dl_se.dl_defer) return;

  dl_se.runtime = s64_sub(dl_se.runtime, delta_exec);

  if (dl_se.dl_defer_idle && !idle) dl_se.dl_defer_idle = 0;

  if (dl_se.dl_defer && dl_se.dl_throttled && this.dl_runtime_exceeded(dl_se)) {
    this.warnOn(!this.dl_server(dl_se), 'update_curr_dl_se: !dl_server(dl_se)');

    // Idle time has pushed the activation once already: the timer will find it idle, and stop it.
    if (dl_se.dl_defer_idle && idle) {
      dl_se.runtime = S64_ZERO;
      return;
    }

    dl_se.dl_defer_running = 0;
    this.hrtimer_cancel(dl_se.dl_timer);
    this.replenish_dl_new_period(dl_se, rq);
    if (idle) dl_se.dl_defer_idle = 1;
    this.warnOn(!this.start_dl_timer(dl_se), 'update_curr_dl_se: !start_dl_timer(dl_se)');
    return;
  }

  this.throttleDlEntity(rq, dl_se);
}

/** kernel/sched/deadline.c: dl_server_update_idle() */
export function dl_server_update_idle(this: vmlinux_6_19, dl_se: sched_dl_entity, delta_exec: s64): void {
  if (dl_se.dl_server_active && dl_se.dl_runtime !== ZERO && dl_se.dl_defer) {
    this.update_curr_dl_se(this.rq_of_dl_se(dl_se), dl_se, delta_exec);
  }
}

/** kernel/sched/deadline.c: dl_server_update() */
export function dl_server_update(this: vmlinux_6_19, dl_se: sched_dl_entity, delta_exec: s64): void {
  if (dl_se.dl_server_active && dl_se.dl_runtime !== ZERO) {
    this.update_curr_dl_se(this.rq_of_dl_se(dl_se), dl_se, delta_exec);
  }
}

/**
 * kernel/sched/deadline.c: dl_server_update_idle_time(), which is gone in this release.
 *
 * MODEL: the pin's enqueue_task_fair() still calls it; it does nothing, as the call is not there.
 */
export function dl_server_update_idle_time(this: vmlinux_6_19, _rq: rq, _p: task_struct): void {}

/** kernel/sched/deadline.c: dl_server_start() */
export function dl_server_start(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);

  if (!this.dl_server(dl_se) || dl_se.dl_server_active) return;

  this.classUpdateCurr(rq);

  if (this.warnOn(!this.cpu_online(this.cpu_of(rq)), 'dl_server_start: !cpu_online(cpu_of(rq))')) return;

  dl_se.dl_server_active = 1;
  this.enqueue_dl_entity(dl_se, ENQUEUE_WAKEUP);
  this.resched_curr(rq);
}

/** kernel/sched/core.c: sched_init_smp() without topology. */
export function sched_init_smp(this: vmlinux_6_19): void {
  this.sched_init_dl_servers();
}

/** kernel/sched/deadline.c: sched_init_dl_servers() */
export function sched_init_dl_servers(this: vmlinux_6_19): void {
  for (const rq of this.m.rq) {
    const dl_se = rq.fair_server;
    this.rq_lock_irq(rq);
    this.update_rq_clock(rq);

    this.warnOn(this.dl_server(dl_se), 'sched_init_dl_servers: dl_server(dl_se)');

    this.dl_server_apply_params(dl_se, SERVER_RUNTIME, SERVER_PERIOD, true);
    dl_se.dl_server = 1;
    dl_se.dl_defer = 1;
    this.setup_new_dl_entity(dl_se);
  }
}

/** kernel/sched/deadline.c: update_dl_entity(): on wake-up: keep the running period, or begin a new one. */
export function update_dl_entity(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  const rq = this.rq_of_dl_se(dl_se);

  if (this.dl_time_before(dl_se.deadline, this.rq_clock(rq)) || this.dl_entity_overflow(dl_se, this.rq_clock(rq))) {
    if (!this.dl_is_implicit(dl_se) && !this.dl_time_before(dl_se.deadline, this.rq_clock(rq))) {
      this.update_dl_revised_wakeup(dl_se, rq);
      return;
    }
    this.replenish_dl_new_period(dl_se, rq);
  } else if (this.dl_server(dl_se) && dl_se.dl_defer) {
    // within its period, with runtime left: it waits for its zero-laxity time again, unless it was running
    if (!dl_se.dl_defer_running) {
      dl_se.dl_defer_armed = 1;
      dl_se.dl_throttled = 1;
    }
  }
}

/** The part of update_curr_dl_se() from its label on: a server whose timer would be late gets a new period at once. */
export function throttleDlEntity(this: vmlinux_6_19, rq: rq, dl_se: sched_dl_entity): void {
  if (!this.dl_runtime_exceeded(dl_se) && !dl_se.dl_yielded) return;
  dl_se.dl_throttled = 1;
  this.dequeue_dl_entity(dl_se, 0);
  if (!this.start_dl_timer(dl_se)) {
    this.replenish_dl_new_period(dl_se, rq);
    this.start_dl_timer(dl_se);
  }
  if (!this.on_dl_rq(dl_se)) this.resched_curr(rq); // !is_leftmost()
}

/** kernel/sched/deadline.c: dl_server_stop() */
export function dl_server_stop(this: vmlinux_6_19, dl_se: sched_dl_entity): void {
  if (!this.dl_server(dl_se) || !this.dl_server_active(dl_se)) return;
  this.dequeue_dl_entity(dl_se, 0);
  this.hrtimer_cancel(dl_se.dl_timer);
  dl_se.dl_defer_armed = 0;
  dl_se.dl_throttled = 0;
  if (dl_se.dl_defer_idle) dl_se.dl_defer_idle = 0;
  dl_se.dl_server_active = 0;
}

/** kernel/sched/idle.c: update_curr_idle() */
export function update_curr_idle(this: vmlinux_6_19, rq: rq): void {
  const se = this.m.se[this.m.task[rq.idle].se];
  const now = this.rq_clock_task(rq);
  const delta_exec = s64_diff(now, se.exec_start);
  if (s64_le(delta_exec, S64_ZERO)) return;

  se.exec_start = now;

  this.dl_server_update_idle(rq.fair_server, delta_exec);
}

/** kernel/sched/idle.c: put_prev_task_idle() */
export function put_prev_task_idle(this: vmlinux_6_19, rq: rq, _prev: task_struct, _next: task_struct | null): void {
  this.update_curr_idle(rq);
}

/** kernel/sched/idle.c: task_tick_idle() */
export function task_tick_idle(this: vmlinux_6_19, rq: rq, _curr: task_struct, _queued: number): void {
  this.update_curr_idle(rq);
}
