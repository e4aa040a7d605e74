// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH] sched: Add yield_to(task, preempt) functionality
 *
 * The caller names another task next on that task's queues, skips itself on its own, and schedules.
 */
import type { bool } from '../../lib/types.js';
import type { rq, task_struct } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, directed_yield } from './adds.js';

/**
 * kernel/sched_fair.c: yield_to_task_fair(), new
 *
 * As posted: `rq` is the caller's, so that preempt makes the caller's own CPU reschedule, which schedule() does anyhow. A target on
 * another CPU is named next there, and waits for that CPU's tick; 6d1cafd8b56e mends it.
 */
export function yield_to_task_fair(this: directed_yield, rq: rq, p: task_struct, preempt: bool): bool {
  const se = this.m.se[p.se];
  if (!se.on_rq) return false;

  this.set_next_buddy(se);
  if (preempt) this.resched_curr(rq);
  // As posted: alone on its CPU, the caller yields nothing, and is told that it did.
  this.yield_task_fair(rq);
  return true;
}

/** kernel/sched.c: yield_to(), new: 1 for true. */
export function yield_to(this: directed_yield, p: task_struct, preempt: bool): number {
  const curr = this.get_current();
  const rq = this.this_rq();
  let p_rq: rq;

  do {
    p_rq = this.task_rq(p);
    this.double_rq_lock(rq, p_rq);
  } while (this.task_rq(p).id !== p_rq.id);

  // RACE: a wake-up on a third CPU needs neither lock and may move p; v6.14 takes p->pi_lock
  if (curr.sched_class !== 'fair_sched_class') return 0;
  if (curr.sched_class !== p.sched_class) return 0;
  if (this.task_on_cpu(p_rq, p) || p.__state !== 0) return 0;

  const yielded = this.yield_to_task_fair(rq, p, preempt);
  if (yielded) {
    rq.yld_count = (rq.yld_count + 1) >>> 0;
    this.schedule();
  }
  return yielded ? 1 : 0;
}

export default {
  subject: 'sched: Add yield_to(task, preempt) functionality',
  commit: 'd95f41220065',
  funcs: { yield_to },
  adds: { yield_to_task_fair },
} satisfies Patch<Adds>;
