// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/rt.c (6.12.117): SCHED_FIFO and SCHED_RR, without CONFIG_RT_GROUP_SCHED (so without throttling).
 *
 * Mirrored: queueing, picking, tick, yield, preemption, class and priority changes.
 * DEVIATION DV-023: tasks are not pushed to and pulled from other CPUs; where Linux would look for one, a task that
 * is allowed on several CPUs meets NotModelled.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { type bool, S64_ZERO, s64_le, ZERO } from '../lib/types.js';
import type { vmlinux } from '../series/vmlinux.js';
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
export function inc_rt_prio(this: vmlinux, rt_rq: rt_rq, prio: number): void {
  if (prio < rt_rq.highest_prio.curr) rt_rq.highest_prio.curr = prio;
}

/** kernel/sched/rt.c: dec_rt_prio() */
export function dec_rt_prio(this: vmlinux, rt_rq: rt_rq, prio: number): void {
  const prev_prio = rt_rq.highest_prio.curr;
  if (rt_rq.rt_nr_running) {
    this.warnOn(prio < prev_prio, 'dec_rt_prio: prio < prev_prio');
    // The first bit of the map.
    if (prio === prev_prio) rt_rq.highest_prio.curr = this.m.task[rt_rq.queue[0]].prio;
  } else {
    rt_rq.highest_prio.curr = MAX_RT_PRIO - 1;
  }
}

/** kernel/sched/rt.c: inc_rt_tasks() */
export function inc_rt_tasks(this: vmlinux, p: task_struct, rt_rq: rt_rq): void {
  this.warnOn(!this.rt_prio(p.prio), 'inc_rt_tasks: !rt_prio(prio)');
  rt_rq.rt_nr_running++;
  if (p.policy === SCHED_RR) rt_rq.rr_nr_running++;
  this.inc_rt_prio(rt_rq, p.prio);
}

/** kernel/sched/rt.c: dec_rt_tasks() */
export function dec_rt_tasks(this: vmlinux, p: task_struct, rt_rq: rt_rq): void {
  this.warnOn(!this.rt_prio(p.prio), 'dec_rt_tasks: !rt_prio(prio)');
  this.warnOn(!rt_rq.rt_nr_running, 'dec_rt_tasks: !rt_rq->rt_nr_running');
  rt_rq.rt_nr_running--;
  if (p.policy === SCHED_RR) rt_rq.rr_nr_running--;
  this.dec_rt_prio(rt_rq, p.prio);
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
  this.inc_rt_tasks(p, rq.rt);
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
  this.dec_rt_tasks(p, rq.rt);
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
}

/** kernel/sched/rt.c: dequeue_task_rt() */
export function dequeue_task_rt(this: vmlinux, rq: rq, p: task_struct, flags: number): bool {
  this.update_curr_rt(rq);
  this.dequeue_rt_entity(rq, p, flags);
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
  if (test) throw new NotModelled('select_task_rq_rt: find_lowest_rq()');
  return cpu;
}

/** kernel/sched/rt.c: check_preempt_equal_prio() */
export function check_preempt_equal_prio(this: vmlinux, rq: rq, _p: task_struct): void {
  if (this.m.task[rq.curr].nr_cpus_allowed === 1) return;
  throw new NotModelled('check_preempt_equal_prio: cpupri_find()');
}

/** kernel/sched/rt.c: balance_rt() */
export function balance_rt(this: vmlinux, rq: rq, _p: task_struct): bool {
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
  if (!first) return;
  // The time until now was not real-time: the average is brought up to date before it runs.
  if (this.m.task[rq.curr].sched_class !== 'rt_sched_class') {
    this.update_rt_rq_load_avg(this.rq_clock_pelt(rq), rq, 0);
  }
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
export function put_prev_task_rt(this: vmlinux, rq: rq, _p: task_struct, _next: task_struct | null): void {
  this.update_curr_rt(rq);
  this.update_rt_rq_load_avg(this.rq_clock_pelt(rq), rq, 1);
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
  if (need_to_push) throw new NotModelled('task_woken_rt: push_rt_tasks()');
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
    if (p.prio < this.m.task[rq.curr].prio && this.cpu_active(this.cpu_of(rq))) this.resched_curr(rq);
  }
}

/** kernel/sched/rt.c: switched_from_rt(): would pull a task from another CPU. */
export function switched_from_rt(this: vmlinux, _rq: rq, _p: task_struct): void {}

/** kernel/sched/rt.c: prio_changed_rt() */
export function prio_changed_rt(this: vmlinux, rq: rq, p: task_struct, _oldprio: number): void {
  if (!this.task_on_rq_queued(p)) return;
  if (this.task_current(rq, p)) {
    if (p.prio > rq.rt.highest_prio.curr) this.resched_curr(rq);
  } else if (p.prio < this.m.task[rq.curr].prio) {
    this.resched_curr(rq);
  }
}

/** kernel/sched/rt.c: get_rr_interval_rt(): jiffies. */
export function get_rr_interval_rt(this: vmlinux, _rq: rq, task: task_struct): number {
  return task.policy === SCHED_RR ? this.m.sched_rr_timeslice : 0;
}
