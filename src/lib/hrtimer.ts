// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/hrtimer.h (6.12.117): timers as records in one table, so that the machine sees every expiry.
 *
 * Mirrored: arming, cancelling, forwarding. MODEL: no bases, slack or softirq expiry; a timer fires at its
 * expiry, or later when the machine says so, in the order of (expires, id).
 */
import type { vmlinux } from '../vmlinux/vmlinux.js';
import {
  add,
  div,
  mul,
  ONE,
  S64_ZERO,
  s64_diff,
  s64_ge,
  s64_gt,
  s64_lt,
  to_s64,
  to_u64,
  type u64,
  ZERO,
} from './types.js';

/** Index into `machine.hrtimer`. */
export type hrtimer_ptr = number & { readonly __hrtimer?: never };

export const HRTIMER_NORESTART = 0;
export const HRTIMER_RESTART = 1;

/** include/linux/hrtimer.h: struct hrtimer. */
export interface hrtimer {
  readonly id: hrtimer_ptr;
  /** HRTIMER_STATE_ENQUEUED */
  queued: number;
  /** absolute, ns of CLOCK_MONOTONIC; meaningful while queued, and in the callback */
  expires: u64;
  /** name of the callback in the kernel's table; it takes the timer and returns HRTIMER_RESTART or _NORESTART */
  function: string;
  /** container_of(): the id of the structure around the timer, as the callback understands it */
  owner: number;
  /** CPU whose base holds the timer */
  cpu: number;
}

export interface hrtimer_state {
  hrtimer: hrtimer[];
}

export const newHrtimer = (id: hrtimer_ptr, callback: string, owner: number): hrtimer => ({
  id,
  queued: 0,
  expires: ZERO,
  function: callback,
  owner,
  cpu: 0,
});

/** kernel/time/hrtimer.c: hrtimer_init(): makes the timer; its pointer is what the owner keeps. */
export function hrtimer_init(this: vmlinux, callback: string, owner: number): hrtimer_ptr {
  const id = this.m.hrtimer.length;
  this.m.hrtimer.push(newHrtimer(id, callback, owner));
  return id;
}

/** include/linux/hrtimer.h: hrtimer_start(), absolute expiry. */
export function hrtimer_start(this: vmlinux, timer: hrtimer_ptr, expires: u64): void {
  const t = this.m.hrtimer[timer];
  t.queued = 1;
  t.expires = expires;
  t.cpu = this.m.cpu;
}

/** kernel/time/hrtimer.c: hrtimer_cancel(): 1 when the timer was queued. */
export function hrtimer_cancel(this: vmlinux, timer: hrtimer_ptr): number {
  const t = this.m.hrtimer[timer];
  const was = t.queued;
  t.queued = 0;
  return was;
}

/** kernel/time/hrtimer.c: hrtimer_active() */
export function hrtimer_active(this: vmlinux, timer: hrtimer_ptr): boolean {
  return this.m.hrtimer[timer].queued === 1;
}

/** include/linux/hrtimer.h: hrtimer_is_queued(): not while its callback runs. */
export function hrtimer_is_queued(this: vmlinux, timer: hrtimer_ptr): boolean {
  return this.m.hrtimer[timer].queued === 1;
}

/**
 * kernel/time/hrtimer.c: hrtimer_forward(): whole intervals until the expiry is after now; how many. Times are ktime_t,
 * compared as s64. MODEL: hrtimer_resolution is 1 ns, as with high-resolution timers.
 */
export function hrtimer_forward(this: vmlinux, timer: hrtimer_ptr, now: u64, interval: u64): u64 {
  if (interval === ZERO) interval = ONE;
  const t = this.m.hrtimer[timer];
  const delta = s64_diff(now, t.expires);
  if (s64_lt(delta, S64_ZERO)) return ZERO;
  if (this.warnOn(t.queued === 1, 'hrtimer_forward: timer->state & HRTIMER_STATE_ENQUEUED')) return ZERO;

  let orun = ONE;
  if (s64_ge(delta, to_s64(interval))) {
    orun = div(to_u64(delta), interval);
    t.expires = add(t.expires, mul(interval, orun));
    if (s64_gt(to_s64(t.expires), to_s64(now))) return orun;
    // the expiry is now, and has to be after it
    orun = add(orun, ONE);
  }
  t.expires = add(t.expires, interval);
  return orun;
}

/** kernel/time/timekeeping.c: ktime_get(): ns, one clock for all CPUs. */
export function ktime_get(this: vmlinux): u64 {
  return this.m.sched_clock;
}

/** kernel/time/timekeeping.c: ktime_get_mono_fast_ns() */
export function ktime_get_mono_fast_ns(this: vmlinux): u64 {
  return this.m.sched_clock;
}

/** The timer has expired: its callback, and back into the queue when that says so. */
export function hrtimerExpire(this: vmlinux, timer: hrtimer_ptr): void {
  const t = this.m.hrtimer[timer];
  t.queued = 0;
  const callback = (this as unknown as Record<string, (timer: hrtimer_ptr) => number>)[t.function];
  if (callback.call(this, t.id) === HRTIMER_RESTART) t.queued = 1;
}

/**
 * kernel/time/hrtimer.c: hrtimers_cpu_dying(): timers that are queued there go to the first CPU that is active.
 *
 * MODEL: that CPU reprograms itself in time; nothing expires later than it would have.
 */
export function hrtimers_cpu_dying(this: vmlinux, dying_cpu: number): number {
  const ncpu = this.m.rq.findIndex((rq) => this.cpu_active(rq.cpu));
  for (const timer of this.m.hrtimer) if (timer.queued === 1 && timer.cpu === dying_cpu) timer.cpu = ncpu;
  return 0;
}
