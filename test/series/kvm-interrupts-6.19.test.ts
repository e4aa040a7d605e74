// SPDX-License-Identifier: GPL-2.0-only
/** What KVM does with interrupts in v6.19-rc1 and not at the pin, one commit a case. */
import { describe, expect, it } from 'vitest';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { ApicsSpec } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';

function apics(name: string, spec: Partial<ApicsSpec>, events: MachineEvent[]): machine {
  const kernel = kernelByName(name);
  const m = boot(kernel, { cpus: 1, apics: { vcpus: 2, mode: 'xapic', vendor: 'vmx', ...spec } });
  const k = bind(kernel, m);
  for (const event of events) apply(k, event);
  return m;
}

/** Whether vCPU 0's EOIs of the vector go to the IOAPIC. */
const handled = (m: machine, vector: number): boolean =>
  ((m.vcpu[0].arch.ioapic_handled_vectors[vector >> 5] >>> (vector & 31)) & 1) === 1;

const VECTOR = 0x51;
const level = (dest: number): MachineEvent => ({ ev: 'redirect', pin: 3, low: 0x8000 | VECTOR, high: dest << 24 });
/** The pin's interrupt is in service on vCPU 0 when its route moves to vCPU 1; then it ends. */
const movedAndEnded: MachineEvent[] = [
  level(0),
  { ev: 'pin', pin: 3, level: 1 },
  { ev: 'window', vcpu: 0 },
  level(1),
  { ev: 'enter', vcpu: 0 },
  { ev: 'pin', pin: 3, level: 0 },
  { ev: 'mmio_write', vcpu: 0, reg: 0xb0, value: 0 },
  { ev: 'enter', vcpu: 0 },
];

describe('the EOI of a route that has moved', () => {
  it.each([
    ['v6.12.117', true],
    ['v6.19-rc1', false],
  ] as const)('%s: later EOIs of the vector still go to the IOAPIC: %s', (name, still) => {
    expect(handled(apics(name, { irqchip: 'kernel' }, movedAndEnded), VECTOR)).toBe(still);
  });
  it('goes there itself', () => {
    const m = apics('v6.19-rc1', { irqchip: 'kernel' }, movedAndEnded.slice(0, 5));
    expect([handled(m, VECTOR), m.vcpu[0].arch.highest_stale_pending_ioapic_eoi]).toEqual([true, VECTOR]);
  });
});

/** IPI virtualization: SN of a vCPU that waits for its CPU, and of one in HLT. */
describe('notifications of a vCPU off its CPU', () => {
  it.each([
    ['v6.12.117', 1, 0],
    ['v6.19-rc1', 1, 0],
  ] as const)('%s: suppressed when preempted, not in HLT with interrupts on', (name, preempted, halted) => {
    const kernel = kernelByName(name);
    const vm = { name: 'vm', vcpus: 2, vendor: 'vmx', apicv: true, ipiv: true } as const;
    const m = boot(kernel, { cpus: 1, vms: [vm] });
    const k = bind(kernel, m);
    const events: MachineEvent[] = [
      { ev: 'advance', ns: 4_000_000 },
      { ev: 'tick', cpu: 0 },
      { ev: 'schedule', cpu: 0 },
    ];
    for (let i = 0; i < 4; i++) for (const event of events) apply(k, event);
    const off = m.vcpu.find((v) => v.preempted);
    expect(off?.arch.pi_desc.sn).toBe(preempted);
    const on = m.vcpu.find((v) => k.guestOn(0) === v.id);
    apply(k, { ev: 'hlt', cpu: 0 });
    expect([on?.wait, on?.arch.pi_desc.sn, on?.arch.pi_desc.nv]).toEqual([on?.pid, halted, 0xf1]);
  });
  it.each([
    ['v6.12.117', 0],
    ['v6.19-rc1', 1],
  ] as const)('%s: of one in HLT with interrupts off: %i', (name, sn) => {
    const kernel = kernelByName(name);
    const m = boot(kernel, { cpus: 1, vms: [{ name: 'vm', vcpus: 1, vendor: 'vmx', apicv: true, ipiv: true }] });
    const k = bind(kernel, m);
    apply(k, { ev: 'if', cpu: 0, on: false });
    apply(k, { ev: 'hlt', cpu: 0 });
    expect([m.vcpu[0].wait, m.vcpu[0].arch.pi_desc.sn]).toEqual([m.vcpu[0].pid, sn]);
  });
});

describe('RVI after KVM_SET_LAPIC', () => {
  it.each([
    ['v6.12.117', 0x41],
    ['v6.19-rc1', 0],
  ] as const)('%s: is %i until the next entry', (name, rvi) => {
    const m = apics(name, { apicv: true }, [
      { ev: 'enter', vcpu: 0 },
      { ev: 'set_lapic', vcpu: 0, reg: 0x220, value: 2 },
    ]);
    expect(m.vcpu[0].arch.vmcs.guest_intr_status).toBe(rvi);
    apply(bind(kernelByName(name), m), { ev: 'enter', vcpu: 0 });
    expect(m.vcpu[0].arch.vmcs.guest_intr_status).toBe(0x41);
  });
});

describe('ON without anything in PIR', () => {
  it.each([
    ['v6.12.117', 0x41],
    ['v6.19-rc1', -1],
  ] as const)('%s: the highest of IRR is %i', (name, highest) => {
    const kernel = kernelByName(name);
    const m = apics(name, { apicv: true }, [{ ev: 'set_lapic', vcpu: 0, reg: 0x220, value: 2 }]);
    m.vcpu[0].arch.pi_desc.on = 1;
    expect(bind(kernel, m).kvm_x86_sync_pir_to_irr(m.vcpu[0])).toBe(highest);
  });
});
