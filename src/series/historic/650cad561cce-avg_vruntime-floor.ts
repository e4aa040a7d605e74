// SPDX-License-Identifier: GPL-2.0-only
/** Before 650cad561cce (v6.6): the average of virtual times is truncated toward 0 and not floored. */
import { div_s64_long } from '../../lib/math64.js';
import { S64_ZERO, s64_add, s64_diff, s64_mul, to_s64, to_u64, type u64 } from '../../lib/types.js';
import { type cfs_rq, deref } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: avg_vruntime() */
export function avg_vruntime(this: vmlinux, cfs_rq: cfs_rq): u64 {
  const curr = deref(this.m.se, cfs_rq.curr);
  const counted = curr !== null && curr.on_rq !== 0 ? curr : null;
  let weight = to_s64(cfs_rq.avg_load);
  let delta = S64_ZERO;

  if (weight !== S64_ZERO) {
    let runtime = cfs_rq.avg_vruntime;
    if (counted !== null) {
      const w = to_s64(this.scale_load_down(counted.load.weight));
      runtime = s64_add(runtime, s64_mul(this.entity_key(cfs_rq, counted), w));
      weight = s64_add(weight, w);
    }
    delta = div_s64_long(runtime, to_u64(weight));
  } else if (counted !== null) {
    delta = s64_diff(counted.vruntime, cfs_rq.zero_vruntime);
  }

  this.update_zero_vruntime(cfs_rq, delta);
  return cfs_rq.zero_vruntime;
}

export default defineSeries({
  id: 'revert-650cad561cce',
  title: 'avg_vruntime() rounds toward 0',
  base: 'v6.12.117',
  notices: 'an entity placed at avg_vruntime() is not eligible',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Fix avg_vruntime()"',
      commit: '650cad561cce',
      funcs: { avg_vruntime },
    },
  ],
});
