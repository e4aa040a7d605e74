// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/core.c (6.12.117): CPUs that come and go.
 *
 * Mirrored: what the scheduler is called for when a CPU goes down or comes up, and how tasks are pushed off a CPU that
 * is no longer active. Absent: load averages, SMT, NUMA, core scheduling, nohz and sched_ext, which have their part in it.
 * MODEL: cpusets are not configured, so the domains are those of the active CPUs, and a task without an allowed CPU may run
 * on every possible one.
 */
import { NotModelled } from '../lib/bug.js';
import { type bool, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import {
  MAX_RT_PRIO,
  PF_KTHREAD,
  type rq,
  SCHED_FIFO,
  type sched_class_name,
  TASK_UNINTERRUPTIBLE,
  type task_struct,
} from './sched.js';

/* ---- the masks of CPUs ---- */

/** include/linux/cpumask.h: cpu_online() */
export function cpu_online(this: vmlinux, cpu: number): bool {
  const { cpuhp, rq } = this.m;
  return cpuhp === undefined ? cpu < rq.length : cpuhp.online[cpu] === 1;
}

/** include/linux/cpumask.h: cpu_active() */
export function cpu_active(this: vmlinux, cpu: number): bool {
  const { cpuhp, rq } = this.m;
  return cpuhp === undefined ? cpu < rq.length : cpuhp.active[cpu] === 1;
}

/** include/linux/cpumask.h: cpu_dying() */
export function cpu_dying(this: vmlinux, cpu: number): bool {
  return this.m.cpuhp?.dying[cpu] === 1;
}

/** include/linux/cpumask.h: num_online_cpus() */
export function num_online_cpus(this: vmlinux): number {
  const { cpuhp, rq } = this.m;
  return cpuhp === undefined ? rq.length : cpuhp.online.reduce((sum, it) => sum + it, 0);
}

/** kernel/cpu.c: set_cpu_online() */
export function set_cpu_online(this: vmlinux, cpu: number, online: bool): void {
  this.cpuhpState().online[cpu] = Number(online);
}

/** include/linux/cpumask.h: set_cpu_active() */
export function set_cpu_active(this: vmlinux, cpu: number, active: bool): void {
  this.cpuhpState().active[cpu] = Number(active);
}

/** include/linux/cpumask.h: set_cpu_dying() */
export function set_cpu_dying(this: vmlinux, cpu: number, dying: bool): void {
  this.cpuhpState().dying[cpu] = Number(dying);
}

/** kernel/kthread.c: kthread_is_per_cpu(). MODEL: idle threads, stoppers and hotplug threads are all there is of threads. */
export function kthread_is_per_cpu(this: vmlinux, p: task_struct): bool {
  return (p.flags & PF_KTHREAD) !== 0;
}

/** kernel/sched/core.c: sched_set_stop_task(). MODEL: a CPU keeps its stopper. */
export function sched_set_stop_task(this: vmlinux, cpu: number, stop: task_struct): void {
  // It looks like a FIFO task to userspace.
  this.sched_setattr_nocheck(stop, {
    sched_policy: SCHED_FIFO,
    sched_flags: 0,
    sched_nice: 0,
    sched_priority: MAX_RT_PRIO - 1,
    sched_runtime: ZERO,
  });
  stop.sched_class = 'stop_sched_class';
  this.cpu_rq(cpu).stop = stop.id;
}

/* ---- pushing ---- */

/** kernel/sched/core.c: __migrate_task() */
export function __migrate_task(this: vmlinux, rq: rq, p: task_struct, dest_cpu: number): rq {
  // Its affinity has changed again.
  if (!this.is_cpu_allowed(p, dest_cpu)) return rq;
  return this.move_queued_task(rq, p, dest_cpu);
}

/** kernel/sched/core.c: __balance_push_cpu_stop(): by the stopper: the task goes to a CPU where it may run. */
export function __balance_push_cpu_stop(this: vmlinux, arg: number): number {
  const p = this.m.task[arg];
  const rq = this.this_rq();
  this.rq_lock(rq);
  this.update_rq_clock(rq);

  if (this.task_rq(p).id === rq.id && this.task_on_rq_queued(p)) {
    this.__migrate_task(rq, p, this.select_fallback_rq(rq.cpu, p));
  }
  return 0;
}

/**
 * kernel/sched/core.c: balance_push(): whatever __schedule() has just switched to is pushed away, unless it belongs to the CPU.
 *
 * MODEL: who waits in balance_hotplug_wait() looks by itself: nobody is woken.
 */
export function balance_push(this: vmlinux, rq: rq): void {
  const push_task = this.m.task[rq.curr];

  // It stays until balance_push_set(cpu, false).
  rq.balance_callback = ['balance_push'];

  if (!this.cpu_dying(rq.cpu) || rq.id !== this.this_rq().id) return;
  if (this.kthread_is_per_cpu(push_task)) return;

  // WHY this pushes at once: need_resched is set by the wake-up, and schedule() goes round once more.
  this.stop_one_cpu_nowait(rq.cpu, '__balance_push_cpu_stop', push_task.id);
}

/** kernel/sched/core.c: balance_push_set() */
export function balance_push_set(this: vmlinux, cpu: number, on: bool): void {
  const rq = this.cpu_rq(cpu);
  this.rq_lock_irqsave(rq);
  if (on) {
    this.warnOn(rq.balance_callback.length > 0, 'balance_push_set: rq->balance_callback');
    rq.balance_callback = ['balance_push'];
  } else if (rq.balance_callback[0] === 'balance_push') {
    rq.balance_callback = [];
  }
}

/**
 * kernel/sched/core.c: balance_hotplug_wait(). MODEL: rcuwait_wait_event() is a sleep while others run.
 *
 * Not modelled: a wait that takes time. The fair server counts in nr_running, and once it runs it starts again with every
 * wake-up of the thread that waits, until its runtime is used up.
 */
export function balance_hotplug_wait(this: vmlinux): void {
  const rq = this.this_rq();
  for (let tries = 0; rq.nr_running !== 1; tries++) {
    if (tries === 4) throw new NotModelled(`balance_hotplug_wait: CPU ${rq.cpu} is not vacated at once`);
    this.cpuhpWaits(TASK_UNINTERRUPTIBLE);
  }
}

/* ---- online and offline ---- */

/** for_each_class(), of those with the hooks */
export const FROM_HIGHEST: readonly sched_class_name[] = ['dl_sched_class', 'rt_sched_class', 'fair_sched_class'];

/** The rq_online hook of a class. */
export function classRqOnline(this: vmlinux, name: sched_class_name, rq: rq): void {
  if (name === 'dl_sched_class') this.rq_online_dl(rq);
  else if (name === 'rt_sched_class') this.rq_online_rt(rq);
  else this.rq_online_fair(rq);
}

/** The rq_offline hook of a class. */
export function classRqOffline(this: vmlinux, name: sched_class_name, rq: rq): void {
  if (name === 'dl_sched_class') this.rq_offline_dl(rq);
  else if (name === 'rt_sched_class') this.rq_offline_rt(rq);
  else this.rq_offline_fair(rq);
}

/** kernel/sched/core.c: set_rq_online() */
export function set_rq_online(this: vmlinux, rq: rq): void {
  if (rq.online !== 0) return;
  rq.online = 1;
  for (const name of FROM_HIGHEST) this.classRqOnline(name, rq);
}

/** kernel/sched/core.c: set_rq_offline() */
export function set_rq_offline(this: vmlinux, rq: rq): void {
  if (rq.online === 0) return;
  this.update_rq_clock(rq);
  for (const name of FROM_HIGHEST) this.classRqOffline(name, rq);
  rq.online = 0;
}

/** kernel/sched/core.c: sched_set_rq_online() */
export function sched_set_rq_online(this: vmlinux, rq: rq, _cpu: number): void {
  this.rq_lock_irqsave(rq);
  this.set_rq_online(rq);
}

/** kernel/sched/core.c: sched_set_rq_offline() */
export function sched_set_rq_offline(this: vmlinux, rq: rq, _cpu: number): void {
  this.rq_lock_irqsave(rq);
  this.set_rq_offline(rq);
}

/** kernel/sched/core.c: cpuset_cpu_active() */
export function cpuset_cpu_active(this: vmlinux): void {
  this.partition_sched_domains();
}

/** kernel/sched/core.c: cpuset_cpu_inactive(). MODEL: dl_bw_check_overflow() finds room: there are no deadline tasks. */
export function cpuset_cpu_inactive(this: vmlinux, _cpu: number): number {
  this.partition_sched_domains();
  return 0;
}

/** kernel/sched/core.c: sched_cpu_activate() */
export function sched_cpu_activate(this: vmlinux, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.balance_push_set(cpu, false);
  this.set_cpu_active(cpu, true);
  if (this.hasDomains()) this.cpuset_cpu_active();
  this.sched_set_rq_online(rq, cpu);
  return 0;
}

/** kernel/sched/core.c: sched_cpu_deactivate(): on the CPU itself, by its hotplug thread. */
export function sched_cpu_deactivate(this: vmlinux, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.set_cpu_active(cpu, false);
  // From here on only threads of this CPU stay on it.
  this.balance_push_set(cpu, true);
  this.synchronize_rcu();
  this.sched_set_rq_offline(rq, cpu);
  if (!this.hasDomains()) return 0;
  return this.cpuset_cpu_inactive(cpu);
}

/** kernel/sched/core.c: sched_cpu_starting(): of what it does, nothing is modelled. */
export function sched_cpu_starting(this: vmlinux, _cpu: number): number {
  return 0;
}

/** kernel/sched/core.c: sched_cpu_wait_empty() */
export function sched_cpu_wait_empty(this: vmlinux, _cpu: number): number {
  this.balance_hotplug_wait();
  return 0;
}

/** kernel/sched/core.c: sched_cpu_dying(): by the stopper, which is all that is left there. */
export function sched_cpu_dying(this: vmlinux, cpu: number): number {
  const rq = this.cpu_rq(cpu);
  this.rq_lock_irqsave(rq);
  this.update_rq_clock(rq);
  this.warnOn(rq.nr_running !== 1, 'sched_cpu_dying: Dying CPU not properly vacated!');
  this.dl_server_stop(rq.fair_server);
  this.hrtick_clear(rq);
  return 0;
}

/** sched_smp_initialized: there are domains to make anew. A machine without any never made them. */
export function hasDomains(this: vmlinux): bool {
  return this.m.cpuhp?.llc.some((span) => span.length > 0) === true;
}

/**
 * kernel/sched/topology.c: partition_sched_domains(): every CPU leaves its domain and its root domain, and those that are
 * active enter new ones. MODEL: one root domain for all of them, before and after.
 */
export function partition_sched_domains(this: vmlinux): void {
  const m = this.m;
  const { cpuhp } = m;
  if (cpuhp === undefined) return;
  for (const rq of m.rq) {
    if (!cpuhp.attached.includes(rq.cpu)) continue;
    this.rq_attach_root(rq);
    this.update_top_cache_domain(rq.cpu, []);
  }
  cpuhp.attached = m.rq.map((rq) => rq.cpu).filter((cpu) => this.cpu_active(cpu));
  for (const cpu of cpuhp.attached) {
    const span = cpuhp.llc[cpu].filter((other) => this.cpu_active(other));
    this.rq_attach_root(this.cpu_rq(cpu));
    // a domain of one CPU is degenerate
    this.update_top_cache_domain(cpu, span.length > 1 ? span : []);
  }
}

/** kernel/sched/topology.c: rq_attach_root(). MODEL: one root domain; the bandwidth of the fair server is not booked. */
export function rq_attach_root(this: vmlinux, rq: rq): void {
  this.rq_lock_irqsave(rq);
  if (rq.online !== 0) this.set_rq_offline(rq);
  if (this.cpu_active(rq.cpu)) this.set_rq_online(rq);
}
