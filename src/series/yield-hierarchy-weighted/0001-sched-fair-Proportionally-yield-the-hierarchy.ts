// SPDX-License-Identifier: GPL-2.0-only
/** The second of the reviewer's two diffs, of January 2026; "only build tested", he says. */

import { nullDereference } from '../../lib/bug.js';
import { div_u64 } from '../../lib/math64.js';
import { add, type bool, div, mul, to_u32, ZERO } from '../../lib/types.js';
import type { rq, task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { Patch } from '../series.js';

/**
 * kernel/sched/fair.c: yield_to_task_fair()
 *
 *   v_i += (r_i / w_i) * share_i        share_0 = w_task / W_0,  share_i = share_(i-1) * w_i / W_i
 *
 * v vruntime, r slice and w weight of the ancestor i, W weight of the queue it owns.
 */
export function yield_to_task_fair(this: vmlinux, rq: rq, p: task_struct): bool {
  const target = this.m.se[p.se];

  if (target.on_rq === 0) return false;

  this.set_next_buddy(target);

  this.yield_task_fair(rq);

  let se = this.m.se[this.m.task[rq.donor].se];
  let weight = se.load.weight;

  for (let up = this.parent_entity(se); up !== null; up = this.parent_entity(se)) {
    se = up;
    const gcfs_rq = this.group_cfs_rq(se) ?? nullDereference('yield_to_task_fair: group_cfs_rq(se)->load');
    const gcfs_rq_weight = gcfs_rq.load.weight;
    const cfs_rq = this.cfs_rq_of(se);

    this.warnOn(se.id !== cfs_rq.curr, 'yield_to_task_fair: se != cfs_rq->curr');
    this.update_curr(cfs_rq);

    if (!this.entity_eligible(cfs_rq, se)) break;

    // As posted: div_u64() takes an unsigned long here and keeps its low 32 bits.
    const slice = this.calc_delta_fair(se.slice, se);
    se.vruntime = add(se.vruntime, div_u64(mul(slice, weight), to_u32(gcfs_rq_weight)));
    this.update_deadline(cfs_rq, se);

    weight = div(mul(se.load.weight, weight), gcfs_rq_weight);
    if (weight === ZERO) break;
  }

  return true;
}

export default {
  subject: 'sched/fair: Proportionally yield the hierarchy',
  funcs: { yield_to_task_fair },
} satisfies Patch;
