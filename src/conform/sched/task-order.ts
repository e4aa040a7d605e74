// SPDX-License-Identifier: GPL-2.0-only
/** How operations and states count tasks: those that were forked, and behind them the threads of the kernel. */
import { NULL, PF_KTHREAD } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

/** Where the numbers of threads begin, as in src/native/c/hotplug.h */
const FIRST_THREAD = 2000;

/** Ids of tasks, each list in the order in which they came. */
export interface TaskOrder {
  readonly tasks: readonly number[];
  readonly threads: readonly number[];
}

/** The tasks from `firstTask` on; what lies before are the idle threads. */
export function tasksInOrder({ m }: vmlinux_x86, firstTask: number): TaskOrder {
  const tasks: number[] = [];
  const threads: number[] = [];
  for (let id = firstTask; id < m.task.length; id++) (m.task[id].flags & PF_KTHREAD ? threads : tasks).push(id);
  return { tasks, threads };
}

/** The number of a task, or -1 for an idle thread. */
export function taskNumber(k: vmlinux_x86, firstTask: number, task: number): number {
  if (task < firstTask) return NULL;
  if (k.m.cpuhp === undefined) return task - firstTask;
  const { tasks, threads } = tasksInOrder(k, firstTask);
  const at = tasks.indexOf(task);
  return at >= 0 ? at : FIRST_THREAD + threads.indexOf(task);
}
