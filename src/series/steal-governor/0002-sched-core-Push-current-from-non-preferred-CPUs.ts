// SPDX-License-Identifier: GPL-2.0-only
/** sched/core: what runs on a CPU that is not preferred is pushed to one that is, from the tick, by the stopper. */
import type { cpu_stop_work } from '../../sched/cpuhp.js';
import { PF_KTHREAD } from '../../sched/sched.js';
import { sched_tick as tickBefore } from '../linux-v6.19-rc1/core.js';
import type { Patch } from '../series.js';
import type { Adds, governed } from './adds.js';

/** kernel/sched/core.c: sched_push_current_non_preferred_cpu(). MODEL: nobody disables migration. */
export function sched_push_current_non_preferred_cpu(this: governed): void {
  const { preferred } = this.m;
  const rq = this.this_rq();
  const curr = this.get_current();
  if (preferred === undefined || this.cpu_preferred(rq.cpu)) return;
  if (curr.flags & PF_KTHREAD || curr.sched_class !== 'fair_sched_class') return;
  if (preferred.push_pending[rq.cpu] || !this.task_has_preferred_cpu(curr)) return;
  preferred.push_pending[rq.cpu] = true;
  this.stop_one_cpu_nowait(rq.cpu, 'non_preferred_cpu_push_stop' as cpu_stop_work['fn'], curr.id);
}

/** kernel/sched/core.c: the stopper's part: the CPU is chosen before the runqueue is locked. */
export function non_preferred_cpu_push_stop(this: governed, arg: number): number {
  const p = this.m.task[arg];
  const rq = this.this_rq();
  const pending = this.m.preferred?.push_pending ?? [];
  if (this.cpu_preferred(rq.cpu)) {
    pending[rq.cpu] = false;
    return 0;
  }
  // RACE: under p->pi_lock alone
  const dest_cpu = this.select_fallback_rq(rq.cpu, p);
  this.rq_lock(rq);
  this.update_rq_clock(rq);
  pending[rq.cpu] = false;
  if (this.task_rq(p).id === rq.id && this.task_on_rq_queued(p)) this.__migrate_task(rq, p, dest_cpu);
  return 0;
}

/** kernel/sched/core.c: sched_tick() */
export function sched_tick(this: governed): void {
  tickBefore.call(this);
  this.sched_push_current_non_preferred_cpu();
}

export default {
  subject: 'sched/core: Push current from non-preferred CPUs',
  funcs: { sched_tick },
  adds: { sched_push_current_non_preferred_cpu, non_preferred_cpu_push_stop },
} satisfies Patch<Adds>;
