// SPDX-License-Identifier: GPL-2.0-only
/** The heap on min_vruntime kept by a plain u64 comparison. */
import { gt } from '../../lib/types.js';
import { NULL, type sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: __min_vruntime_update() */
export function __min_vruntime_update(this: vmlinux, se: sched_entity, node: number): void {
  if (node === NULL) return;
  const rse = this.m.se[node];
  if (gt(se.min_vruntime, rse.min_vruntime)) se.min_vruntime = rse.min_vruntime;
}

export default defineSeries({
  id: 'mutant-unsigned-min_vruntime',
  title: 'min_vruntime of subtrees compared unsigned',
  base: 'v6.12.117',
  notices: 'min_vruntime of a node while vruntimes are on both sides of 2^64',
  patches: [
    {
      subject: 'sched/fair: __min_vruntime_update() without the signed difference',
      funcs: { __min_vruntime_update },
    },
  ],
});
