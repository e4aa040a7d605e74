// SPDX-License-Identifier: GPL-2.0-only
/** Before 7b270f609982 (v3.9): yield_to() takes both locks also when each CPU has but one task. */
import type { bool } from '../../lib/types.js';
import type { task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/syscalls.c: yield_to() */
export function yield_to(this: vmlinux, p: task_struct, preempt: bool): number {
  const curr = this.get_current();
  const rq = this.this_rq();
  const p_rq = this.task_rq(p);

  this.double_rq_lock(rq, p_rq);

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

export default defineSeries({
  id: 'revert-7b270f609982',
  title: 'yield_to() never finds a yield pointless',
  base: 'v6.12.117',
  notices: 'yield_to() between two CPUs with one task each returns 0 instead of -ESRCH; a spinner probes all of its VM',
  patches: [
    {
      subject: 'Revert "sched: Bail out of yield_to when source and target runqueue has one task"',
      commit: '7b270f609982',
      funcs: { yield_to },
    },
  ],
});
