// SPDX-License-Identifier: GPL-2.0-only
/** Before 3da56dc063cd (v7.1): a child of a parent whose deadline is relative takes its own, absolute, for relative. */

import { __sched_fork as was } from '../../sched/core.js';
import type { task_struct } from '../../sched/sched.js';
import { defineSeries } from '../series.js';
import type { vmlinux } from '../vmlinux.js';

/** kernel/sched/core.c: __sched_fork() */
export function __sched_fork(this: vmlinux, clone_flags: number, p: task_struct): void {
  const se = this.m.se[p.se];
  const { rel_deadline } = se;
  was.call(this, clone_flags, p);
  se.rel_deadline = rel_deadline;
}

export default defineSeries({
  id: 'revert-3da56dc063cd',
  title: 'a child inherits rel_deadline',
  base: 'v6.12.117',
  notices: 'rel_deadline of a task that was never dequeued; its deadline is far from its vruntime',
  patches: [
    {
      subject: 'Revert "sched/fair: Clear rel_deadline when initializing forked entities"',
      commit: '3da56dc063cd',
      funcs: { __sched_fork },
    },
  ],
});
