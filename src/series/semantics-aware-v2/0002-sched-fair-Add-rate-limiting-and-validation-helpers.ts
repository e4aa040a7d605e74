// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 2/9] sched/fair: Add rate-limiting and validation helpers
 *
 * Nobody calls them yet.
 */
import { type bool, le, sub, u64, ZERO } from '../../lib/types.js';
import { NULL, type rq, type task_struct } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import { sysctl_sched_vcpu_debooster_enabled } from './0001-sched-Add-vCPU-debooster-infrastructure.js';
import type { Adds, semantics_aware } from './adds.js';

/** 6 * NSEC_PER_MSEC */
const RATE_LIMIT_NS = u64(6_000_000);

/** kernel/sched/fair.c: yield_deboost_rate_limit(), new: true when this yield comes too soon after the last. */
export function yield_deboost_rate_limit(this: semantics_aware, rq: rq): bool {
  const now = this.rq_clock(rq);
  const last = rq.yield_deboost_last_time_ns ?? ZERO;

  if (last !== ZERO && le(sub(now, last), RATE_LIMIT_NS)) return true;

  rq.yield_deboost_last_time_ns = now;
  return false;
}

/** kernel/sched/fair.c: yield_deboost_validate_tasks(), new: the yielding task, or null. */
export function yield_deboost_validate_tasks(
  this: semantics_aware,
  rq: rq,
  p_target: task_struct | null,
): task_struct | null {
  if (sysctl_sched_vcpu_debooster_enabled(this) === 0) return null;

  if (p_target === null) return null;

  // As posted: the limit is taken before the pair is looked at, so a yield that no penalty can follow uses it up.
  if (this.yield_deboost_rate_limit(rq)) return null;

  if (rq.donor === NULL || rq.donor === p_target.id) return null;
  const p_yielding = this.m.task[rq.donor];

  if (p_target.sched_class !== 'fair_sched_class') return null;

  if (this.task_rq(p_target).id !== rq.id) return null;

  const { se } = this.m;
  if (se[p_target.se].on_rq === 0 || se[p_yielding.se].on_rq === 0) return null;

  return p_yielding;
}

export default {
  subject: 'sched/fair: Add rate-limiting and validation helpers',
  adds: {
    yield_deboost_rate_limit,
    yield_deboost_validate_tasks,
  },
} satisfies Patch<Adds>;
