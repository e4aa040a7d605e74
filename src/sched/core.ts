// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/core.c (6.12.117): the clock of a runqueue, wake-up, fork, tick, the pick and the context switch.
 *
 * Mirrored: what changes the scheduler's state; CPU hotplug is in core-hotplug. Absent: core scheduling, uclamp, PSI, mm and FPU state,
 * signals, migrate_disable(). MODEL: no IRQ_TIME_ACCOUNTING and no steal time, so clock_task runs with clock.
 *
 * `current` is rq.curr of the CPU that executes. schedule() comes back at once even when the task has gone off its
 * CPU: see kernel-stack.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { EAGAIN, EINVAL } from '../lib/errno.js';
import { HRTIMER_NORESTART, type hrtimer_ptr } from '../lib/hrtimer.js';
import { CALL_FUNCTION_SINGLE_VECTOR, RESCHEDULE_VECTOR } from '../lib/irq_vectors.js';
import {
  add,
  type bool,
  gt,
  mul,
  ONE,
  S64_ZERO,
  type s64,
  s64_diff,
  s64_lt,
  s64_sub,
  sub,
  to_u64,
  type u32,
  u64,
  ZERO,
} from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { newTaskGroup } from './records.js';
import {
  __TASK_STOPPED,
  __TASK_TRACED,
  type balance_callback_name,
  DEQUEUE_MOVE,
  DEQUEUE_NOCLOCK,
  DEQUEUE_SAVE,
  DEQUEUE_SLEEP,
  DEQUEUE_SPECIAL,
  ENQUEUE_DELAYED,
  ENQUEUE_INITIAL,
  ENQUEUE_MIGRATED,
  ENQUEUE_NOCLOCK,
  ENQUEUE_RESTORE,
  ENQUEUE_RQ_SELECTED,
  ENQUEUE_WAKEUP,
  type load_weight,
  MAX_RT_PRIO,
  NICE_TO_PRIO,
  NULL,
  PF_IDLE,
  PF_KTHREAD,
  PRIO_TO_NICE,
  RQCF_ACT_SKIP,
  RQCF_UPDATED,
  type rq,
  SCHED_NORMAL,
  SM_IDLE,
  SM_NONE,
  SM_PREEMPT,
  type sched_class_name,
  TASK_DEAD,
  TASK_FROZEN,
  TASK_NEW,
  TASK_NOLOAD,
  TASK_NORMAL,
  TASK_ON_RQ_MIGRATING,
  TASK_ON_RQ_QUEUED,
  TASK_PARKED,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  TASK_WAKING,
  type task_group,
  type task_struct,
  WEIGHT_IDLEPRIO,
  WF_FORK,
  WF_MIGRATED,
  WF_RQ_SELECTED,
  WF_TTWU,
  WMULT_IDLEPRIO,
} from './sched.js';

/** kernel/sched/core.c: weights of nice -20 to 19, each step about 1.25 times the next. */
export const sched_prio_to_weight: readonly u32[] = [
  88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991,
  1586, 1277, 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
];

/** kernel/sched/core.c: 2^32 / weight, rounded; by 1 above what __update_inv_weight() computes for some. */
export const sched_prio_to_wmult: readonly u32[] = [
  48388, 59856, 76040, 92818, 118348, 147320, 184698, 229616, 287308, 360437, 449829, 563644, 704093, 875809, 1099582,
  1376151, 1717300, 2157191, 2708050, 3363326, 4194304, 5237765, 6557202, 8165337, 10153587, 12820798, 15790321,
  19976592, 24970740, 31350126, 39045157, 49367440, 61356676, 76695844, 95443717, 119304647, 148102320, 186737708,
  238609294, 286331153,
];

/* ---- the clock of a runqueue ---- */

/** kernel/sched/core.c: update_rq_clock() */
export function update_rq_clock(this: vmlinux, rq: rq): void {
  if (rq.clock_update_flags & RQCF_ACT_SKIP) return;

  if (this.m.sched_feat.WARN_DOUBLE_CLOCK) {
    this.warnOn((rq.clock_update_flags & RQCF_UPDATED) !== 0, 'update_rq_clock: RQCF_UPDATED');
  }
  rq.clock_update_flags |= RQCF_UPDATED;

  const delta = s64_diff(this.sched_clock_cpu(this.cpu_of(rq)), rq.clock);
  if (s64_lt(delta, S64_ZERO)) return;
  rq.clock = add(rq.clock, to_u64(delta));
  this.update_rq_clock_task(rq, delta);
}

/**
 * kernel/sched/core.c: update_rq_clock_task()
 *
 * DEVIATION DV-640: steal time is not added to the averages of the interrupt class (NONTASK_CAPACITY).
 */
export function update_rq_clock_task(this: vmlinux, rq: rq, delta: s64): void {
  // paravirt_steal_rq_enabled: a kernel in a guest
  if (rq.prev_steal_time_rq !== undefined) {
    const prev_steal = this.paravirt_steal_clock(this.cpu_of(rq));
    const steal = s64_diff(prev_steal, rq.prev_steal_time_rq);
    rq.prev_steal_time_rq = prev_steal;
    delta = s64_sub(delta, s64_lt(delta, steal) ? delta : steal);
  }
  rq.clock_task = add(rq.clock_task, to_u64(delta));
  this.update_rq_clock_pelt(rq, delta);
}

/** kernel/sched/core.c: hrtick_clear() */
export function hrtick_clear(this: vmlinux, rq: rq): void {
  if (this.hrtimer_active(rq.hrtick_timer)) this.hrtimer_cancel(rq.hrtick_timer);
}

/** kernel/sched/core.c: hrtick(): the timer's callback. */
export function hrtick(this: vmlinux, timer: hrtimer_ptr): number {
  const rq = this.m.rq[this.m.hrtimer[timer].owner];
  this.warnOn(this.cpu_of(rq) !== this.m.cpu, 'hrtick: cpu_of(rq) != smp_processor_id()');
  this.rq_lock(rq);
  this.update_rq_clock(rq);
  this.classTaskTick(rq, this.m.task[rq.curr], 1);
  return HRTIMER_NORESTART;
}

const HRTICK_MIN: u64 = u64(10_000);

/** kernel/sched/core.c: hrtick_start(): ns from now. MODEL: another CPU's timer is armed without the IPI. */
export function hrtick_start(this: vmlinux, rq: rq, delay: u64): void {
  const delta = gt(HRTICK_MIN, delay) ? HRTICK_MIN : delay;
  this.hrtimer_start(rq.hrtick_timer, add(this.ktime_get(), delta));
  this.m.hrtimer[rq.hrtick_timer].cpu = this.cpu_of(rq);
}

/** kernel/sched/core.c: hrtick_rq_init() */
export function hrtick_rq_init(this: vmlinux, rq: rq): void {
  rq.hrtick_timer = this.hrtimer_init('hrtick', rq.id);
}

/**
 * kernel/sched/core.c: resched_curr()
 *
 * MODEL: no idle CPU polls on the flag, so another CPU always gets the interrupt.
 */
export function resched_curr(this: vmlinux, rq: rq): void {
  const curr = this.m.task[rq.curr];
  if (this.test_tsk_need_resched(curr)) return;

  const cpu = this.cpu_of(rq);
  this.set_tsk_need_resched(curr);
  if (cpu === this.m.cpu) return;
  this.smp_send_reschedule(cpu, 'resched_curr');
}

/** include/linux/smp.h: smp_send_reschedule(): the flag is set already; only the interrupt makes the CPU look at it. */
export function smp_send_reschedule(this: vmlinux, cpu: number, callsite: string): void {
  this.trace_ipi_send_cpu(cpu, callsite, '0x0');
  this.m.host_irq[cpu].push(RESCHEDULE_VECTOR);
}

/* ---- queueing ---- */

/** kernel/sched/core.c: set_load_weight() */
export function set_load_weight(this: vmlinux, p: task_struct, update_load: bool): void {
  const prio = p.static_prio - MAX_RT_PRIO;
  const lw: load_weight = this.task_has_idle_policy(p)
    ? { weight: this.scale_load(WEIGHT_IDLEPRIO), inv_weight: WMULT_IDLEPRIO }
    : { weight: this.scale_load(u64(sched_prio_to_weight[prio])), inv_weight: sched_prio_to_wmult[prio] };

  if (update_load && this.classReweightTask(this.task_rq(p), p, lw)) return;
  const load = this.m.se[p.se].load;
  load.weight = lw.weight;
  load.inv_weight = lw.inv_weight;
}

/** kernel/sched/core.c: enqueue_task() */
export function enqueue_task(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  if (!(flags & ENQUEUE_NOCLOCK)) this.update_rq_clock(rq);
  this.classEnqueueTask(rq, p, flags);
  if (!(flags & ENQUEUE_RESTORE)) this.sched_info_enqueue(rq, p);
}

/** kernel/sched/core.c: dequeue_task(): false when the task stays queued as a delayed one. */
export function dequeue_task(this: vmlinux, rq: rq, p: task_struct, flags: number): bool {
  if (!(flags & DEQUEUE_NOCLOCK)) this.update_rq_clock(rq);
  if (!(flags & DEQUEUE_SAVE)) this.sched_info_dequeue(rq, p);
  return this.classDequeueTask(rq, p, flags);
}

/** kernel/sched/core.c: activate_task() */
export function activate_task(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  if (this.task_on_rq_migrating(p)) flags |= ENQUEUE_MIGRATED;
  this.enqueue_task(rq, p, flags);
  p.on_rq = TASK_ON_RQ_QUEUED;
}

/** kernel/sched/core.c: deactivate_task() */
export function deactivate_task(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  this.warnOn((flags & DEQUEUE_SLEEP) !== 0, 'deactivate_task: flags & DEQUEUE_SLEEP');
  p.on_rq = TASK_ON_RQ_MIGRATING;
  this.dequeue_task(rq, p, flags);
}

/** kernel/sched/core.c: block_task() */
export function block_task(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  if (this.dequeue_task(rq, p, DEQUEUE_SLEEP | flags)) this.__block_task(rq, p);
}

/** kernel/sched/core.c: task_curr() */
export function task_curr(this: vmlinux, p: task_struct): bool {
  return this.task_rq(p).curr === p.id;
}

/** kernel/sched/core.c: kick_process() */
export function kick_process(this: vmlinux, p: task_struct): void {
  const { cpu } = p;
  if (cpu !== this.m.cpu && this.task_curr(p)) this.smp_send_reschedule(cpu, 'kick_process');
}

/** kernel/sched/core.c: check_class_changing(): sched_ext alone has a switching_to. */
export function check_class_changing(this: vmlinux, _rq: rq, _p: task_struct, _prev_class: sched_class_name): void {}

/** kernel/sched/core.c: check_class_changed() */
export function check_class_changed(
  this: vmlinux,
  rq: rq,
  p: task_struct,
  prev_class: sched_class_name,
  oldprio: number,
): void {
  if (prev_class !== p.sched_class) {
    this.classSwitchedFrom(prev_class, rq, p);
    this.classSwitchedTo(rq, p);
  } else if (oldprio !== p.prio || this.dl_task(p)) {
    this.classPrioChanged(rq, p, oldprio);
  }
}

/** kernel/sched/core.c: wakeup_preempt() */
export function wakeup_preempt(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  const curr = this.m.task[rq.curr];
  if (p.sched_class === curr.sched_class) this.classWakeupPreempt(curr.sched_class, rq, p, flags);
  else if (this.sched_class_above(p.sched_class, curr.sched_class)) this.resched_curr(rq);

  // A schedule() is about to follow: it can use this clock.
  if (this.task_on_rq_queued(curr) && this.test_tsk_need_resched(curr)) this.rq_clock_skip_update(rq);
}

/* ---- wake-up ---- */

/** kernel/sched/core.c: __task_rq_lock() */
export function __task_rq_lock(this: vmlinux, p: task_struct): rq {
  const rq = this.task_rq(p);
  this.rq_pin_lock(rq);
  return rq;
}

/** kernel/sched/core.c: task_rq_lock() */
export function task_rq_lock(this: vmlinux, p: task_struct): rq {
  const rq = this.task_rq(p);
  this.rq_pin_lock(rq);
  return rq;
}

/** p->pi_lock, which wake-ups of p wait for. MODEL: an event is alone; `races` puts a lock in its place. */
export function lockPi(this: vmlinux, _p: task_struct): void {}

/** kernel/sched/core.c: double_rq_lock() */
export function double_rq_lock(this: vmlinux, rq1: rq, rq2: rq): void {
  this.double_rq_clock_clear_update(rq1, rq2);
}

/** kernel/sched/core.c: is_cpu_allowed() */
export function is_cpu_allowed(this: vmlinux, p: task_struct, cpu: number): bool {
  if (!p.cpus_ptr.includes(cpu)) return false;
  if (!(p.flags & PF_KTHREAD)) return this.cpu_active(cpu);
  if (this.kthread_is_per_cpu(p)) return this.cpu_online(cpu);
  // Other threads of the kernel have to go while it goes down, and may come while it comes up.
  if (this.cpu_dying(cpu)) return false;
  return this.cpu_online(cpu);
}

/**
 * kernel/sched/core.c: select_fallback_rq()
 *
 * MODEL: one NUMA node. Without cpusets there is nothing between the CPUs that a task is allowed and all possible ones.
 */
export function select_fallback_rq(this: vmlinux, _cpu: number, p: task_struct): number {
  for (const state of ['cpuset', 'possible']) {
    for (const dest_cpu of p.cpus_ptr) {
      if (this.is_cpu_allowed(p, dest_cpu)) return dest_cpu;
    }
    // Its affinity is given up for good.
    if (state === 'cpuset')
      this.do_set_cpus_allowed(
        p,
        this.m.rq.map((rq) => rq.cpu),
      );
  }
  throw new KernelBug('BUG_ON', 'select_fallback_rq');
}

/** kernel/sched/core.c: do_set_cpus_allowed(). MODEL: no mask of the user's own is kept beside (user_cpus_ptr). */
export function do_set_cpus_allowed(this: vmlinux, p: task_struct, new_mask: readonly number[]): void {
  this.__do_set_cpus_allowed(p, new_mask);
}

/** kernel/sched/core.c: select_task_rq(): `wake_flags` is the caller's variable; WF_RQ_SELECTED is put into it. */
export function select_task_rq(this: vmlinux, p: task_struct, cpu: number, wake_flags: { value: number }): number {
  if (p.nr_cpus_allowed > 1) {
    cpu = this.classSelectTaskRq(p, cpu, wake_flags.value);
    wake_flags.value |= WF_RQ_SELECTED;
  } else {
    cpu = p.cpus_ptr[0];
  }
  if (!this.is_cpu_allowed(p, cpu)) cpu = this.select_fallback_rq(this.task_cpu(p), p);
  return cpu;
}

/** kernel/sched/core.c: ttwu_do_wakeup() */
export function ttwu_do_wakeup(this: vmlinux, p: task_struct): void {
  p.__state = TASK_RUNNING;
  this.trace_sched_wakeup(p);
}

/** kernel/sched/core.c: ttwu_do_activate() */
export function ttwu_do_activate(this: vmlinux, rq: rq, p: task_struct, wake_flags: number): void {
  let en_flags = ENQUEUE_WAKEUP | ENQUEUE_NOCLOCK;

  if (p.sched_contributes_to_load) rq.nr_uninterruptible--;

  if (wake_flags & WF_RQ_SELECTED) en_flags |= ENQUEUE_RQ_SELECTED;
  if (wake_flags & WF_MIGRATED) en_flags |= ENQUEUE_MIGRATED;
  else if (p.in_iowait) this.task_rq(p).nr_iowait--;

  this.activate_task(rq, p, en_flags);
  this.wakeup_preempt(rq, p, wake_flags);

  this.ttwu_do_wakeup(p);

  const rf = this.rq_unpin_lock(rq);
  this.classTaskWoken(rq, p);
  this.rq_repin_lock(rq, rf);

  if (rq.idle_stamp !== ZERO) {
    const delta = sub(this.rq_clock(rq), rq.idle_stamp);
    const max = mul(u64(2), rq.max_idle_balance_cost);
    rq.avg_idle = this.update_avg(rq.avg_idle, delta);
    if (gt(rq.avg_idle, max)) rq.avg_idle = max;
    rq.idle_stamp = ZERO;
  }
}

/** kernel/sched/core.c: ttwu_runnable(): a task that is still queued just goes on. */
export function ttwu_runnable(this: vmlinux, p: task_struct, wake_flags: number): bool {
  const rq = this.__task_rq_lock(p);
  if (!this.task_on_rq_queued(p)) return false;

  this.update_rq_clock(rq);
  if (this.m.se[p.se].sched_delayed) this.enqueue_task(rq, p, ENQUEUE_NOCLOCK | ENQUEUE_DELAYED);
  if (!this.task_on_cpu(rq, p)) this.wakeup_preempt(rq, p, wake_flags);
  this.ttwu_do_wakeup(p);
  return true;
}

/** kernel/sched/core.c: sched_ttwu_pending(): the interrupt on the CPU that others queued wake-ups for. */
export function sched_ttwu_pending(this: vmlinux): void {
  const rq = this.this_rq();
  const list = rq.wake_list;
  if (list.length === 0) return;
  rq.wake_list = [];

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

  rq.ttwu_pending = 0;
}

/**
 * kernel/smp.c: __smp_call_single_queue(): an IPI when the queue was empty. MODEL: of its users, queued wake-ups (`p`) and
 * rto_push_work (null), which is run before them wherever in the queue it is.
 */
export function __smp_call_single_queue(this: vmlinux, cpu: number, p: task_struct | null): void {
  const { rq, rd, host_irq } = this.m;
  const empty = rq[cpu].wake_list.length === 0 && rd.rto_push_work !== cpu;
  if (p === null) rd.rto_push_work = cpu;
  else rq[cpu].wake_list.push(p.id);
  if (empty) {
    this.trace_ipi_send_cpu(cpu, '__smp_call_single_queue', 'generic_smp_call_function_single_interrupt');
    host_irq[cpu].push(CALL_FUNCTION_SINGLE_VECTOR);
  }
}

/** kernel/irq_work.c: irq_work_queue_on(), of rto_push_work: false when it is queued already. */
export function irq_work_queue_on(this: vmlinux, cpu: number): bool {
  if (this.m.rd.rto_push_work !== NULL) return false;
  this.__smp_call_single_queue(cpu, null);
  return true;
}

/** kernel/smp.c: __flush_smp_call_function_queue(): what other CPUs have queued for this one. */
export function __flush_smp_call_function_queue(this: vmlinux): void {
  const { rd, cpu } = this.m;
  if (rd.rto_push_work === cpu) {
    rd.rto_push_work = NULL;
    this.rto_push_irq_work_func();
  }
  this.sched_ttwu_pending();
}

/** kernel/sched/core.c: __ttwu_queue_wakelist() */
export function __ttwu_queue_wakelist(this: vmlinux, p: task_struct, cpu: number, wake_flags: number): void {
  const rq = this.cpu_rq(cpu);
  p.sched_remote_wakeup = wake_flags & WF_MIGRATED ? 1 : 0;
  rq.ttwu_pending = 1;
  this.__smp_call_single_queue(cpu, p);
}

/** kernel/sched/core.c: cpus_share_cache() */
export function cpus_share_cache(this: vmlinux, this_cpu: number, that_cpu: number): bool {
  if (this_cpu === that_cpu) return true;
  return this.m.sd_llc_id[this_cpu] === this.m.sd_llc_id[that_cpu];
}

/** kernel/sched/core.c: ttwu_queue_cond() */
export function ttwu_queue_cond(this: vmlinux, p: task_struct, cpu: number): bool {
  if (p.sched_class === 'stop_sched_class') return false;
  if (!this.cpu_active(cpu)) return false;
  if (!p.cpus_ptr.includes(cpu)) return false;
  // To a CPU of another cache, so as not to touch its runqueue from here.
  if (!this.cpus_share_cache(this.m.cpu, cpu)) return true;
  if (cpu === this.m.cpu) return false;
  // To an idle CPU of the same cache, or one about to become idle.
  if (!this.cpu_rq(cpu).nr_running) return true;
  return false;
}

/** kernel/sched/core.c: ttwu_queue_wakelist() */
export function ttwu_queue_wakelist(this: vmlinux, p: task_struct, cpu: number, wake_flags: number): bool {
  if (this.m.sched_feat.TTWU_QUEUE && this.ttwu_queue_cond(p, cpu)) {
    this.__ttwu_queue_wakelist(p, cpu, wake_flags);
    return true;
  }
  return false;
}

/** kernel/sched/core.c: ttwu_queue() */
export function ttwu_queue(this: vmlinux, p: task_struct, cpu: number, wake_flags: number): void {
  const rq = this.cpu_rq(cpu);
  if (this.ttwu_queue_wakelist(p, cpu, wake_flags)) return;
  this.rq_lock(rq);
  this.update_rq_clock(rq);
  this.ttwu_do_activate(rq, p, wake_flags);
}

/** kernel/sched/core.c: ttwu_state_match(). MODEL: no saved_state, which freezer and RT locks use. */
export function ttwu_state_match(this: vmlinux, p: task_struct, state: number): bool {
  return (p.__state & state) !== 0;
}

/** kernel/sched/core.c: try_to_wake_up(): 1 when the task slept in one of `state`. */
export function try_to_wake_up(this: vmlinux, p: task_struct, state: number, wake_flags: number): number {
  wake_flags |= WF_TTWU;

  if (p.id === this.get_current().id) {
    // Between setting its state and schedule(): only the state has to go back.
    this.warnOn(this.m.se[p.se].sched_delayed !== 0, 'try_to_wake_up: p->se.sched_delayed');
    if (!this.ttwu_state_match(p, state)) return 0;
    this.trace_sched_waking(p);
    this.ttwu_do_wakeup(p);
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

  const flags = { value: wake_flags };
  const cpu = this.select_task_rq(p, p.wake_cpu, flags);
  wake_flags = flags.value;
  if (this.task_cpu(p) !== cpu) {
    if (p.in_iowait) this.task_rq(p).nr_iowait--;
    wake_flags |= WF_MIGRATED;
    this.set_task_cpu(p, cpu);
  }

  this.ttwu_queue(p, cpu, wake_flags);
  return 1;
}

/** kernel/sched/core.c: wake_up_process() */
export function wake_up_process(this: vmlinux, p: task_struct): number {
  return this.try_to_wake_up(p, TASK_NORMAL, 0);
}

/** kernel/sched/core.c: wake_up_state() */
export function wake_up_state(this: vmlinux, p: task_struct, state: number): number {
  return this.try_to_wake_up(p, state, 0);
}

/* ---- fork ---- */

/** kernel/sched/core.c: __sched_fork() */
export function __sched_fork(this: vmlinux, _clone_flags: number, p: task_struct): void {
  const se = this.m.se[p.se];
  p.on_rq = 0;
  se.on_rq = 0;
  se.exec_start = ZERO;
  se.sum_exec_runtime = ZERO;
  se.prev_sum_exec_runtime = ZERO;
  se.nr_migrations = ZERO;
  se.vruntime = ZERO;
  se.vlag = s64_diff(ZERO, ZERO);
  se.rel_deadline = 0;
  this.warnOn(se.sched_delayed !== 0, '__sched_fork: p->se.sched_delayed');
  se.cfs_rq = NULL;
  p.rt.timeout = ZERO;
  p.rt.time_slice = this.m.sched_rr_timeslice;
  p.rt.on_rq = 0;
  p.rt.on_list = 0;
}

/** kernel/sched/core.c: sched_fork(): p is a copy of its parent, current, that nobody has seen yet. */
export function sched_fork(this: vmlinux, clone_flags: number, p: task_struct): number {
  const se = this.m.se[p.se];
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
    se.custom_slice = 0;
    se.slice = u64(this.m.sysctl_sched_base_slice);
    p.sched_reset_on_fork = 0;
  }

  if (this.dl_prio(p.prio)) return -EAGAIN;
  p.sched_class = this.rt_prio(p.prio) ? 'rt_sched_class' : 'fair_sched_class';

  this.init_entity_runnable_average(se);
  p.on_cpu = 0;
  return 0;
}

/** kernel/sched/core.c: sched_cgroup_fork() */
export function sched_cgroup_fork(this: vmlinux, p: task_struct): number {
  p.sched_task_group = p.cpu_cgrp;
  this.__set_task_cpu(p, this.m.cpu);
  this.classTaskFork(p);
  return 0;
}

/** kernel/sched/core.c: wake_up_new_task() */
export function wake_up_new_task(this: vmlinux, p: task_struct): void {
  const wake_flags = { value: WF_FORK };
  p.__state = TASK_RUNNING;
  p.recent_used_cpu = this.task_cpu(p);
  this.__set_task_cpu(p, this.select_task_rq(p, this.task_cpu(p), wake_flags));

  const rq = this.__task_rq_lock(p);
  this.update_rq_clock(rq);
  this.post_init_entity_util_avg(p);

  this.activate_task(rq, p, ENQUEUE_NOCLOCK | ENQUEUE_INITIAL);
  this.trace_sched_wakeup_new(p);
  this.wakeup_preempt(rq, p, wake_flags.value);
  const rf = this.rq_unpin_lock(rq);
  this.classTaskWoken(rq, p);
  this.rq_repin_lock(rq, rf);
}

/* ---- moving between CPUs ---- */

/** kernel/sched/core.c: set_task_cpu() */
export function set_task_cpu(this: vmlinux, p: task_struct, new_cpu: number): void {
  const state = p.__state;
  this.warnOn(
    state !== TASK_RUNNING && state !== TASK_WAKING && !p.on_rq,
    'set_task_cpu: state != TASK_RUNNING && state != TASK_WAKING && !p->on_rq',
  );
  this.warnOn(
    state === TASK_RUNNING && p.sched_class === 'fair_sched_class' && p.on_rq !== 0 && !this.task_on_rq_migrating(p),
    'set_task_cpu: a queued fair task',
  );

  this.trace_sched_migrate_task(p, new_cpu);

  if (this.task_cpu(p) !== new_cpu) {
    this.classMigrateTaskRq(p, new_cpu);
    const se = this.m.se[p.se];
    se.nr_migrations = add(se.nr_migrations, ONE);
  }
  this.__set_task_cpu(p, new_cpu);
}

/** kernel/sched/core.c: move_queued_task() */
export function move_queued_task(this: vmlinux, rq: rq, p: task_struct, new_cpu: number): rq {
  this.deactivate_task(rq, p, DEQUEUE_NOCLOCK);
  this.set_task_cpu(p, new_cpu);

  const to = this.cpu_rq(new_cpu);
  this.rq_lock(to);
  this.warnOn(this.task_cpu(p) !== new_cpu, 'move_queued_task: task_cpu(p) != new_cpu');
  this.activate_task(to, p, 0);
  this.wakeup_preempt(to, p, 0);
  return to;
}

/** include/linux/cpumask.h: cpumask_next(): the first CPU of `mask` behind n; -1 for none. */
export function cpumask_next(this: vmlinux, n: number, mask: readonly number[]): number {
  return mask.find((cpu) => cpu > n) ?? -1;
}

/** lib/cpumask.c: cpumask_any_and_distribute(): of `mask` and the active CPUs, the next after the last choice here. */
export function cpumask_any_and_distribute(this: vmlinux, mask: readonly number[]): number {
  const m = this.m;
  const allowed = mask.filter((cpu) => this.cpu_active(cpu));
  if (allowed.length === 0) return m.rq.length;
  const prev = m.distribute_cpu_mask_prev[m.cpu];
  const next = allowed.find((cpu) => cpu > prev) ?? allowed[0];
  m.distribute_cpu_mask_prev[m.cpu] = next;
  return next;
}

/** lib/cpumask.c: cpumask_any_distribute() */
export function cpumask_any_distribute(this: vmlinux, mask: readonly number[]): number {
  return this.cpumask_any_and_distribute(mask);
}

/** kernel/sched/core.c: set_cpus_allowed_common() */
export function set_cpus_allowed_common(this: vmlinux, p: task_struct, new_mask: readonly number[]): void {
  p.cpus_ptr = [...new_mask];
  p.nr_cpus_allowed = new_mask.length;
}

/** kernel/sched/core.c: __do_set_cpus_allowed() */
export function __do_set_cpus_allowed(this: vmlinux, p: task_struct, new_mask: readonly number[]): void {
  const rq = this.task_rq(p);
  const queued = this.task_on_rq_queued(p);
  const running = this.task_current(rq, p);

  if (queued) this.dequeue_task(rq, p, DEQUEUE_SAVE | DEQUEUE_NOCLOCK);
  if (running) this.put_prev_task(rq, p);

  this.set_cpus_allowed_common(p, new_mask);

  if (queued) this.enqueue_task(rq, p, ENQUEUE_RESTORE | ENQUEUE_NOCLOCK);
  if (running) this.set_next_task(rq, p);
}

/**
 * kernel/sched/core.c: set_cpus_allowed_ptr(): `new_mask` ascending. Returns 0 or -EINVAL.
 *
 * Not modelled: moving a task that runs, which takes the stopper thread.
 */
export function set_cpus_allowed_ptr(this: vmlinux, p: task_struct, new_mask: readonly number[]): number {
  const rq = this.task_rq_lock(p);
  this.update_rq_clock(rq);
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

/* ---- the tick ---- */

/** kernel/sched/core.c: sched_tick() */
export function sched_tick(this: vmlinux): void {
  const rq = this.this_rq();
  this.rq_lock(rq);
  const curr = this.m.task[rq.curr];

  this.update_rq_clock(rq);
  this.classTaskTick(rq, curr, 0);

  this.sched_balance_trigger(rq);
}

/* ---- the switch ---- */

/** kernel/sched/core.c: fire_sched_out_preempt_notifiers() */
export function fire_sched_out_preempt_notifiers(this: vmlinux, curr: task_struct, next: task_struct): void {
  if (curr.preempt_notifier !== NULL) this.kvm_sched_out(curr.preempt_notifier, next);
}

/** kernel/sched/core.c: fire_sched_in_preempt_notifiers() */
export function fire_sched_in_preempt_notifiers(this: vmlinux, curr: task_struct): void {
  if (curr.preempt_notifier !== NULL) this.kvm_sched_in(curr.preempt_notifier, this.m.cpu);
}

/** kernel/sched/core.c: prepare_task_switch() */
export function prepare_task_switch(this: vmlinux, rq: rq, prev: task_struct, next: task_struct): void {
  this.sched_info_switch(rq, prev, next);
  this.fire_sched_out_preempt_notifiers(prev, next);
  this.prepare_task(next);
}

/** kernel/sched/core.c: prepare_task() */
export function prepare_task(this: vmlinux, next: task_struct): void {
  next.on_cpu = 1;
}

/** kernel/sched/core.c: finish_task() */
export function finish_task(this: vmlinux, prev: task_struct): void {
  prev.on_cpu = 0;
}

/** kernel/sched/core.c: splice_balance_callbacks() */
export function splice_balance_callbacks(this: vmlinux, rq: rq): balance_callback_name[] {
  return this.__splice_balance_callbacks(rq, true);
}

/** kernel/sched/core.c: __splice_balance_callbacks(): `split`: they run later, and balance_push() is __schedule()'s alone. */
export function __splice_balance_callbacks(this: vmlinux, rq: rq, split: bool): balance_callback_name[] {
  const head = rq.balance_callback;
  if (split && head[0] === 'balance_push') return [];
  if (head.length > 0) rq.balance_callback = [];
  return head;
}

/** kernel/sched/core.c: do_balance_callbacks() */
export function do_balance_callbacks(this: vmlinux, rq: rq, head: readonly balance_callback_name[]): void {
  for (const func of head) this[func](rq);
}

/** kernel/sched/core.c: __balance_callbacks() */
export function __balance_callbacks(this: vmlinux, rq: rq): void {
  if (rq.balance_callback.length > 0) this.do_balance_callbacks(rq, this.__splice_balance_callbacks(rq, false));
}

/** kernel/sched/core.c: finish_task_switch(): runs as the task that was switched to. */
export function finish_task_switch(this: vmlinux, prev: task_struct): rq {
  const rq = this.this_rq();
  const prev_state = prev.__state;

  this.finish_task(prev);
  this.__balance_callbacks(rq);
  this.fire_sched_in_preempt_notifiers(this.get_current());

  if (prev_state === TASK_DEAD) this.classTaskDead(prev);
  return rq;
}

/** kernel/sched/core.c: context_switch() */
export function context_switch(this: vmlinux, rq: rq, prev: task_struct, next: task_struct): rq {
  this.prepare_task_switch(rq, prev, next);
  // switch_to(). WHY not before: rq.curr stands for `current` too, and the notifier above still runs as prev.
  rq.curr = next.id;
  rq.donor = next.id;
  return this.finish_task_switch(prev);
}

const PICK_ORDER: readonly sched_class_name[] = [
  'stop_sched_class',
  'dl_sched_class',
  'rt_sched_class',
  'fair_sched_class',
  'idle_sched_class',
];

/** kernel/sched/core.c: prev_balance() */
export function prev_balance(this: vmlinux, rq: rq): void {
  const donor = this.m.task[rq.donor];
  for (let i = PICK_ORDER.indexOf(donor.sched_class); i < PICK_ORDER.length - 1; i++) {
    if (this.classBalance(PICK_ORDER[i], rq, donor)) break;
  }
}

/** kernel/sched/core.c: __pick_next_task() */
export function __pick_next_task(this: vmlinux, rq: rq): task_struct {
  const donor = this.m.task[rq.donor];
  rq.dl_server = NULL;

  if (
    !this.sched_class_above(donor.sched_class, 'fair_sched_class') &&
    rq.nr_running === this.m.cfs_rq[rq.cfs].h_nr_queued
  ) {
    const p = this.pick_next_task_fair(rq, donor, true);
    if (p !== null) return p;
    const idle = this.pick_task_idle(rq);
    this.put_prev_set_next_task(rq, donor, idle);
    return idle;
  }

  this.prev_balance(rq);

  for (const name of PICK_ORDER) {
    if (name === 'fair_sched_class') {
      const p = this.__pick_next_task_fair(rq, donor);
      if (p !== null) return p;
      continue;
    }
    const p = this.pickTaskOfClass(name, rq);
    if (p !== null) {
      this.put_prev_set_next_task(rq, donor, p);
      return p;
    }
  }
  throw new KernelBug('BUG_ON', '__pick_next_task: the idle class always has a task');
}

/** kernel/sched/core.c: pick_next_task(), without CONFIG_SCHED_CORE. */
export function pick_next_task(this: vmlinux, rq: rq): task_struct {
  return this.__pick_next_task(rq);
}

/** include/linux/sched.h: is_special_task_state(): states that no wake-up condition is checked for again. */
export function is_special_task_state(this: vmlinux, state: number): bool {
  return (state & (__TASK_STOPPED | __TASK_TRACED | TASK_PARKED | TASK_DEAD | TASK_FROZEN)) !== 0;
}

/** kernel/sched/core.c: try_to_block_task(). MODEL: no signal is ever pending. */
export function try_to_block_task(this: vmlinux, rq: rq, p: task_struct, task_state: number): bool {
  let flags = DEQUEUE_NOCLOCK;
  p.sched_contributes_to_load =
    task_state & TASK_UNINTERRUPTIBLE && !(task_state & TASK_NOLOAD) && !(task_state & TASK_FROZEN) ? 1 : 0;
  if (this.is_special_task_state(task_state)) flags |= DEQUEUE_SPECIAL;
  this.block_task(rq, p, flags);
  return true;
}

/** kernel/sched/core.c: __schedule() */
export function __schedule(this: vmlinux, sched_mode: number): void {
  const m = this.m;
  const rq = this.cpu_rq(m.cpu);
  const prev = m.task[rq.curr];
  let next: task_struct;
  let voluntary = false;

  if (m.sched_feat.HRTICK || m.sched_feat.HRTICK_DL) this.hrtick_clear(rq);

  this.rq_lock(rq);

  // RQCF_REQ_SKIP becomes RQCF_ACT_SKIP: this one update is left out.
  rq.clock_update_flags <<= 1;
  this.update_rq_clock(rq);
  rq.clock_update_flags = RQCF_UPDATED;

  const preempt = sched_mode === SM_PREEMPT;
  const prev_state = prev.__state;

  if (sched_mode === SM_IDLE && !rq.nr_running) {
    next = prev;
  } else {
    if (sched_mode !== SM_IDLE && !preempt && prev_state) {
      this.try_to_block_task(rq, prev, prev_state);
      voluntary = true;
    }
    next = this.pick_next_task(rq);
  }

  this.clear_tsk_need_resched(prev);

  if (prev.id !== next.id) {
    rq.nr_switches = add(rq.nr_switches, ONE);
    if (voluntary) prev.nvcsw = add(prev.nvcsw, ONE);
    else prev.nivcsw = add(prev.nivcsw, ONE);

    this.trace_sched_switch(preempt, prev, next, prev_state);
    this.context_switch(rq, prev, next);
  } else {
    this.__balance_callbacks(rq);
  }
}

/** kernel/sched/core.c: __schedule_loop(). The idle thread has preemption disabled anyway, on either side of the switch. */
export function __schedule_loop(this: vmlinux, sched_mode: number): void {
  const counted = this.m.irq_cpu !== undefined;
  do {
    if (counted && !this.is_idle_task(this.get_current())) this.preempt_count_add(1);
    this.__schedule(sched_mode);
    if (counted && !this.is_idle_task(this.get_current())) this.preempt_count_sub(1);
  } while (this.need_resched());
}

/** kernel/sched/core.c: schedule(): comes back at once; whether current is still the caller has to be looked at. */
export function schedule(this: vmlinux): void {
  this.__schedule_loop(SM_NONE);
}

/** kernel/sched/core.c: schedule_idle() */
export function schedule_idle(this: vmlinux): void {
  this.warnOn(this.get_current().__state !== TASK_RUNNING, 'schedule_idle: current->__state');
  this.__schedule_loop(SM_IDLE);
}

/** kernel/sched/core.c: preempt_schedule_irq(): on return from an interrupt, in kernel mode. */
export function preempt_schedule_irq(this: vmlinux): void {
  this.__schedule_loop(SM_PREEMPT);
}

/** kernel/sched/core.c: single_task_running() */
export function single_task_running(this: vmlinux): bool {
  return this.this_rq().nr_running === 1;
}

/** kernel/sched/core.c: nr_running() */
export function nr_running(this: vmlinux): number {
  let sum = 0;
  for (const rq of this.m.rq) sum += rq.nr_running;
  return sum;
}

/** kernel/sched/core.c: __setscheduler_class() */
export function __setscheduler_class(this: vmlinux, _policy: number, prio: number): sched_class_name {
  if (this.dl_prio(prio)) return 'dl_sched_class';
  if (this.rt_prio(prio)) return 'rt_sched_class';
  return 'fair_sched_class';
}

/* ---- cgroups ---- */

/** kernel/sched/core.c: sched_create_group() */
export function sched_create_group(this: vmlinux, parent: task_group): task_group {
  const tg = newTaskGroup(this.m.task_group.length);
  this.m.task_group.push(tg);
  this.alloc_fair_sched_group(tg, parent);
  return tg;
}

/** kernel/sched/core.c: sched_online_group() */
export function sched_online_group(this: vmlinux, tg: task_group, parent: task_group): void {
  tg.parent = parent.id;
  this.online_fair_sched_group(tg);
}

/** kernel/sched/core.c: sched_change_group() */
export function sched_change_group(this: vmlinux, tsk: task_struct): void {
  tsk.sched_task_group = tsk.cpu_cgrp;
  if (!this.classTaskChangeGroup(tsk)) this.set_task_rq(tsk, this.task_cpu(tsk));
}

/** kernel/sched/core.c: sched_move_task(): after the task's cgroup, cpu_cgrp, has changed. */
export function sched_move_task(this: vmlinux, tsk: task_struct, _for_autogroup: bool): void {
  const queue_flags = DEQUEUE_SAVE | DEQUEUE_MOVE | DEQUEUE_NOCLOCK;
  const rq = this.task_rq_lock(tsk);

  this.update_rq_clock(rq);

  const running = this.task_current(rq, tsk);
  const queued = this.task_on_rq_queued(tsk);

  if (queued) this.dequeue_task(rq, tsk, queue_flags);
  if (running) this.put_prev_task(rq, tsk);

  this.sched_change_group(tsk);

  if (queued) this.enqueue_task(rq, tsk, queue_flags);
  if (running) {
    this.set_next_task(rq, tsk);
    // The group it is in now may be throttled, or there may be a better one to run.
    this.resched_curr(rq);
  }
}

/* ---- boot ---- */

/** kernel/sched/core.c: sched_init_smp() without topology: nothing. */
export function sched_init_smp(this: vmlinux): void {}

/** kernel/sched/core.c: init_idle() */
export function init_idle(this: vmlinux, idle: task_struct, cpu: number): void {
  const rq = this.cpu_rq(cpu);
  idle.__state = TASK_RUNNING;
  this.m.se[idle.se].exec_start = this.m.sched_clock;
  idle.flags |= PF_KTHREAD | PF_IDLE;
  this.set_cpus_allowed_common(idle, [cpu]);
  this.__set_task_cpu(idle, cpu);
  rq.idle = idle.id;
  rq.curr = idle.id;
  rq.donor = idle.id;
  idle.on_rq = TASK_ON_RQ_QUEUED;
  idle.on_cpu = 1;
  idle.sched_class = 'idle_sched_class';
  idle.comm = `swapper/${cpu}`;
}
