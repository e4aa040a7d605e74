// SPDX-License-Identifier: GPL-2.0-only
/**
 * v2.6.39, as far as the directed yield goes: the series as merged, and the commit that makes the right CPU reschedule. What else
 * changed between v2.6.38 and v2.6.39 is not here (DV-662).
 */
import type { bool } from '../../lib/types.js';
import type { rq, task_struct } from '../../sched/sched.js';
import type { Adds, directed_yield } from '../directed-yield-v7/adds.js';
import { defineSeries } from '../series.js';

/** kernel/sched_fair.c: yield_to_task_fair() */
export function yield_to_task_fair(this: directed_yield, rq: rq, p: task_struct, _preempt: bool): bool {
  const se = this.m.se[p.se];
  if (!se.on_rq) return false;
  this.set_next_buddy(se);
  this.yield_task_fair(rq);
  return true;
}

/** kernel/sched.c: yield_to() */
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
    if (preempt && rq.id !== p_rq.id) this.resched_curr(p_rq);
    this.schedule();
  }
  return yielded ? 1 : 0;
}

export default defineSeries<Adds>({
  id: 'v2.6.39',
  title: 'Linux v2.6.39, with the directed yield',
  base: 'directed-yield-v7',
  release: true,
  patches: [
    {
      subject: 'sched: Resched proper CPU on yield_to()',
      commit: '6d1cafd8b56e',
      removes: ['yield_to_task_fair'],
      funcs: { yield_to },
      adds: { yield_to_task_fair },
    },
  ],
});
