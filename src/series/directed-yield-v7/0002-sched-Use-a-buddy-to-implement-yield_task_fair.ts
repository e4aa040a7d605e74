// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH] sched: Use a buddy to implement yield_task_fair()
 *
 * Who yields is named skip on every level, and the pick passes over it when the second is near enough. The order of the buddies is
 * turned round as well: next goes before last.
 */
import { nullDereference } from '../../lib/bug.js';
import { type cfs_rq, NULL, type rq, SCHED_BATCH, type sched_entity } from '../../sched/sched.js';
import { isIdleTask } from '../linux-v2.6.38/pick.js';
import type { vmlinux_6_1 } from '../linux-v6.1/adds.js';
import type { Patch } from '../series.js';
import type { Adds, directed_yield } from './adds.js';

/** kernel/sched_fair.c: clear_buddies() */
export function clear_buddies(this: directed_yield, cfs_rq: cfs_rq, se: sched_entity): void {
  if (cfs_rq.last === se.id) this.__clear_buddies_last(se);
  if (cfs_rq.next === se.id) this.__clear_buddies_next(se);
  if (cfs_rq.skip === se.id) this.__clear_buddies_skip(se);
}

/** kernel/sched_fair.c: set_skip_buddy() */
export function set_skip_buddy(this: directed_yield, se: sched_entity): void {
  if (isIdleTask(this, se)) return;
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) this.cfs_rq_of(it).skip = it.id;
}

const orOops = (left: sched_entity | null): sched_entity => left ?? nullDereference('pick_next_entity: left->vruntime');

/**
 * kernel/sched_fair.c: pick_next_entity()
 *
 * As posted: skip is looked at only while it is the leftmost, and stays named when another is picked, so that a skip of long ago
 * still counts.
 */
export function pick_next_entity(this: vmlinux_6_1, cfs_rq: cfs_rq, _curr: sched_entity | null): sched_entity | null {
  const { m } = this;
  const left = orOops(this.__pick_first_entity(cfs_rq));
  let se = left;

  if (cfs_rq.skip === se.id) {
    const second = this.__pick_next_entity(se);
    if (second !== null && this.wakeup_preempt_entity(second, left) < 1) se = second;
  }
  if (cfs_rq.last! !== NULL && this.wakeup_preempt_entity(m.se[cfs_rq.last!], left) < 1) se = m.se[cfs_rq.last!];
  // WHY after skip: both may be in the same group, and the target of a yield_to() has to win
  if (cfs_rq.next !== NULL && this.wakeup_preempt_entity(m.se[cfs_rq.next], left) < 1) se = m.se[cfs_rq.next];

  this.clear_buddies(cfs_rq, se);
  return se;
}

/** kernel/sched_fair.c: yield_task_fair(): the only task is asked for over the whole CPU, so that groups do not hide the others. */
export function yield_task_fair(this: directed_yield, rq: rq): void {
  const curr = this.m.task[rq.curr];
  const cfs_rq = this.task_cfs_rq(curr);
  const se = this.m.se[curr.se];

  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  if (curr.policy !== SCHED_BATCH) {
    this.update_rq_clock(rq);
    this.update_curr(cfs_rq);
  }
  this.set_skip_buddy(se);
}

export default {
  subject: 'sched: Use a buddy to implement yield_task_fair()',
  commit: 'ac53db596cc0',
  removes: ['pick_next_entity'],
  funcs: { clear_buddies, set_skip_buddy, yield_task_fair },
  adds: { pick_next_entity },
} satisfies Patch<Adds>;
