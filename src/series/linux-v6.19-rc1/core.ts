// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/core.c, syscalls.c (v6.19-rc1), as far as they differ from the pin: the lazy resched bit, and yielding
 * on behalf of rq->donor.
 *
 * Read as text in mails: 7c70cb94d29c, 127b90315ca0.
 * DEVIATION DV-622: with preempt=lazy the bit is honoured by the tick, by whatever schedules, and before a guest is
 * entered; a return to userspace honours it as well, which is not modelled for host tasks.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import { EINTR, ESRCH } from '../../lib/errno.js';
import type { bool } from '../../lib/types.js';
import type { rq, task_struct } from '../../sched/sched.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_6_19 } from './adds.js';

declare module '../../sched/sched.js' {
  interface task_struct {
    /** TIF_NEED_RESCHED_LAZY of thread_info; absent for 0 */
    tif_need_resched_lazy?: number;
  }
}

/** arch/x86/include/asm/thread_info.h */
export const TIF_NEED_RESCHED = 3;
export const TIF_NEED_RESCHED_LAZY = 4;

/** kernel/sched/core.c: enum { preempt_dynamic_none, ... } */
export const knobs = {
  preempt: {
    file: '/sys/kernel/debug/sched/preempt',
    type: 'u32',
    initial: 2,
    names: ['none', 'voluntary', 'full', 'lazy'],
  },
} as const satisfies Record<string, Knob>;

const PREEMPT_DYNAMIC_LAZY = 3;

/** kernel/sched/core.c: dynamic_preempt_lazy() */
export function dynamic_preempt_lazy(this: vmlinux_6_19): bool {
  return knobValue(this.m, 'preempt', knobs.preempt) === PREEMPT_DYNAMIC_LAZY;
}

/** kernel/sched/core.c: get_lazy_tif_bit() */
export function get_lazy_tif_bit(this: vmlinux_6_19): number {
  return this.dynamic_preempt_lazy() ? TIF_NEED_RESCHED_LAZY : TIF_NEED_RESCHED;
}

/** kernel/sched/core.c: __resched_curr(): the lazy bit sends no interrupt. */
export function __resched_curr(this: vmlinux_6_19, rq: rq, tif: number): void {
  const curr = this.m.task[rq.curr];
  let bit = tif;

  // there is nothing to finish first
  if (this.is_idle_task(curr) && bit === TIF_NEED_RESCHED_LAZY) bit = TIF_NEED_RESCHED;

  if (this.test_tsk_need_resched(curr)) return;
  if (bit === TIF_NEED_RESCHED_LAZY) {
    curr.tif_need_resched_lazy = 1;
    return;
  }

  const cpu = this.cpu_of(rq);
  this.set_tsk_need_resched(curr);
  if (cpu === this.m.cpu) return;
  this.smp_send_reschedule(cpu, '__resched_curr');
}

/** kernel/sched/core.c: resched_curr() */
export function resched_curr(this: vmlinux_6_19, rq: rq): void {
  this.__resched_curr(rq, TIF_NEED_RESCHED);
}

/** kernel/sched/core.c: resched_curr_lazy() */
export function resched_curr_lazy(this: vmlinux_6_19, rq: rq): void {
  this.__resched_curr(rq, this.get_lazy_tif_bit());
}

/** include/linux/sched.h: clear_tsk_need_resched(): both bits. */
export function clear_tsk_need_resched(this: vmlinux_6_19, p: task_struct): void {
  p.tif_need_resched = 0;
  if (p.tif_need_resched_lazy === 1) p.tif_need_resched_lazy = 0;
}

/** include/linux/entry-virt.h: xfer_to_guest_mode_work_pending(): either bit keeps the CPU from entering the guest. */
export function xfer_to_guest_mode_work_pending(this: vmlinux_6_19): bool {
  const current = this.get_current();
  return this.need_resched() || current.tif_need_resched_lazy === 1 || this.signal_pending(current);
}

/** kernel/entry/virt.c: xfer_to_guest_mode_work() */
export function xfer_to_guest_mode_work(this: vmlinux_6_19, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  if (this.signal_pending(current)) {
    this.kvm_handle_signal_exit(vcpu);
    return -EINTR;
  }
  if (this.need_resched() || current.tif_need_resched_lazy === 1) {
    this.schedule();
    this.whenBack(current, 'xfer_to_guest_mode_workAgain', vcpu.id);
  }
  return 0;
}

/** kernel/sched/core.c: wakeup_preempt() */
export function wakeup_preempt(this: vmlinux_6_19, rq: rq, p: task_struct, flags: number): void {
  const donor = this.m.task[rq.donor];

  if (p.sched_class === donor.sched_class) this.classWakeupPreempt(donor.sched_class, rq, p, flags);
  else if (this.sched_class_above(p.sched_class, donor.sched_class)) this.resched_curr(rq);

  if (this.task_on_rq_queued(donor) && this.test_tsk_need_resched(this.m.task[rq.curr])) {
    this.rq_clock_skip_update(rq);
  }
}

/** kernel/sched/core.c: sched_tick(): a lazy bit that is still there becomes a full one. */
export function sched_tick(this: vmlinux_6_19): void {
  const rq = this.this_rq();
  this.rq_lock(rq);
  const donor = this.m.task[rq.donor];

  this.update_rq_clock(rq);

  if (this.dynamic_preempt_lazy() && this.get_current().tif_need_resched_lazy === 1) this.resched_curr(rq);

  this.classTaskTick(rq, donor, 0);

  this.sched_balance_trigger(rq);
}

/** kernel/sched/rt.c: yield_task_rt() */
export function yield_task_rt(this: vmlinux_6_19, rq: rq): void {
  this.requeue_task_rt(rq, this.m.task[rq.donor], false);
}

/** kernel/sched/syscalls.c: do_sched_yield() */
export function do_sched_yield(this: vmlinux_6_19): void {
  const rq = this.this_rq_lock_irq();
  rq.yld_count = (rq.yld_count + 1) >>> 0;
  this.classYieldTask(rq, this.m.task[rq.donor]);
  this.schedule();
}

/** kernel/sched/syscalls.c: yield_to() */
export function yield_to(this: vmlinux_6_19, p: task_struct, preempt: bool): number {
  const rq = this.this_rq();
  const curr = this.m.task[rq.donor];
  let p_rq: rq;

  this.lockPi(p);
  do {
    p_rq = this.task_rq(p);
    // RACE: as at the pin, read without the locks
    if (rq.nr_running === 1 && p_rq.nr_running === 1) return -ESRCH;

    this.double_rq_lock(rq, p_rq);
  } while (this.task_rq(p).id !== p_rq.id);

  // RACE: as at the pin, no wake-up of p
  if (!this.classHasYieldToTask(curr.sched_class)) return 0;
  if (curr.sched_class !== p.sched_class) return 0;
  if (this.task_on_cpu(p_rq, p) || !this.task_is_running(p)) return 0;

  const yielded = this.classYieldToTask(curr.sched_class, rq, p);
  if (yielded) {
    rq.yld_count = (rq.yld_count + 1) >>> 0;
    // not lazily
    if (preempt && rq.id !== p_rq.id) this.resched_curr(p_rq);
  }

  if (yielded) this.schedule();
  return yielded ? 1 : 0;
}
