// SPDX-License-Identifier: GPL-2.0-only
/** Before 1560d1f6eb6b (v6.9): the lag that is rescaled has no limit. */
import { div_s64_long } from '../../lib/math64.js';
import { add, s64_diff, s64_mul, sub, to_s64, to_u64, type u64 } from '../../lib/types.js';
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: reweight_eevdf() */
export function reweight_eevdf(this: vmlinux, se: sched_entity, avruntime: u64, weight: u64): void {
  const old_weight = to_s64(se.load.weight);

  if (avruntime !== se.vruntime) {
    const vlag = div_s64_long(s64_mul(s64_diff(avruntime, se.vruntime), old_weight), weight);
    se.vruntime = sub(avruntime, to_u64(vlag));
  }

  const vslice = div_s64_long(s64_mul(s64_diff(se.deadline, avruntime), old_weight), weight);
  se.deadline = add(avruntime, to_u64(vslice));
}

export default defineSeries({
  id: 'revert-1560d1f6eb6b',
  title: 'reweighting multiplies unlimited lag',
  base: 'v6.12.117',
  notices: 'keys and lag grow beyond the limit after renices and share writes; in the end vlag * weight overflows',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Prevent vlag from going out of bounds in reweight_eevdf()"',
      commit: '1560d1f6eb6b',
      funcs: { reweight_eevdf },
    },
  ],
});
