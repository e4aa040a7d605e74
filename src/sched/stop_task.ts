// SPDX-License-Identifier: GPL-2.0-only
/** kernel/sched/stop_task.c (6.12.117): the class above all others. Nothing in the model queues a stopper yet. */
import { KernelBug } from '../lib/bug.js';
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { rq, task_struct } from './sched.js';

/** kernel/sched/stop_task.c: select_task_rq_stop() */
export function select_task_rq_stop(this: vmlinux, p: task_struct, _cpu: number, _flags: number): number {
  return this.task_cpu(p);
}

/** kernel/sched/stop_task.c: balance_stop() */
export function balance_stop(this: vmlinux, rq: rq, _prev: task_struct): bool {
  return this.sched_stop_runnable(rq);
}

/** kernel/sched/stop_task.c: wakeup_preempt_stop() */
export function wakeup_preempt_stop(this: vmlinux, _rq: rq, _p: task_struct, _flags: number): void {}

/** kernel/sched/stop_task.c: set_next_task_stop() */
export function set_next_task_stop(this: vmlinux, rq: rq, stop: task_struct, _first: bool): void {
  this.m.se[stop.se].exec_start = this.rq_clock_task(rq);
}

/** kernel/sched/stop_task.c: pick_task_stop() */
export function pick_task_stop(this: vmlinux, rq: rq): task_struct | null {
  return this.sched_stop_runnable(rq) ? this.m.task[rq.stop] : null;
}

/** kernel/sched/stop_task.c: enqueue_task_stop() */
export function enqueue_task_stop(this: vmlinux, rq: rq, _p: task_struct, _flags: number): void {
  this.add_nr_running(rq, 1);
}

/** kernel/sched/stop_task.c: dequeue_task_stop() */
export function dequeue_task_stop(this: vmlinux, rq: rq, _p: task_struct, _flags: number): bool {
  this.sub_nr_running(rq, 1);
  return true;
}

/** kernel/sched/stop_task.c: yield_task_stop() */
export function yield_task_stop(this: vmlinux, _rq: rq): void {
  throw new KernelBug('BUG_ON', 'yield_task_stop');
}

/** kernel/sched/stop_task.c: put_prev_task_stop() */
export function put_prev_task_stop(this: vmlinux, rq: rq, _prev: task_struct, _next: task_struct | null): void {
  this.update_curr_common(rq);
}

/** kernel/sched/stop_task.c: task_tick_stop() */
export function task_tick_stop(this: vmlinux, _rq: rq, _curr: task_struct, _queued: number): void {}
