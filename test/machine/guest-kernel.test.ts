// SPDX-License-Identifier: GPL-2.0-only
/** A kernel that runs in a guest, on the CPU time that its host gives to vCPUs. */
import { describe, expect, it } from 'vitest';
import type { Program } from '../../src/guest/instructions.js';
import { toBigInt, toNumber } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { canonical } from '../../src/machine/canonical.js';
import { cloneMachine } from '../../src/machine/clone.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { reduce } from '../../src/machine/reduce.js';
import type { machine } from '../../src/machine/state.js';
import { readScenario } from '../../src/scenario/read-scenario.js';
import type { GuestKernelSpec, Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind } from '../../src/vmlinux/bind.js';

const US = 1_000;
const MS = 1_000_000;

function inGuest(kernel: GuestKernelSpec, vcpus = 1, host: TaskSpec[] = [], cpus = vcpus): Scenario {
  return { cpus, vms: [{ name: 'vm', vcpus, kernel }], tasks: host };
}

/** Runs it for so many ns; the machine, and the guest's switches as `comm -> comm` with their times since boot. */
function run(scenario: Scenario, ns: number): { m: machine; guest: machine; traces: trace_event[] } {
  const m = boot(linux_6_12, scenario);
  const traces: trace_event[] = [];
  const k = bind(linux_6_12, m, (event) => traces.push(event));
  const end = toNumber(m.bootClock) + ns;
  for (let event = nextEvent(m); event !== null && toNumber(m.sched_clock) < end; event = nextEvent(m)) apply(k, event);
  const os = m.guest[0].os;
  if (os === undefined) throw new Error('no kernel in the guest');
  return { m, guest: os.m, traces };
}

const task = (m: machine, comm: string) => {
  const p = m.task.find((it) => it.comm === comm);
  if (p === undefined) throw new Error(`no task ${comm}`);
  return p;
};
const laps = (m: machine, comm: string): number => m.actor[task(m, comm).id].laps;
const ran = (m: machine, comm: string): number => toNumber(m.se[task(m, comm).se].sum_exec_runtime);

const sleeper: Program = [
  { op: 'sleep', ns: 500 * US },
  { op: 'compute', ns: 20 * US },
];

describe('the kernel in a guest', () => {
  it('shares a vCPU among its tasks, by the same fair class as the host', () => {
    const { guest } = run(inGuest({ tasks: [{ comm: 'a' }, { comm: 'b' }, { comm: 'heavy', nice: -5 }] }), 200 * MS);
    expect(ran(guest, 'a') / ran(guest, 'b')).toBeCloseTo(1, 1);
    expect(ran(guest, 'heavy') / ran(guest, 'a')).toBeGreaterThan(2.5);
    expect(ran(guest, 'a') + ran(guest, 'b') + ran(guest, 'heavy')).toBeGreaterThan(195 * MS);
  });

  it('wakes sleepers by the timer of its local APIC, and a real-time task preempts at once', () => {
    const rt: TaskSpec = { comm: 'rt', policy: 'fifo', rt_priority: 50, program: sleeper };
    const { guest, traces } = run(inGuest({ tasks: [rt, { comm: 'hog' }] }), 100 * MS);
    // 500 us asleep, the handler, 20 us of work
    expect(laps(guest, 'rt')).toBeGreaterThan(185);
    const woken = traces.filter((t) => t.vm === 'vm' && t.event === 'sched_wakeup' && t.fields['comm'] === 'rt');
    const switched = traces.filter(
      (t) => t.vm === 'vm' && t.event === 'sched_switch' && t.fields['next_comm'] === 'rt',
    );
    expect(woken.slice(1, 50).every((t) => switched.some((s) => s.ts === t.ts))).toBe(true);
  });

  it('wakes tasks on other vCPUs by IPIs, which go through KVM', () => {
    const ping: Program = [{ op: 'compute', ns: 10 * US }, { op: 'wake', task: 'pong' }, { op: 'wait' }];
    const pong: Program = [{ op: 'wait' }, { op: 'compute', ns: 10 * US }, { op: 'wake', task: 'ping' }];
    const tasks = [
      { comm: 'ping', cpus: [0], program: ping },
      { comm: 'pong', cpus: [1], program: pong },
    ];
    const { guest, m, traces } = run(inGuest({ tasks }, 2), 20 * MS);
    expect(laps(guest, 'ping')).toBeGreaterThan(500);
    expect(Math.abs(laps(guest, 'ping') - laps(guest, 'pong'))).toBeLessThanOrEqual(1);
    expect(traces.some((t) => t.vm === undefined && t.event === 'kvm_apic_ipi')).toBe(true);
    expect(m.vcpu[1].stat.halt_exits).toBeGreaterThan(100);
  });

  it('halts when it is idle, its tick stopped, and leaves the CPU to the host', () => {
    const idler: Program = [
      { op: 'sleep', ns: 50 * MS },
      { op: 'compute', ns: 10 * US },
    ];
    const { m } = run(inGuest({ tasks: [{ comm: 'idler', program: idler }] }, 1, [{ comm: 'host' }]), 200 * MS);
    // what it ran is charged at its ticks
    expect(ran(m, 'host')).toBeGreaterThan(195 * MS);
    expect(m.vcpu[0].stat.halt_exits).toBeLessThan(8);
  });

  it('charges its tasks for what they ran, not for what its host stole', () => {
    const scenario = inGuest({ tasks: [{ comm: 'a' }] }, 1, [{ comm: 'host' }]);
    const { m, guest } = run(scenario, 400 * MS);
    const vcpu = ran(m, 'vm/0');
    expect(vcpu).toBeLessThan(210 * MS);
    expect(Math.abs(ran(guest, 'a') - vcpu)).toBeLessThan(5 * MS);
    expect(toNumber(m.vcpu[0].arch.st.page.steal)).toBeGreaterThan(190 * MS);
  });

  it('runs softirqs on the way out of an interrupt, with further interrupts in between', () => {
    const raises: Program = [
      { op: 'compute', ns: 900 * US },
      { op: 'softirq', ns: 600 * US },
    ];
    const rt: TaskSpec = { comm: 'rt', policy: 'fifo', rt_priority: 1, program: sleeper };
    const { guest, m } = run(inGuest({ tasks: [{ comm: 'raises', program: raises }, rt] }), 50 * MS);
    expect(laps(guest, 'rt')).toBeGreaterThan(20);
    expect(laps(guest, 'raises')).toBeGreaterThan(20);
    expect(guest.irq_cpu?.[0].preempt_count).toBe(m.guest[0].os?.cpu[0].contexts.length === 0 ? 0 : expect.any(Number));
    expect(m.warns + guest.warns).toBe(0);
  });

  it('leaves kernel mode at its own pace unless preempt=full', () => {
    const long: Program = [
      { op: 'kernel' },
      { op: 'compute', ns: 5 * MS },
      { op: 'user' },
      { op: 'compute', ns: 1 * US },
    ];
    const rt: TaskSpec = { comm: 'rt', policy: 'fifo', rt_priority: 1, program: sleeper };
    const tasks = [rt, { comm: 'long', program: long }];
    expect(laps(run(inGuest({ tasks }), 100 * MS).guest, 'rt')).toBeLessThan(25);
    expect(laps(run(inGuest({ tasks, preempt: 'full' }), 100 * MS).guest, 'rt')).toBeGreaterThan(150);
  });

  it('is not preempted with preemption disabled', () => {
    const off: Program = [
      { op: 'kernel' },
      { op: 'preemptDisable' },
      { op: 'compute', ns: 5 * MS },
      { op: 'preemptEnable' },
      { op: 'user' },
      { op: 'compute', ns: 1 * US },
    ];
    const rt: TaskSpec = { comm: 'rt', policy: 'fifo', rt_priority: 1, program: sleeper };
    const { guest } = run(inGuest({ tasks: [rt, { comm: 'off', program: off }], preempt: 'full' }), 100 * MS);
    expect(laps(guest, 'rt')).toBeLessThan(25);
  });

  it('is reduced as it is driven', () => {
    const scenario = inGuest({ tasks: [{ comm: 'a' }, { comm: 's', program: sleeper }] }, 2, [{ comm: 'host' }], 1);
    const driven = boot(linux_6_12, scenario);
    let reduced = cloneMachine(driven);
    for (let i = 0; i < 120; i++) {
      const event = nextEvent(driven);
      if (event === null) break;
      apply(bind(linux_6_12, driven), event);
      reduced = reduce(linux_6_12, reduced, event).machine;
    }
    expect(reduced).toEqual(driven);
    expect(toBigInt(driven.sched_clock)).toBeGreaterThan(1_004_000_000n);
  });

  it('is not explored exhaustively', () => {
    const m = boot(linux_6_12, inGuest({ tasks: [{ comm: 'a' }] }));
    expect(() => canonical(m)).toThrow('every order of a guest that runs a kernel');
  });
});

describe('a scenario with a kernel in a guest', () => {
  it('is refused with every fault', () => {
    const vm = {
      name: 'vm',
      vcpus: 2,
      programs: [{ op: 'compute', ns: 1 }],
      kernel: {
        tasks: [
          { comm: 'a', cpus: [2], program: [{ op: 'hlt' }, { op: 'wake', task: 'nobody' }] },
          { comm: 'a', policy: 'fifo' },
        ],
      },
    };
    const read = (): unknown => readScenario(JSON.stringify({ cpus: 1, vms: [vm] }), 'x');
    let message = '';
    try {
      read();
    } catch (thrown) {
      message = JSON.stringify(thrown);
    }
    for (const place of [
      'vms[0].kernel"',
      'vms[0].kernel.tasks[0].cpus[0]',
      'vms[0].kernel.tasks[0].program[0].op',
      'vms[0].kernel.tasks[0].program[1].task',
      'vms[0].kernel.tasks[1].comm',
      'vms[0].kernel.tasks[1].rt_priority',
    ])
      expect(message).toContain(place);
  });

  it.each(['wait', 'softirq'])('has %s for no host task', (op) => {
    const program = [{ op: 'compute', ns: 1 }, op === 'softirq' ? { op, ns: 1 } : { op }];
    expect(() => readScenario(JSON.stringify({ cpus: 1, tasks: [{ comm: 'a', program }] }), 'x')).toThrow();
  });
});
