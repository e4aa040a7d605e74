// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/syscalls.c (6.12.117): nice, sched_setattr, sched_yield, and yield_to.
 *
 * Mirrored: all that changes scheduling. MODEL: no capability, rlimit and LSM checks (the caller may), no uclamp, no
 * rt_mutex: nobody lends a priority, so rt_effective_prio() and rt_mutex_adjust_pi() change nothing. Not modelled:
 * SCHED_DEADLINE tasks.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { EINVAL, ESRCH } from '../lib/errno.js';
import { type bool, gt, lt, type u32, u64, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import {
  DEQUEUE_DELAYED,
  DEQUEUE_MOVE,
  DEQUEUE_NOCLOCK,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_HEAD,
  ENQUEUE_NOCLOCK,
  ENQUEUE_RESTORE,
  MAX_DL_PRIO,
  MAX_NICE,
  MAX_RT_PRIO,
  MIN_NICE,
  NICE_TO_PRIO,
  PRIO_TO_NICE,
  type rq,
  SCHED_FIFO,
  SCHED_FLAG_ALL,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_SUGOV,
  SCHED_FLAG_UTIL_CLAMP,
  SCHED_NORMAL,
  SCHED_RESET_ON_FORK,
  SETPARAM_POLICY,
  type task_struct,
} from './sched.js';

/** include/uapi/linux/sched/types.h: struct sched_attr, without the deadline and clamp members. */
export interface sched_attr {
  sched_policy: number;
  sched_flags: u32;
  sched_nice: number;
  sched_priority: u32;
  /** ns; for the fair policies the slice that is asked for, 0 for the default */
  sched_runtime: u64;
}

/** kernel/sched/syscalls.c: __normal_prio() */
export function __normal_prio(this: vmlinux, policy: number, rt_prio: number, nice: number): number {
  if (this.dl_policy(policy)) return MAX_DL_PRIO - 1;
  if (this.rt_policy(policy)) return MAX_RT_PRIO - 1 - rt_prio;
  return NICE_TO_PRIO(nice);
}

/** kernel/sched/syscalls.c: normal_prio() */
export function normal_prio(this: vmlinux, p: task_struct): number {
  return this.__normal_prio(p.policy, p.rt_priority, PRIO_TO_NICE(p.static_prio));
}

/** kernel/sched/syscalls.c: effective_prio() */
export function effective_prio(this: vmlinux, p: task_struct): number {
  p.normal_prio = this.normal_prio(p);
  if (!this.rt_or_dl_prio(p.prio)) return p.normal_prio;
  return p.prio;
}

/** kernel/sched/syscalls.c: set_user_nice(): a running task is placed anew, like one that comes in. */
export function set_user_nice(this: vmlinux, p: task_struct, nice: number): void {
  if (this.task_nice(p) === nice || nice < MIN_NICE || nice > MAX_NICE) return;

  const rq = this.task_rq_lock(p);
  this.update_rq_clock(rq);

  // For when the task leaves its real-time policy.
  if (this.task_has_dl_policy(p) || this.task_has_rt_policy(p)) {
    p.static_prio = NICE_TO_PRIO(nice);
    return;
  }

  const queued = this.task_on_rq_queued(p);
  const running = this.task_current(rq, p);
  if (queued) this.dequeue_task(rq, p, DEQUEUE_SAVE | DEQUEUE_NOCLOCK);
  if (running) this.put_prev_task(rq, p);

  p.static_prio = NICE_TO_PRIO(nice);
  this.set_load_weight(p, true);
  const old_prio = p.prio;
  p.prio = this.effective_prio(p);

  if (queued) this.enqueue_task(rq, p, ENQUEUE_RESTORE | ENQUEUE_NOCLOCK);
  if (running) this.set_next_task(rq, p);

  this.classPrioChanged(rq, p, old_prio);
}

/** kernel/sched/syscalls.c: idle_cpu() */
export function idle_cpu(this: vmlinux, cpu: number): bool {
  const rq = this.cpu_rq(cpu);
  if (rq.curr !== rq.idle) return false;
  if (rq.nr_running) return false;
  if (rq.ttwu_pending) return false;
  return true;
}

/** kernel/sched/syscalls.c: available_idle_cpu() */
export function available_idle_cpu(this: vmlinux, cpu: number): bool {
  if (!this.idle_cpu(cpu)) return false;
  if (this.vcpu_is_preempted(cpu)) return false;
  return true;
}

const SLICE_MIN: u64 = u64(100_000);
const SLICE_MAX: u64 = u64(100_000_000);

/** kernel/sched/syscalls.c: __setscheduler_params() */
export function __setscheduler_params(this: vmlinux, p: task_struct, attr: sched_attr): void {
  const se = this.m.se[p.se];
  let policy = attr.sched_policy;
  if (policy === SETPARAM_POLICY) policy = p.policy;
  p.policy = policy;

  if (this.dl_policy(policy)) {
    throw new NotModelled('__setscheduler_params: SCHED_DEADLINE');
  } else if (this.fair_policy(policy)) {
    p.static_prio = NICE_TO_PRIO(attr.sched_nice);
    if (attr.sched_runtime !== ZERO) {
      se.custom_slice = 1;
      se.slice = attr.sched_runtime;
      if (gt(se.slice, SLICE_MAX)) se.slice = SLICE_MAX;
      else if (lt(se.slice, SLICE_MIN)) se.slice = SLICE_MIN;
    } else {
      se.custom_slice = 0;
      se.slice = u64(this.m.sysctl_sched_base_slice);
    }
  }

  p.rt_priority = attr.sched_priority;
  p.normal_prio = this.normal_prio(p);
  // WHY it matters when: sched_class is still the old one, so that a task coming from RT keeps its old vlag as it is.
  this.set_load_weight(p, true);
}

/**
 * kernel/sched/syscalls.c: __sched_setscheduler(): 0, or -EINVAL. `pi` is false where priority inheritance is left alone,
 * which is the only way in from an interrupt.
 *
 * MODEL: the policy cannot change between the first look and the lock.
 */
export function __sched_setscheduler(this: vmlinux, p: task_struct, attr: sched_attr, _user: bool, pi: bool): number {
  const se = this.m.se[p.se];
  let policy = attr.sched_policy;
  let queue_flags = DEQUEUE_SAVE | DEQUEUE_MOVE | DEQUEUE_NOCLOCK;
  let reset_on_fork: number;

  if (pi && !this.in_task()) throw new KernelBug('BUG_ON', '__sched_setscheduler: pi && in_interrupt()');

  // A negative policy says: keep it.
  if (policy < 0) {
    reset_on_fork = p.sched_reset_on_fork;
    policy = p.policy;
  } else {
    reset_on_fork = attr.sched_flags & SCHED_FLAG_RESET_ON_FORK ? 1 : 0;
    if (!this.valid_policy(policy)) return -EINVAL;
  }

  if ((attr.sched_flags & ~(SCHED_FLAG_ALL | SCHED_FLAG_SUGOV)) !== 0) return -EINVAL;

  if (attr.sched_priority > MAX_RT_PRIO - 1) return -EINVAL;
  if (this.dl_policy(policy)) throw new NotModelled('__sched_setscheduler: SCHED_DEADLINE');
  if (this.rt_policy(policy) !== (attr.sched_priority !== 0)) return -EINVAL;

  if (attr.sched_flags & SCHED_FLAG_UTIL_CLAMP) throw new NotModelled('__sched_setscheduler: uclamp');

  const rq = this.task_rq_lock(p);
  this.update_rq_clock(rq);

  // The stopper's policy is not to be changed.
  if (p.id === rq.stop) return -EINVAL;

  if (policy === p.policy) {
    const change =
      (this.fair_policy(policy) && (attr.sched_nice !== this.task_nice(p) || attr.sched_runtime !== se.slice)) ||
      (this.rt_policy(policy) && attr.sched_priority !== p.rt_priority);
    if (!change) {
      p.sched_reset_on_fork = reset_on_fork;
      return 0;
    }
  }

  p.sched_reset_on_fork = reset_on_fork;
  const oldprio = p.prio;

  const newprio = this.__normal_prio(policy, attr.sched_priority, attr.sched_nice);
  // A priority lent by a lock would outweigh the new one; the same effective priority keeps the task's place.
  if (pi && newprio === oldprio) queue_flags &= ~DEQUEUE_MOVE;

  const prev_class = p.sched_class;
  const next_class = this.__setscheduler_class(policy, newprio);

  // A delayed task cannot take that state to another class: it goes to sleep for good.
  if (prev_class !== next_class && se.sched_delayed) {
    this.dequeue_task(rq, p, DEQUEUE_SLEEP | DEQUEUE_DELAYED | DEQUEUE_NOCLOCK);
  }

  const queued = this.task_on_rq_queued(p);
  const running = this.task_current(rq, p);
  if (queued) this.dequeue_task(rq, p, queue_flags);
  if (running) this.put_prev_task(rq, p);

  if (!(attr.sched_flags & SCHED_FLAG_KEEP_PARAMS)) {
    this.__setscheduler_params(p, attr);
    p.sched_class = next_class;
    p.prio = newprio;
  }
  this.check_class_changing(rq, p, prev_class);

  if (queued) {
    // A lowered priority goes before its new equals.
    if (oldprio < p.prio) queue_flags |= ENQUEUE_HEAD;
    this.enqueue_task(rq, p, queue_flags);
  }
  if (running) this.set_next_task(rq, p);

  this.check_class_changed(rq, p, prev_class, oldprio);

  // After the locks are dropped.
  this.do_balance_callbacks(rq, this.splice_balance_callbacks(rq));
  return 0;
}

/** kernel/sched/syscalls.c: _sched_setscheduler(): nice value and slice stay as they are. */
export function _sched_setscheduler(
  this: vmlinux,
  p: task_struct,
  policy: number,
  sched_priority: u32,
  check: bool,
): number {
  const se = this.m.se[p.se];
  const reset = policy !== SETPARAM_POLICY && (policy & SCHED_RESET_ON_FORK) !== 0;
  const attr: sched_attr = {
    sched_policy: reset ? policy & ~SCHED_RESET_ON_FORK : policy,
    sched_flags: reset ? SCHED_FLAG_RESET_ON_FORK : 0,
    sched_nice: PRIO_TO_NICE(p.static_prio),
    sched_priority,
    sched_runtime: se.custom_slice ? se.slice : ZERO,
  };
  return this.__sched_setscheduler(p, attr, check, true);
}

/** kernel/sched/syscalls.c: sched_setscheduler(), with the one member of struct sched_param. */
export function sched_setscheduler(this: vmlinux, p: task_struct, policy: number, sched_priority: u32): number {
  return this._sched_setscheduler(p, policy, sched_priority, true);
}

/** kernel/sched/syscalls.c: sched_setscheduler_nocheck() */
export function sched_setscheduler_nocheck(this: vmlinux, p: task_struct, policy: number, sched_priority: u32): number {
  return this._sched_setscheduler(p, policy, sched_priority, false);
}

/** kernel/sched/syscalls.c: sched_set_fifo(): what kernel threads ask for. */
export function sched_set_fifo(this: vmlinux, p: task_struct): void {
  const r = this.sched_setscheduler_nocheck(p, SCHED_FIFO, MAX_RT_PRIO / 2);
  this.warnOn(r !== 0, 'sched_set_fifo: sched_setscheduler_nocheck() != 0');
}

/** kernel/sched/syscalls.c: sched_set_fifo_low() */
export function sched_set_fifo_low(this: vmlinux, p: task_struct): void {
  const r = this.sched_setscheduler_nocheck(p, SCHED_FIFO, 1);
  this.warnOn(r !== 0, 'sched_set_fifo_low: sched_setscheduler_nocheck() != 0');
}

/** kernel/sched/syscalls.c: sched_set_normal() */
export function sched_set_normal(this: vmlinux, p: task_struct, nice: number): void {
  const attr: sched_attr = {
    sched_policy: SCHED_NORMAL,
    sched_flags: 0,
    sched_nice: nice,
    sched_priority: 0,
    sched_runtime: ZERO,
  };
  this.warnOn(this.sched_setattr_nocheck(p, attr) !== 0, 'sched_set_normal: sched_setattr_nocheck() != 0');
}

/** kernel/sched/syscalls.c: sched_setattr() */
export function sched_setattr(this: vmlinux, p: task_struct, attr: sched_attr): number {
  return this.__sched_setscheduler(p, attr, true, true);
}

/** kernel/sched/syscalls.c: sched_setattr_nocheck() */
export function sched_setattr_nocheck(this: vmlinux, p: task_struct, attr: sched_attr): number {
  return this.__sched_setscheduler(p, attr, false, true);
}

/** kernel/sched/syscalls.c: do_sched_yield(): schedules without any flag being set. */
export function do_sched_yield(this: vmlinux): void {
  const rq = this.this_rq_lock_irq();
  rq.yld_count = (rq.yld_count + 1) >>> 0;
  this.classYieldTask(rq, this.get_current());
  this.schedule();
}

/**
 * kernel/sched/syscalls.c: yield_to()
 *
 * 1 when p was made the next of its queue and the caller has scheduled, 0 when it was not, -ESRCH when caller and p
 * are each alone on their CPUs. The count of a CPU takes in all classes, delayed tasks, and a queued server.
 */
export function yield_to(this: vmlinux, p: task_struct, preempt: bool): number {
  const curr = this.get_current();
  const rq = this.this_rq();
  let p_rq: rq;

  this.lockPi(p);
  do {
    p_rq = this.task_rq(p);
    // RACE: read without the locks, so it may be stale either way.
    if (rq.nr_running === 1 && p_rq.nr_running === 1) return -ESRCH;

    this.double_rq_lock(rq, p_rq);
  } while (this.task_rq(p).id !== p_rq.id);

  // RACE: other CPUs go on with what needs none of the three locks; no wake-up of p does.
  if (!this.classHasYieldToTask(curr.sched_class)) return 0;
  if (curr.sched_class !== p.sched_class) return 0;
  if (this.task_on_cpu(p_rq, p) || !this.task_is_running(p)) return 0;

  const yielded = this.classYieldToTask(curr.sched_class, rq, p);
  if (yielded) {
    rq.yld_count = (rq.yld_count + 1) >>> 0;
    // On p's CPU, so that the hint is looked at; the caller's own goes on to schedule().
    if (preempt && rq.id !== p_rq.id) this.resched_curr(p_rq);
  }

  if (yielded) this.schedule();
  return yielded ? 1 : 0;
}
