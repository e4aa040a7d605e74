// SPDX-License-Identifier: GPL-2.0-only
/** A scheduler bound to a kernel, made by its own boot and forks, for tests of single functions. */
import { add, u64 } from '../../src/lib/types.js';
import { forkTask, initSched, newSchedState } from '../../src/sched/boot-sched.js';
import { type cfs_rq, NULL, type sched_entity, type task_struct } from '../../src/sched/sched.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { type AnyFunction, bind, type Kernel } from '../../src/vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

export interface Bench {
  k: vmlinux_x86;
  /** tracepoints hit so far */
  events: trace_event[];
  /** a task on `cpu`, woken there and maybe preempting */
  fork(cpu?: number, group?: number, nice?: number): task_struct;
  /** a cgroup below `parent` */
  group(parent?: number): number;
  /** ns pass */
  advance(ns: number): void;
  /** schedule() on a CPU */
  schedule(cpu?: number): void;
  tick(cpu?: number): void;
  se(p: task_struct): sched_entity;
  /** root queue of a CPU */
  cfs(cpu?: number): cfs_rq;
  /** current of a CPU */
  curr(cpu?: number): task_struct;
  /** ticks until `p` is current */
  run(p: task_struct): void;
  /** ticks of 1 ms on a CPU */
  warm(ticks: number, cpu?: number): void;
}

/** Boots `cpus` CPUs at `now` ns (1 s when absent); base slice 2.8 ms with eight. */
export function bench(kernel: Kernel, cpus = 8, now = 1_000_000_000): Bench {
  const m = {
    ...newSchedState({ cpus, HZ: 1000, now: u64(now), sched_feat: kernel.sched_feat ?? {} }),
    cpu: 0,
    hrtimer: [],
    kvm: [],
    vcpu: [],
    kvm_running_vcpu: Array.from({ length: cpus }, () => NULL),
    host_irq: Array.from({ length: cpus }, () => []),
  } as unknown as kernel_state_x86;
  const events: trace_event[] = [];
  const k = bind(kernel, m, (event) => events.push(event));
  initSched(k, cpus);
  let pid = 100;

  const b: Bench = {
    k,
    events,
    fork(cpu = 0, group = 0, nice = 0) {
      m.cpu = cpu;
      return forkTask(k, { comm: `t${pid}`, pid: pid++, nice, group, cpus: [cpu] });
    },
    group(parent = 0) {
      const tg = k.sched_create_group(m.task_group[parent]);
      k.sched_online_group(tg, m.task_group[parent]);
      return tg.id;
    },
    advance(ns) {
      m.sched_clock = add(m.sched_clock, u64(ns));
    },
    schedule(cpu = 0) {
      m.cpu = cpu;
      k.schedule();
    },
    tick(cpu = 0) {
      m.cpu = cpu;
      k.sched_tick();
      if (k.need_resched()) k.schedule();
    },
    se: (p) => m.se[p.se],
    cfs: (cpu = 0) => m.cfs_rq[m.rq[cpu].cfs],
    curr: (cpu = 0) => m.task[m.rq[cpu].curr],
    run(p) {
      for (let i = 0; b.curr(p.cpu).id !== p.id; i++) {
        if (i === 200) throw new Error(`${p.comm} does not get the CPU`);
        b.advance(1_000_000);
        b.tick(p.cpu);
      }
      m.cpu = p.cpu;
    },
    warm(ticks, cpu = 0) {
      for (let i = 0; i < ticks; i++) {
        b.advance(1_000_000);
        b.tick(cpu);
      }
    },
  };
  return b;
}

/** The kernel with functions replaced; each replacement gets what it replaces. */
export function replacing(
  kernel: Kernel,
  replacements: Readonly<Record<string, (was: AnyFunction) => AnyFunction>>,
): Kernel {
  const table: Record<string, AnyFunction> = { ...kernel.table };
  for (const [name, make] of Object.entries(replacements)) {
    if (table[name] === undefined) throw new Error(`${kernel.name} has no ${name}`);
    table[name] = make(table[name]);
  }
  return { ...kernel, table };
}

/** ns as u64 */
export const ns = (x: number): u64 => u64(x);
