// SPDX-License-Identifier: GPL-2.0-only
/** Faults to plant in the real-time class: queues, slices, pushing and pulling, cpupri, the averages. */
import type { rq, task_struct } from '../../src/sched/sched.js';
import type { vmlinux } from '../../src/vmlinux/vmlinux.js';
import { called, type Fault, fault, missing, result } from './faults.js';

export const rtFaults: readonly Fault[] = [
  // Queues and slices
  called('rtListAdd', 'puts everybody behind', ([rt_rq, p]) => [rt_rq, p, false]),
  called('rtListAdd', 'puts everybody before', ([rt_rq, p]) => [rt_rq, p, true]),
  result('move_entity', 'always moves', () => true),
  missing('requeue_rt_entity'),
  missing('yield_task_rt'),
  fault(
    'task_tick_rt',
    'takes turns among FIFO tasks',
    (right) =>
      function (this: vmlinux, of: rq, p: task_struct, queued: number) {
        const { policy } = p;
        p.policy = 2;
        right.call(this, of, p, queued);
        p.policy = policy;
      },
  ),
  fault(
    'task_tick_rt',
    'forgets to give a new slice',
    (right) =>
      function (this: vmlinux, of: rq, p: task_struct, queued: number) {
        right.call(this, of, p, queued);
        if (p.rt.time_slice === this.m.sched_rr_timeslice) p.rt.time_slice = 0;
      },
  ),
  fault(
    'inc_rt_prio',
    'forgets the CPU',
    () =>
      function (this: vmlinux, of: rq, prio: number) {
        if (prio < of.rt.highest_prio.curr) of.rt.highest_prio.curr = prio;
      },
  ),
  missing('dec_rt_prio_smp'),
  // Preemption and changes
  fault(
    'wakeup_preempt_rt',
    'lets an equal go first',
    (right) =>
      function (this: vmlinux, of: rq, p: task_struct, flags: number) {
        if (p.prio === this.m.task[of.curr].prio) this.resched_curr(of);
        else right.call(this, of, p, flags);
      },
  ),
  missing('check_preempt_equal_prio'),
  called('prio_changed_rt', 'never sees a priority fall', ([of, p]) => [of, p, (p as task_struct).prio]),
  missing('switched_to_rt'),
  missing('switched_from_rt'),
  fault(
    '__sched_setscheduler',
    'always minds priority inheritance',
    (right) =>
      function (this: vmlinux, p: task_struct, attr: never, user: never) {
        const { hardirq = 0 } = this.m;
        this.m.hardirq = 0;
        const r = right.call(this, p, attr, user, true);
        this.m.hardirq = hardirq;
        return r;
      },
  ),
  // Pushing and pulling
  result('select_task_rq_rt', 'wakes on the lowest CPU', (cpu: number) => (cpu > 0 ? cpu - 1 : cpu)),
  missing('task_woken_rt'),
  missing('rt_queue_push_tasks'),
  missing('rt_queue_pull_task'),
  result('need_pull_rt_task', 'pulls for nobody', () => false),
  fault(
    'enqueue_pushable_task',
    'puts equals before',
    (right) =>
      function (this: vmlinux, of: rq, p: task_struct) {
        right.call(this, of, p);
        const list = of.rt.pushable_tasks;
        const first = list.findIndex((id) => this.m.task[id].prio === p.prio);
        list.splice(first, 0, ...list.splice(list.indexOf(p.id), 1));
      },
  ),
  fault(
    'push_rt_task',
    'does not tell the other CPU',
    (right) =>
      function (this: vmlinux, of: rq, pull: boolean) {
        const next = of.rt.pushable_tasks[0];
        const pushed = right.call(this, of, pull);
        if (pushed) this.m.task[this.task_rq(this.m.task[next]).curr].tif_need_resched = 0;
        return pushed;
      },
  ),
  fault(
    'pull_rt_task',
    'stops at the first CPU',
    (right) =>
      function (this: vmlinux, of: rq) {
        const { rd } = this.m;
        const other = rd.rto_mask.find((cpu) => cpu !== of.cpu);
        const behind = rd.rto_mask.filter((cpu) => other !== undefined && cpu > other);
        if (this.m.sched_feat.RT_PUSH_IPI || other === undefined) return right.call(this, of);
        rd.rto_mask = rd.rto_mask.filter((cpu) => !behind.includes(cpu));
        right.call(this, of);
        rd.rto_mask = [...rd.rto_mask, ...behind].sort((a, b) => a - b);
      },
  ),
  result('pick_highest_pushable_task', 'finds nobody', () => null),
  missing('tell_cpu_to_push'),
  fault(
    'tell_cpu_to_push',
    'does not ask for another round',
    (right) =>
      function (this: vmlinux, of: rq) {
        const { rto_loop_next } = this.m.rd;
        right.call(this, of);
        this.m.rd.rto_loop_next = rto_loop_next;
      },
  ),
  fault(
    'rto_next_cpu',
    'goes round once for all who asked',
    (right) =>
      function (this: vmlinux) {
        this.m.rd.rto_loop = this.m.rd.rto_loop_next;
        return right.call(this);
      },
  ),
  fault(
    'rto_push_irq_work_func',
    'tells no other',
    () =>
      function (this: vmlinux) {
        while (this.push_rt_task(this.this_rq(), true));
      },
  ),
  // cpupri
  result('convert_prio', 'takes the lowest priority for none', (pri: number) => (pri === 1 ? 0 : pri)),
  missing('cpupri_set'),
  fault(
    'cpupri_find_fitness',
    'takes an equal CPU for a lower one',
    (right) =>
      function (this: vmlinux, p: task_struct, lowest_mask: never) {
        const { prio } = p;
        p.prio = Math.max(0, prio - 1);
        const found = right.call(this, p, lowest_mask);
        p.prio = prio;
        return found;
      },
  ),
  fault(
    'cpupri_find',
    'looks for CPUs of any priority below',
    (right) =>
      function (this: vmlinux, p: task_struct, lowest_mask: number[] | null) {
        const found = right.call(this, p, lowest_mask);
        const pri = this.convert_prio(p.prio);
        if (found && lowest_mask !== null) {
          lowest_mask.length = 0;
          lowest_mask.push(...p.cpus_ptr.filter((cpu) => this.m.cpupri[cpu] < pri));
        }
        return found;
      },
  ),
  fault(
    'find_lowest_rq',
    'takes the first of them',
    () =>
      function (this: vmlinux, task: task_struct) {
        const lowest: number[] = [];
        return task.nr_cpus_allowed > 1 && this.cpupri_find(task, lowest) ? lowest[0]! : -1;
      },
  ),
  // Averages
  missing('update_rt_rq_load_avg', 0),
  called('update_rt_rq_load_avg', 'takes what ran before for real-time', ([now, of]) => [now, of, 1]),
];
