// SPDX-License-Identifier: GPL-2.0-only
/** The scheduler at the end of boot: every CPU online and idle, the root group alone. And how tasks come into it. */
import { u64, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import {
  newCfsRq,
  newRootDomain,
  newRq,
  newSchedEntity,
  newSchedFeatures,
  newTask,
  newTaskGroup,
  tickNsec,
} from './records.js';
import {
  MAX_NICE,
  MIN_NICE,
  NICE_TO_PRIO,
  SCHED_NORMAL,
  SCHED_TUNABLESCALING_LOG,
  type sched_features,
  type sched_state,
  type task_struct,
} from './sched.js';

/** What a build and its hardware settle. */
export interface SchedConfig {
  /** CPUs; at least 1 */
  cpus: number;
  /** ticks a second: 100, 250, 300 or 1000; Debian builds with 250 */
  HZ: number;
  /** CONFIG_NO_HZ_COMMON; distributions have it, and it is what is taken when this is left out */
  NO_HZ_COMMON?: boolean;
  /** sched_clock() at the end of boot, ns */
  now: u64;
  /** sets of CPUs that share a last-level cache, each a scheduling domain; none: no CPU has a domain */
  llc?: readonly (readonly number[])[];
  /** features whose default is another than the pin's; null for one that is not there */
  sched_feat?: Readonly<Record<string, boolean | null>>;
}

/** An empty scheduler, before `initSched`: no queue is initialised. For machines that are made in one literal. */
export function newSchedState(config: SchedConfig): sched_state {
  const { cpus, HZ, now } = config;
  const sched_feat: sched_features = newSchedFeatures();
  for (const [name, on] of Object.entries(config.sched_feat ?? {})) {
    if (on === null) delete sched_feat[name];
    else sched_feat[name] = on;
  }
  const sd_llc: number[][] = [];
  for (let cpu = 0; cpu < cpus; cpu++) {
    sd_llc.push([...(config.llc?.find((set) => set.includes(cpu)) ?? [])].sort((a, b) => a - b));
  }
  return {
    sched_clock: now,
    HZ,
    NO_HZ_COMMON: config.NO_HZ_COMMON ?? true,
    TICK_NSEC: tickNsec(HZ),
    sysctl_sched_base_slice: 700_000,
    normalized_sysctl_sched_base_slice: 700_000,
    sysctl_sched_tunable_scaling: SCHED_TUNABLESCALING_LOG,
    sysctl_sched_migration_cost: 500_000,
    sched_rr_timeslice: Math.floor((100 * HZ) / 1000),
    sched_feat,
    sd_llc_id: sd_llc.map(() => 0),
    sd_llc,
    rd: newRootDomain(),
    cpupri: Array.from({ length: cpus }, () => 0),
    distribute_cpu_mask_prev: Array.from({ length: cpus }, () => 0),
    warns: 0,
    rq: [],
    cfs_rq: [],
    se: [],
    task: [],
    task_group: [],
  };
}

/** sched_init(), sched_init_smp() and the idle threads, on the fresh state of the machine that `kernel` is bound to. */
export function initSched(kernel: vmlinux, cpus: number): void {
  const m = kernel.m;
  const root = newTaskGroup(0);
  root.shares = kernel.scale_load(u64(1024));
  m.task_group.push(root);

  for (let cpu = 0; cpu < cpus; cpu++) {
    const cfs_rq = newCfsRq(m.cfs_rq.length);
    m.cfs_rq.push(cfs_rq);
    const rq = newRq(cpu, cfs_rq.id);
    rq.avg_idle = u64(2 * m.sysctl_sched_migration_cost);
    rq.max_idle_balance_cost = u64(m.sysctl_sched_migration_cost);
    rq.next_balance = kernel.get_jiffies_64();
    m.rq.push(rq);
    kernel.init_cfs_rq(cfs_rq);
    kernel.init_tg_cfs_entry(root, cfs_rq, null, cpu, null);
    kernel.hrtick_rq_init(rq);
    // WHY asked: before v6.8 there is no such server.
    kernel.fair_server_init?.(rq);
  }
  // Where no domains are built the per-CPU variable keeps its 0, so that all CPUs seem to share a cache.
  if (m.sd_llc.some((span) => span.length > 0)) {
    for (let cpu = 0; cpu < cpus; cpu++) kernel.update_top_cache_domain(cpu, m.sd_llc[cpu]);
  }
  kernel.sched_init_granularity();

  for (let cpu = 0; cpu < cpus; cpu++) {
    const idle = allocTask(kernel);
    kernel.set_load_weight(idle, false);
    m.se[idle.se].slice = u64(m.sysctl_sched_base_slice);
    kernel.init_idle(idle, cpu);
  }
  kernel.sched_init_smp();
}

/** A task_struct with its entity, in the machine's tables. */
export function allocTask(kernel: vmlinux): task_struct {
  const m = kernel.m;
  const se = newSchedEntity(m.se.length, m.task.length);
  m.se.push(se);
  const task = newTask(m.task.length, se.id);
  m.task.push(task);
  return task;
}

/** A task to be started. */
export interface TaskConfig {
  comm: string;
  pid: number;
  /** -20 to 19 */
  nice: number;
  /** its cgroup, an index of `task_group` */
  group: number;
  /** the CPUs it may run on, ascending; not empty */
  cpus: readonly number[];
  /** a child of current, which has its policy, priority, nice value and slice; left out: of a SCHED_NORMAL parent of `nice` */
  ofCurrent?: boolean;
}

/** What a copy of the parent's task_struct has of it. */
function copyAttributes(kernel: vmlinux, parent: task_struct, p: task_struct): void {
  const [from, to] = [kernel.m.se[parent.se], kernel.m.se[p.se]];
  p.policy = parent.policy;
  p.static_prio = parent.static_prio;
  p.normal_prio = parent.normal_prio;
  p.rt_priority = parent.rt_priority;
  p.sched_reset_on_fork = parent.sched_reset_on_fork;
  to.custom_slice = from.custom_slice;
  to.slice = from.slice;
}

/**
 * Forks a task and wakes it, on the executing CPU as fork() does.
 *
 * MODEL: copy_process() without everything that is not scheduling.
 */
export function forkTask(kernel: vmlinux, config: TaskConfig): task_struct {
  const m = kernel.m;
  const p = allocTask(kernel);
  const se = m.se[p.se];
  p.comm = config.comm;
  p.pid = config.pid;
  p.cpu_cgrp = config.group;
  p.policy = SCHED_NORMAL;
  p.static_prio = NICE_TO_PRIO(Math.max(MIN_NICE, Math.min(MAX_NICE, config.nice)));
  p.normal_prio = p.static_prio;
  se.slice = u64(m.sysctl_sched_base_slice);
  se.deadline = ZERO;
  if (config.ofCurrent) copyAttributes(kernel, kernel.get_current(), p);
  kernel.set_load_weight(p, false);
  kernel.set_cpus_allowed_common(p, config.cpus);

  kernel.sched_fork(0, p);
  if (!config.ofCurrent) {
    // WHY again: sched_fork() takes priority and class from current, and the parent here is not current.
    p.prio = p.normal_prio;
    p.sched_class = 'fair_sched_class';
  }
  kernel.sched_cgroup_fork(p);
  kernel.wake_up_new_task(p);
  return p;
}
