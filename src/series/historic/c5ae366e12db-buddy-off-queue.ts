// SPDX-License-Identifier: GPL-2.0-only
/** Before c5ae366e12db (v4.15): a buddy may be an entity that is not queued. */
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: set_next_buddy() */
export function set_next_buddy(this: vmlinux, se: sched_entity): void {
  for (let it: sched_entity | null = se; it !== null; it = this.parent_entity(it)) {
    if (this.se_is_idle(it)) return;
    this.cfs_rq_of(it).next = it.id;
  }
}

export default defineSeries({
  id: 'revert-c5ae366e12db',
  title: 'an entity off the queue is nominated as buddy',
  base: 'v6.12.117',
  notices:
    'cfs_rq->next is not on_rq; only a race with the dequeue of the target gets there, which events one at a time do not have',
  patches: [
    {
      subject: 'Revert "sched/fair: In case of set_next_buddy() on !on_rq, warn and leave"',
      commit: 'c5ae366e12db',
      funcs: { set_next_buddy },
    },
  ],
});
