// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/fair.c (v6.1): tasks on their way in and out: queueing, fork, migration, changes of class and group; what differs
 * from the pin. Held against the C code of 6.1.192.
 */
import { add, type bool, sub, u64, ZERO } from '../../lib/types.js';
import { UPDATE_TG } from '../../sched/fair.js';
import {
  type cfs_rq,
  DEQUEUE_SLEEP,
  ENQUEUE_WAKEUP,
  NULL,
  type rq,
  type sched_entity,
  TASK_WAKING,
  type task_struct,
} from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/* ---- queueing ---- */

/** kernel/sched/fair.c: enqueue_task_fair() */
export function enqueue_task_fair(this: vmlinux_6_1, rq: rq, p: task_struct, flags: number): void {
  let idle_h_nr_running = this.task_has_idle_policy(p) ? 1 : 0;
  let se: sched_entity | null = this.m.se[p.se];

  this.util_est_enqueue(this.m.cfs_rq[rq.cfs], p);

  for (; se !== null; se = this.parent_entity(se)) {
    if (se.on_rq) break;
    const cfs_rq = this.cfs_rq_of(se);
    this.enqueue_entity(cfs_rq, se, flags);

    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued + 1) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running + idle_h_nr_running) >>> 0;
    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = 1;

    if (this.cfs_rq_throttled(cfs_rq)) {
      this.hrtick_update(rq);
      return;
    }
    flags = ENQUEUE_WAKEUP;
  }

  for (; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);
    this.update_load_avg(cfs_rq, se, UPDATE_TG);
    this.se_update_runnable(se);
    this.update_cfs_group(se);

    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued + 1) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running + idle_h_nr_running) >>> 0;
    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = 1;

    if (this.cfs_rq_throttled(cfs_rq)) {
      this.hrtick_update(rq);
      return;
    }
  }

  this.add_nr_running(rq, 1);
  this.hrtick_update(rq);
}

/** kernel/sched/fair.c: dequeue_task_fair(): true, as it is always gone then. */
export function dequeue_task_fair(this: vmlinux_6_1, rq: rq, p: task_struct, flags: number): bool {
  const task_sleep = (flags & DEQUEUE_SLEEP) !== 0;
  const was_sched_idle = this.sched_idle_rq(rq);

  this.util_est_dequeue(this.m.cfs_rq[rq.cfs], p);

  if (this.dequeueFairHierarchy(p, flags)) {
    this.sub_nr_running(rq, 1);
    // balance early, to pull what is not SCHED_IDLE
    if (!was_sched_idle && this.sched_idle_rq(rq)) rq.next_balance = this.get_jiffies_64();
  }

  this.util_est_update(this.m.cfs_rq[rq.cfs], p, task_sleep);
  this.hrtick_update(rq);
  return true;
}

/** The two loops of dequeue_task_fair(): false when they end at a throttled queue. */
export function dequeueFairHierarchy(this: vmlinux_6_1, p: task_struct, flags: number): bool {
  const task_sleep = (flags & DEQUEUE_SLEEP) !== 0;
  let idle_h_nr_running = this.task_has_idle_policy(p) ? 1 : 0;
  let se: sched_entity | null = this.m.se[p.se];

  while (se !== null) {
    const cfs_rq = this.cfs_rq_of(se);
    this.dequeue_entity(cfs_rq, se, flags);

    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued - 1) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running - idle_h_nr_running) >>> 0;
    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = 1;

    if (this.cfs_rq_throttled(cfs_rq)) return false;

    se = this.parent_entity(se);
    if (cfs_rq.load.weight !== ZERO) {
      // The group that just lost a sleeper is a good candidate to run on: bias the pick toward it.
      if (task_sleep && se !== null && !this.throttled_hierarchy(cfs_rq)) this.set_next_buddy(se);
      break;
    }
    flags |= DEQUEUE_SLEEP;
  }

  for (; se !== null; se = this.parent_entity(se)) {
    const cfs_rq = this.cfs_rq_of(se);
    this.update_load_avg(cfs_rq, se, UPDATE_TG);
    this.se_update_runnable(se);
    this.update_cfs_group(se);

    cfs_rq.h_nr_queued = (cfs_rq.h_nr_queued - 1) >>> 0;
    cfs_rq.idle_h_nr_running = (cfs_rq.idle_h_nr_running - idle_h_nr_running) >>> 0;
    if (this.cfs_rq_is_idle(cfs_rq)) idle_h_nr_running = 1;

    if (this.cfs_rq_throttled(cfs_rq)) return false;
  }
  return true;
}

/** kernel/sched/fair.c: balance_fair() */
export function balance_fair(this: vmlinux_6_1, rq: rq, _prev: task_struct): bool {
  if (rq.nr_running) return true;
  return this.sched_balance_newidle(rq) !== 0;
}

/* ---- fork, migration, changes of class and group ---- */

/** kernel/sched/fair.c: task_fork_fair(): placed on the queue of the task that forks, then made relative to it. */
export function task_fork_fair(this: vmlinux_6_1, p: task_struct): void {
  const se = this.m.se[p.se];
  const rq = this.this_rq();

  this.rq_lock(rq);
  this.update_rq_clock(rq);

  const cfs_rq = this.task_cfs_rq(this.get_current());
  const curr = cfs_rq.curr === NULL ? null : this.m.se[cfs_rq.curr];
  if (curr !== null) {
    this.update_curr(cfs_rq);
    se.vruntime = curr.vruntime;
  }
  this.place_entity(cfs_rq, se, 1);

  if (this.m.sysctl_sched_child_runs_first && curr !== null && this.entity_before(curr, se)) {
    // The parent takes the child's place, which is later.
    [curr.vruntime, se.vruntime] = [se.vruntime, curr.vruntime];
    this.resched_curr(rq);
  }

  se.vruntime = sub(se.vruntime, cfs_rq.min_vruntime!);
}

/** kernel/sched/fair.c: vruntime_normalized(): whether the vruntime of a task is relative already, or will be made so. */
export function vruntime_normalized(this: vmlinux_6_1, p: task_struct): bool {
  // Queued: dequeue and enqueue around the change see to it.
  if (p.on_rq) return true;
  // New, or woken elsewhere and on its way here.
  return this.m.se[p.se].sum_exec_runtime === ZERO || (p.__state === TASK_WAKING && p.sched_remote_wakeup !== 0);
}

/** kernel/sched/fair.c: detach_task_cfs_rq() */
export function detach_task_cfs_rq(this: vmlinux_6_1, p: task_struct): void {
  const se = this.m.se[p.se];
  const cfs_rq = this.cfs_rq_of(se);

  if (!this.vruntime_normalized(p)) {
    // A sleeper's place may be long past: as far back as a wake-up would let it.
    this.place_entity(cfs_rq, se, 0);
    se.vruntime = sub(se.vruntime, cfs_rq.min_vruntime!);
  }

  this.detach_entity_cfs_rq(se);
}

/** kernel/sched/fair.c: attach_task_cfs_rq() */
export function attach_task_cfs_rq(this: vmlinux_6_1, p: task_struct): void {
  const se = this.m.se[p.se];
  this.attach_entity_cfs_rq(se);
  if (!this.vruntime_normalized(p)) se.vruntime = add(se.vruntime, this.cfs_rq_of(se).min_vruntime!);
}

/** kernel/sched/fair.c: migrate_task_rq_fair() */
export function migrate_task_rq_fair(this: vmlinux_6_1, p: task_struct, _new_cpu: number): void {
  const se = this.m.se[p.se];

  // RACE: Linux reads it without the lock of the queue. What is queued was made relative when it was dequeued.
  if (p.__state === TASK_WAKING) se.vruntime = sub(se.vruntime, this.cfs_rq_of(se).min_vruntime!);

  if (!this.task_on_rq_migrating(p)) {
    this.remove_entity_load_avg(se);
    this.migrate_se_pelt_lag(se);
  }
  se.avg.last_update_time = ZERO;
}

/** kernel/sched/fair.c: task_dead_fair() */
export function task_dead_fair(this: vmlinux_6_1, p: task_struct): void {
  this.remove_entity_load_avg(this.m.se[p.se]);
}

/** kernel/sched/fair.c: init_cfs_rq(): virtual time starts 1 ms before it wraps. */
export function init_cfs_rq(this: vmlinux_6_1, cfs_rq: cfs_rq): void {
  cfs_rq.tasks_timeline.rb_node = NULL;
  cfs_rq.tasks_timeline.rb_leftmost = NULL;
  cfs_rq.min_vruntime = u64(-(1 << 20));
  cfs_rq.last = NULL;
  cfs_rq.skip = NULL;
}

/** kernel/sched/fair.c: rq_offline_fair() */
export function rq_offline_fair(this: vmlinux_6_1, _rq: rq): void {
  this.update_sysctl();
}
