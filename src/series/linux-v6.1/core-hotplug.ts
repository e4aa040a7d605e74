// SPDX-License-Identifier: GPL-2.0-only
/** kernel/sched/core.c (v6.1): CPU hotplug, as far as it differs from the pin. Held against the C code of 6.1.192. */
import { FROM_HIGHEST } from '../../sched/core-hotplug.js';
import type { rq, task_struct } from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/** kernel/sched/core.c: set_rq_offline(): the clock is its caller's. */
export function set_rq_offline(this: vmlinux_6_1, rq: rq): void {
  if (rq.online === 0) return;
  for (const name of FROM_HIGHEST) this.classRqOffline(name, rq);
  rq.online = 0;
}

/** kernel/sched/core.c: __migrate_task(): with an update of the clock, which its callers have made as well. */
export function __migrate_task(this: vmlinux_6_1, rq: rq, p: task_struct, dest_cpu: number): rq {
  if (!this.is_cpu_allowed(p, dest_cpu)) return rq;
  this.update_rq_clock(rq);
  return this.move_queued_task(rq, p, dest_cpu);
}

/** kernel/sched/topology.c: rq_attach_root(): the raw lock, which leaves clock_update_flags alone. */
export function rq_attach_root(this: vmlinux_6_1, rq: rq): void {
  if (rq.online !== 0) this.set_rq_offline(rq);
  if (this.cpu_active(rq.cpu)) this.set_rq_online(rq);
}

/** kernel/sched/core.c: sched_cpu_activate() */
export function sched_cpu_activate(this: vmlinux_6_1, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.balance_push_set(cpu, false);
  this.set_cpu_active(cpu, true);
  if (this.hasDomains()) this.cpuset_cpu_active();
  this.rq_lock_irqsave(rq);
  this.set_rq_online(rq);
  return 0;
}

/** kernel/sched/core.c: sched_cpu_deactivate(): on the CPU itself, by its hotplug thread. */
export function sched_cpu_deactivate(this: vmlinux_6_1, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.set_cpu_active(cpu, false);
  this.balance_push_set(cpu, true);
  this.synchronize_rcu();
  this.rq_lock_irqsave(rq);
  this.update_rq_clock(rq);
  this.set_rq_offline(rq);
  if (!this.hasDomains()) return 0;
  return this.cpuset_cpu_inactive(cpu);
}

/** kernel/sched/core.c: sched_cpu_dying() */
export function sched_cpu_dying(this: vmlinux_6_1, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.rq_lock_irqsave(rq);
  this.warnOn(rq.nr_running !== 1, 'sched_cpu_dying: Dying CPU not properly vacated!');
  this.hrtick_clear(rq);
  return 0;
}
