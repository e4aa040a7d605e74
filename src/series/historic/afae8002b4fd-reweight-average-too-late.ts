// SPDX-License-Identifier: GPL-2.0-only
/** Before afae8002b4fd (v6.9): V is taken when the entity has left the tree already. */
import { div_s64_long, div_u64 } from '../../lib/math64.js';
import { mul, s64_mul, to_s64, to_u64, type u64 } from '../../lib/types.js';
import type { cfs_rq, sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: reweight_entity() */
export function reweight_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, weight: u64): void {
  const curr = cfs_rq.curr === se.id;

  if (se.on_rq) {
    this.update_curr(cfs_rq);
    if (!curr) this.__dequeue_entity(cfs_rq, se);
    this.update_load_sub(cfs_rq.load, se.load.weight);
  }
  this.dequeue_load_avg(cfs_rq, se);

  if (se.on_rq) this.reweight_eevdf(se, this.avg_vruntime(cfs_rq), weight);
  else se.vlag = div_s64_long(s64_mul(se.vlag, to_s64(se.load.weight)), weight);

  this.update_load_set(se.load, weight);

  const divider = this.get_pelt_divider(se.avg);
  se.avg.load_avg = div_u64(mul(to_u64(this.se_weight(se)), se.avg.load_sum), divider);

  this.enqueue_load_avg(cfs_rq, se);
  if (se.on_rq) {
    this.update_load_add(cfs_rq.load, se.load.weight);
    if (!curr) this.__enqueue_entity(cfs_rq, se);
  }
}

export default defineSeries({
  id: 'revert-afae8002b4fd',
  title: 'reweighting takes V of the others',
  base: 'v6.12.117',
  notices: 'w * lag of a queued group entity changes when its weight does',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Fix miscalculation in reweight_entity() when se is not curr"',
      commit: 'afae8002b4fd',
      funcs: { reweight_entity },
    },
  ],
});
