// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/idle.c (6.12.117): the idle class.
 *
 * Mirrored: the class hooks. The idle loop is the machine's: it calls schedule_idle() when the flag is set.
 */
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { rq, task_struct } from './sched.js';

/** kernel/sched/idle.c: select_task_rq_idle() */
export function select_task_rq_idle(this: vmlinux, p: task_struct, _cpu: number, _flags: number): number {
  return this.task_cpu(p);
}

/** kernel/sched/idle.c: balance_idle() */
export function balance_idle(this: vmlinux, _rq: rq, _prev: task_struct): bool {
  return this.warnOn(true, 'balance_idle');
}

/** kernel/sched/idle.c: wakeup_preempt_idle() */
export function wakeup_preempt_idle(this: vmlinux, rq: rq, _p: task_struct, _flags: number): void {
  this.resched_curr(rq);
}

/** kernel/sched/idle.c: put_prev_task_idle() */
export function put_prev_task_idle(this: vmlinux, rq: rq, prev: task_struct, _next: task_struct | null): void {
  this.dl_server_update_idle_time(rq, prev);
}

/** kernel/sched/idle.c: set_next_task_idle() */
export function set_next_task_idle(this: vmlinux, rq: rq, next: task_struct, _first: bool): void {
  this.m.se[next.se].exec_start = this.rq_clock_task(rq);
  this.update_idle_rq_clock_pelt(rq);
}

/** kernel/sched/idle.c: pick_task_idle() */
export function pick_task_idle(this: vmlinux, rq: rq): task_struct {
  return this.m.task[rq.idle];
}

/** kernel/sched/idle.c: dequeue_task_idle(): complains that the idle task went to sleep. */
export function dequeue_task_idle(this: vmlinux, _rq: rq, _p: task_struct, _flags: number): bool {
  this.warnOn(true, 'dequeue_task_idle: bad: scheduling from the idle thread');
  return true;
}

/** kernel/sched/idle.c: task_tick_idle() */
export function task_tick_idle(this: vmlinux, _rq: rq, _curr: task_struct, _queued: number): void {}
