// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/cpu.c, kernel/stop_machine.c, kernel/smpboot.c (6.12.117): who takes a CPU down and brings it up.
 *
 * Mirrored: of the steps of CPU hotplug those in which the scheduler, KVM and timers have their part, in their order, on the
 * threads that take them: the CPU's hotplug thread (a fair task like any other, which has to be picked first), then all CPUs'
 * stoppers. MODEL: who asked for it is no task, and waits nowhere.
 *
 * DEVIATION DV-024: threads of the kernel go on as soon as they are current, in no time, grace periods included. They are
 * made when a CPU goes down for the first time, asleep.
 */
import { NotModelled } from '../lib/bug.js';
import { EBUSY, EINVAL } from '../lib/errno.js';
import { RESCHEDULE_VECTOR } from '../lib/irq_vectors.js';
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { allocTask } from './boot-sched.js';
import {
  NULL,
  PF_KTHREAD,
  type rq_ptr,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_PARKED,
  TASK_UNINTERRUPTIBLE,
  type task_ptr,
  type task_struct,
} from './sched.js';

/** kernel/stop_machine.c: struct cpu_stop_work: a function of the table, which a series may add to, and its argument. */
export interface cpu_stop_work {
  fn: '__balance_push_cpu_stop' | 'take_cpu_down';
  arg: number;
}

/** What is there of CPU hotplug once a CPU was to go down. All lists are per CPU. */
export interface cpuhp_state {
  /** __cpu_online_mask, __cpu_active_mask, __cpu_dying_mask: 1 where the CPU is in it */
  online: number[];
  active: number[];
  dying: number[];
  /** cpuhp_state.thread */
  thread: task_ptr[];
  /** cpu_stopper.works */
  works: cpu_stop_work[][];
  /** the CPU on its way down, whose thread has yet to be picked; NULL for none */
  down: rq_ptr;
  /** where that was asked for */
  control: rq_ptr;
  /** the span of its domain with every CPU up; empty for none */
  llc: number[][];
  /** CPUs in a domain, ascending */
  attached: number[];
}

/** The state of CPU hotplug, from the first time on that it is asked for. */
export function cpuhpState(this: vmlinux): cpuhp_state {
  const m = this.m;
  m.cpuhp ??= {
    online: m.rq.map(() => 1),
    active: m.rq.map(() => 1),
    dying: m.rq.map(() => 0),
    thread: m.rq.map(() => NULL),
    works: m.rq.map(() => []),
    down: NULL,
    control: 0,
    llc: m.sd_llc.map((span) => [...span]),
    attached: m.rq.map((rq) => rq.cpu),
  };
  return m.cpuhp;
}

/* ---- the threads ---- */

/** A thread of the kernel that belongs to a CPU, asleep. */
export function makeThread(this: vmlinux, cpu: number, comm: string): task_struct {
  const m = this.m;
  m.cpu = cpu;
  const p = allocTask(this);
  p.comm = `${comm}/${cpu}`;
  p.pid = 0;
  p.flags = PF_KTHREAD;
  p.cpu_cgrp = 0;
  // init_task is the parent of them all
  m.se[p.se].slice = m.se[m.task[m.rq[0].idle].se].slice;
  this.set_load_weight(p, false);
  this.set_cpus_allowed_common(p, [cpu]);
  this.sched_fork(0, p);
  p.prio = p.normal_prio;
  p.sched_class = 'fair_sched_class';
  this.sched_cgroup_fork(p);
  p.__state = TASK_INTERRUPTIBLE;
  return p;
}

/** The stopper and the hotplug thread of every CPU, unless they are there. */
export function makeThreads(this: vmlinux): void {
  const { thread } = this.cpuhpState();
  if (thread[0] !== NULL) return;
  for (const { cpu } of this.m.rq) {
    this.sched_set_stop_task(cpu, this.makeThread(cpu, 'migration'));
    thread[cpu] = this.makeThread(cpu, 'cpuhp').id;
  }
}

/** current goes to sleep. */
export function threadSleeps(this: vmlinux, state: number): void {
  this.get_current().__state = state;
  this.schedule();
}

/**
 * The CPU takes the interrupt that asks it to schedule, whether or not the machine is eager: whoever sent it waits until
 * it has.
 */
export function letSchedule(this: vmlinux, cpu: number): void {
  this.m.cpu = cpu;
  // The CPU that asks does so amidst a call for which its guest has not exited: see afterSyscall().
  if (this.need_resched() && this.notReturned(this.get_current())) this.m.host_irq[cpu].push(RESCHEDULE_VECTOR);
  this.settleCpu(cpu);
  this.m.cpu = cpu;
  if (this.need_resched() && !this.notReturned(this.get_current())) this.schedule();
}

/** More than there can be tasks to push. */
const PUSHES_MAX = 200;

/**
 * The stopper pushes until nobody is left.
 *
 * WHY it may not end: a real-time task that has to wait where it was pushed to is pulled back at once by balance_rt(), as
 * long as the runqueue is online. In Linux that goes on until another CPU schedules.
 */
export function pushAll(this: vmlinux, cpu: number): void {
  for (let n = 0; this.runStopper(cpu); n++) {
    if (n >= PUSHES_MAX)
      throw new NotModelled(`CPU ${cpu}, which goes down, pulls back a real-time task that it pushed away`);
  }
}

/**
 * The hotplug thread, current on its CPU, waits for something that comes when nothing else wants the CPU: others run there,
 * and are pushed away if it goes down.
 */
export function cpuhpWaits(this: vmlinux, state: number): void {
  const { cpu } = this.m;
  const self = this.get_current();
  this.threadSleeps(state);
  this.pushAll(cpu);
  this.m.cpu = cpu;
  this.try_to_wake_up(self, TASK_NORMAL, 0);
  this.letSchedule(cpu);
  this.pushAll(cpu);
  this.m.cpu = cpu;
  if (this.get_current().id !== self.id)
    throw new NotModelled(`${self.comm} is not picked on the CPU that it takes down`);
}

/** kernel/rcu/tree.c: synchronize_rcu(), as the hotplug thread calls it. MODEL: the grace period takes no time. */
export function synchronize_rcu(this: vmlinux): void {
  this.cpuhpWaits(TASK_UNINTERRUPTIBLE);
}

/* ---- kernel/stop_machine.c ---- */

/** kernel/stop_machine.c: cpu_stop_queue_work() */
export function cpu_stop_queue_work(this: vmlinux, cpu: number, work: cpu_stop_work): bool {
  this.cpuhpState().works[cpu].push(work);
  this.wake_up_process(this.m.task[this.cpu_rq(cpu).stop]);
  return true;
}

/** kernel/stop_machine.c: stop_one_cpu_nowait() */
export function stop_one_cpu_nowait(this: vmlinux, cpu: number, fn: cpu_stop_work['fn'], arg: number): bool {
  return this.cpu_stop_queue_work(cpu, { fn, arg });
}

/** kernel/stop_machine.c: cpu_stopper_thread() */
export function cpu_stopper_thread(this: vmlinux, cpu: number): void {
  const works = this.cpuhpState().works[cpu];
  for (let work = works.shift(); work !== undefined; work = works.shift()) this[work.fn](work.arg);
}

/** The CPU's stopper, if it is current, does what it has to and sleeps again; whether it was current. */
export function runStopper(this: vmlinux, cpu: number): bool {
  const rq = this.cpu_rq(cpu);
  if (rq.curr !== rq.stop) return false;
  this.m.cpu = cpu;
  this.cpu_stopper_thread(cpu);
  this.threadSleeps(TASK_INTERRUPTIBLE);
  return true;
}

/* ---- kernel/cpu.c: down ---- */

/** kernel/cpu.c: cpuhp_thread_fun(): the hotplug thread, current on its CPU, does the CPU's own part of going down. */
export function cpuhp_thread_fun(this: vmlinux, cpu: number): void {
  this.sched_cpu_deactivate(cpu); // CPUHP_AP_ACTIVE
  this.sched_cpu_wait_empty(cpu); // CPUHP_AP_SCHED_WAIT_EMPTY
  this.kvm_offline_cpu(cpu); // CPUHP_AP_KVM_ONLINE
  this.threadSleeps(TASK_INTERRUPTIBLE);
}

/** kernel/cpu.c: take_cpu_down(): on the CPU itself, while all the others stand still. MODEL: of the dying, these. */
export function take_cpu_down(this: vmlinux, dying: number): number {
  const { cpu } = this.m;
  if (cpu !== dying) return 0; // multi_cpu_stop() elsewhere
  this.set_cpu_online(cpu, false);
  this.hrtimers_cpu_dying(cpu);
  this.sched_cpu_dying(cpu);
  return 0;
}

/** kernel/cpu.c: takedown_cpu(): its hotplug thread parks, all CPUs stop, it is gone. */
export function takedown_cpu(this: vmlinux, cpu: number): void {
  const m = this.m;
  const { control, thread } = this.cpuhpState();
  // kthread_park()
  m.cpu = control;
  this.wake_up_process(m.task[thread[cpu]]);
  this.letSchedule(cpu);
  this.threadSleeps(TASK_PARKED);

  // stop_machine_cpuslocked()
  m.cpu = control;
  const online = m.rq.map((rq) => rq.cpu).filter((it) => this.cpu_online(it));
  for (const it of online) this.cpu_stop_queue_work(it, { fn: 'take_cpu_down', arg: cpu });
  for (const it of online) this.letSchedule(it);
  for (const it of online) {
    const rq = this.cpu_rq(it);
    if (rq.curr !== rq.stop) throw new NotModelled(`takedown_cpu: the stopper of CPU ${it} is not picked`);
    m.cpu = it;
    this.cpu_stopper_thread(it);
    // stop_machine_park()
    this.threadSleeps(it === cpu ? TASK_PARKED : TASK_INTERRUPTIBLE);
  }
}

/** kernel/cpu.c: _cpu_down(): wakes the hotplug thread; the rest is done when that is picked. -EBUSY, -EINVAL. */
export function _cpu_down(this: vmlinux, cpu: number): number {
  const m = this.m;
  const control = m.cpu;
  // arch_cpu_is_hotpluggable(): x86 keeps its boot CPU
  if (cpu <= 0 || cpu >= m.rq.length || !this.cpu_online(cpu)) return -EINVAL;
  const st = this.cpuhpState();
  if (st.down !== NULL) return -EBUSY;
  this.makeThreads();
  st.down = cpu;
  st.control = control;
  this.set_cpu_dying(cpu, true);
  m.cpu = control;
  this.wake_up_process(m.task[st.thread[cpu]]);
  return 0;
}

/** kernel/cpu.c: _cpu_up(): all of it, for nothing else runs on the CPU. -EBUSY, -EINVAL. */
export function _cpu_up(this: vmlinux, cpu: number): number {
  const m = this.m;
  const control = m.cpu;
  if (cpu < 0 || cpu >= m.rq.length || this.cpu_online(cpu)) return -EINVAL;
  const st = this.cpuhpState();
  if (st.down !== NULL) return -EBUSY;
  this.set_cpu_dying(cpu, false);
  m.cpu = cpu;
  this.sched_cpu_starting(cpu);
  this.set_cpu_online(cpu, true);

  // stop_machine_unpark()
  this.wake_up_state(m.task[this.cpu_rq(cpu).stop], TASK_PARKED);
  this.letSchedule(cpu);
  while (this.runStopper(cpu)) {
    // it finds nothing to do
  }

  m.cpu = control;
  this.wake_up_state(m.task[st.thread[cpu]], TASK_PARKED);
  this.letSchedule(cpu);
  this.kvm_online_cpu(cpu); // CPUHP_AP_KVM_ONLINE
  this.sched_cpu_activate(cpu); // CPUHP_AP_ACTIVE
  this.threadSleeps(TASK_INTERRUPTIBLE);
  m.cpu = control;
  return 0;
}

/** What threads of the kernel do that have become current; whether any has. */
export function runKernelThreads(this: vmlinux): bool {
  const m = this.m;
  const st = m.cpuhp;
  if (st === undefined) return false;
  const was = m.cpu;
  let ran = false;
  const { down } = st;
  if (down !== NULL && m.rq[down].curr === st.thread[down]) {
    m.cpu = down;
    this.cpuhp_thread_fun(down);
    this.takedown_cpu(down);
    st.down = NULL;
    ran = true;
  }
  for (const { cpu } of m.rq) while (this.runStopper(cpu)) ran = true;
  m.cpu = was;
  return ran;
}
