// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a recording of a real kernel says: where tasks stand, how long they ran, what was picked. An imported run needs these events
 * where the model lacks what the kernel went by (load balancing, affinity) and where it decided otherwise.
 */
import { add, s64, sub, u64 } from '../lib/types.js';
import { TASK_INTERRUPTIBLE, TASK_NEW, type task_struct } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { current, isHostOn, isHostTask, isIdle, isTask } from './legality.js';
import type { Rules } from './rules.js';
import type { machine } from './state.js';

export type RecordedKind = 'fork' | 'migrate' | 'requeue' | 'place' | 'ran' | 'need_resched' | 'switch';

/**
 * Runs `then` while the task is allowed on that CPU alone; on those it is allowed on when `target` is absent. A real-time task goes where
 * it would: whether it can be pushed is settled as it is queued.
 */
export function onlyOn(p: task_struct, target: number | undefined, then: () => void): void {
  if (target === undefined || p.sched_class !== 'fair_sched_class' || !p.cpus_ptr.includes(target)) {
    then();
    return;
  }
  const { cpus_ptr, nr_cpus_allowed } = p;
  p.cpus_ptr = [target];
  p.nr_cpus_allowed = 1;
  then();
  p.cpus_ptr = cpus_ptr;
  p.nr_cpus_allowed = nr_cpus_allowed;
}

const isHostTaskId = (m: machine, id: number): boolean => isTask(m, id) && isHostTask(m, m.task[id]);
const isQueued = (m: machine, id: number): boolean => m.task[id].on_rq === 1;
const runs = (m: machine, id: number): boolean => m.rq[m.task[id].cpu].curr === id;
/** On the queue of its group, not in it as current. */
const isInTree = (m: machine, id: number): boolean => m.se[m.task[id].se].on_rq !== 0 && !runs(m, id);
const isFair = (m: machine, id: number): boolean => m.task[id].sched_class === 'fair_sched_class';

/** Whether `switch` may put the task onto the CPU: it is runnable there, or is the CPU's idle thread. */
function mayCome(m: machine, cpu: number, id: number): boolean {
  if (id === m.rq[cpu].idle) return true;
  if (!isHostTaskId(m, id) || m.task[id].cpu !== cpu || !isQueued(m, id)) return false;
  return m.se[m.task[id].se].sched_delayed !== 1;
}

function place(k: vmlinux_x86, m: machine, id: number, at: { vruntime: string; deadline: string; vlag: string }): void {
  const p = m.task[id];
  const se = m.se[p.se];
  const queue = isInTree(m, id) ? m.cfs_rq[se.cfs_rq] : null;
  if (queue !== null) k.__dequeue_entity(queue, se);
  se.vruntime = u64(BigInt.asUintN(64, BigInt(at.vruntime)));
  se.deadline = u64(BigInt.asUintN(64, BigInt(at.deadline)));
  se.vlag = s64(BigInt(at.vlag));
  se.rel_deadline = 0;
  if (queue !== null) k.__enqueue_entity(queue, se);
}

export const recordedEvents: Rules<RecordedKind> = {
  fork: {
    legal: (m, e) => isHostTaskId(m, e.task) && m.task[e.task].__state === TASK_NEW,
    perform: (k, m, e) => onlyOn(m.task[e.task], e.target, () => k.wake_up_new_task(m.task[e.task])),
  },
  migrate: {
    legal: (m, e) =>
      isHostTaskId(m, e.task) &&
      isQueued(m, e.task) &&
      !runs(m, e.task) &&
      e.target >= 0 &&
      e.target < m.rq.length &&
      m.task[e.task].cpu !== e.target,
    perform(k, m, e) {
      const p = m.task[e.task];
      const rq = k.task_rq_lock(p);
      k.update_rq_clock(rq);
      k.move_queued_task(rq, p, e.target);
    },
  },
  requeue: {
    legal: (m, e) => isHostTaskId(m, e.task) && isFair(m, e.task) && isQueued(m, e.task),
    perform(k, m, e) {
      const p = m.task[e.task];
      if (e.move) {
        k.sched_move_task(p, true);
        return;
      }
      const rq = k.task_rq_lock(p);
      k.update_rq_clock(rq);
      k.__do_set_cpus_allowed(p, p.cpus_ptr);
    },
  },
  place: {
    legal: (m, e) => isHostTaskId(m, e.task) && isFair(m, e.task),
    perform(k, m, e) {
      place(k, m, e.task, e);
      const p = m.task[e.task];
      const se = m.se[p.se];
      if (e.delayed !== true || !isInTree(m, e.task) || se.sched_delayed === 1) return;
      p.__state = TASK_INTERRUPTIBLE;
      k.set_delayed(se);
    },
  },
  ran: {
    legal: (m, e) => e.ns >= 0 && !isIdle(m, e.cpu),
    perform(_, m, e) {
      const rq = m.rq[e.cpu];
      const now = add(rq.clock_task, sub(m.sched_clock, rq.clock));
      m.se[current(m, e.cpu).se].exec_start = sub(now, u64(e.ns));
    },
  },
  need_resched: {
    legal: (m, e) => (current(m, e.cpu).tif_need_resched === 1) !== e.on,
    perform(k, m, e) {
      if (e.on) k.resched_curr(m.rq[e.cpu]);
      else k.clear_tsk_need_resched(current(m, e.cpu));
    },
  },
  switch: {
    legal: (m, e) =>
      mayCome(m, e.cpu, e.task) && (isIdle(m, e.cpu) || isHostOn(m, e.cpu)) && m.rq[e.cpu].curr !== e.task,
    perform(k, m, e) {
      const rq = m.rq[e.cpu];
      const prev = current(m, e.cpu);
      const next = m.task[e.task];
      k.rq_lock(rq);
      k.update_rq_clock(rq);
      k.put_prev_task(rq, prev);
      k.set_next_task(rq, next);
      k.clear_tsk_need_resched(prev);
      k.trace_sched_switch(false, prev, next, prev.__state);
      k.context_switch(rq, prev, next);
    },
  },
};
