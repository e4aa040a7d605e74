// SPDX-License-Identifier: GPL-2.0-only
/** Before fc1892becd56 (v6.12): a delayed task counts as runnable in PELT. */
import { type s64, to_s64, u64 } from '../../lib/types.js';
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/sched.h: se_runnable() */
export function se_runnable(this: vmlinux, se: sched_entity): s64 {
  if (this.entity_is_task(se)) return to_s64(u64(se.on_rq !== 0 ? 1 : 0));
  return to_s64(se.runnable_weight);
}

export default defineSeries({
  id: 'revert-fc1892becd56',
  title: 'sleepers are runnable for PELT while delayed',
  base: 'v6.12.117',
  notices: 'runnable_avg of a delayed task grows',
  patches: [
    {
      subject: 'Revert "sched/eevdf: Fixup PELT vs DELAYED_DEQUEUE"',
      commit: 'fc1892becd56',
      funcs: { se_runnable },
    },
  ],
});
