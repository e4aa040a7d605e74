// SPDX-License-Identifier: GPL-2.0-only
/** The first of the reviewer's two diffs, of November 2025. */
import { add } from '../../lib/types.js';
import type { rq, sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { Patch } from '../series.js';

/** kernel/sched/fair.c: yield_task_fair(): the forfeit, also of ancestors that have nobody beside them. */
export function yield_task_fair(this: vmlinux, rq: rq): void {
  const donor = this.m.task[rq.donor];
  let cfs_rq = this.task_cfs_rq(donor);
  let se: sched_entity | null = this.m.se[donor.se];

  if (rq.nr_running === 1) return;

  this.clear_buddies(cfs_rq, se);

  this.update_rq_clock(rq);
  // As posted: of the leaf only; what an ancestor has run since is not accounted before it forfeits.
  this.update_curr(cfs_rq);
  this.rq_clock_skip_update(rq);

  do {
    cfs_rq = this.cfs_rq_of(se);

    if (!this.entity_eligible(cfs_rq, se)) break;

    se.vruntime = se.deadline;
    se.deadline = add(se.deadline, this.calc_delta_fair(se.slice, se));

    // the next pick has somebody to turn to at this level
    if (cfs_rq.h_nr_runnable > 1) break;

    se = this.parent_entity(se);
  } while (se !== null);
}

export default { subject: 'sched/fair: Yield the hierarchy', funcs: { yield_task_fair } } satisfies Patch;
