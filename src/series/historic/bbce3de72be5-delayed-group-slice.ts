// SPDX-License-Identifier: GPL-2.0-only
/**
 * Before bbce3de72be5 (v6.15-rc4): a group that is delayed because its last, delayed, child group has gone gets the
 * least slice of nobody, 2^64 - 1.
 */
import { nullDereference } from '../../lib/bug.js';
import { ZERO } from '../../lib/types.js';
import { UPDATE_TG } from '../../sched/fair.js';
import {
  type cfs_rq,
  DEQUEUE_DELAYED,
  DEQUEUE_SLEEP,
  DEQUEUE_SPECIAL,
  NULL,
  type rq,
  type sched_entity,
  type task_struct,
} from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: dequeue_entities() */
export function dequeue_entities(this: vmlinux, rq: rq, first: sched_entity, flags: number): number {
  const was_sched_idle = this.sched_idle_rq(rq);
  const task_sleep = (flags & DEQUEUE_SLEEP) !== 0;
  const task_delayed = (flags & DEQUEUE_DELAYED) !== 0;
  let p: task_struct | null = null;
  let idle_h_nr_running = 0;
  let h_nr_queued = 0;
  let h_nr_delayed = 0;
  let slice = ZERO;

  if (this.entity_is_task(first)) {
    p = this.task_of(first);
    h_nr_queued = 1;
    idle_h_nr_running = this.task_has_idle_policy(p) ? 1 : 0;
    if (!task_sleep && !task_delayed) h_nr_delayed = first.sched_delayed ? 1 : 0;
  } else {
    const own = this.group_cfs_rq(first) ?? nullDereference('dequeue_entities: group_cfs_rq(se)');
    slice = this.cfs_rq_min_slice(own);
  }

  const countDown = (cfs_rq: cfs_rq): void => {
    if (!h_nr_delayed) cfs_rq.h_nr_runnable = (cfs_rq.h_nr_runnable - h_nr_queued) >>> 0;
    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued - h_nr_queued) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running - idle_h_nr_running) >>> 0;
    cfs_rq.h_nr_delayed = (cfs_rq.h_nr_delayed - h_nr_delayed) >>> 0;
    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = h_nr_queued;
  };

  let se: sched_entity | null = first;
  while (se !== null) {
    const cfs_rq = this.cfs_rq_of(se);

    if (!this.dequeue_entity(cfs_rq, se, flags)) {
      if (p !== null && p.se === se.id) return -1;
      // slice stays what it was: of an empty queue
      break;
    }

    countDown(cfs_rq);

    if (cfs_rq.load.weight !== ZERO) {
      slice = this.cfs_rq_min_slice(cfs_rq);
      se = this.parent_entity(se);
      if (task_sleep && se !== null && !this.throttled_hierarchy(cfs_rq)) this.set_next_buddy(se);
      break;
    }
    flags |= DEQUEUE_SLEEP;
    flags &= ~(DEQUEUE_DELAYED | DEQUEUE_SPECIAL);
    se = this.parent_entity(se);
  }

  for (; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);

    this.update_load_avg(cfs_rq, se, UPDATE_TG);
    this.se_update_runnable(se);
    this.update_cfs_group(se);

    se.slice = slice;
    if (se.id !== cfs_rq.curr) this.min_vruntime_cb_propagate(se.id, NULL);
    slice = this.cfs_rq_min_slice(cfs_rq);

    countDown(cfs_rq);
  }

  this.sub_nr_running(rq, h_nr_queued);
  if (!was_sched_idle && this.sched_idle_rq(rq)) rq.next_balance = this.get_jiffies_64();

  if (p !== null && task_delayed) {
    this.hrtick_update(rq);
    this.__block_task(rq, p);
  }
  return 1;
}

export default defineSeries({
  id: 'revert-bbce3de72be5',
  title: 'an emptied group that is delayed has slice 2^64 - 1',
  base: 'v6.12.117',
  notices: 'a slice above 100 ms, a deadline before its vruntime, then nobody eligible and a NULL pick',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Fix se->slice being set to U64_MAX and resulting crash"',
      commit: 'bbce3de72be5',
      funcs: { dequeue_entities },
    },
  ],
});
