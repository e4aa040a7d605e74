// SPDX-License-Identifier: GPL-2.0-only
/** A buddy is never forgotten: not when it runs, not when it yields, not when it leaves the queue. */
import type { cfs_rq, sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: clear_buddies() */
export function clear_buddies(this: vmlinux, _cfs_rq: cfs_rq, _se: sched_entity): void {}

export default defineSeries({
  id: 'mutant-buddies-stay',
  title: 'buddies are never cleared',
  base: 'v6.12.117',
  notices: 'cfs_rq->next is not on_rq, or asleep; a pick of it',
  patches: [{ subject: 'sched/fair: clear_buddies() does nothing', funcs: { clear_buddies } }],
});
