// SPDX-License-Identifier: GPL-2.0-only
/** Before 6d1cafd8b56e (v3.0): yield_to() asks the caller's CPU to reschedule, and not the target's. */
import { ESRCH } from '../../lib/errno.js';
import type { bool } from '../../lib/types.js';
import type { task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/syscalls.c: yield_to() */
export function yield_to(this: vmlinux, p: task_struct, preempt: bool): number {
  const curr = this.get_current();
  const rq = this.this_rq();
  const p_rq = this.task_rq(p);

  if (rq.nr_running === 1 && p_rq.nr_running === 1) return -ESRCH;

  this.double_rq_lock(rq, p_rq);

  if (!this.classHasYieldToTask(curr.sched_class)) return 0;
  if (curr.sched_class !== p.sched_class) return 0;
  if (this.task_on_cpu(p_rq, p) || !this.task_is_running(p)) return 0;

  const yielded = this.classYieldToTask(curr.sched_class, rq, p);
  if (yielded) {
    rq.yld_count = (rq.yld_count + 1) >>> 0;
    if (preempt && rq.id !== p_rq.id) this.resched_curr(rq);
  }

  if (yielded) this.schedule();
  return yielded ? 1 : 0;
}

export default defineSeries({
  id: 'revert-6d1cafd8b56e',
  title: 'yield_to() to another CPU does not make that CPU reschedule',
  base: 'v6.12.117',
  notices: "after a yield_to() to another CPU that returned 1, need_resched of that CPU's current is not set",
  patches: [
    {
      subject: 'Revert "sched: Resched proper CPU on yield_to()"',
      commit: '6d1cafd8b56e',
      funcs: { yield_to },
    },
  ],
});
