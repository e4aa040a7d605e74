// SPDX-License-Identifier: GPL-2.0-only
/** Before 66951e4860d3 (v6.13): a group that is empty, and delayed, is given the weight of an empty group. */
import { to_u64 } from '../../lib/types.js';
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: update_cfs_group() */
export function update_cfs_group(this: vmlinux, se: sched_entity): void {
  const gcfs_rq = this.group_cfs_rq(se);
  if (gcfs_rq === null) return;
  if (this.throttled_hierarchy(gcfs_rq)) return;
  const shares = to_u64(this.calc_group_shares(gcfs_rq));
  if (se.load.weight !== shares) this.reweight_entity(this.cfs_rq_of(se), se, shares);
}

export default defineSeries({
  id: 'revert-66951e4860d3',
  title: 'an empty group loses its weight',
  base: 'v6.12.117',
  notices: 'the weight of a group entity changes while its queue is empty; needs several CPUs or share writes',
  patches: [
    {
      subject: 'Revert "sched/fair: Fix update_cfs_group() vs DELAY_DEQUEUE"',
      commit: '66951e4860d3',
      funcs: { update_cfs_group },
    },
  ],
});
