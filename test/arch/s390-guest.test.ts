// SPDX-License-Identifier: GPL-2.0-only
/** Guests of s390: diagnoses, the enabled wait and what ends it, SIGP, interrupts of the host, the guest's spinlocks. */
import { describe, expect, it } from 'vitest';
import { BadInput } from '../../src/base/faults.js';
import type { Program } from '../../src/guest/instructions.js';
import { s390 } from './s390.js';

const US = 1_000;
const MS = 1_000_000;
const CLOCK_COMPARATOR = 20;

/** Two vCPUs on one CPU, both of which have run. */
function two() {
  const it = s390({ cpus: 1, vms: [{ name: 'vm', vcpus: 2 }] });
  for (let i = 0; i < 4; i++) {
    it.pass(4 * MS);
    it.does({ ev: 'tick', cpu: 0 });
  }
  return it;
}

describe('diagnose 0x9c', () => {
  it('hands the CPU to the vCPU that it names, and the yielder goes on behind it', () => {
    const it = two();
    const running = it.m.vcpu.findIndex((v) => v.cpu === 0);
    const other = 1 - running;
    it.traced();
    it.does({ ev: 'diag9c', cpu: 0, to: other });
    expect(it.m.vcpu[other]!.cpu).toBe(0);
    expect(it.m.vcpu[running]!.cpu).toBe(-1);
    expect(it.arch(running).stat).toMatchObject({
      instruction_diagnose_9c: 1,
      diag_9c_ignored: 0,
      exit_instruction: 1,
    });
    expect(it.state(running)).toBe('preempted');
    expect(it.traced().slice(0, 3)).toEqual(['sie_exit', 'intercept_instruction', 'handle_diag']);
    it.does({ ev: 'diag9c', cpu: 0, to: running });
    expect(it.state(running)).toBe('inGuest');
  });

  it('is ignored for one that runs, for itself and for nobody', () => {
    const it = s390({ cpus: 2, vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]] }] });
    it.does({ ev: 'diag9c', cpu: 0, to: 1 }, { ev: 'diag9c', cpu: 0, to: 0 }, { ev: 'diag9c', cpu: 0, to: 9 });
    expect(it.arch(0).stat).toMatchObject({ instruction_diagnose_9c: 3, diag_9c_ignored: 3, diag_9c_forward: 0 });
  });

  it('to one that runs is forwarded to the hypervisor when that has taken its CPU, as long as the budget lasts', () => {
    const it = s390({
      cpus: 2,
      hz: 1000,
      knobs: { diag9c_forwarding_hz: 1000, lpar_preempted: 0b10 },
      vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]] }],
    });
    it.does({ ev: 'diag9c', cpu: 0, to: 1 });
    expect(it.arch(0).stat).toMatchObject({ diag_9c_ignored: 0, diag_9c_forward: 1 });
    expect(it.own.yielded_to).toEqual([1]);
    // it is back; taken again, within the same jiffy
    it.does({ ev: 'knob', name: 'lpar_preempted', value: 2 }, { ev: 'diag9c', cpu: 0, to: 1 });
    expect(it.arch(0).stat).toMatchObject({ diag_9c_ignored: 1, diag_9c_forward: 1 });
    it.pass(1 * MS);
    it.does({ ev: 'diag9c', cpu: 0, to: 1 });
    expect(it.arch(0).stat).toMatchObject({ diag_9c_ignored: 1, diag_9c_forward: 2 });
  });
});

describe('diagnose 0x44', () => {
  it('looks for a vCPU that was preempted, as a PAUSE exit of x86 does', () => {
    const it = two();
    const running = it.m.vcpu.findIndex((v) => v.cpu === 0);
    it.does({ ev: 'diag44', cpu: 0 });
    expect(it.arch(running).stat.instruction_diagnose_44).toBe(1);
    expect(it.m.vcpu[1 - running]!.cpu).toBe(0);
    // noted when the yielder is back
    it.does({ ev: 'diag9c', cpu: 0, to: running });
    expect(it.m.kvm[0]!.last_boosted_vcpu).toBe(1 - running);
  });
});

describe('an enabled wait', () => {
  const waits = (programs: Program) => s390({ cpus: 1, vms: [{ name: 'vm', vcpus: 1, programs }], until: 20 * MS });

  it('sleeps until the clock comparator, and goes on behind its handler', () => {
    const it = waits([
      { op: 'timer', ns: 2 * MS, vector: CLOCK_COMPARATOR },
      { op: 'enabledWait' },
      { op: 'compute', ns: 100 * US },
    ]);
    it.runUntil(1 * MS);
    expect(it.state(0)).toBe('blocked');
    expect(it.own.kvm[0]!.arch.idle_mask).toBe(1);
    it.runUntil(2 * MS + 10);
    expect(it.state(0)).toBe('inGuest');
    expect(it.own.kvm[0]!.arch.idle_mask).toBe(0);
    it.runUntil(20 * MS);
    const { stat } = it.arch(0);
    expect(stat.deliver_ckc).toBe(9);
    expect(stat.exit_wait_state).toBe(10);
    // nobody called it
    expect(stat.exit_external_request).toBe(0);
  });

  it('without anything that could end it stays asleep', () => {
    const it = waits([{ op: 'enabledWait' }]);
    it.runUntil(20 * MS);
    expect(it.state(0)).toBe('blocked');
    expect(it.arch(0).stat.exit_wait_state).toBe(1);
  });
});

describe('a clock comparator that runs out in SIE', () => {
  it('interrupts the guest without the host', () => {
    const it = s390({
      cpus: 1,
      vms: [
        {
          name: 'vm',
          vcpus: 1,
          programs: [
            { op: 'timer', ns: 100 * US, vector: CLOCK_COMPARATOR },
            { op: 'compute', ns: 1 * MS },
          ],
        },
      ],
      until: 3 * MS,
    });
    it.runUntil(3 * MS);
    expect(it.arch(0).stat).toMatchObject({ deliver_ckc: 0, exit_external_interrupt: 0, exit_instruction: 0 });
    // three handlers of 2 us
    expect(it.m.actor[it.m.vcpu[0]!.pid]!.laps).toBe(2);
    expect(it.arch(0).irq_frames).toEqual([]);
  });
});

describe('SIGP', () => {
  const asks = (to: number): Program => [
    { op: 'compute', ns: 50 * US },
    { op: 'ipi', to, vector: 1 },
    { op: 'waitAck' },
  ];

  it('is an external call to a CPU that runs, which leaves SIE for it, and an emergency signal to one that waits', () => {
    const it = s390({
      cpus: 2,
      vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], programs: [asks(1), [{ op: 'compute', ns: 1 * MS }]] }],
      until: 1 * MS,
    });
    it.runUntil(1 * MS);
    expect(it.arch(0).stat.instruction_sigp_external_call).toBeGreaterThan(10);
    expect(it.arch(0).stat.instruction_sigp_emergency).toBe(0);
    expect(it.arch(1).stat.exit_external_request).toBe(it.arch(0).stat.instruction_sigp_external_call);
    expect(it.arch(1).stat.deliver_external_call).toBe(it.arch(1).stat.exit_external_request);

    const asleep = s390({
      cpus: 2,
      vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], programs: [asks(1), [{ op: 'enabledWait' }]] }],
      until: 1 * MS,
    });
    asleep.runUntil(1 * MS);
    expect(asleep.arch(0).stat.instruction_sigp_emergency).toBeGreaterThan(10);
    expect(asleep.arch(1).stat.deliver_emergency_signal).toBe(asleep.arch(0).stat.instruction_sigp_emergency);
    expect(asleep.arch(1).stat.exit_wait_state).toBe(asleep.arch(1).stat.deliver_emergency_signal + 1);
  });

  it('is not sent again for a bit that is not handled yet, and waits until the guest is enabled', () => {
    const it = s390({ cpus: 2, vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]] }] });
    it.does({ ev: 'if', cpu: 1, on: false }, { ev: 'ipi', cpu: 0, to: 1, vector: 0 });
    it.does({ ev: 'ipi', cpu: 0, to: 1, vector: 0 });
    expect(it.arch(0).stat.instruction_sigp_external_call).toBe(1);
    expect(it.arch(1).stat.exit_external_request).toBe(0);
    // another bit: its call finds one pending
    it.does({ ev: 'ipi', cpu: 0, to: 1, vector: 3 });
    expect(it.arch(1).stat).toMatchObject({ inject_external_call: 2, deliver_external_call: 0 });
    it.does({ ev: 'if', cpu: 1, on: true });
    expect(it.arch(1).stat).toMatchObject({ exit_external_request: 1, deliver_external_call: 1 });
    expect(it.m.actor[it.m.vcpu[1]!.pid]!.handlers.map(({ vector }) => vector)).toEqual([0, 3]);
    it.does({ ev: 'eoi', cpu: 1 }, { ev: 'eoi', cpu: 1 });
    expect(it.arch(1).irq_frames).toEqual([]);
  });
});

describe('a spinlock of the guest', () => {
  it('yields to an owner that does not run at once, to one that runs after so many looks, and again and again', () => {
    const program: Program = [
      { op: 'lock', lock: 0 },
      { op: 'compute', ns: 330 * US },
      { op: 'unlock', lock: 0 },
      { op: 'compute', ns: 100 * US },
    ];
    const alone = s390({
      cpus: 2,
      vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], programs: program }],
      until: 10 * MS,
    });
    alone.runUntil(10 * MS);
    const nine = [0, 1].map((i) => alone.arch(i).stat.instruction_diagnose_9c);
    // one in 2 us of waiting; both run, so that each is ignored
    expect(nine[0]! + nine[1]!).toBeGreaterThan(3_000);
    expect([0, 1].map((i) => alone.arch(i).stat.diag_9c_ignored)).toEqual(nine);

    const stacked = s390({ cpus: 1, vms: [{ name: 'vm', vcpus: 2, programs: program }], until: 40 * MS });
    stacked.runUntil(40 * MS);
    const [a, b] = [0, 1].map((i) => stacked.arch(i).stat);
    // each finds an owner that is off the CPU, and hands it over: no turn of the loop
    expect(a!.instruction_diagnose_9c + b!.instruction_diagnose_9c).toBeLessThan(100);
    expect(a!.instruction_diagnose_9c + b!.instruction_diagnose_9c).toBeGreaterThan(0);
    expect(a!.diag_9c_ignored + b!.diag_9c_ignored).toBe(0);
  });
});

describe('an interrupt of the host', () => {
  it('ends SIE without an intercept, and its handler reschedules on the way back', () => {
    const it = s390({ cpus: 1, tasks: [{ comm: 'host' }], vms: [{ name: 'vm', vcpus: 1 }] });
    for (let i = 0; i < 20; i++) {
      it.pass(4 * MS);
      it.does({ ev: 'tick', cpu: 0 });
    }
    const { stat } = it.arch(0);
    expect(stat.exit_null).toBeGreaterThan(5);
    expect(stat.exit_userspace).toBe(0);
    expect(it.m.vcpu[0]!.stat.exits).toBe(stat.exit_null);
  });
});

it('scenarios say what s390 has', () => {
  const faults = (vm: object): string[] => {
    try {
      s390({ cpus: 1, vms: [{ name: 'vm', vcpus: 1, ...vm }] });
    } catch (error) {
      if (error instanceof BadInput) return error.faults.map(({ place }) => place);
      throw error;
    }
    return [];
  };
  expect(faults({ lockKind: 'ticket' })).toEqual(['vms[0].lockKind']);
  expect(faults({ apicv: true })).toEqual(['vms[0].apicv']);
  expect(faults({ programs: [{ op: 'pause' }] })).toEqual(['vms[0].programs[0].op']);
  expect(
    faults({
      programs: [
        { op: 'timer', ns: 5, vector: 27 },
        { op: 'compute', ns: 1 },
      ],
    }),
  ).toEqual(['vms[0].programs[0].vector']);
});
