// SPDX-License-Identifier: GPL-2.0-only
/** Before 5d808c78d972 (v6.14; the pin has it from a stable release): yield_to() does not keep its target from being woken. */
import { ESRCH } from '../../lib/errno.js';
import type { bool } from '../../lib/types.js';
import type { rq, task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/syscalls.c: yield_to() */
export function yield_to(this: vmlinux, p: task_struct, preempt: bool): number {
  const curr = this.get_current();
  const rq = this.this_rq();
  let p_rq: rq;

  do {
    p_rq = this.task_rq(p);
    if (rq.nr_running === 1 && p_rq.nr_running === 1) return -ESRCH;

    this.double_rq_lock(rq, p_rq);
  } while (this.task_rq(p).id !== p_rq.id);

  // RACE: a wake-up on a third CPU needs neither lock and may move p
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
  id: 'revert-5d808c78d972',
  title: 'yield_to() without p->pi_lock',
  base: 'v6.12.117',
  notices:
    'a buddy is set on a run queue whose lock is not held, when a third CPU wakes the target meanwhile: `kvmodel races` alone',
  patches: [
    {
      subject: 'Revert "sched: Fix race between yield_to() and try_to_wake_up()"',
      commit: '5d808c78d972',
      funcs: { yield_to },
    },
  ],
});
