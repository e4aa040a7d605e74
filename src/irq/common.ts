// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/entry/common.c (6.12.117): into the kernel by an interrupt or an NMI, and back to user mode.
 *
 * Not mirrored: RCU, lockdep, context tracking, signals and other work than rescheduling.
 * A schedule() inside returns when the task is back: its rest is a frame on the task's kernel stack.
 */
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { HARDIRQ_OFFSET, NMI_OFFSET } from './preempt.js';

/** kernel/entry/common.c: irqentry_enter() */
export function irqentry_enter(this: vmlinux): void {
  if (this.this_irq_cpu().user_mode) this.irqentry_enter_from_user_mode();
}

/** kernel/entry/common.c: irqentry_enter_from_user_mode() */
export function irqentry_enter_from_user_mode(this: vmlinux): void {}

/** kernel/entry/common.c: irqentry_exit() */
export function irqentry_exit(this: vmlinux): void {
  if (this.this_irq_cpu().user_mode) {
    this.irqentry_exit_to_user_mode();
    return;
  }
  // the idle task looks at need_resched by itself
  if (this.is_idle_task(this.get_current())) return;
  this.irqentry_exit_cond_resched();
}

/** kernel/entry/common.c: irqentry_exit_to_user_mode() */
export function irqentry_exit_to_user_mode(this: vmlinux): void {
  this.exit_to_user_mode_prepare();
}

/**
 * include/linux/entry-common.h: exit_to_user_mode_prepare()
 *
 * Split: when it has rescheduled, it goes on in exit_to_user_mode_prepareAgain().
 */
export function exit_to_user_mode_prepare(this: vmlinux): void {
  if (this.need_resched()) this.exit_to_user_mode_loop();
}

/** kernel/entry/common.c: exit_to_user_mode_loop() */
export function exit_to_user_mode_loop(this: vmlinux): void {
  const current = this.get_current();
  this.schedule();
  this.whenBack(current, 'exit_to_user_mode_prepareAgain');
}

/** exit_to_user_mode_prepare(): the task is back: more work may have come up meanwhile. */
export function exit_to_user_mode_prepareAgain(this: vmlinux): void {
  this.exit_to_user_mode_prepare();
}

/** irqentry_exit_cond_resched(), a static call of raw_irqentry_exit_cond_resched(), or of nothing unless preempt=full. */
export function irqentry_exit_cond_resched(this: vmlinux): void {
  if (this.m.preempt_full === true) this.raw_irqentry_exit_cond_resched();
}

/** kernel/entry/common.c: raw_irqentry_exit_cond_resched() */
export function raw_irqentry_exit_cond_resched(this: vmlinux): void {
  if (this.preempt_count() === 0 && this.need_resched()) this.preempt_schedule_irq();
}

/** kernel/entry/common.c: irqentry_nmi_enter() */
export function irqentry_nmi_enter(this: vmlinux): void {
  this.preempt_count_add(NMI_OFFSET + HARDIRQ_OFFSET);
}

/** kernel/entry/common.c: irqentry_nmi_exit(): an NMI never reschedules. */
export function irqentry_nmi_exit(this: vmlinux): void {
  this.preempt_count_sub(NMI_OFFSET + HARDIRQ_OFFSET);
}
