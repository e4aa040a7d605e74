// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/softirq.c (6.12.117): into interrupts and out of them, and softirqs on the way out.
 *
 * Not mirrored: ksoftirqd (softirqs that are raised again and again stay on the way out of the interrupt), tasklets.
 */
import type { u32 } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { HARDIRQ_OFFSET, SOFTIRQ_OFFSET } from './preempt.js';

/** include/linux/interrupt.h */
export const TIMER_SOFTIRQ = 1;

/** include/linux/interrupt.h: local_softirq_pending() */
export function local_softirq_pending(this: vmlinux): u32 {
  return this.this_irq_cpu().softirq_pending;
}

/** kernel/softirq.c: __raise_softirq_irqoff() */
export function __raise_softirq_irqoff(this: vmlinux, nr: number): void {
  const cpu = this.this_irq_cpu();
  cpu.softirq_pending = (cpu.softirq_pending | (1 << nr)) >>> 0;
}

/** kernel/softirq.c: irq_enter_rcu() */
export function irq_enter_rcu(this: vmlinux): void {
  this.preempt_count_add(HARDIRQ_OFFSET);
}

/**
 * kernel/softirq.c: __irq_exit_rcu(): whether softirqs are to run before the interrupt is left.
 *
 * Split: they take time; __do_softirq() begins them, __do_softirqEnd() ends them.
 */
export function __irq_exit_rcu(this: vmlinux): boolean {
  this.preempt_count_sub(HARDIRQ_OFFSET);
  return !this.in_interrupt() && this.local_softirq_pending() !== 0;
}

/**
 * kernel/softirq.c: __do_softirq(): the softirqs that begin to run, with interrupts enabled.
 *
 * Split: it goes on in __do_softirqEnd().
 */
export function __do_softirq(this: vmlinux): u32 {
  const pending = this.local_softirq_pending();
  this.softirq_handle_begin();
  this.this_irq_cpu().softirq_pending = 0;
  return pending;
}

/** __do_softirq() when they have run, interrupts disabled: those to run next, which began meanwhile; 0 when it is over. */
export function __do_softirqEnd(this: vmlinux, restarts: number): u32 {
  const pending = this.local_softirq_pending();
  if (pending !== 0 && restarts < MAX_SOFTIRQ_RESTART && !this.need_resched()) {
    this.this_irq_cpu().softirq_pending = 0;
    return pending;
  }
  this.softirq_handle_end();
  return 0;
}

/** MODEL: what is left after so many turns waits for the next interrupt, not for ksoftirqd. */
const MAX_SOFTIRQ_RESTART = 10;

/** kernel/softirq.c: softirq_handle_begin() */
export function softirq_handle_begin(this: vmlinux): void {
  this.preempt_count_add(SOFTIRQ_OFFSET);
}

/** kernel/softirq.c: softirq_handle_end() */
export function softirq_handle_end(this: vmlinux): void {
  this.preempt_count_sub(SOFTIRQ_OFFSET);
  this.warnOn(this.in_interrupt(), 'in_interrupt()');
}
