// SPDX-License-Identifier: GPL-2.0-only
/** Builds a machine from a scenario, through the kernel's own entry points. */

import { createActor } from '../guest/actor.js';
import { newGuestCpu } from '../guest/guest-kernel.js';
import type { Program } from '../guest/instructions.js';
import { add, toNumber, u64 } from '../lib/types.js';
import type { Scenario, TaskSpec } from '../scenario/scenario.js';
import { allocTask, forkTask, initSched, newSchedState } from '../sched/boot-sched.js';
import { NULL, TASK_INTERRUPTIBLE, type task_struct } from '../sched/sched.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { widen } from '../vmlinux/wide-shapes.js';
import { bootApics } from './apics.js';
import { architectureOf } from './architecture.js';
import { bootVms } from './boot-vms.js';
import { cloneMachine } from './clone.js';
import { setKnob } from './knobs.js';
import { POLICY } from './policies.js';
import { seedRng } from './rng.js';
import { settle } from './settle.js';
import type { machine } from './state.js';

/** sched_clock() at the end of boot, ns. */
const BOOT_CLOCK = 1_000_000_000;

/** An empty machine: CPUs and knobs, no tasks. The scenario is taken as read: `readScenario` finds its faults. */
function emptyMachine(kernel: Pick<Kernel, 'sched_feat' | 'arch'>, scenario: Scenario): machine {
  const all = Array.from({ length: scenario.cpus }, (_, cpu) => cpu);
  const sched = newSchedState({
    cpus: scenario.cpus,
    HZ: scenario.hz ?? 250,
    now: u64(BOOT_CLOCK),
    llc: [all],
    sched_feat: { ...kernel.sched_feat, ...scenario.features },
  });
  const ours = {
    groupNames: ['root'],
    vmNames: [],
    programs: [],
    actor: [],
    vcpuOfTask: [],
    guest: [],
    nextTick: [],
    eager: scenario.eager ?? true,
    rng: seedRng(scenario.seed ?? 1),
    steps: 0,
    bootClock: u64(BOOT_CLOCK),
  };
  const onCpu = { cpu: 0, hardirq: 0, knobs: {}, hrtimer: [] };
  // WHY not a literal with spreads in it: V8 makes a hidden class of its own for each, member by member. WHY copied: what is
  // assigned member by member is of another class than a copy, which is that of a snapshot.
  return cloneMachine<machine>(Object.assign(sched, onCpu, architectureOf(kernel).newState(scenario), ours));
}

// WHY once here: see vmlinux/wide-shapes.ts
const WIDE_MEMBERS = ['sched_clock', 'wakeAt', 'left', 'armed', 'nextTick'];
for (const record of [emptyMachine({}, { cpus: 1 }), createActor(-1), newGuestCpu()]) widen(record, WIDE_MEMBERS);

/** The machine at the end of boot: groups, tasks and VMs exist, whoever is runnable is queued or runs. */
export function boot(kernel: Kernel, scenario: Scenario): machine {
  const m = emptyMachine(kernel, scenario);
  const k = bind(kernel, m);
  initSched(k, scenario.cpus);
  if (scenario.base_slice !== undefined) m.sysctl_sched_base_slice = scenario.base_slice;
  for (const [name, value] of Object.entries(scenario.knobs ?? {})) setKnob(k, m, name, value);
  m.nextTick = m.rq.map(() => toNumber(m.sched_clock) + toNumber(m.TICK_NSEC));
  for (const idle of m.task) register(m, idle, undefined, NULL);

  bootGroups(k, m, scenario);
  const offset = scenario.vruntime_offset === undefined ? u64(0) : u64(BigInt(scenario.vruntime_offset));
  for (const cfs_rq of m.cfs_rq) {
    if (cfs_rq.min_vruntime === undefined) cfs_rq.zero_vruntime = add(cfs_rq.zero_vruntime, offset);
    else cfs_rq.min_vruntime = add(cfs_rq.min_vruntime, offset);
  }
  for (const spec of scenario.tasks ?? []) bootTask(k, m, spec);
  bootVms(
    k,
    m,
    architectureOf(kernel),
    scenario,
    (task, program, vcpu) => register(m, m.task[task], program, vcpu),
    (guest) => boot(kernel, guest),
  );
  if (scenario.apics !== undefined) bootApics(k, m, scenario.apics);
  settle(k, m);
  m.cpu = 0;
  return m;
}

function bootGroups(k: vmlinux_x86, m: machine, scenario: Scenario): void {
  for (const group of scenario.groups ?? []) {
    const parent = m.task_group[group.parent === undefined ? 0 : m.groupNames.indexOf(group.parent)];
    const tg = k.sched_create_group(parent);
    k.sched_online_group(tg, parent);
    m.groupNames.push(group.name);
    if (group.shares !== undefined) k.sched_group_set_shares(tg, k.scale_load(u64(group.shares)));
    if (group.idle === true) k.sched_group_set_idle(tg, 1);
  }
}

function bootTask(k: vmlinux_x86, m: machine, spec: TaskSpec): void {
  const cpus = spec.cpus ?? m.rq.map((rq) => rq.cpu);
  m.cpu = spec.starts ?? cpus[0];
  const config = {
    comm: spec.comm,
    pid: spec.pid ?? 100 + m.task.length,
    nice: spec.nice ?? 0,
    group: spec.group === undefined ? 0 : m.groupNames.indexOf(spec.group),
    cpus,
  };
  const p =
    spec.unborn === true ? copiedTask(k, config) : spec.asleep === true ? sleepingTask(k, config) : forkTask(k, config);
  register(m, p, spec.program, NULL);
  if (spec.policy !== undefined || spec.slice !== undefined) {
    k.sched_setattr_nocheck(p, {
      sched_policy: POLICY[spec.policy ?? 'normal'],
      sched_flags: 0,
      sched_nice: spec.nice ?? 0,
      sched_priority: spec.rt_priority ?? 0,
      sched_runtime: u64(spec.slice ?? 0),
    });
  }
}

/** A task as copy_process() leaves it: nobody has woken it yet. */
function copiedTask(k: vmlinux_x86, config: Parameters<typeof forkTask>[1]): task_struct {
  const p = allocTask(k);
  p.comm = config.comm;
  p.pid = config.pid;
  p.cpu_cgrp = config.group;
  p.static_prio = 120 + config.nice;
  p.normal_prio = p.static_prio;
  k.m.se[p.se].slice = u64(k.m.sysctl_sched_base_slice);
  k.set_load_weight(p, false);
  k.set_cpus_allowed_common(p, config.cpus);
  k.sched_fork(0, p);
  p.prio = p.normal_prio;
  p.sched_class = 'fair_sched_class';
  k.sched_cgroup_fork(p);
  return p;
}

/** A task that has been forked and went to sleep before it ever used the CPU. */
function sleepingTask(k: vmlinux_x86, config: Parameters<typeof forkTask>[1]): task_struct {
  const p = copiedTask(k, config);
  // wake_up_new_task() without the queue: a load that was never attached has averages without sums, which no kernel knows
  p.recent_used_cpu = k.task_cpu(p);
  const rq = k.__task_rq_lock(p);
  k.update_rq_clock(rq);
  k.post_init_entity_util_avg(p);
  k.attach_entity_cfs_rq(k.m.se[p.se]);
  k.rq_unpin_lock(rq);
  p.__state = TASK_INTERRUPTIBLE;
  return p;
}

/** Gives a task its actor; keeps the parallel tables parallel. */
function register(m: machine, p: task_struct, program: Program | undefined, vcpu: number): void {
  let index = -1;
  if (program !== undefined) {
    index = m.programs.indexOf(program);
    if (index < 0) index = m.programs.push(program) - 1;
  }
  m.actor[p.id] = createActor(index);
  m.vcpuOfTask[p.id] = vcpu;
}
