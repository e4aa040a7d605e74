// SPDX-License-Identifier: GPL-2.0-only
/** What a VMM does to local APICs: save and restore, the TSC, CPUID; and that a read says what it has read. */
import { describe, expect, it } from 'vitest';
import { IN_GUEST_MODE } from '../../src/kvm/kvm_host.js';
import { u64 } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { nextEvent } from '../../src/machine/next-event.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { readScenario } from '../../src/scenario/read-scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

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
  it('WRMSR of IA32_TSC moves the offset so that the guest reads what it wrote', () => {
    const { m, seen } = machineAfter(
      [
        { ev: 'wrmsr', vcpu: 0, msr: 0x10, value: 5000, high: 0 },
        { ev: 'advance', ns: 70 },
        { ev: 'rdmsr', vcpu: 0, msr: 0x10 },
      ],
      'x2apic',
    );
    expect(Number(m.vcpu[0].arch.tsc_offset)).toBe(5000 - 1_000_000_000);
    expect(Number(seen.at(-1)?.fields['data'])).toBe(5070);
    expect(seen.find((e) => e.event === 'kvm_write_tsc_offset')?.fields).toEqual({
      vcpu_id: 0,
      previous_tsc_offset: '0',
      next_tsc_offset: String(2n ** 64n + 5000n - 1_000_000_000n),
    });
  });
  it('WRMSR of an MSR that KVM has not defined is #GP', () => {
    const m = boot(linux_6_12, { cpus: 1, vms: [{ name: 'vm', vcpus: 1 }] });
    const seen: trace_event[] = [];
    const k = bind(linux_6_12, m, (event) => seen.push(event));
    apply(k, { ev: 'wrmsr', vcpu: 0, msr: 0x4b56_4da0, value: 0x2001, high: 0 });
    expect(m.vcpu[0].arch.gp).toBe(true);
    expect(seen.find((e) => e.event === 'kvm_msr')?.fields['exception']).toBe(true);
    expect(k.kvm_get_msr_with_filter(m.vcpu[0], 0x4b56_4d08, { value: u64(0) })).not.toBe(0);
  });
  it('WRMSR of one that KVM knows and nobody has modelled is told', () => {
    const m = boot(linux_6_12, { cpus: 1, vms: [{ name: 'vm', vcpus: 1 }] });
    const write: MachineEvent = { ev: 'wrmsr', vcpu: 0, msr: 0x4b56_4d02, value: 0, high: 0 };
    expect(() => apply(bind(linux_6_12, m), write)).toThrow('WRMSR 0x4b564d02');
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

const ISR = 0x100 >> 2;
const IRR = 0x200 >> 2;
const TPR = 0x80 >> 2;
const on = (m: machine, vcpu: number, base: number, vector: number): boolean =>
  ((m.vcpu[vcpu].arch.apic.regs[base + (vector >> 5) * 4] >>> (vector & 31)) & 1) === 1;

function virtual(vendor: 'vmx' | 'svm', events: MachineEvent[]): { m: machine; seen: string[] } {
  const m = boot(linux_6_12, { cpus: 1, apics: { vcpus: 2, mode: 'xapic', vendor, apicv: true } });
  const seen: string[] = [];
  const k = bind(linux_6_12, m, (event) => seen.push(event.event));
  for (const event of events) apply(k, event);
  return { m, seen };
}
const first: MachineEvent[] = [
  { ev: 'enter', vcpu: 0 },
  { ev: 'enter', vcpu: 1 },
];
const ipi: MachineEvent = { ev: 'write_icr', vcpu: 0, low: 0x4041, dest: 1 };

describe('APICv on machines of local APICs', () => {
  it.each(['vmx', 'svm'] as const)('%s: is switched by its event, which the next entry hears of', (vendor) => {
    const off: MachineEvent = { ev: 'apicv', cpu: 0, vm: 0, on: false };
    const { m } = virtual(vendor, [...first, off, { ev: 'enter', vcpu: 1 }]);
    expect(m.vcpu.map((v) => v.arch.apic.apicv_active)).toEqual([true, false]);
  });
  it('VMX posts an interrupt, and the CPU takes it without an injection', () => {
    const before = virtual('vmx', [...first, ipi]).m;
    expect([before.vcpu[1].arch.pi_desc.pir[2], on(before, 1, IRR, 0x41)]).toEqual([2, false]);
    const { m, seen } = virtual('vmx', [...first, ipi, { ev: 'window', vcpu: 1 }]);
    expect([on(m, 1, IRR, 0x41), on(m, 1, ISR, 0x41), m.vcpu[1].arch.vmcs.guest_intr_status]).toEqual([
      false,
      true,
      0x4100,
    ]);
    expect(seen).not.toContain('kvm_inj_virq');
  });
  it.each(['vmx', 'svm'] as const)('%s: stores of TPR and EOI do not exit, one to LVTT does, behind it', (vendor) => {
    const eoi: MachineEvent = { ev: 'mmio_write', vcpu: 1, reg: 0xb0, value: 0 };
    const { m, seen } = virtual(vendor, [...first, ipi, { ev: 'window', vcpu: 1 }, eoi]);
    expect([on(m, 1, ISR, 0x41), seen.includes('kvm_eoi')]).toEqual([false, false]);
    const stores = virtual(vendor, [
      ...first,
      { ev: 'mmio_write', vcpu: 1, reg: 0x80, value: 0x50 },
      { ev: 'mmio_write', vcpu: 1, reg: 0x320, value: 0x4_0041 },
    ]);
    expect(stores.m.vcpu[1].arch.apic.regs[TPR]).toBe(0x50);
    expect(stores.m.vcpu[1].arch.apic.lapic_timer.timer_mode).toBe(0x4_0000);
    expect(stores.seen.filter((e) => e === 'kvm_apic').length).toBe(1);
  });
  it('AVIC: V_TPR has what the guest wrote to CR8, and what KVM_SET_LAPIC restored', () => {
    const cr8 = virtual('svm', [...first, { ev: 'cr8', vcpu: 1, value: 6 }]).m;
    expect([cr8.vcpu[1].arch.vmcb.v_tpr, cr8.vcpu[1].arch.apic.regs[TPR]]).toEqual([6, 0x60]);
    const set: MachineEvent = { ev: 'set_lapic', vcpu: 1, reg: 0x80, value: 0x90 };
    const { m } = virtual('svm', [...first, { ev: 'cr8', vcpu: 1, value: 6 }, set, { ev: 'enter', vcpu: 1 }]);
    expect([m.vcpu[1].arch.vmcb.v_tpr, m.vcpu[1].arch.apic.regs[TPR]]).toEqual([9, 0x90]);
  });
  it('an expired timer and a posted interrupt are in the page that a VMM reads, and in the restored vCPU', () => {
    const { m } = virtual('vmx', [
      ...first,
      { ev: 'mmio_write', vcpu: 1, reg: 0x320, value: 0x51 },
      { ev: 'mmio_write', vcpu: 1, reg: 0x380, value: 100_000 },
      { ev: 'advance', ns: 200_000 },
      { ev: 'enter', vcpu: 1 },
      ipi,
      { ev: 'restore', vcpu: 1 },
    ]);
    expect([on(m, 1, IRR, 0x41), on(m, 1, IRR, 0x51), m.vcpu[1].arch.pi_desc.on]).toEqual([true, true, 0]);
    expect(m.vcpu[1].arch.vmcs.guest_intr_status).toBe(0x51);
  });
});

/** Two vCPUs on a CPU each, and a third that waits. */
function threads(vm: { vendor: 'vmx' | 'svm'; apicv?: boolean }, events: MachineEvent[]) {
  const m = boot(linux_6_12, {
    cpus: 2,
    vms: [{ name: 'vm', vcpus: 3, cpus: [[0], [1], [1]], x2apic: false, ...vm }],
  });
  const seen: string[] = [];
  const k = bind(linux_6_12, m, (event) => seen.push(event.event));
  for (const event of [{ ev: 'advance', ns: 1000 } as const, ...events]) apply(k, event);
  return { m, k, seen };
}

describe('on machines with threads', () => {
  const tpr: MachineEvent = { ev: 'set_lapic', vcpu: 1, reg: 0x80, value: 0x30 };
  it('a signal brings the vCPU out of KVM_RUN, its thread makes the ioctl and enters again', () => {
    const { m, seen } = threads({ vendor: 'vmx' }, [tpr]);
    const vcpu = m.vcpu[1];
    expect([vcpu.arch.apic.regs[TPR], vcpu.mode, vcpu.stat.signal_exits, vcpu.ioctls]).toEqual([
      0x30,
      IN_GUEST_MODE,
      1,
      [],
    ]);
    expect(seen.slice(seen.indexOf('ipi_send_cpu')).slice(0, 3)).toEqual([
      'ipi_send_cpu',
      'kvm_exit',
      'kvm_userspace_exit',
    ]);
  });
  it('one that waits for its CPU makes it when it gets there', () => {
    const wait = threads({ vendor: 'vmx' }, [{ ...tpr, vcpu: 2 }]);
    expect([wait.m.vcpu[2].arch.apic.regs[TPR], wait.m.vcpu[2].ioctls.length]).toEqual([0, 1]);
    apply(wait.k, { ev: 'schedule', cpu: 1 });
    for (let i = 0; i < 4; i++) {
      apply(wait.k, { ev: 'advance', ns: 4_000_000 });
      apply(wait.k, { ev: 'tick', cpu: 1 });
    }
    expect([wait.m.vcpu[2].arch.apic.regs[TPR], wait.m.vcpu[2].ioctls]).toEqual([0x30, []]);
  });
  it('one in HLT wakes for it and goes back to sleep', () => {
    const { m } = threads({ vendor: 'svm' }, [
      { ev: 'hlt', cpu: 0 },
      { ...tpr, vcpu: 0 },
    ]);
    const vcpu = m.vcpu[0];
    expect([vcpu.arch.apic.regs[TPR], vcpu.wait, m.task[vcpu.pid].__state]).toEqual([0x30, vcpu.pid, 1]);
  });
  it.each([{ vendor: 'vmx' }, { vendor: 'vmx', apicv: true }, { vendor: 'svm', apicv: true }] as const)(
    '%j: what a restored vCPU had waiting is taken as soon as it may be',
    (vm) => {
      const shut: MachineEvent[] = [
        { ev: 'if', cpu: 1, on: false },
        { ev: 'ipi', cpu: 0, to: 1, vector: 0x51 },
      ];
      const kept = threads(vm, [...shut, { ev: 'restore', vcpu: 1 }]);
      expect([on(kept.m, 1, IRR, 0x51), kept.m.vcpu[1].arch.if_flag]).toEqual([true, false]);
      apply(kept.k, { ev: 'if', cpu: 1, on: true });
      expect([on(kept.m, 1, IRR, 0x51), on(kept.m, 1, ISR, 0x51)]).toEqual([false, true]);
    },
  );
  it('CR8 of a guest exits on AMD only where it is intercepted; V_TPR goes back to the page', () => {
    const cr8: MachineEvent = { ev: 'cr8', vcpu: 0, value: 5 };
    const ipi: MachineEvent = { ev: 'ipi', cpu: 1, to: 0, vector: 0x41 };
    const plain = threads({ vendor: 'svm' }, [cr8, ipi]);
    expect([plain.m.vcpu[0].arch.apic.regs[TPR], plain.seen.includes('kvm_cr')]).toEqual([0x50, false]);
    apply(plain.k, { ev: 'cr8', vcpu: 0, value: 4 });
    expect([plain.m.vcpu[0].arch.apic.regs[TPR], plain.seen.includes('kvm_cr')]).toEqual([0x40, true]);
    const avic = threads({ vendor: 'svm', apicv: true }, [cr8, { ev: 'intr', cpu: 0 }]);
    const { apic, vmcb } = avic.m.vcpu[0].arch;
    expect([apic.regs[TPR], vmcb.v_tpr, avic.seen.includes('kvm_cr')]).toEqual([0x50, 5, false]);
  });
  it.each([{ vendor: 'vmx' }, { vendor: 'svm' }, { vendor: 'svm', apicv: true }] as const)(
    '%j: TPR holds an interrupt back until it is lowered',
    (vm) => {
      const held = threads(vm, [
        { ev: 'cr8', vcpu: 1, value: 6 },
        { ev: 'ipi', cpu: 0, to: 1, vector: 0x51 },
      ]);
      expect(on(held.m, 1, ISR, 0x51)).toBe(false);
      apply(held.k, { ev: 'cr8', vcpu: 1, value: 4 });
      expect(on(held.m, 1, ISR, 0x51)).toBe(true);
    },
  );
});

// a us early: timer_advance_ns
describe('the preemption timer of VMX', () => {
  const timer = [{ op: 'timer', ns: 100_000, vector: 0x41 } as const, { op: 'compute', ns: 5_000_000 } as const];
  const scenario = { cpus: 1, vms: [{ name: 'vm', vcpus: 1, vendor: 'vmx' as const, programs: [...timer] }] };

  function armed(): { m: machine; k: vmlinux_x86; exits: string[] } {
    const m = boot(linux_6_12, scenario);
    const exits: string[] = [];
    const k = bind(linux_6_12, m, (e) => {
      if (e.event === 'kvm_exit') exits.push(`${e.fields['exit_reason']} ${BigInt(e.ts) - 1_000_000_000n}`);
    });
    for (let i = 0; i < 3; i++) apply(k, { ev: 'step', cpu: 0 });
    expect(m.vcpu[0].arch.apic.lapic_timer.hv_timer_in_use).toBe(true);
    return { m, k, exits };
  }
  it('runs down while the guest computes, not when the next event happens to come', () => {
    const { k, exits } = armed();
    apply(k, { ev: 'advance', ns: 3_000_000 });
    expect(exits.filter((e) => e.startsWith('52 '))).toEqual(['52 99000']);
  });
  it('is what happens next to a machine that its programs run', () => {
    expect(nextEvent(armed().m)).toEqual({ ev: 'advance', ns: 99_000 });
  });
});
