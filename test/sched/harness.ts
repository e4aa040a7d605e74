// SPDX-License-Identifier: GPL-2.0-only
/** A scheduler alone, with a clock that fires timers and delivers wake-up interrupts. */
import { HRTIMER_RESTART } from '../../src/lib/hrtimer.js';
import { add, le, lt, u64 } from '../../src/lib/types.js';
import { forkTask, initSched, newSchedState } from '../../src/sched/boot-sched.js';
import type { sched_entity, task_struct } from '../../src/sched/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { type AnyFunction, bind } from '../../src/vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

export interface Options {
  cpus?: number;
  HZ?: number;
  llc?: number[][];
  NO_HZ_COMMON?: boolean;
  /** functions that stand in for the kernel's */
  overrides?: Record<string, AnyFunction>;
}

export class Bench {
  readonly k: vmlinux_x86;
  readonly trace: trace_event[] = [];

  constructor({ cpus = 1, HZ = 250, llc = [], NO_HZ_COMMON = true, overrides = {} }: Options = {}) {
    const sched = newSchedState({ cpus, HZ, NO_HZ_COMMON, now: u64(1_000_000_000), llc });
    const kvm = { kvm: [], vcpu: [], kvm_running_vcpu: [], host_irq: Array.from({ length: cpus }, () => []) };
    const m = { ...sched, cpu: 0, hrtimer: [], ...kvm } as unknown as kernel_state_x86;
    const kernel = { name: 'test', table: Object.freeze({ ...linux_6_12.table, ...overrides }) };
    this.k = bind(kernel, m, (event) => this.trace.push(event));
    initSched(this.k, cpus);
  }

  get m(): kernel_state_x86 {
    return this.k.m;
  }

  fork(nice = 0, options: { cpu?: number; cpus?: number[]; group?: number } = {}): task_struct {
    this.m.cpu = options.cpu ?? 0;
    const id = this.m.task.length;
    return forkTask(this.k, {
      comm: `t${id}`,
      pid: id,
      nice,
      group: options.group ?? 0,
      cpus: options.cpus ?? [options.cpu ?? 0],
    });
  }

  se(p: task_struct): sched_entity {
    return this.m.se[p.se];
  }

  /** The task that runs on `cpu`; null for the idle task. */
  running(cpu = 0): task_struct | null {
    const rq = this.m.rq[cpu];
    return rq.curr === rq.idle ? null : this.m.task[rq.curr];
  }

  schedule(cpu = 0): void {
    this.m.cpu = cpu;
    this.k.schedule();
  }

  /** As on the way out of an interrupt. */
  resched(cpu = 0): void {
    this.m.cpu = cpu;
    if (this.k.need_resched()) this.k.schedule();
  }

  block(cpu = 0, state = 1): void {
    this.m.cpu = cpu;
    this.k.get_current().__state = state;
    this.k.schedule();
  }

  wake(p: task_struct, cpu = 0): number {
    this.m.cpu = cpu;
    return this.k.wake_up_process(p);
  }

  /** Interrupts of queued wake-ups. */
  deliver(): void {
    for (const rq of this.m.rq) {
      this.m.cpu = rq.cpu;
      this.k.sched_ttwu_pending();
    }
  }

  /** Lets `ns` pass; timers fire when they are due, and their CPUs reschedule. */
  pass(ns: number): void {
    const end = add(this.m.sched_clock, u64(ns));
    for (;;) {
      const due = this.m.hrtimer
        .filter((t) => t.queued === 1 && le(t.expires, end))
        .sort((a, b) => (lt(a.expires, b.expires) ? -1 : 1))[0];
      if (due === undefined) break;
      if (lt(this.m.sched_clock, due.expires)) this.m.sched_clock = due.expires;
      due.queued = 0;
      this.m.cpu = due.cpu;
      const callback = (this.k as unknown as Record<string, AnyFunction>)[due.function];
      if (callback.call(this.k, due.id) === HRTIMER_RESTART) due.queued = 1;
      this.resched(due.cpu);
    }
    this.m.sched_clock = end;
  }

  tick(cpu = 0): void {
    this.m.cpu = cpu;
    this.k.sched_tick();
  }

  /** SCHED_FIFO (1), SCHED_RR (2) or 0 for SCHED_NORMAL. */
  policy(p: task_struct, policy: number, priority = 0): number {
    return this.k.sched_setattr_nocheck(p, {
      sched_policy: policy,
      sched_flags: 0,
      sched_nice: p.static_prio - 120,
      sched_priority: priority,
      sched_runtime: u64(0),
    });
  }

  events(): string[] {
    return this.trace.map((e) => e.event);
  }
}
