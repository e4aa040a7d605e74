// SPDX-License-Identifier: GPL-2.0-only
/** Deadlines compared as plain u64. */
import { type bool, lt } from '../../lib/types.js';
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: entity_before() */
export function entity_before(this: vmlinux, a: sched_entity, b: sched_entity): bool {
  return lt(a.deadline, b.deadline);
}

export default defineSeries({
  id: 'mutant-unsigned-entity_before',
  title: 'deadlines compared unsigned',
  base: 'v6.12.117',
  notices: 'order of the tree and pick while deadlines are on both sides of 2^64, the first millisecond of a queue',
  patches: [
    {
      subject: 'sched/fair: entity_before() without the signed difference',
      funcs: { entity_before },
    },
  ],
});
