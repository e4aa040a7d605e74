// SPDX-License-Identifier: GPL-2.0-only
/** Before eab03c23c2a1 (v6.7): a new weight moves the deadline, and leaves the vruntime where it was. */
import { div_s64_long } from '../../lib/math64.js';
import { add, s64_diff, s64_mul, to_s64, to_u64, type u64 } from '../../lib/types.js';
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: reweight_eevdf(): d = v + (d - v) * w / w' only. */
export function reweight_eevdf(this: vmlinux, se: sched_entity, _avruntime: u64, weight: u64): void {
  const vslice = s64_mul(s64_diff(se.deadline, se.vruntime), to_s64(se.load.weight));
  se.deadline = add(se.vruntime, to_u64(div_s64_long(vslice, weight)));
}

export default defineSeries({
  id: 'revert-eab03c23c2a1',
  title: 'reweighting keeps vruntime, not lag',
  base: 'v6.12.117',
  notices: 'w * lag of a queued group entity changes when its weight does',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Fix vruntime adjustment on reweight"',
      commit: 'eab03c23c2a1',
      funcs: { reweight_eevdf },
    },
  ],
});
