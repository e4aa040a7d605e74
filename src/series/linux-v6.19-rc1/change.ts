// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/core.c, syscalls.c, rt.c (v6.19-rc1): the change pattern. Whatever changes a task's class, priority, group
 * or CPUs takes it off its queue, changes it, and puts it back, in the same way everywhere.
 *
 * Held against the C code of v6.19. MODEL: the pin's names: __do_set_cpus_allowed() is do_set_cpus_allowed() there.
 */
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { EINVAL } from '../../lib/errno.js';
import type { bool } from '../../lib/types.js';
import {
  DEQUEUE_DELAYED,
  DEQUEUE_MOVE,
  DEQUEUE_NOCLOCK,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_HEAD,
  MAX_NICE,
  MAX_RT_PRIO,
  MIN_NICE,
  NICE_TO_PRIO,
  type rq,
  SCHED_FLAG_ALL,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_SUGOV,
  SCHED_FLAG_UTIL_CLAMP,
  TASK_WAKING,
  type task_struct,
} from '../../sched/sched.js';
import type { sched_attr } from '../../sched/syscalls.js';
import type { vmlinux_6_19 } from './adds.js';

/** The task changes its class. A bit that is free at the pin, whose bits the others are. */
export const DEQUEUE_CLASS = 0x1000;

/** struct sched_change_ctx; lives from begin to end. */
export interface sched_change_ctx {
  p: task_struct;
  flags: number;
  queued: bool;
  running: bool;
  prio: number;
}

/** kernel/sched/fair.c: switching_from_fair(): a delayed task does not leave the class as one. */
export function switching_from_fair(this: vmlinux_6_19, rq: rq, p: task_struct): void {
  if (this.m.se[p.se].sched_delayed !== 0) {
    this.dequeue_task(rq, p, DEQUEUE_SLEEP | DEQUEUE_DELAYED | DEQUEUE_NOCLOCK);
  }
}

/** kernel/sched/core.c: sched_change_begin() */
export function sched_change_begin(this: vmlinux_6_19, p: task_struct, flags: number): sched_change_ctx {
  const rq = this.task_rq(p);

  if ((flags & DEQUEUE_NOCLOCK) === 0) {
    this.update_rq_clock(rq);
    flags |= DEQUEUE_NOCLOCK;
  }

  if ((flags & DEQUEUE_CLASS) !== 0 && p.sched_class === 'fair_sched_class') this.switching_from_fair(rq, p);

  const ctx = {
    p,
    flags,
    queued: this.task_on_rq_queued(p),
    running: this.task_current(rq, p),
    prio: p.prio,
  };

  if (ctx.queued) this.dequeue_task(rq, p, flags);
  if (ctx.running) this.put_prev_task(rq, p);

  if ((flags & DEQUEUE_CLASS) !== 0) this.classSwitchedFrom(p.sched_class, rq, p);

  return ctx;
}

/** kernel/sched/core.c: sched_change_end() */
export function sched_change_end(this: vmlinux_6_19, ctx: sched_change_ctx): void {
  const p = ctx.p;
  const rq = this.task_rq(p);

  if (ctx.queued) this.enqueue_task(rq, p, ctx.flags);
  if (ctx.running) this.set_next_task(rq, p);

  if ((ctx.flags & DEQUEUE_CLASS) !== 0) this.classSwitchedTo(rq, p);
  else this.classPrioChanged(rq, p, ctx.prio);
}

/** kernel/sched/fair.c: prio_changed_fair() */
export function prio_changed_fair(this: vmlinux_6_19, rq: rq, p: task_struct, oldprio: number): void {
  if (!this.task_on_rq_queued(p)) return;
  if (p.prio === oldprio) return;
  if (this.m.cfs_rq[rq.cfs].nr_running === 1) return;

  if (this.task_current(rq, p)) {
    if (p.prio > oldprio) this.resched_curr(rq);
  } else {
    this.wakeup_preempt(rq, p, 0);
  }
}

/** kernel/sched/rt.c: prio_changed_rt() */
export function prio_changed_rt(this: vmlinux_6_19, rq: rq, p: task_struct, oldprio: number): void {
  if (!this.task_on_rq_queued(p)) return;
  if (p.prio === oldprio) return;

  if (this.task_current(rq, p)) {
    if (oldprio < p.prio) this.rt_queue_pull_task(rq);
    if (p.prio > rq.rt.highest_prio.curr) this.resched_curr(rq);
  } else if (p.prio < this.m.task[rq.donor].prio) {
    this.resched_curr(rq);
  }
}

/** kernel/sched/syscalls.c: set_user_nice() */
export function set_user_nice(this: vmlinux_6_19, p: task_struct, nice: number): void {
  if (this.task_nice(p) === nice || nice < MIN_NICE || nice > MAX_NICE) return;

  this.task_rq_lock(p);

  if (this.task_has_dl_policy(p) || this.task_has_rt_policy(p)) {
    p.static_prio = NICE_TO_PRIO(nice);
    return;
  }

  const scope = this.sched_change_begin(p, DEQUEUE_SAVE);
  p.static_prio = NICE_TO_PRIO(nice);
  this.set_load_weight(p, true);
  p.prio = this.effective_prio(p);
  this.sched_change_end(scope);
}

/** kernel/sched/syscalls.c: __sched_setscheduler(): 0, or -EINVAL. */
export function __sched_setscheduler(
  this: vmlinux_6_19,
  p: task_struct,
  attr: sched_attr,
  _user: bool,
  pi: bool,
): number {
  let policy = attr.sched_policy;
  let queue_flags = DEQUEUE_SAVE | DEQUEUE_MOVE | DEQUEUE_NOCLOCK;
  let reset_on_fork: number;

  if (pi && !this.in_task()) throw new KernelBug('BUG_ON', '__sched_setscheduler: pi && in_interrupt()');

  if (policy < 0) {
    reset_on_fork = p.sched_reset_on_fork;
    policy = p.policy;
  } else {
    reset_on_fork = (attr.sched_flags & SCHED_FLAG_RESET_ON_FORK) !== 0 ? 1 : 0;
    if (!this.valid_policy(policy)) return -EINVAL;
  }

  if ((attr.sched_flags & ~(SCHED_FLAG_ALL | SCHED_FLAG_SUGOV)) !== 0) return -EINVAL;

  if (attr.sched_priority > MAX_RT_PRIO - 1) return -EINVAL;
  if (this.dl_policy(policy)) throw new NotModelled('__sched_setscheduler: SCHED_DEADLINE');
  if (this.rt_policy(policy) !== (attr.sched_priority !== 0)) return -EINVAL;
  if ((attr.sched_flags & SCHED_FLAG_UTIL_CLAMP) !== 0) throw new NotModelled('__sched_setscheduler: uclamp');

  const rq = this.task_rq_lock(p);
  this.update_rq_clock(rq);

  if (p.id === rq.stop) return -EINVAL;

  if (policy === p.policy) {
    const slice = this.m.se[p.se].slice;
    const change =
      (this.fair_policy(policy) && (attr.sched_nice !== this.task_nice(p) || attr.sched_runtime !== slice)) ||
      (this.rt_policy(policy) && attr.sched_priority !== p.rt_priority);
    if (!change) {
      p.sched_reset_on_fork = reset_on_fork;
      return 0;
    }
  }

  p.sched_reset_on_fork = reset_on_fork;
  const oldprio = p.prio;

  const newprio = this.__normal_prio(policy, attr.sched_priority, attr.sched_nice);
  if (pi && newprio === oldprio) queue_flags &= ~DEQUEUE_MOVE;

  const next_class = this.__setscheduler_class(policy, newprio);
  if (p.sched_class !== next_class) queue_flags |= DEQUEUE_CLASS;

  const scope = this.sched_change_begin(p, queue_flags);
  if ((attr.sched_flags & SCHED_FLAG_KEEP_PARAMS) === 0) {
    this.__setscheduler_params(p, attr);
    p.sched_class = next_class;
    p.prio = newprio;
  }
  // a lowered priority goes before its new equals
  if (scope.queued && oldprio < p.prio) scope.flags |= ENQUEUE_HEAD;
  this.sched_change_end(scope);

  this.do_balance_callbacks(rq, this.splice_balance_callbacks(rq));
  return 0;
}

/** kernel/sched/core.c: sched_move_task() */
export function sched_move_task(this: vmlinux_6_19, tsk: task_struct, _for_autogroup: bool): void {
  const rq = this.task_rq_lock(tsk);

  const scope = this.sched_change_begin(tsk, DEQUEUE_SAVE | DEQUEUE_MOVE);
  this.sched_change_group(tsk);
  this.sched_change_end(scope);

  // The group it is in now may be throttled, or there may be a better one to run.
  if (scope.running) this.resched_curr(rq);
}

/** kernel/sched/core.c: do_set_cpus_allowed(), under the pin's name. */
export function __do_set_cpus_allowed(this: vmlinux_6_19, p: task_struct, new_mask: readonly number[]): void {
  const scope = this.sched_change_begin(p, DEQUEUE_SAVE);
  this.set_cpus_allowed_common(p, new_mask);
  this.sched_change_end(scope);
}

/** kernel/sched/core.c: set_cpus_allowed_ptr(): `new_mask` ascending. Returns 0 or -EINVAL; the clock is the change's affair. */
export function set_cpus_allowed_ptr(this: vmlinux_6_19, p: task_struct, new_mask: readonly number[]): number {
  const rq = this.task_rq_lock(p);
  if (p.cpus_ptr.length === new_mask.length && p.cpus_ptr.every((cpu, i) => cpu === new_mask[i])) return 0;
  const dest_cpu = this.cpumask_any_and_distribute(new_mask);
  if (dest_cpu >= this.m.rq.length) return -EINVAL;

  this.__do_set_cpus_allowed(p, new_mask);

  // affine_move_task()
  if (p.cpus_ptr.includes(this.task_cpu(p))) return 0;
  if (this.task_on_cpu(rq, p) || p.__state === TASK_WAKING) {
    throw new NotModelled('set_cpus_allowed_ptr: moving a running task (migration_cpu_stop)');
  }
  if (this.task_on_rq_queued(p)) this.move_queued_task(rq, p, dest_cpu);
  return 0;
}
