// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 3/9] sched/fair: Add cgroup LCA finder for hierarchical yield
 *
 * Nobody calls it yet.
 */
import type { cfs_rq, sched_entity } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, semantics_aware } from './adds.js';

/** What yield_deboost_find_lca() hands out: the two siblings and the queue they compete on. */
export interface yield_deboost_lca {
  se_y_lca: sched_entity;
  se_t_lca: sched_entity;
  cfs_rq: cfs_rq;
}

/**
 * kernel/sched/fair.c: yield_deboost_find_lca(), new: null (false) when at most one task is queued there.
 *
 * The three out parameters are the result.
 */
export function yield_deboost_find_lca(
  this: semantics_aware,
  se_y: sched_entity,
  se_t: sched_entity,
): yield_deboost_lca | null {
  const [se_y_lca, se_t_lca] = this.find_matching_se(se_y, se_t);

  const cfs_rq = this.cfs_rq_of(se_y_lca);
  if (cfs_rq.h_nr_queued <= 1) return null;

  return { se_y_lca, se_t_lca, cfs_rq };
}

export default {
  subject: 'sched/fair: Add cgroup LCA finder for hierarchical yield',
  adds: { yield_deboost_find_lca },
} satisfies Patch<Adds>;
