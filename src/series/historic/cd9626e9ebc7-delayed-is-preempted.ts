// SPDX-License-Identifier: GPL-2.0-only
/** Before cd9626e9ebc7 (v6.12): p->on_rq alone tells who is runnable, and a delayed sleeper has it set. */
import type { bool } from '../../lib/types.js';
import type { task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** include/linux/sched.h: task_is_runnable() */
export function task_is_runnable(this: vmlinux, p: task_struct): bool {
  return p.on_rq !== 0;
}

export default defineSeries({
  id: 'revert-cd9626e9ebc7',
  title: 'a vCPU that blocks with a delayed dequeue looks preempted',
  base: 'v6.12.117',
  notices: 'preempted and ready of a vCPU whose thread is asleep; a spinner yields to it',
  patches: [
    {
      subject: 'Revert "sched/fair: Fix external p->on_rq users"',
      commit: 'cd9626e9ebc7',
      funcs: { task_is_runnable },
    },
  ],
});
