// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/sched/signal.h, kernel/signal.c (6.12.117): the signal by which a VMM brings the thread
 * of a vCPU out of KVM_RUN.
 *
 * MODEL: no other signals, and no other tasks get any; TIF_SIGPENDING is vcpu->ioctls.
 */
import type { bool } from '../lib/types.js';
import { NULL, TASK_INTERRUPTIBLE, type task_struct } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

/** include/linux/sched/signal.h: signal_pending() */
export function signal_pending(this: vmlinux, p: task_struct): bool {
  return p.preempt_notifier !== NULL && this.m.vcpu[p.preempt_notifier].ioctls.length > 0;
}

/** kernel/signal.c: signal_wake_up_state(): the flag is set already. */
export function signal_wake_up_state(this: vmlinux, t: task_struct): void {
  if (t.__state === TASK_INTERRUPTIBLE && this.wake_up_process(t)) return;
  this.kick_process(t);
}
