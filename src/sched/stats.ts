// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/stats.h (6.12.117): sched_info, how long a task has waited for its CPU. What a guest is told as stolen.
 *
 * Not mirrored: schedstats of the run queue, PSI.
 */
import { add, ONE, sub, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { rq, task_struct } from './sched.js';

/** kernel/sched/stats.h: sched_info_dequeue(): it leaves the queue without having been on the CPU. */
export function sched_info_dequeue(this: vmlinux, rq: rq, t: task_struct): void {
  const info = t.sched_info;
  if (info.last_queued === ZERO) return;
  const delta = sub(this.rq_clock(rq), info.last_queued);
  info.last_queued = ZERO;
  info.run_delay = add(info.run_delay, delta);
}

/** kernel/sched/stats.h: sched_info_arrive() */
export function sched_info_arrive(this: vmlinux, rq: rq, t: task_struct): void {
  const info = t.sched_info;
  if (info.last_queued === ZERO) return;
  const now = this.rq_clock(rq);
  const delta = sub(now, info.last_queued);
  info.last_queued = ZERO;
  info.run_delay = add(info.run_delay, delta);
  info.last_arrival = now;
  info.pcount = add(info.pcount, ONE);
}

/** kernel/sched/stats.h: sched_info_enqueue() */
export function sched_info_enqueue(this: vmlinux, rq: rq, t: task_struct): void {
  if (t.sched_info.last_queued === ZERO) t.sched_info.last_queued = this.rq_clock(rq);
}

/** kernel/sched/stats.h: sched_info_depart(): off the CPU; still runnable, it waits from now on. */
export function sched_info_depart(this: vmlinux, rq: rq, t: task_struct): void {
  if (this.task_is_running(t)) this.sched_info_enqueue(rq, t);
}

/** kernel/sched/stats.h: sched_info_switch() */
export function sched_info_switch(this: vmlinux, rq: rq, prev: task_struct, next: task_struct): void {
  if (prev.id !== rq.idle) this.sched_info_depart(rq, prev);
  if (next.id !== rq.idle) this.sched_info_arrive(rq, next);
}
