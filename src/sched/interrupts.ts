// SPDX-License-Identifier: GPL-2.0-only
/** Interrupt handlers of the machine's own devices, as functions of the table: what a timer or a disk would do. */
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { __TASK_STOPPED, __TASK_TRACED, TASK_NORMAL, TASK_PARKED } from './sched.js';

const ANY_SLEEP = TASK_NORMAL | __TASK_STOPPED | __TASK_TRACED | TASK_PARKED;

/** What a task waited for has come, whatever it waits in. */
export function wakeTask(this: vmlinux, task: number): void {
  this.try_to_wake_up(this.m.task[task], ANY_SLEEP, 0);
}

/** A device that has nothing to say to the scheduler. */
export function noHandler(this: vmlinux): void {}
