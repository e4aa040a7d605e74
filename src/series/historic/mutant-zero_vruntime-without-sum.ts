// SPDX-License-Identifier: GPL-2.0-only
/** The reference of virtual time moves, and the sum of keys that counts from it does not. */
import { add, type s64, to_u64 } from '../../lib/types.js';
import type { cfs_rq } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: update_zero_vruntime() */
export function update_zero_vruntime(this: vmlinux, cfs_rq: cfs_rq, delta: s64): void {
  cfs_rq.zero_vruntime = add(cfs_rq.zero_vruntime, to_u64(delta));
}

export default defineSeries({
  id: 'mutant-zero_vruntime-without-sum',
  title: 'the sum of keys keeps its old reference',
  base: 'v6.12.117',
  notices: 'cfs_rq->avg_vruntime differs from the sum over the tree; then nobody is eligible',
  patches: [{ subject: 'sched/fair: update_zero_vruntime() without avg_vruntime', funcs: { update_zero_vruntime } }],
});
