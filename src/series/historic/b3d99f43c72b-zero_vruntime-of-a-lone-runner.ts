// SPDX-License-Identifier: GPL-2.0-only
/** Before b3d99f43c72b and 1319ea57529e (v7.0): the end of a slice does not move zero_vruntime. */
import { add, type bool, S64_ZERO, s64_diff, s64_lt, u64 } from '../../lib/types.js';
import type { cfs_rq, sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: update_deadline() */
export function update_deadline(this: vmlinux, _cfs_rq: cfs_rq, se: sched_entity): bool {
  if (s64_lt(s64_diff(se.vruntime, se.deadline), S64_ZERO)) return false;
  if (!se.custom_slice) se.slice = u64(this.m.sysctl_sched_base_slice);
  se.deadline = add(se.vruntime, this.calc_delta_fair(se.slice, se));
  return true;
}

export default defineSeries({
  id: 'revert-b3d99f43c72b',
  title: 'zero_vruntime stays behind who runs alone',
  base: 'v6.12.117',
  notices: '|vruntime - zero_vruntime| of curr without bound, in the end an overflow of key * weight',
  patches: [
    {
      subject: 'Revert "sched/fair: Fix zero_vruntime tracking"',
      commit: 'b3d99f43c72b',
      funcs: { update_deadline },
    },
  ],
});
