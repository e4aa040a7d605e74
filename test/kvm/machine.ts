// SPDX-License-Identifier: GPL-2.0-only
/** A small machine for tests of KVM: the scheduler booted, VMs with one thread a vCPU, and what a machine does. */

import { bootVm, newKvmState, type VmConfig, vcpuThread } from '../../src/arch/x86/boot-vm.js';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { add, u64 } from '../../src/lib/types.js';
import { forkTask, initSched, newSchedState } from '../../src/sched/boot-sched.js';
import type { task_struct } from '../../src/sched/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind, type Kernel } from '../../src/vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

export interface TestMachine {
  k: vmlinux_x86;
  m: kernel_state_x86;
  events: trace_event[];
  /** vCPU i of the first VM */
  v(i: number): kvm_vcpu;
  /** thread of vCPU i */
  t(i: number): task_struct;
  /** every CPU goes as far as it can, tasks rescheduled where it is due */
  settle(): void;
  advance(ns: number): void;
  /** the tick on the CPU, through the guest if there is one */
  tick(cpu: number): void;
  /** a host task that computes */
  host(comm: string, cpus: number[]): task_struct;
  /** names of the events since the last call, in order; those of one system if given */
  seen(system?: string): string[];
}

/** A VM whose vCPU i may run on cpus[i]. Without VM config only the scheduler. */
export function testMachine(
  cpus: number,
  vm: VmConfig | null,
  affinity: number[][] = [],
  kernel: Kernel = linux_6_12,
  prepare: (m: kernel_state_x86) => void = () => {},
): TestMachine {
  const events: trace_event[] = [];
  const m = {
    cpu: 0,
    hrtimer: [],
    ...newSchedState({ cpus, HZ: 250, now: u64(1_000_000_000) }),
    ...newKvmState(cpus),
  } as kernel_state_x86;
  const k = bind(kernel, m, (e) => {
    events.push(e);
  });
  initSched(k, cpus);
  prepare(m);

  const settle = (): void => {
    for (let round = 0; round < 50; round++) {
      const before = events.length;
      for (let cpu = 0; cpu < cpus; cpu++) {
        m.cpu = cpu;
        if (m.rq[cpu].wake_list.length > 0 && !k.exitExternalInterrupt(cpu, 0xfb, 'sched_ttwu_pending')) {
          m.cpu = cpu;
          k.sched_ttwu_pending();
        }
        k.settleCpu(cpu);
        m.cpu = cpu;
        if (k.need_resched() && k.guestOn(cpu) === -1) k.schedule();
        k.settleCpu(cpu);
      }
      if (events.length === before) return;
    }
    throw new Error('does not settle');
  };
  const seenFrom = { at: 0 };
  const tm: TestMachine = {
    k,
    m,
    events,
    v: (i) => m.vcpu[m.kvm[0].vcpus[i]],
    t: (i) => m.task[tm.v(i).pid],
    settle,
    advance(ns) {
      m.sched_clock = add(m.sched_clock, u64(ns));
      settle();
    },
    tick(cpu) {
      m.cpu = cpu;
      if (!k.exitExternalInterrupt(cpu, 0xec)) k.sched_tick();
      settle();
    },
    host(comm, allowed) {
      m.cpu = allowed[0];
      const p = forkTask(k, { comm, pid: 900 + m.task.length, nice: 0, group: 0, cpus: allowed });
      settle();
      return p;
    },
    seen(system) {
      const out = events.slice(seenFrom.at).filter((e) => system === undefined || e.system === system);
      seenFrom.at = events.length;
      return out.map((e) => e.event);
    },
  };
  if (vm !== null) {
    const id = bootVm(k, vm);
    m.kvm[id].vcpus.forEach((v, i) => {
      const allowed = affinity[i] ?? Array.from({ length: cpus }, (_, c) => c);
      m.cpu = allowed[0];
      const p = forkTask(k, { comm: `CPU ${i}/KVM`, pid: 100 + i, nice: 0, group: 0, cpus: allowed });
      vcpuThread(k, p, m.vcpu[v]);
    });
    settle();
  }
  return tm;
}
