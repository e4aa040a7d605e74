// SPDX-License-Identifier: GPL-2.0-only
/** The scheduler's state as the words that the native engine hands out: for comparing fast, and further than recordings do. */

import { RB_RED } from '../../lib/rbtree_augmented.js';
import { type i64, type u64, ZERO } from '../../lib/types.js';
import { type cfs_rq, NULL, type rq, type sched_avg, type sched_entity, type task_struct } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { taskNumber, tasksInOrder } from './task-order.js';

type Words = (number | bigint)[];
const w = (x: i64): number | bigint => x as unknown as number | bigint;

function pelt(words: Words, avg: sched_avg): void {
  words.push(
    w(avg.last_update_time),
    w(avg.load_sum),
    w(avg.runnable_sum),
    avg.util_sum,
    avg.period_contrib,
    w(avg.load_avg),
    w(avg.runnable_avg),
    w(avg.util_avg),
  );
}

/** A task's number, 1000 + g for the entity of group g, -1 for NULL and idle tasks. */
function name(k: vmlinux_x86, firstTask: number, id: number): number {
  if (id === NULL) return NULL;
  const se = k.m.se[id];
  if (se.task !== NULL) return taskNumber(k, firstTask, se.task);
  return 1000 + k.m.cfs_rq[se.my_q].tg;
}

function entity(k: vmlinux_x86, firstTask: number, words: Words, se: sched_entity, more: boolean): void {
  words.push(
    w(se.load.weight),
    se.on_rq,
    se.sched_delayed,
    se.rel_deadline,
    se.custom_slice,
    w(se.vruntime),
    w(se.deadline),
    w(se.vlag),
    w(se.slice),
    w(se.min_vruntime),
    w(se.min_slice),
    w(se.exec_start),
    w(se.sum_exec_runtime),
    w(se.prev_sum_exec_runtime),
  );
  if (!more) return;
  const inTree = se.on_rq !== 0 && k.m.cfs_rq[se.cfs_rq].curr !== se.id;
  const node = se.run_node;
  words.push(
    inTree ? name(k, firstTask, node.rb_left) : NULL,
    inTree ? name(k, firstTask, node.rb_right) : NULL,
    inTree ? Number(node.color === RB_RED) : NULL,
    se.load.inv_weight,
    se.my_q === NULL ? 0 : w(se.runnable_weight),
  );
  pelt(words, se.avg);
}

/** avg_vruntime() moves its reference point: evaluated, and put back. 0 on a kernel that has none: the column is absent. */
export function averageOf(k: vmlinux_x86, q: cfs_rq): u64 {
  if (k.avg_vruntime === undefined) return ZERO;
  const { zero_vruntime, avg_vruntime } = q;
  const V = k.avg_vruntime(q);
  q.zero_vruntime = zero_vruntime;
  q.avg_vruntime = avg_vruntime;
  return V;
}

/** false on a kernel to which eligibility means nothing: the column is absent. */
export const isEligible = (k: vmlinux_x86, se: sched_entity): boolean =>
  k.entity_eligible?.(k.cfs_rq_of(se), se) ?? false;

function queue(k: vmlinux_x86, firstTask: number, words: Words, q: cfs_rq, more: boolean): void {
  const V = averageOf(k, q);
  words.push(
    w(q.load.weight),
    q.nr_running,
    q.h_nr_queued,
    q.h_nr_runnable,
    w(q.avg_vruntime),
    w(q.avg_load),
    w(q.min_vruntime ?? q.zero_vruntime),
    w(V),
    name(k, firstTask, q.curr),
    name(k, firstTask, q.next),
    w(q.avg.load_avg),
  );
  if (!more) return;
  words.push(
    name(k, firstTask, q.tasks_timeline.rb_node),
    name(k, firstTask, q.tasks_timeline.rb_leftmost),
    w(q.tg_load_avg_contrib),
    w(q.propagate),
    w(q.prop_runnable_sum),
    name(k, firstTask, q.last ?? NULL),
    name(k, firstTask, q.skip ?? NULL),
  );
  pelt(words, q.avg);
}

/** The share of the CPU that a class has: its load is its running. */
function share(words: Words, avg: sched_avg): void {
  words.push(w(avg.last_update_time), avg.util_sum, avg.period_contrib, w(avg.util_avg));
}

/** The task's number; -1 for none. */
const task = (k: vmlinux_x86, firstTask: number, id: number | undefined): number =>
  id === undefined ? NULL : taskNumber(k, firstTask, id);

/** The real-time queue of a CPU, and its fair server. */
function realTime(k: vmlinux_x86, firstTask: number, words: Words, rq: rq): void {
  const { rt, dl, fair_server: server } = rq;
  const timer = k.m.hrtimer[server.dl_timer];
  const bandwidth = k.m.hrtimer[k.m.def_rt_bandwidth?.rt_period_timer ?? NULL];
  words.push(
    rt.rt_nr_running,
    rt.rr_nr_running,
    rt.rt_queued,
    task(k, firstTask, rt.queue[0]),
    rt.highest_prio.curr,
    rt.highest_prio.next,
    task(k, firstTask, rt.pushable_tasks[0]),
    rt.overloaded,
    Number(k.m.rd.rto_mask.includes(rq.cpu)),
    k.m.rd.rto_cpu,
    k.m.rd.rto_loop,
    k.m.rd.rto_loop_next,
    k.m.cpupri[rq.cpu],
    dl.dl_nr_running,
    server.dl_server_active,
    timer?.queued === 1 ? w(timer.expires) : NULL,
    w(server.runtime),
    w(server.deadline),
    server.dl_throttled,
    server.dl_defer_armed,
    server.dl_defer_running,
    rt.rt_throttled ?? 0,
    w(rt.rt_time ?? ZERO),
    w(rt.rt_runtime ?? ZERO),
    bandwidth?.queued === 1 ? w(bandwidth.expires) : NULL,
  );
  share(words, rq.avg_rt);
  share(words, rq.avg_dl);
}

/** Policy and priority of a task, and who is behind it in its lists. */
function priority(k: vmlinux_x86, firstTask: number, words: Words, p: task_struct): void {
  const { queue, pushable_tasks } = k.task_rq(p).rt;
  const place = p.rt.on_list ? queue.indexOf(p.id) : -1;
  const behind = place < 0 ? undefined : queue[place + 1];
  const pushable = pushable_tasks.indexOf(p.id);
  words.push(
    p.prio,
    p.normal_prio,
    p.rt_priority,
    p.policy,
    p.rt.time_slice,
    p.rt.on_rq,
    behind !== undefined && k.m.task[behind].prio === p.prio ? task(k, firstTask, behind) : NULL,
    pushable < 0 ? NULL : task(k, firstTask, pushable_tasks[pushable + 1]),
  );
}

/**
 * All words of the state of the scheduler that `k` is bound to; `firstTask` is the task that operations call 0.
 * `reschedules` counts the IPIs sent to each CPU.
 */
export function stateWords(k: vmlinux_x86, firstTask: number, more: boolean, reschedules: readonly number[]): Words {
  const m = k.m;
  const words: Words = [w(m.sched_clock), m.warns, m.rq.length, m.task.length - firstTask, m.task_group.length];
  for (const rq of m.rq) {
    words.push(
      taskNumber(k, firstTask, rq.curr),
      m.task[rq.curr].tif_need_resched,
      rq.nr_running,
      w(rq.clock),
      w(rq.clock_task),
      w(rq.nr_switches),
      rq.clock_update_flags,
    );
    if (more) {
      words.push(w(rq.clock_pelt), w(rq.lost_idle_time), rq.nr_uninterruptible, w(rq.avg_idle), rq.yld_count);
      words.push(reschedules[rq.cpu]);
      realTime(k, firstTask, words, rq);
    }
    for (const tg of m.task_group) queue(k, firstTask, words, m.cfs_rq[tg.cfs_rq[rq.cpu]], more);
    for (const tg of m.task_group) {
      if (tg.id !== 0) entity(k, firstTask, words, m.se[tg.se[rq.cpu]], more);
    }
  }
  const { tasks, threads } = tasksInOrder(k, firstTask);
  for (const id of [...tasks, ...threads]) {
    const p = m.task[id];
    const se = m.se[p.se];
    words.push(p.on_rq, p.__state, p.cpu, p.static_prio, Number(isEligible(k, se)));
    if (more) priority(k, firstTask, words, p);
    entity(k, firstTask, words, se, more);
  }
  if (more) for (const tg of m.task_group) words.push(w(tg.shares), w(tg.load_avg));
  return words;
}
