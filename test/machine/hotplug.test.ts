// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { legal } from '../../src/machine/event-table.js';
import { checkKvm } from '../../src/machine/invariants-kvm.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { reduce } from '../../src/machine/reduce.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';

const down: MachineEvent = { ev: 'cpu_down', cpu: 0, target: 1 };
const up: MachineEvent = { ev: 'cpu_up', cpu: 0, target: 1 };

/** The events, one after the other; then ticks of CPU 1 until it is offline, if it is on its way. */
function later(scenario: Scenario, ...events: MachineEvent[]): machine {
  const m = boot(linux_6_12, scenario);
  const k = bind(linux_6_12, m);
  for (const event of events) {
    apply(k, event);
    for (let n = 0; n < 20 && m.cpuhp !== undefined && m.cpuhp.down !== -1; n++) {
      apply(k, { ev: 'advance', ns: 3_000_000 });
      apply(k, { ev: 'tick', cpu: 1 });
    }
    expect([...checkSched(m), ...checkKvm(m)]).toEqual([]);
  }
  return m;
}

const at = (m: machine, comm: string) => {
  const p = m.task.find((it) => it.comm === comm)!;
  return { cpu: p.cpu, on_rq: p.on_rq, allowed: p.cpus_ptr };
};

describe('a CPU that goes offline', () => {
  const tasks: Scenario = { cpus: 2, tasks: [{ comm: 'a', cpus: [1] }, { comm: 'b', cpus: [1] }, { comm: 'c' }] };

  it('waits for its hotplug thread to be picked, and then has nobody left', () => {
    const m = boot(linux_6_12, tasks);
    const k = bind(linux_6_12, m);
    apply(k, down);
    expect([m.cpuhp?.dying, m.cpuhp?.active, m.rq[1].nr_running]).toEqual([[0, 1], [1, 1], 3]);
    const gone = later(tasks, down);
    expect([gone.cpuhp?.online, gone.rq[1].nr_running, gone.rq[1].curr]).toEqual([[1, 0], 0, gone.rq[1].idle]);
    expect(at(gone, 'a')).toEqual({ cpu: 0, on_rq: 1, allowed: [0, 1] });
    expect(legal(gone, { ev: 'tick', cpu: 1 })).toBe(false);
    expect([legal(gone, down), legal(gone, up), legal(gone, { ev: 'cpu_up', cpu: 0, target: 0 })]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('comes back without those that it lost, and takes part again', () => {
    const m = later(tasks, down, up);
    expect([m.cpuhp?.online, m.cpuhp?.active, m.rq[1].balance_callback]).toEqual([[1, 1], [1, 1], []]);
    expect(at(m, 'a').cpu).toBe(0);
    const again = later(tasks, down, up, down);
    expect(again.cpuhp?.online).toEqual([1, 0]);
  });

  it('takes the same steps under Immer', () => {
    const m = boot(linux_6_12, tasks);
    const events: MachineEvent[] = [down, { ev: 'advance', ns: 9_000_000 }, { ev: 'tick', cpu: 1 }];
    let reduced = boot(linux_6_12, tasks);
    for (const event of events) reduced = reduce(linux_6_12, reduced, event).machine;
    const k = bind(linux_6_12, m);
    for (const event of events) apply(k, event);
    expect(reduced).toEqual(m);
  });

  it('wakes a sleeper of its own elsewhere, whose timer has moved', () => {
    const program = [
      { op: 'sleep', ns: 50_000_000 },
      { op: 'compute', ns: 1_000_000 },
    ] as const;
    const m = later(
      { cpus: 2, tasks: [{ comm: 's', cpus: [1], program: [...program] }] },
      { ev: 'step', cpu: 1 },
      down,
    );
    const k = bind(linux_6_12, m);
    for (let n = 0; n < 40 && at(m, 's').on_rq === 0; n++) apply(k, nextEvent(m)!);
    expect(at(m, 's')).toEqual({ cpu: 0, on_rq: 1, allowed: [0, 1] });
  });
});

describe('timers and vCPUs of a CPU that goes offline', () => {
  const vm: Scenario = { cpus: 2, vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]] }] };
  const timer: MachineEvent[] = [
    { ev: 'mmio_write', vcpu: 1, reg: 0x320, value: 0x31 },
    { ev: 'mmio_write', vcpu: 1, reg: 0x380, value: 20_000_000 },
    { ev: 'hlt', cpu: 1 },
  ];

  it('the timer of an APIC goes to another CPU and wakes its vCPU there', () => {
    const xapic = { ...vm, vms: [{ ...vm.vms![0], x2apic: false }] };
    const m = later(xapic, ...timer, { ev: 'advance', ns: 1_000_000 }, down);
    const armed = m.hrtimer.filter((t) => t.queued === 1 && t.function === 'apic_timer_fn');
    expect(armed.map((t) => t.cpu)).toEqual([0]);
    expect(at(m, 'vm/1')).toMatchObject({ on_rq: 0 });
    apply(bind(linux_6_12, m), { ev: 'advance', ns: 100_000_000 });
    expect(at(m, 'vm/1')).toMatchObject({ cpu: 0, on_rq: 1 });
  });

  it('a vCPU that sleeps there is woken by an IPI, on a CPU that is left', () => {
    const m = later(vm, { ev: 'hlt', cpu: 1 }, { ev: 'advance', ns: 1_000_000 }, down, {
      ev: 'ipi',
      cpu: 0,
      to: 1,
      vector: 0x31,
    });
    expect(at(m, 'vm/1')).toMatchObject({ cpu: 0, on_rq: 1 });
  });

  it('what IPI virtualization posts to a vCPU that sleeps there is lost', () => {
    const ipiv = { ...vm, vms: [{ ...vm.vms![0], apicv: true, ipiv: true }] };
    const ipi: MachineEvent = { ev: 'ipi', cpu: 0, to: 1, vector: 0x31 };
    const sleeps: MachineEvent[] = [
      { ev: 'hlt', cpu: 1 },
      { ev: 'advance', ns: 1_000_000 },
    ];
    expect(at(later(ipiv, ...sleeps, down, ipi), 'vm/1').on_rq).toBe(0);
    expect(at(later(ipiv, ...sleeps, ipi), 'vm/1').on_rq).toBe(1);
  });
});
