// SPDX-License-Identifier: GPL-2.0-only
/** Interrupt handlers of the machine's own devices, as functions of the table: what a timer or a disk would do. */
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { TASK_NORMAL } from './sched.js';

/** What a task waited for has come. */
export function wakeTask(this: vmlinux, task: number): void {
  this.try_to_wake_up(this.m.task[task], TASK_NORMAL, 0);
}

/** A device that has nothing to say to the scheduler. */
export function noHandler(this: vmlinux): void {}
