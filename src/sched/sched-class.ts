// SPDX-License-Identifier: GPL-2.0-only
/**
 * struct sched_class of kernel/sched/sched.h, as calls: `p->sched_class->enqueue_task(rq, p, flags)` in C is
 * `this.classEnqueueTask(rq, p, flags)` here.
 *
 * Ours, hence the names. A hook that a class leaves NULL does nothing or says so in its result. Tasks of the
 * deadline class are not modelled; their class is there for the fair server.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { load_weight, rq, sched_class_name, task_struct } from './sched.js';

function deadlineTask(hook: string): never {
  throw new NotModelled(`SCHED_DEADLINE task in dl_sched_class.${hook}`);
}

/** sched_class::enqueue_task; the idle class has none. */
export function classEnqueueTask(this: vmlinux, rq: rq, p: task_struct, flags: number): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.enqueue_task_fair(rq, p, flags);
      return;
    case 'rt_sched_class':
      this.enqueue_task_rt(rq, p, flags);
      return;
    case 'stop_sched_class':
      this.enqueue_task_stop(rq, p, flags);
      return;
    case 'idle_sched_class':
      throw new KernelBug('NULL dereference', 'enqueue_task: idle_sched_class.enqueue_task');
    default:
      deadlineTask('enqueue_task');
  }
}

/** sched_class::dequeue_task: false when the task stays queued. */
export function classDequeueTask(this: vmlinux, rq: rq, p: task_struct, flags: number): bool {
  switch (p.sched_class) {
    case 'fair_sched_class':
      return this.dequeue_task_fair(rq, p, flags);
    case 'rt_sched_class':
      return this.dequeue_task_rt(rq, p, flags);
    case 'stop_sched_class':
      return this.dequeue_task_stop(rq, p, flags);
    case 'idle_sched_class':
      return this.dequeue_task_idle(rq, p, flags);
    default:
      return deadlineTask('dequeue_task');
  }
}

/** sched_class::yield_task */
export function classYieldTask(this: vmlinux, rq: rq, p: task_struct): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.yield_task_fair(rq);
      return;
    case 'rt_sched_class':
      this.yield_task_rt(rq);
      return;
    case 'stop_sched_class':
      this.yield_task_stop(rq);
      return;
    case 'idle_sched_class':
      throw new KernelBug('NULL dereference', 'do_sched_yield: idle_sched_class.yield_task');
    default:
      deadlineTask('yield_task');
  }
}

/** Whether the class has a sched_class::yield_to_task: fair alone does. */
export function classHasYieldToTask(this: vmlinux, name: sched_class_name): bool {
  return name === 'fair_sched_class';
}

/** sched_class::yield_to_task of the class `name`. */
export function classYieldToTask(this: vmlinux, name: sched_class_name, rq: rq, p: task_struct): bool {
  if (name !== 'fair_sched_class') throw new KernelBug('NULL dereference', `yield_to: ${name}.yield_to_task`);
  return this.yield_to_task_fair(rq, p);
}

/** sched_class::wakeup_preempt of the class `name`. */
export function classWakeupPreempt(this: vmlinux, name: sched_class_name, rq: rq, p: task_struct, flags: number): void {
  switch (name) {
    case 'fair_sched_class':
      this.check_preempt_wakeup_fair(rq, p, flags);
      return;
    case 'rt_sched_class':
      this.wakeup_preempt_rt(rq, p, flags);
      return;
    case 'stop_sched_class':
      this.wakeup_preempt_stop(rq, p, flags);
      return;
    case 'idle_sched_class':
      this.wakeup_preempt_idle(rq, p, flags);
      return;
    default:
      deadlineTask('wakeup_preempt');
  }
}

/** sched_class::balance of the class `name`. */
export function classBalance(this: vmlinux, name: sched_class_name, rq: rq, prev: task_struct): bool {
  switch (name) {
    case 'stop_sched_class':
      return this.balance_stop(rq, prev);
    case 'dl_sched_class':
      return this.balance_dl(rq, prev);
    case 'rt_sched_class':
      return this.balance_rt(rq, prev);
    case 'fair_sched_class':
      return this.balance_fair(rq, prev);
    default:
      return this.balance_idle(rq, prev);
  }
}

/** sched_class::put_prev_task */
export function classPutPrevTask(this: vmlinux, rq: rq, p: task_struct, next: task_struct | null): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.put_prev_task_fair(rq, p, next);
      return;
    case 'idle_sched_class':
      this.put_prev_task_idle(rq, p, next);
      return;
    case 'rt_sched_class':
      this.put_prev_task_rt(rq, p, next);
      return;
    case 'stop_sched_class':
      this.put_prev_task_stop(rq, p, next);
      return;
    default:
      deadlineTask('put_prev_task');
  }
}

/** sched_class::set_next_task */
export function classSetNextTask(this: vmlinux, rq: rq, p: task_struct, first: bool): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.set_next_task_fair(rq, p, first);
      return;
    case 'idle_sched_class':
      this.set_next_task_idle(rq, p, first);
      return;
    case 'rt_sched_class':
      this.set_next_task_rt(rq, p, first);
      return;
    case 'stop_sched_class':
      this.set_next_task_stop(rq, p, first);
      return;
    default:
      deadlineTask('set_next_task');
  }
}

/** sched_class::select_task_rq: the CPU to wake on. */
export function classSelectTaskRq(this: vmlinux, p: task_struct, cpu: number, flags: number): number {
  switch (p.sched_class) {
    case 'fair_sched_class':
      return this.select_task_rq_fair(p, cpu, flags);
    case 'rt_sched_class':
      return this.select_task_rq_rt(p, cpu, flags);
    case 'stop_sched_class':
      return this.select_task_rq_stop(p, cpu, flags);
    case 'idle_sched_class':
      return this.select_task_rq_idle(p, cpu, flags);
    default:
      return deadlineTask('select_task_rq');
  }
}

/** sched_class::migrate_task_rq: fair alone has something to do. */
export function classMigrateTaskRq(this: vmlinux, p: task_struct, new_cpu: number): void {
  if (p.sched_class === 'fair_sched_class') this.migrate_task_rq_fair(p, new_cpu);
}

/** sched_class::task_woken */
export function classTaskWoken(this: vmlinux, rq: rq, p: task_struct): void {
  if (p.sched_class === 'rt_sched_class') this.task_woken_rt(rq, p);
}

/** sched_class::task_tick */
export function classTaskTick(this: vmlinux, rq: rq, p: task_struct, queued: number): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.task_tick_fair(rq, p, queued);
      return;
    case 'idle_sched_class':
      this.task_tick_idle(rq, p, queued);
      return;
    case 'rt_sched_class':
      this.task_tick_rt(rq, p, queued);
      return;
    case 'stop_sched_class':
      this.task_tick_stop(rq, p, queued);
      return;
    default:
      deadlineTask('task_tick');
  }
}

/** sched_class::task_fork */
export function classTaskFork(this: vmlinux, p: task_struct): void {
  if (p.sched_class === 'fair_sched_class') this.task_fork_fair(p);
}

/** sched_class::task_dead */
export function classTaskDead(this: vmlinux, p: task_struct): void {
  if (p.sched_class === 'fair_sched_class') this.task_dead_fair(p);
}

/** sched_class::reweight_task: false when the class has none. */
export function classReweightTask(this: vmlinux, rq: rq, p: task_struct, lw: load_weight): bool {
  if (p.sched_class !== 'fair_sched_class') return false;
  this.reweight_task_fair(rq, p, lw);
  return true;
}

/** sched_class::prio_changed */
export function classPrioChanged(this: vmlinux, rq: rq, p: task_struct, oldprio: number): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.prio_changed_fair(rq, p, oldprio);
      return;
    case 'rt_sched_class':
      this.prio_changed_rt(rq, p, oldprio);
      return;
    case 'stop_sched_class':
    case 'idle_sched_class':
      throw new KernelBug('BUG_ON', `prio_changed of ${p.sched_class}`);
    default:
      deadlineTask('prio_changed');
  }
}

/** sched_class::switched_from of the class `name`. */
export function classSwitchedFrom(this: vmlinux, name: sched_class_name, rq: rq, p: task_struct): void {
  if (name === 'fair_sched_class') this.switched_from_fair(rq, p);
  else if (name === 'rt_sched_class') this.switched_from_rt(rq, p);
  else if (name === 'dl_sched_class') deadlineTask('switched_from');
}

/** sched_class::switched_to */
export function classSwitchedTo(this: vmlinux, rq: rq, p: task_struct): void {
  switch (p.sched_class) {
    case 'fair_sched_class':
      this.switched_to_fair(rq, p);
      return;
    case 'rt_sched_class':
      this.switched_to_rt(rq, p);
      return;
    case 'stop_sched_class':
    case 'idle_sched_class':
      throw new KernelBug('BUG_ON', `switched_to of ${p.sched_class}`);
    default:
      deadlineTask('switched_to');
  }
}

/** sched_class::task_change_group: false when the class has none. */
export function classTaskChangeGroup(this: vmlinux, p: task_struct): bool {
  if (p.sched_class !== 'fair_sched_class') return false;
  this.task_change_group_fair(p);
  return true;
}

/** sched_class::pick_task of the class `name`. */
export function pickTaskOfClass(this: vmlinux, name: sched_class_name, rq: rq): task_struct | null {
  switch (name) {
    case 'stop_sched_class':
      return this.pick_task_stop(rq);
    case 'dl_sched_class':
      return this.pick_task_dl(rq);
    case 'rt_sched_class':
      return this.pick_task_rt(rq);
    case 'fair_sched_class':
      return this.pick_task_fair(rq);
    case 'idle_sched_class':
      return this.pick_task_idle(rq);
  }
}
