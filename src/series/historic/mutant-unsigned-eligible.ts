// SPDX-License-Identifier: GPL-2.0-only
/** Eligibility decided by a plain u64 comparison of the two products. */
import { ge, s64_add, s64_diff, s64_mul, to_s64, to_u64, type u64 } from '../../lib/types.js';
import { type cfs_rq, NULL } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: vruntime_eligible() */
export function vruntime_eligible(this: vmlinux, cfs_rq: cfs_rq, vruntime: u64): boolean {
  let avg = cfs_rq.avg_vruntime;
  let load = to_s64(cfs_rq.avg_load);
  if (cfs_rq.curr !== NULL) {
    const curr = this.m.se[cfs_rq.curr];
    if (curr.on_rq) {
      const weight = to_s64(this.scale_load_down(curr.load.weight));
      avg = s64_add(avg, s64_mul(this.entity_key(cfs_rq, curr), weight));
      load = s64_add(load, weight);
    }
  }
  return ge(to_u64(avg), to_u64(s64_mul(s64_diff(vruntime, cfs_rq.zero_vruntime), load)));
}

export default defineSeries({
  id: 'mutant-unsigned-eligible',
  title: 'lag compared unsigned',
  base: 'v6.12.117',
  notices:
    'an entity with negative lag is eligible, one with positive is not; in the end nobody is, and the pick is NULL',
  patches: [{ subject: 'sched/fair: vruntime_eligible() compares unsigned', funcs: { vruntime_eligible } }],
});
