// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/rt.c (6.12.117): SCHED_FIFO and SCHED_RR, without CONFIG_RT_GROUP_SCHED: nothing here throttles, and of
 * sched_rt_runtime_us and sched_rt_period_us only deadline tasks take notice. What is left for fair tasks is the fair server's.
 *
 * Mirrored: queueing, picking, tick, yield, preemption, class and priority changes, pushing and pulling.
 * MODEL: no RLIMIT_RTTIME watchdog; nobody disables migration, so that no stopper is asked to push who runs in place of a waiting task.
 */
import { KernelBug } from '../lib/bug.js';
import { type bool, S64_ZERO, s64_le, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { CPUPRI_INVALID } from './cpupri.js';
import {
  DEQUEUE_MOVE,
  DEQUEUE_SAVE,
  ENQUEUE_HEAD,
  ENQUEUE_WAKEUP,
  MAX_RT_PRIO,
  type rq,
  type rt_rq,
  SCHED_RR,
  type sched_rt_entity,
  type task_struct,
  WF_FORK,
  WF_TTWU,
} from './sched.js';

/** kernel/sched/rt.c: on_rt_rq() */
export function on_rt_rq(this: vmlinux, rt_se: sched_rt_entity): bool {
  return rt_se.on_rq !== 0;
}

/** kernel/sched/rt.c: move_entity(): a dequeue that only saves leaves the place in the list. */
export function move_entity(this: vmlinux, flags: number): bool {
  return (flags & (DEQUEUE_SAVE | DEQUEUE_MOVE)) !== DEQUEUE_SAVE;
}

/** kernel/sched/rt.c: enqueue_top_rt_rq() */
export function enqueue_top_rt_rq(this: vmlinux, rq: rq): void {
  const rt_rq = rq.rt;
  if (rt_rq.rt_queued) return;
  if (rt_rq.rt_nr_running) {
    this.add_nr_running(rq, rt_rq.rt_nr_running);
    rt_rq.rt_queued = 1;
  }
}

/** kernel/sched/rt.c: dequeue_top_rt_rq() */
export function dequeue_top_rt_rq(this: vmlinux, rq: rq, count: number): void {
  const rt_rq = rq.rt;
  if (!rt_rq.rt_queued) return;
  if (!rq.nr_running) throw new KernelBug('BUG_ON', 'dequeue_top_rt_rq: !rq->nr_running');
  this.sub_nr_running(rq, count);
  rt_rq.rt_queued = 0;
}

/** kernel/sched/rt.c: inc_rt_prio() */
export function inc_rt_prio(this: vmlinux, rq: rq, prio: number): void {
  const rt_rq = rq.rt;
  const prev_prio = rt_rq.highest_prio.curr;
  if (prio < prev_prio) rt_rq.highest_prio.curr = prio;
  this.inc_rt_prio_smp(rq, prio, prev_prio);
}

/** kernel/sched/rt.c: inc_rt_prio_smp() */
export function inc_rt_prio_smp(this: vmlinux, rq: rq, prio: number, prev_prio: number): void {
  if (rq.online !== 0 && prio < prev_prio) this.cpupri_set(rq.cpu, prio);
}

/** kernel/sched/rt.c: dec_rt_prio_smp() */
export function dec_rt_prio_smp(this: vmlinux, rq: rq, _prio: number, prev_prio: number): void {
  if (rq.online !== 0 && rq.rt.highest_prio.curr !== prev_prio) this.cpupri_set(rq.cpu, rq.rt.highest_prio.curr);
}

/** kernel/sched/rt.c: dec_rt_prio() */
export function dec_rt_prio(this: vmlinux, rq: rq, prio: number): void {
  const rt_rq = rq.rt;
  const prev_prio = rt_rq.highest_prio.curr;
  if (rt_rq.rt_nr_running) {
    this.warnOn(prio < prev_prio, 'dec_rt_prio: prio < prev_prio');
    // The first bit of the map.
    if (prio === prev_prio) rt_rq.highest_prio.curr = this.m.task[rt_rq.queue[0]].prio;
  } else {
    rt_rq.highest_prio.curr = MAX_RT_PRIO - 1;
  }
  this.dec_rt_prio_smp(rq, prio, prev_prio);
}

/** kernel/sched/rt.c: inc_rt_tasks() */
export function inc_rt_tasks(this: vmlinux, p: task_struct, rq: rq): void {
  const rt_rq = rq.rt;
  this.warnOn(!this.rt_prio(p.prio), 'inc_rt_tasks: !rt_prio(prio)');
  rt_rq.rt_nr_running++;
  if (p.policy === SCHED_RR) rt_rq.rr_nr_running++;
  this.inc_rt_prio(rq, p.prio);
}

/** kernel/sched/rt.c: dec_rt_tasks() */
export function dec_rt_tasks(this: vmlinux, p: task_struct, rq: rq): void {
  const rt_rq = rq.rt;
  this.warnOn(!this.rt_prio(p.prio), 'dec_rt_tasks: !rt_prio(prio)');
  this.warnOn(!rt_rq.rt_nr_running, 'dec_rt_tasks: !rt_rq->rt_nr_running');
  rt_rq.rt_nr_running--;
  if (p.policy === SCHED_RR) rt_rq.rr_nr_running--;
  this.dec_rt_prio(rq, p.prio);
}

/** Puts p at the head or the tail of the tasks of its priority, in the one list that stands for 100. */
export function rtListAdd(this: vmlinux, rt_rq: rt_rq, p: task_struct, head: bool): void {
  const task = this.m.task;
  let i = 0;
  while (
    i < rt_rq.queue.length &&
    (task[rt_rq.queue[i]].prio < p.prio || (!head && task[rt_rq.queue[i]].prio === p.prio))
  ) {
    i++;
  }
  rt_rq.queue.splice(i, 0, p.id);
}

/** kernel/sched/rt.c: __enqueue_rt_entity() */
export function __enqueue_rt_entity(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  const rt_se = p.rt;
  if (this.move_entity(flags)) {
    this.warnOn(rt_se.on_list !== 0, '__enqueue_rt_entity: rt_se->on_list');
    this.rtListAdd(rq.rt, p, (flags & ENQUEUE_HEAD) !== 0);
    rt_se.on_list = 1;
  }
  rt_se.on_rq = 1;
  this.inc_rt_tasks(p, rq);
}

/** kernel/sched/rt.c: __delist_rt_entity() */
export function __delist_rt_entity(this: vmlinux, rq: rq, p: task_struct): void {
  const i = rq.rt.queue.indexOf(p.id);
  if (i >= 0) rq.rt.queue.splice(i, 1);
  p.rt.on_list = 0;
}

/** kernel/sched/rt.c: __dequeue_rt_entity() */
export function __dequeue_rt_entity(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  if (this.move_entity(flags)) {
    this.warnOn(!p.rt.on_list, '__dequeue_rt_entity: !rt_se->on_list');
    this.__delist_rt_entity(rq, p);
  }
  p.rt.on_rq = 0;
  this.dec_rt_tasks(p, rq);
}

/** kernel/sched/rt.c: dequeue_rt_stack(): one level without groups. */
export function dequeue_rt_stack(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  const rt_nr_running = rq.rt.rt_nr_running;
  if (this.on_rt_rq(p.rt)) this.__dequeue_rt_entity(rq, p, flags);
  this.dequeue_top_rt_rq(rq, rt_nr_running);
}

/** kernel/sched/rt.c: enqueue_rt_entity() */
export function enqueue_rt_entity(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  this.dequeue_rt_stack(rq, p, flags);
  this.__enqueue_rt_entity(rq, p, flags);
  this.enqueue_top_rt_rq(rq);
}

/** kernel/sched/rt.c: dequeue_rt_entity() */
export function dequeue_rt_entity(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  this.dequeue_rt_stack(rq, p, flags);
  this.enqueue_top_rt_rq(rq);
}

/** kernel/sched/rt.c: enqueue_task_rt() */
export function enqueue_task_rt(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  if (flags & ENQUEUE_WAKEUP) p.rt.timeout = ZERO;
  this.enqueue_rt_entity(rq, p, flags);
  if (!this.task_current(rq, p) && p.nr_cpus_allowed > 1) this.enqueue_pushable_task(rq, p);
}

/** kernel/sched/rt.c: dequeue_task_rt() */
export function dequeue_task_rt(this: vmlinux, rq: rq, p: task_struct, flags: number): bool {
  this.update_curr_rt(rq);
  this.dequeue_rt_entity(rq, p, flags);
  this.dequeue_pushable_task(rq, p);
  return true;
}

/** kernel/sched/rt.c: requeue_rt_entity() */
export function requeue_rt_entity(this: vmlinux, rq: rq, p: task_struct, head: bool): void {
  if (!this.on_rt_rq(p.rt)) return;
  const i = rq.rt.queue.indexOf(p.id);
  rq.rt.queue.splice(i, 1);
  this.rtListAdd(rq.rt, p, head);
}

/** kernel/sched/rt.c: requeue_task_rt() */
export function requeue_task_rt(this: vmlinux, rq: rq, p: task_struct, head: bool): void {
  this.requeue_rt_entity(rq, p, head);
}

/** kernel/sched/rt.c: yield_task_rt(): behind its equals. */
export function yield_task_rt(this: vmlinux, rq: rq): void {
  this.requeue_task_rt(rq, this.m.task[rq.curr], false);
}

/** kernel/sched/rt.c: select_task_rq_rt() */
export function select_task_rq_rt(this: vmlinux, p: task_struct, cpu: number, flags: number): number {
  if (!(flags & (WF_TTWU | WF_FORK))) return cpu;
  const curr = this.m.task[this.cpu_rq(cpu).curr];
  const test = this.rt_task(curr) && (curr.nr_cpus_allowed < 2 || curr.prio <= p.prio);
  if (test) {
    const target = this.find_lowest_rq(p);
    if (target !== -1 && p.prio < this.cpu_rq(target).rt.highest_prio.curr) return target;
  }
  return cpu;
}

/** kernel/sched/rt.c: check_preempt_equal_prio(): a woken equal goes first when the running one can go elsewhere. */
export function check_preempt_equal_prio(this: vmlinux, rq: rq, p: task_struct): void {
  const curr = this.m.task[rq.curr];
  if (curr.nr_cpus_allowed === 1 || !this.cpupri_find(curr, null)) return;
  // p can itself go elsewhere.
  if (p.nr_cpus_allowed !== 1 && this.cpupri_find(p, null)) return;
  this.requeue_task_rt(rq, p, true);
  this.resched_curr(rq);
}

/** kernel/sched/rt.c: need_pull_rt_task(): whether less urgent work than prev's is about to run. */
export function need_pull_rt_task(this: vmlinux, rq: rq, prev: task_struct): bool {
  return rq.online !== 0 && rq.rt.highest_prio.curr > prev.prio;
}

/** kernel/sched/rt.c: balance_rt() */
export function balance_rt(this: vmlinux, rq: rq, p: task_struct): bool {
  if (!this.on_rt_rq(p.rt) && this.need_pull_rt_task(rq, p)) {
    const rf = this.rq_unpin_lock(rq);
    this.pull_rt_task(rq);
    this.rq_repin_lock(rq, rf);
  }
  return this.sched_stop_runnable(rq) || this.sched_dl_runnable(rq) || this.sched_rt_runnable(rq);
}

/** kernel/sched/rt.c: wakeup_preempt_rt() */
export function wakeup_preempt_rt(this: vmlinux, rq: rq, p: task_struct, _flags: number): void {
  const curr = this.m.task[rq.curr];
  if (p.prio < curr.prio) {
    this.resched_curr(rq);
    return;
  }
  if (p.prio === curr.prio && !this.test_tsk_need_resched(curr)) this.check_preempt_equal_prio(rq, p);
}

/** kernel/sched/rt.c: set_next_task_rt() */
export function set_next_task_rt(this: vmlinux, rq: rq, p: task_struct, first: bool): void {
  this.m.se[p.se].exec_start = this.rq_clock_task(rq);
  // The running task is never pushable.
  this.dequeue_pushable_task(rq, p);
  if (!first) return;
  // The time until now was not real-time: the average is brought up to date before it runs.
  if (this.m.task[rq.curr].sched_class !== 'rt_sched_class') {
    this.update_rt_rq_load_avg(this.rq_clock_pelt(rq), rq, 0);
  }
  this.rt_queue_push_tasks(rq);
}

/** kernel/sched/rt.c: _pick_next_task_rt() */
export function _pick_next_task_rt(this: vmlinux, rq: rq): task_struct {
  if (rq.rt.queue.length === 0) throw new KernelBug('BUG_ON', 'pick_next_rt_entity: idx >= MAX_RT_PRIO');
  return this.m.task[rq.rt.queue[0]];
}

/** kernel/sched/rt.c: pick_task_rt() */
export function pick_task_rt(this: vmlinux, rq: rq): task_struct | null {
  if (!this.sched_rt_runnable(rq)) return null;
  return this._pick_next_task_rt(rq);
}

/** kernel/sched/rt.c: put_prev_task_rt() */
export function put_prev_task_rt(this: vmlinux, rq: rq, p: task_struct, _next: task_struct | null): void {
  this.update_curr_rt(rq);
  this.update_rt_rq_load_avg(this.rq_clock_pelt(rq), rq, 1);
  if (this.on_rt_rq(p.rt) && p.nr_cpus_allowed > 1) this.enqueue_pushable_task(rq, p);
}

/** kernel/sched/rt.c: task_woken_rt() */
export function task_woken_rt(this: vmlinux, rq: rq, p: task_struct): void {
  const curr = this.m.task[rq.curr];
  const need_to_push =
    !this.task_on_cpu(rq, p) &&
    !this.test_tsk_need_resched(curr) &&
    p.nr_cpus_allowed > 1 &&
    (this.dl_task(curr) || this.rt_task(curr)) &&
    (curr.nr_cpus_allowed < 2 || curr.prio <= p.prio);
  if (need_to_push) this.push_rt_tasks(rq);
}

/** kernel/sched/rt.c: update_curr_rt() */
export function update_curr_rt(this: vmlinux, rq: rq): void {
  if (this.m.task[rq.curr].sched_class !== 'rt_sched_class') return;
  const delta_exec = this.update_curr_common(rq);
  if (s64_le(delta_exec, S64_ZERO)) return;
}

/** kernel/sched/rt.c: task_tick_rt(): a SCHED_RR task that used its time goes behind its equals, if it has any. */
export function task_tick_rt(this: vmlinux, rq: rq, p: task_struct, _queued: number): void {
  this.update_curr_rt(rq);
  this.update_rt_rq_load_avg(this.rq_clock_pelt(rq), rq, 1);

  if (p.policy !== SCHED_RR) return;

  p.rt.time_slice = (p.rt.time_slice - 1) >>> 0;
  if (p.rt.time_slice) return;
  p.rt.time_slice = this.m.sched_rr_timeslice;

  const equals = rq.rt.queue.filter((id) => this.m.task[id].prio === p.prio).length;
  if (equals > 1) {
    this.requeue_task_rt(rq, p, false);
    this.resched_curr(rq);
  }
}

/** kernel/sched/rt.c: switched_to_rt() */
export function switched_to_rt(this: vmlinux, rq: rq, p: task_struct): void {
  // A running one: its time so far was not real-time.
  if (this.task_current(rq, p)) {
    this.update_rt_rq_load_avg(this.rq_clock_pelt(rq), rq, 0);
    return;
  }
  if (this.task_on_rq_queued(p)) {
    if (p.nr_cpus_allowed > 1 && rq.rt.overloaded) this.rt_queue_push_tasks(rq);
    if (p.prio < this.m.task[rq.curr].prio && this.cpu_online(this.cpu_of(rq))) this.resched_curr(rq);
  }
}

/** kernel/sched/rt.c: switched_from_rt(): a CPU left without real-time tasks looks for one elsewhere. */
export function switched_from_rt(this: vmlinux, rq: rq, p: task_struct): void {
  if (!this.task_on_rq_queued(p) || rq.rt.rt_nr_running) return;
  this.rt_queue_pull_task(rq);
}

/** kernel/sched/rt.c: prio_changed_rt() */
export function prio_changed_rt(this: vmlinux, rq: rq, p: task_struct, oldprio: number): void {
  if (!this.task_on_rq_queued(p)) return;
  if (this.task_current(rq, p)) {
    if (oldprio < p.prio) this.rt_queue_pull_task(rq);
    if (p.prio > rq.rt.highest_prio.curr) this.resched_curr(rq);
  } else if (p.prio < this.m.task[rq.curr].prio) {
    this.resched_curr(rq);
  }
}

/** kernel/sched/rt.c: get_rr_interval_rt(): jiffies. */
export function get_rr_interval_rt(this: vmlinux, _rq: rq, task: task_struct): number {
  return task.policy === SCHED_RR ? this.m.sched_rr_timeslice : 0;
}

/** include/linux/sched/rt.h: RR_TIMESLICE: 100 ms in jiffies. */
export function RR_TIMESLICE(this: vmlinux): number {
  return Math.floor((100 * this.m.HZ) / 1000);
}

/** kernel/sched/rt.c: sched_rr_handler(): a write of `ms` to sched_rr_timeslice_ms; 0 is the default. */
export function sched_rr_handler(this: vmlinux, ms: number): void {
  // msecs_to_jiffies()
  this.m.sched_rr_timeslice = ms <= 0 ? this.RR_TIMESLICE() : Math.ceil((ms * this.m.HZ) / 1000);
}

/** kernel/sched/rt.c: rq_online_rt() */
export function rq_online_rt(this: vmlinux, rq: rq): void {
  if (rq.rt.overloaded) this.rt_set_overload(rq);
  this.cpupri_set(rq.cpu, rq.rt.highest_prio.curr);
}

/** kernel/sched/rt.c: rq_offline_rt() */
export function rq_offline_rt(this: vmlinux, rq: rq): void {
  if (rq.rt.overloaded) this.rt_clear_overload(rq);
  this.cpupri_set(rq.cpu, CPUPRI_INVALID);
}

/* ---- pushing and pulling ---- */

/** kernel/sched/rt.c: has_pushable_tasks() */
export function has_pushable_tasks(this: vmlinux, rq: rq): bool {
  return rq.rt.pushable_tasks.length > 0;
}

/** kernel/sched/rt.c: rt_queue_push_tasks() */
export function rt_queue_push_tasks(this: vmlinux, rq: rq): void {
  if (!this.has_pushable_tasks(rq)) return;
  this.queue_balance_callback(rq, 'push_rt_tasks');
}

/** kernel/sched/rt.c: rt_queue_pull_task() */
export function rt_queue_pull_task(this: vmlinux, rq: rq): void {
  this.queue_balance_callback(rq, 'pull_rt_task');
}

/** kernel/sched/rt.c: enqueue_pushable_task() */
export function enqueue_pushable_task(this: vmlinux, rq: rq, p: task_struct): void {
  const task = this.m.task;
  const list = rq.rt.pushable_tasks;
  const was = list.indexOf(p.id);
  if (was >= 0) list.splice(was, 1);
  const at = list.findIndex((id) => task[id].prio > p.prio);
  list.splice(at < 0 ? list.length : at, 0, p.id);

  if (p.prio < rq.rt.highest_prio.next) rq.rt.highest_prio.next = p.prio;
  if (!rq.rt.overloaded) {
    this.rt_set_overload(rq);
    rq.rt.overloaded = 1;
  }
}

/** kernel/sched/rt.c: dequeue_pushable_task() */
export function dequeue_pushable_task(this: vmlinux, rq: rq, p: task_struct): void {
  const list = rq.rt.pushable_tasks;
  const was = list.indexOf(p.id);
  if (was >= 0) list.splice(was, 1);
  if (list.length > 0) {
    rq.rt.highest_prio.next = this.m.task[list[0]].prio;
  } else {
    rq.rt.highest_prio.next = MAX_RT_PRIO - 1;
    if (rq.rt.overloaded) {
      this.rt_clear_overload(rq);
      rq.rt.overloaded = 0;
    }
  }
}

/** kernel/sched/rt.c: rt_overloaded(): how many CPUs have tasks that could run elsewhere. */
export function rt_overloaded(this: vmlinux, _rq: rq): number {
  return this.m.rd.rto_mask.length;
}

/** kernel/sched/rt.c: rt_set_overload() */
export function rt_set_overload(this: vmlinux, rq: rq): void {
  if (rq.online === 0) return;
  const { rto_mask } = this.m.rd;
  const at = rto_mask.findIndex((cpu) => cpu > rq.cpu);
  rto_mask.splice(at < 0 ? rto_mask.length : at, 0, rq.cpu);
}

/** kernel/sched/rt.c: rt_clear_overload() */
export function rt_clear_overload(this: vmlinux, rq: rq): void {
  if (rq.online === 0) return;
  const { rto_mask } = this.m.rd;
  rto_mask.splice(rto_mask.indexOf(rq.cpu), 1);
}

/** kernel/sched/rt.c: find_lowest_rq(): the CPU with the least urgent work for `task`: its own, a near one, any; -1. */
export function find_lowest_rq(this: vmlinux, task: task_struct): number {
  const cpu = this.task_cpu(task);
  let this_cpu = this.m.cpu;
  if (task.nr_cpus_allowed === 1) return -1;

  const lowest_mask: number[] = [];
  if (!this.cpupri_find(task, lowest_mask)) return -1;
  if (lowest_mask.includes(cpu)) return cpu;
  if (!lowest_mask.includes(this_cpu)) this_cpu = -1;

  const span = this.m.sd_llc[cpu];
  if (span.length > 0) {
    if (this_cpu !== -1 && span.includes(this_cpu)) return this_cpu;
    const best_cpu = this.cpumask_any_and_distribute(lowest_mask.filter((c) => span.includes(c)));
    if (best_cpu < this.m.rq.length) return best_cpu;
  }

  if (this_cpu !== -1) return this_cpu;
  const any = this.cpumask_any_distribute(lowest_mask);
  return any < this.m.rq.length ? any : -1;
}

/** kernel/sched/rt.c: pick_next_pushable_task() */
export function pick_next_pushable_task(this: vmlinux, rq: rq): task_struct | null {
  if (!this.has_pushable_tasks(rq)) return null;
  const p = this.m.task[rq.rt.pushable_tasks[0]];
  if (rq.cpu !== this.task_cpu(p)) throw new KernelBug('BUG_ON', 'pick_next_pushable_task: rq->cpu != task_cpu(p)');
  if (this.task_current(rq, p)) throw new KernelBug('BUG_ON', 'pick_next_pushable_task: task_current(rq, p)');
  if (p.nr_cpus_allowed <= 1) throw new KernelBug('BUG_ON', 'pick_next_pushable_task: p->nr_cpus_allowed <= 1');
  if (!this.task_on_rq_queued(p)) throw new KernelBug('BUG_ON', 'pick_next_pushable_task: !task_on_rq_queued(p)');
  if (!this.rt_task(p)) throw new KernelBug('BUG_ON', 'pick_next_pushable_task: !rt_task(p)');
  return p;
}

/** kernel/sched/rt.c: find_lock_lowest_rq(). MODEL: nothing changes while the locks are taken, so one try is all. */
export function find_lock_lowest_rq(this: vmlinux, task: task_struct, rq: rq): rq | null {
  const cpu = this.find_lowest_rq(task);
  if (cpu === -1 || cpu === rq.cpu) return null;
  const lowest_rq = this.cpu_rq(cpu);
  if (lowest_rq.rt.highest_prio.curr <= task.prio) return null;
  this.double_lock_balance(rq, lowest_rq);
  return lowest_rq;
}

/** kernel/sched/rt.c: push_rt_task(): moves the most urgent waiting task to a CPU that it would preempt; 1 if it did. */
export function push_rt_task(this: vmlinux, rq: rq, _pull: bool): number {
  if (!rq.rt.overloaded) return 0;
  const next_task = this.pick_next_pushable_task(rq);
  if (next_task === null) return 0;

  // It slipped past its wake-up preemption: it should run right here.
  if (next_task.prio < this.m.task[rq.curr].prio) {
    this.resched_curr(rq);
    return 0;
  }
  if (this.warnOn(next_task.id === rq.curr, 'push_rt_task: next_task == rq->curr')) return 0;

  const lowest_rq = this.find_lock_lowest_rq(next_task, rq);
  if (lowest_rq === null) return 0;

  this.deactivate_task(rq, next_task, 0);
  this.set_task_cpu(next_task, lowest_rq.cpu);
  this.activate_task(lowest_rq, next_task, 0);
  this.resched_curr(lowest_rq);
  return 1;
}

/** kernel/sched/rt.c: push_rt_tasks() */
export function push_rt_tasks(this: vmlinux, rq: rq): void {
  while (this.push_rt_task(rq, false)) {
    // until none can go
  }
}

/** kernel/sched/rt.c: pick_highest_pushable_task(): the most urgent of rq's waiting tasks that may run on `cpu`. */
export function pick_highest_pushable_task(this: vmlinux, rq: rq, cpu: number): task_struct | null {
  for (const id of rq.rt.pushable_tasks) {
    const p = this.m.task[id];
    if (!this.task_on_cpu(rq, p) && p.cpus_ptr.includes(cpu)) return p;
  }
  return null;
}

/* ---- RT_PUSH_IPI: a CPU with less urgent work tells those that have tasks to spare, one after the other ---- */

/**
 * kernel/sched/rt.c: rto_next_cpu(): the next CPU of rto_mask that is to push; -1 when all were asked as often as somebody
 * wanted them to be.
 */
export function rto_next_cpu(this: vmlinux): number {
  const { rd } = this.m;
  for (;;) {
    const cpu = this.cpumask_next(rd.rto_cpu, rd.rto_mask);
    if (cpu !== -1) {
      rd.rto_cpu = cpu;
      // Not to itself.
      if (cpu === this.m.cpu) continue;
      return cpu;
    }
    rd.rto_cpu = -1;
    if (rd.rto_loop === rd.rto_loop_next) return -1;
    rd.rto_loop = rd.rto_loop_next;
  }
}

/**
 * kernel/sched/rt.c: tell_cpu_to_push(). MODEL: rto_loop_start and rto_lock keep out CPUs that do this at the same time;
 * rq->rd is the only one there is.
 */
export function tell_cpu_to_push(this: vmlinux, _rq: rq): void {
  const { rd } = this.m;
  // A walk that is under way goes round once more.
  rd.rto_loop_next = (rd.rto_loop_next + 1) | 0;
  if (rd.rto_cpu >= 0) return;
  const cpu = this.rto_next_cpu();
  if (cpu >= 0) this.irq_work_queue_on(cpu);
}

/** kernel/sched/rt.c: rto_push_irq_work_func(): in the interrupt on a CPU with tasks to spare. */
export function rto_push_irq_work_func(this: vmlinux): void {
  const rq = this.this_rq();
  if (this.has_pushable_tasks(rq)) {
    while (this.push_rt_task(rq, true)) {
      // until none can go
    }
  }
  const cpu = this.rto_next_cpu();
  if (cpu >= 0) this.irq_work_queue_on(cpu);
}

/** kernel/sched/rt.c: pull_rt_task(): takes from each other CPU the waiting task that is more urgent than what is here. */
export function pull_rt_task(this: vmlinux, this_rq: rq): void {
  const this_cpu = this_rq.cpu;
  let resched = false;

  const rt_overload_count = this.rt_overloaded(this_rq);
  if (rt_overload_count === 0) return;
  // The only one with tasks to spare is this CPU.
  if (rt_overload_count === 1 && this.m.rd.rto_mask.includes(this_cpu)) return;
  if (this.m.sched_feat.RT_PUSH_IPI) {
    this.tell_cpu_to_push(this_rq);
    return;
  }

  // The mask is read as it is when the walk comes there: pulling the last task of a CPU takes it out.
  for (
    let cpu = this.cpumask_next(-1, this.m.rd.rto_mask);
    cpu !== -1;
    cpu = this.cpumask_next(cpu, this.m.rd.rto_mask)
  ) {
    if (cpu === this_cpu) continue;
    const src_rq = this.cpu_rq(cpu);
    if (src_rq.rt.highest_prio.next >= this_rq.rt.highest_prio.curr) continue;

    this.double_lock_balance(this_rq, src_rq);
    const p = this.pick_highest_pushable_task(src_rq, this_cpu);
    if (p === null || p.prio >= this_rq.rt.highest_prio.curr) continue;
    this.warnOn(p.id === src_rq.curr, 'pull_rt_task: p == src_rq->curr');
    this.warnOn(!this.task_on_rq_queued(p), 'pull_rt_task: !task_on_rq_queued(p)');
    // It is about to preempt what runs there.
    if (p.prio < this.m.task[src_rq.curr].prio) continue;

    this.deactivate_task(src_rq, p, 0);
    this.set_task_cpu(p, this_cpu);
    this.activate_task(this_rq, p, 0);
    resched = true;
  }

  if (resched) this.resched_curr(this_rq);
}
