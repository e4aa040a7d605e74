// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 5/9] sched/fair: Wire up yield deboost in yield_to_task_fair()
 *
 * The first patch that changes what the kernel does.
 */
import type { bool } from '../../lib/types.js';
import { NULL, type rq, type task_struct } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import { sysctl_sched_vcpu_debooster_enabled } from './0001-sched-Add-vCPU-debooster-infrastructure.js';
import type { Adds, semantics_aware } from './adds.js';

/** kernel/sched/fair.c: yield_deboost_validate_tasks(), without the two checks that its caller now makes. */
export function yield_deboost_validate_tasks(this: semantics_aware, rq: rq, p_target: task_struct): task_struct | null {
  // As posted: still before the pair is looked at.
  if (this.yield_deboost_rate_limit(rq)) return null;

  if (rq.donor === NULL || rq.donor === p_target.id) return null;
  const p_yielding = this.m.task[rq.donor];

  if (p_target.sched_class !== 'fair_sched_class') return null;

  if (this.task_rq(p_target).id !== rq.id) return null;

  const { se } = this.m;
  if (se[p_target.se].on_rq === 0 || se[p_yielding.se].on_rq === 0) return null;

  return p_yielding;
}

/** kernel/sched/fair.c: yield_to_deboost(), new: makes the yielder pay where it and its target compete. */
export function yield_to_deboost(this: semantics_aware, rq: rq, p_target: task_struct | null): void {
  if (sysctl_sched_vcpu_debooster_enabled(this) === 0) return;

  if (p_target === null) return;

  this.update_rq_clock(rq);

  const p_yielding = this.yield_deboost_validate_tasks(rq, p_target);
  if (p_yielding === null) return;

  const lca = this.yield_deboost_find_lca(this.m.se[p_yielding.se], this.m.se[p_target.se]);
  if (lca === null) return;
  const { se_y_lca, se_t_lca, cfs_rq: cfs_rq_common } = lca;

  // As posted: the yielder runs, so at every level its entity is curr, and this brings nothing up to date.
  if (se_y_lca.id !== cfs_rq_common.curr) this.update_curr(cfs_rq_common);

  const penalty = this.yield_deboost_calculate_penalty(rq, se_y_lca, se_t_lca, p_target, cfs_rq_common.h_nr_queued | 0);
  this.yield_deboost_apply_penalty(se_y_lca, cfs_rq_common, penalty);
}

/** kernel/sched/fair.c: yield_to_task_fair() */
export function yield_to_task_fair(this: semantics_aware, rq: rq, p: task_struct): bool {
  const se = this.m.se[p.se];

  if (se.on_rq === 0) return false;

  this.set_next_buddy(se);

  // before the forfeit, which would leave no gap to see
  this.yield_to_deboost(rq, p);

  this.yield_task_fair(rq);

  return true;
}

export default {
  subject: 'sched/fair: Wire up yield deboost in yield_to_task_fair()',
  funcs: {
    yield_deboost_validate_tasks,
    yield_to_task_fair,
  },
  adds: { yield_to_deboost },
} satisfies Patch<Adds>;
