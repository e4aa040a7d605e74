// SPDX-License-Identifier: GPL-2.0-only
/** What a VMM does to local APICs: save and restore, the TSC, CPUID; and that a read says what it has read. */
import { describe, expect, it } from 'vitest';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { readScenario } from '../../src/scenario/read-scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind } from '../../src/vmlinux/bind.js';

function machineAfter(events: MachineEvent[], mode: 'xapic' | 'x2apic' = 'xapic'): { m: machine; seen: trace_event[] } {
  const m = boot(linux_6_12, { cpus: 1, apics: { vcpus: 2, mode } });
  const seen: trace_event[] = [];
  const k = bind(linux_6_12, m, (event) => seen.push(event));
  for (const event of events) apply(k, event);
  return { m, seen };
}

const arm: MachineEvent[] = [
  { ev: 'mmio_write', vcpu: 0, reg: 0x320, value: 0x41 },
  { ev: 'mmio_write', vcpu: 0, reg: 0x380, value: 1_000_000 },
  { ev: 'advance', ns: 500_000 },
];

describe('restore', () => {
  it('brings back what waits, what is in service, and the timer with what is left of it', () => {
    const { m } = machineAfter([
      ...arm,
      { ev: 'write_icr', vcpu: 1, low: 0x4051, dest: 0 },
      { ev: 'restore', vcpu: 0 },
    ]);
    const { regs, lapic_timer } = m.vcpu[0].arch.apic;
    expect(regs[(0x200 + 0x20) >> 2]).toBe(1 << 17);
    expect(Number(lapic_timer.target_expiration)).toBe(1_000_000_000 + 2_000_000);
    expect(m.hrtimer[lapic_timer.timer].queued).toBe(1);
  });
  it('brings back x2APIC mode and its ids', () => {
    const { m } = machineAfter([{ ev: 'restore', vcpu: 1 }], 'x2apic');
    expect(m.vcpu[1].arch.apic.regs[0x20 >> 2]).toBe(1);
    expect(m.vcpu[1].arch.apic.regs[0xd0 >> 2]).toBe(2);
  });
});

describe('the other events', () => {
  it('cr8 is bits 7:4 of TPR', () => {
    expect(machineAfter([{ ev: 'cr8', vcpu: 0, value: 9 }]).m.vcpu[0].arch.apic.regs[0x80 >> 2]).toBe(0x90);
  });
  it('without the TSC-deadline timer, LVTT has one mode bit', () => {
    const { m } = machineAfter([
      { ev: 'cpuid', vcpu: 0, x2apic: true, tsc_deadline: false },
      { ev: 'mmio_write', vcpu: 0, reg: 0x320, value: 0x6_0041 },
    ]);
    expect(m.vcpu[0].arch.apic.regs[0x320 >> 2]).toBe(0x2_0041);
  });
  it('a deadline is of the TSC that the guest has', () => {
    const { m } = machineAfter(
      [
        { ev: 'tsc_offset', vcpu: 0, ns: 1_000_000_000 },
        { ev: 'wrmsr', vcpu: 0, msr: 0x832, value: 0x4_0041, high: 0 },
        { ev: 'wrmsr', vcpu: 0, msr: 0x6e0, value: 2_000_500_000, high: 0 },
        { ev: 'advance', ns: 500_000 },
      ],
      'x2apic',
    );
    expect(m.vcpu[0].arch.apic.lapic_timer.pending).toBe(1);
  });
  it('a read says what it has read', () => {
    const { seen } = machineAfter([
      ...arm,
      { ev: 'mmio_read', vcpu: 0, reg: 0x390 },
      { ev: 'rdmsr', vcpu: 0, msr: 0x1b },
    ]);
    expect(Number(seen.at(-2)?.fields['val'])).toBe(750_000);
    expect(seen.at(-1)?.event).toBe('kvm_msr');
    expect(Number(seen.at(-1)?.fields['data'])).toBe(0xfee0_0900);
  });
  it('pv_ipi reaches the ids behind the first 32', () => {
    const m = boot(linux_6_12, { cpus: 1, apics: { vcpus: 3, ids: [0, 40, 100], mode: 'x2apic' } });
    apply(bind(linux_6_12, m), { ev: 'pv_ipi', vcpu: 0, bitmap: 0, min: 0, icr: 0x41, more: [1 << 8, 0, 1 << 4] });
    expect(m.vcpu.map((v) => v.arch.apic.regs[0x220 >> 2])).toEqual([0, 2, 2]);
  });
  it('are read from JSON', () => {
    const events = [
      { ev: 'restore', vcpu: 0 },
      { ev: 'tsc_offset', vcpu: 0, ns: -5 },
      { ev: 'cpuid', vcpu: 0, x2apic: true, tsc_deadline: false },
      { ev: 'cr8', vcpu: 1, value: 15 },
      { ev: 'pv_ipi', vcpu: 0, bitmap: 0, min: 0, icr: 0x41, more: [1, 0, 0] },
    ];
    const scenario = { cpus: 1, apics: { vcpus: 2, mode: 'xapic' }, events };
    expect(readScenario(JSON.stringify(scenario), 'test').events).toEqual(events);
  });
});
