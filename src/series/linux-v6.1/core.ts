// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/core.c (v6.1), as far as it differs from the pin: no delayed tasks, no slices of one's own, no fair server. Held
 * against the C code of 6.1.192.
 *
 * MODEL: the pin's names where only they changed: wakeup_preempt() is check_preempt_curr() there, sched_tick() scheduler_tick(),
 * prev_balance() a part of put_prev_task_balance().
 */
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { EAGAIN, EINVAL, ESRCH } from '../../lib/errno.js';
import {
  add,
  type bool,
  gt,
  mul,
  ONE,
  S64_ZERO,
  s64_diff,
  s64_lt,
  shr,
  sub,
  to_u64,
  u64,
  ZERO,
} from '../../lib/types.js';
import {
  DEQUEUE_MOVE,
  DEQUEUE_NOCLOCK,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  ENQUEUE_HEAD,
  ENQUEUE_MIGRATED,
  ENQUEUE_NOCLOCK,
  ENQUEUE_RESTORE,
  ENQUEUE_WAKEUP,
  MAX_RT_PRIO,
  NICE_TO_PRIO,
  PRIO_TO_NICE,
  RQCF_ACT_SKIP,
  RQCF_REQ_SKIP,
  type rq,
  SCHED_FLAG_ALL,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_FLAG_SUGOV,
  SCHED_FLAG_UTIL_CLAMP,
  SCHED_NORMAL,
  SETPARAM_POLICY,
  SM_PREEMPT,
  TASK_FROZEN,
  TASK_NEW,
  TASK_NOLOAD,
  TASK_ON_RQ_MIGRATING,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  TASK_WAKING,
  type task_struct,
  WF_FORK,
  WF_MIGRATED,
  WF_TTWU,
} from '../../sched/sched.js';
import type { sched_attr } from '../../sched/syscalls.js';
import type { vmlinux_6_1 } from './adds.js';

/* ---- queueing ---- */

/** kernel/sched/core.c: enqueue_task() */
export function enqueue_task(this: vmlinux_6_1, rq: rq, p: task_struct, flags: number): void {
  if (!(flags & ENQUEUE_NOCLOCK)) this.update_rq_clock(rq);
  if (!(flags & ENQUEUE_RESTORE)) this.sched_info_enqueue(rq, p);
  this.classEnqueueTask(rq, p, flags);
}

/** kernel/sched/core.c: deactivate_task() */
export function deactivate_task(this: vmlinux_6_1, rq: rq, p: task_struct, flags: number): void {
  p.on_rq = flags & DEQUEUE_SLEEP ? 0 : TASK_ON_RQ_MIGRATING;
  this.dequeue_task(rq, p, flags);
}

/* ---- wake-up ---- */

/** kernel/sched/core.c: ttwu_do_wakeup() */
export function ttwu_do_wakeup(this: vmlinux_6_1, rq: rq, p: task_struct, wake_flags: number): void {
  this.wakeup_preempt(rq, p, wake_flags);
  p.__state = TASK_RUNNING;
  this.trace_sched_wakeup(p);

  const rf = this.rq_unpin_lock(rq);
  this.classTaskWoken(rq, p);
  this.rq_repin_lock(rq, rf);

  if (rq.idle_stamp !== ZERO) {
    const delta = sub(this.rq_clock(rq), rq.idle_stamp);
    const max = mul(u64(2), rq.max_idle_balance_cost);
    rq.avg_idle = this.update_avg(rq.avg_idle, delta);
    if (gt(rq.avg_idle, max)) rq.avg_idle = max;
    rq.wake_stamp = this.get_jiffies_64();
    rq.wake_avg_idle = shr(rq.avg_idle, 1);
    rq.idle_stamp = ZERO;
  }
}

/** kernel/sched/core.c: ttwu_do_activate() */
export function ttwu_do_activate(this: vmlinux_6_1, rq: rq, p: task_struct, wake_flags: number): void {
  let en_flags = ENQUEUE_WAKEUP | ENQUEUE_NOCLOCK;

  if (p.sched_contributes_to_load) rq.nr_uninterruptible--;

  if (wake_flags & WF_MIGRATED) en_flags |= ENQUEUE_MIGRATED;
  else if (p.in_iowait) this.task_rq(p).nr_iowait--;

  this.activate_task(rq, p, en_flags);
  this.ttwu_do_wakeup(rq, p, wake_flags);
}

/** kernel/sched/core.c: ttwu_runnable(): a task that is still queued just goes on; it may preempt, even itself. */
export function ttwu_runnable(this: vmlinux_6_1, p: task_struct, wake_flags: number): bool {
  const rq = this.__task_rq_lock(p);
  if (!this.task_on_rq_queued(p)) return false;

  this.update_rq_clock(rq);
  this.ttwu_do_wakeup(rq, p, wake_flags);
  return true;
}

/** kernel/sched/core.c: sched_ttwu_pending(). WHY ttwu_pending first: the CPU may look idle while its wake-ups come in. */
export function sched_ttwu_pending(this: vmlinux_6_1): void {
  const rq = this.this_rq();
  const list = rq.wake_list;
  if (list.length === 0) return;
  rq.wake_list = [];

  rq.ttwu_pending = 0;

  this.rq_lock_irqsave(rq);
  this.update_rq_clock(rq);

  for (const id of list) {
    const p = this.m.task[id];
    this.warnOn(p.on_cpu !== 0, 'sched_ttwu_pending: p->on_cpu');
    if (this.warnOn(this.task_cpu(p) !== this.cpu_of(rq), 'sched_ttwu_pending: task_cpu(p) != cpu_of(rq)')) {
      this.set_task_cpu(p, this.cpu_of(rq));
    }
    this.ttwu_do_activate(rq, p, p.sched_remote_wakeup ? WF_MIGRATED : 0);
  }
}

/** kernel/sched/core.c: ttwu_queue_cond() */
export function ttwu_queue_cond(this: vmlinux_6_1, p: task_struct, cpu: number): bool {
  if (!this.cpu_active(cpu)) return false;
  if (!p.cpus_ptr.includes(cpu)) return false;
  // To a CPU of another cache, so as not to touch its runqueue from here.
  if (!this.cpus_share_cache(this.m.cpu, cpu)) return true;
  if (cpu === this.m.cpu) return false;
  // To an idle CPU of the same cache, or one about to become idle.
  return !this.cpu_rq(cpu).nr_running;
}

/** kernel/sched/core.c: try_to_wake_up(): 1 when the task slept in one of `state`. */
export function try_to_wake_up(this: vmlinux_6_1, p: task_struct, state: number, wake_flags: number): number {
  if (p.id === this.get_current().id) {
    // Between setting its state and schedule(): only the state has to go back.
    if (!this.ttwu_state_match(p, state)) return 0;
    this.trace_sched_waking(p);
    p.__state = TASK_RUNNING;
    this.trace_sched_wakeup(p);
    return 1;
  }

  if (!this.ttwu_state_match(p, state)) return 0;

  this.trace_sched_waking(p);

  if (p.on_rq && this.ttwu_runnable(p, wake_flags)) return 1;

  p.__state = TASK_WAKING;

  // RACE: in Linux p may still be in __schedule() on its CPU; here an event ends before the next begins.
  if (p.on_cpu) {
    if (this.ttwu_queue_wakelist(p, this.task_cpu(p), wake_flags)) return 1;
    throw new NotModelled('try_to_wake_up: waiting for p->on_cpu');
  }

  // MODEL: of WF_RQ_SELECTED, which the pin's select_task_rq() puts into the variable, nobody hears.
  const cpu = this.select_task_rq(p, p.wake_cpu, { value: wake_flags | WF_TTWU });
  if (this.task_cpu(p) !== cpu) {
    if (p.in_iowait) this.task_rq(p).nr_iowait--;
    wake_flags |= WF_MIGRATED;
    this.set_task_cpu(p, cpu);
  }

  this.ttwu_queue(p, cpu, wake_flags);
  return 1;
}

/** kernel/sched/core.c: yield_to(): without p->pi_lock, which v6.14 takes (5d808c78d972). */
export function yield_to(this: vmlinux_6_1, p: task_struct, preempt: bool): number {
  const curr = this.get_current();
  const rq = this.this_rq();
  let p_rq: rq;

  do {
    p_rq = this.task_rq(p);
    // RACE: as at the pin, read without the locks
    if (rq.nr_running === 1 && p_rq.nr_running === 1) return -ESRCH;

    this.double_rq_lock(rq, p_rq);
  } while (this.task_rq(p).id !== p_rq.id);

  // RACE: a wake-up on a third CPU needs neither lock and may move p
  if (!this.classHasYieldToTask(curr.sched_class)) return 0;
  if (curr.sched_class !== p.sched_class) return 0;
  if (this.task_on_cpu(p_rq, p) || !this.task_is_running(p)) return 0;

  const yielded = this.classYieldToTask(curr.sched_class, rq, p);
  if (yielded) {
    rq.yld_count = (rq.yld_count + 1) >>> 0;
    if (preempt && rq.id !== p_rq.id) this.resched_curr(p_rq);
  }

  if (yielded) this.schedule();
  return yielded ? 1 : 0;
}

/* ---- fork ---- */

/** kernel/sched/core.c: __sched_fork() */
export function __sched_fork(this: vmlinux_6_1, _clone_flags: number, p: task_struct): void {
  const se = this.m.se[p.se];
  p.on_rq = 0;
  se.on_rq = 0;
  se.exec_start = ZERO;
  se.sum_exec_runtime = ZERO;
  se.prev_sum_exec_runtime = ZERO;
  se.nr_migrations = ZERO;
  se.vruntime = ZERO;
  se.cfs_rq = -1;
  p.rt.timeout = ZERO;
  p.rt.time_slice = this.m.sched_rr_timeslice;
  p.rt.on_rq = 0;
  p.rt.on_list = 0;
}

/** kernel/sched/core.c: sched_fork(): p is a copy of its parent, current, that nobody has seen yet. */
export function sched_fork(this: vmlinux_6_1, clone_flags: number, p: task_struct): number {
  this.__sched_fork(clone_flags, p);
  p.__state = TASK_NEW;
  // Not the priority that the parent may have been lent.
  p.prio = this.get_current().normal_prio;

  if (p.sched_reset_on_fork) {
    if (this.task_has_dl_policy(p) || this.task_has_rt_policy(p)) {
      p.policy = SCHED_NORMAL;
      p.static_prio = NICE_TO_PRIO(0);
      p.rt_priority = 0;
    } else if (PRIO_TO_NICE(p.static_prio) < 0) {
      p.static_prio = NICE_TO_PRIO(0);
    }
    p.normal_prio = p.static_prio;
    p.prio = p.normal_prio;
    this.set_load_weight(p, false);
    p.sched_reset_on_fork = 0;
  }

  if (this.dl_prio(p.prio)) return -EAGAIN;
  p.sched_class = this.rt_prio(p.prio) ? 'rt_sched_class' : 'fair_sched_class';

  this.init_entity_runnable_average(this.m.se[p.se]);
  p.on_cpu = 0;
  return 0;
}

/** kernel/sched/core.c: wake_up_new_task(): it was placed by task_fork_fair(), and comes in like one that is moved. */
export function wake_up_new_task(this: vmlinux_6_1, p: task_struct): void {
  p.__state = TASK_RUNNING;
  p.recent_used_cpu = this.task_cpu(p);
  this.__set_task_cpu(p, this.select_task_rq(p, this.task_cpu(p), { value: WF_FORK }));

  const rq = this.__task_rq_lock(p);
  this.update_rq_clock(rq);
  this.post_init_entity_util_avg(p);

  this.activate_task(rq, p, ENQUEUE_NOCLOCK);
  this.trace_sched_wakeup_new(p);
  this.wakeup_preempt(rq, p, WF_FORK);
  const rf = this.rq_unpin_lock(rq);
  this.classTaskWoken(rq, p);
  this.rq_repin_lock(rq, rf);
}

/* ---- the switch ---- */

/** kernel/sched/core.c: context_switch() */
export function context_switch(this: vmlinux_6_1, rq: rq, prev: task_struct, next: task_struct): rq {
  this.prepare_task_switch(rq, prev, next);
  rq.clock_update_flags &= ~(RQCF_ACT_SKIP | RQCF_REQ_SKIP);
  // switch_to(). WHY not before: rq.curr stands for `current` too, and the notifier above still runs as prev.
  rq.curr = next.id;
  rq.donor = next.id;
  return this.finish_task_switch(prev);
}

/** kernel/sched/core.c: put_prev_task_balance() */
export function put_prev_task_balance(this: vmlinux_6_1, rq: rq, prev: task_struct): void {
  this.prev_balance(rq);
  this.put_prev_task(rq, prev);
}

/** sched_class::pick_next_task of each class but fair: its pick, set as next. */
export function pickNextTaskOf(this: vmlinux_6_1, rq: rq, p: task_struct | null): task_struct | null {
  if (p !== null) this.classSetNextTask(rq, p, true);
  return p;
}

/** kernel/sched/core.c: __pick_next_task() */
export function __pick_next_task(this: vmlinux_6_1, rq: rq): task_struct {
  const prev = this.m.task[rq.curr];

  if (
    !this.sched_class_above(prev.sched_class, 'fair_sched_class') &&
    rq.nr_running === this.m.cfs_rq[rq.cfs].h_nr_queued
  ) {
    const p = this.pick_next_task_fair(rq, prev, true);
    if (p !== null) return p;
    this.put_prev_task(rq, prev);
    const idle = this.pick_task_idle(rq);
    this.classSetNextTask(rq, idle, true);
    return idle;
  }

  this.put_prev_task_balance(rq, prev);

  const next =
    this.pickNextTaskOf(rq, this.pick_task_stop(rq)) ??
    this.pickNextTaskOf(rq, this.pick_task_dl(rq)) ??
    this.pickNextTaskOf(rq, this.pick_task_rt(rq)) ??
    this.__pick_next_task_fair(rq, prev) ??
    this.pickNextTaskOf(rq, this.pick_task_idle(rq));
  if (next === null) throw new KernelBug('BUG_ON', '__pick_next_task: the idle class always has a task');
  return next;
}

/** kernel/sched/core.c: __schedule(). MODEL: no signal is ever pending. */
export function __schedule(this: vmlinux_6_1, sched_mode: number): void {
  const { m } = this;
  const rq = this.cpu_rq(m.cpu);
  const prev = m.task[rq.curr];
  let voluntary = false;

  if (m.sched_feat.HRTICK || m.sched_feat.HRTICK_DL) this.hrtick_clear(rq);

  this.rq_lock(rq);

  // RQCF_REQ_SKIP becomes RQCF_ACT_SKIP: this one update is left out.
  rq.clock_update_flags <<= 1;
  this.update_rq_clock(rq);

  const preempt = sched_mode === SM_PREEMPT;
  const prev_state = prev.__state;
  if (!preempt && prev_state) {
    prev.sched_contributes_to_load =
      prev_state & TASK_UNINTERRUPTIBLE && !(prev_state & TASK_NOLOAD) && !(prev_state & TASK_FROZEN) ? 1 : 0;
    if (prev.sched_contributes_to_load) rq.nr_uninterruptible++;
    this.deactivate_task(rq, prev, DEQUEUE_SLEEP | DEQUEUE_NOCLOCK);
    if (prev.in_iowait) rq.nr_iowait++;
    voluntary = true;
  }

  const next = this.pick_next_task(rq);
  this.clear_tsk_need_resched(prev);

  if (prev.id !== next.id) {
    rq.nr_switches = add(rq.nr_switches, ONE);
    if (voluntary) prev.nvcsw = add(prev.nvcsw, ONE);
    else prev.nivcsw = add(prev.nivcsw, ONE);

    this.trace_sched_switch(preempt, prev, next, prev_state);
    this.context_switch(rq, prev, next);
  } else {
    rq.clock_update_flags &= ~(RQCF_ACT_SKIP | RQCF_REQ_SKIP);
    this.__balance_callbacks(rq);
  }
}

/* ---- system calls ---- */

/** kernel/sched/core.c: __setscheduler_params() */
export function __setscheduler_params(this: vmlinux_6_1, p: task_struct, attr: sched_attr): void {
  const policy = attr.sched_policy === SETPARAM_POLICY ? p.policy : attr.sched_policy;
  p.policy = policy;

  if (this.dl_policy(policy)) throw new NotModelled('__setscheduler_params: SCHED_DEADLINE');
  if (this.fair_policy(policy)) p.static_prio = NICE_TO_PRIO(attr.sched_nice);

  p.rt_priority = attr.sched_priority;
  p.normal_prio = this.normal_prio(p);
  this.set_load_weight(p, true);
}

/** kernel/sched/core.c: __sched_setscheduler(): 0, or -EINVAL. */
export function __sched_setscheduler(
  this: vmlinux_6_1,
  p: task_struct,
  attr: sched_attr,
  _user: bool,
  pi: bool,
): number {
  let policy = attr.sched_policy;
  let queue_flags = DEQUEUE_SAVE | DEQUEUE_MOVE | DEQUEUE_NOCLOCK;
  let reset_on_fork: number;

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
  if ((attr.sched_flags & SCHED_FLAG_UTIL_CLAMP) !== 0) throw new NotModelled('__sched_setscheduler: uclamp');

  const rq = this.task_rq_lock(p);
  this.update_rq_clock(rq);

  // The stopper's policy is not to be changed.
  if (p.id === rq.stop) return -EINVAL;

  if (policy === p.policy) {
    const change =
      (this.fair_policy(policy) && attr.sched_nice !== this.task_nice(p)) ||
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

  const queued = this.task_on_rq_queued(p);
  const running = this.task_current(rq, p);
  if (queued) this.dequeue_task(rq, p, queue_flags);
  if (running) this.put_prev_task(rq, p);

  const prev_class = p.sched_class;

  if (!(attr.sched_flags & SCHED_FLAG_KEEP_PARAMS)) {
    this.__setscheduler_params(p, attr);
    p.sched_class = this.__setscheduler_class(policy, newprio);
    p.prio = newprio;
  }

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

/* ---- kernel/sched/deadline.c, idle.c, stop_task.c ---- */

/** kernel/sched/deadline.c: pick_task_dl() */
export function pick_task_dl(this: vmlinux_6_1, rq: rq): task_struct | null {
  if (!this.sched_dl_runnable(rq)) return null;
  throw new NotModelled('pick_task_dl: SCHED_DEADLINE task');
}

/** kernel/sched/idle.c: put_prev_task_idle() */
export function put_prev_task_idle(this: vmlinux_6_1, _rq: rq, _prev: task_struct, _next: task_struct | null): void {}

/** kernel/sched/idle.c: set_next_task_idle() */
export function set_next_task_idle(this: vmlinux_6_1, rq: rq, _next: task_struct, _first: bool): void {
  this.update_idle_rq_clock_pelt(rq);
}

/** kernel/sched/stop_task.c: put_prev_task_stop() */
export function put_prev_task_stop(this: vmlinux_6_1, rq: rq, _prev: task_struct, _next: task_struct | null): void {
  const curr = this.m.se[this.m.task[rq.curr].se];
  const now = this.rq_clock_task(rq);
  const delta_exec = s64_diff(now, curr.exec_start);
  this.update_current_exec_runtime(curr, now, s64_lt(delta_exec, S64_ZERO) ? ZERO : to_u64(delta_exec));
}
