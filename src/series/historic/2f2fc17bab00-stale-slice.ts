// SPDX-License-Identifier: GPL-2.0-only
/** Before 2f2fc17bab00 (v6.6): an entity keeps the base slice of when it was made. */
import { div_s64_long } from '../../lib/math64.js';
import { add, ONE, S64_ZERO, s64_mul, shr, sub, to_s64, to_u64, ZERO } from '../../lib/types.js';
import { type cfs_rq, ENQUEUE_INITIAL, NULL, type sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: place_entity() */
export function place_entity(this: vmlinux, cfs_rq: cfs_rq, se: sched_entity, flags: number): void {
  const m = this.m;
  const vruntime = this.avg_vruntime(cfs_rq);
  let lag = S64_ZERO;

  let vslice = this.calc_delta_fair(se.slice, se);

  if (m.sched_feat.PLACE_LAG && cfs_rq.nr_running) {
    lag = se.vlag;
    let load = cfs_rq.avg_load;
    if (cfs_rq.curr !== NULL) {
      const curr = m.se[cfs_rq.curr];
      if (curr.on_rq) load = add(load, this.scale_load_down(curr.load.weight));
    }
    lag = s64_mul(lag, to_s64(add(load, this.scale_load_down(se.load.weight))));
    if (this.warnOn(load === ZERO, 'place_entity: !load')) load = ONE;
    lag = div_s64_long(lag, load);
  }

  se.vruntime = sub(vruntime, to_u64(lag));

  if (m.sched_feat.PLACE_REL_DEADLINE && se.rel_deadline) {
    se.deadline = add(se.deadline, se.vruntime);
    se.rel_deadline = 0;
    return;
  }

  if (m.sched_feat.PLACE_DEADLINE_INITIAL && flags & ENQUEUE_INITIAL) vslice = shr(vslice, 1);

  se.deadline = add(se.vruntime, vslice);
}

export default defineSeries({
  id: 'revert-2f2fc17bab00',
  title: 'base_slice_ns does not reach what is placed',
  base: 'v6.12.117',
  notices: 'a task without custom slice that was placed after a write to base_slice_ns has another slice',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Also update slice on placement"',
      commit: '2f2fc17bab00',
      funcs: { place_entity },
    },
  ],
});
