// SPDX-License-Identifier: GPL-2.0-only
/**
 * Whatever vCPUs and their host do to each other, an interrupt that was sent is taken, once per edge, in the end: under
 * every way of delivery that KVM and the hardware have.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VmConfig } from '../../src/arch/x86/boot-vm.js';
import { toNumber } from '../../src/lib/types.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

const configs: [string, Partial<VmConfig>][] = [
  ['VMX, x2APIC', { vendor: 'vmx', x2apic: true }],
  ['VMX, xAPIC', { vendor: 'vmx', x2apic: false }],
  ['VMX, x2APIC, PV EOI', { vendor: 'vmx', x2apic: true, pv_eoi: true }],
  ['VMX, APICv', { vendor: 'vmx', x2apic: true, apicv: true }],
  ['VMX, xAPIC, APICv', { vendor: 'vmx', x2apic: false, apicv: true }],
  ['VMX, IPI virtualization', { vendor: 'vmx', x2apic: true, apicv: true, ipiv: true }],
  ['VMX, xAPIC, IPI virtualization', { vendor: 'vmx', x2apic: false, apicv: true, ipiv: true }],
  ['SVM, x2APIC', { vendor: 'svm', x2apic: true }],
  ['SVM, AVIC', { vendor: 'svm', x2apic: false, apicv: true }],
];

/** [what, CPU, an argument] */
type Step = ['ipi' | 'hlt' | 'pause' | 'eoi' | 'if' | 'cpl' | 'tick' | 'wait' | 'kick', number, number];

const CPUS = 2;
const VCPUS = 3;

/** Sent and taken, per vCPU and vector. */
class Ledger {
  private readonly open = new Set<string>();
  taken = 0;

  sent(to: number, vector: number): void {
    this.open.add(`${to}:${vector}`);
  }

  /** What the guest has begun to serve. Taken without having been sent: spurious, or delivered twice. */
  collect(tm: TestMachine): void {
    for (const id of tm.m.kvm[0].vcpus) {
      const vcpu = tm.m.vcpu[id];
      for (const vector of vcpu.arch.taken) {
        expect(this.open.has(`${vcpu.vcpu_id}:${vector}`), `vector ${vector} on vCPU ${vcpu.vcpu_id} was sent`).toBe(
          true,
        );
        this.open.delete(`${vcpu.vcpu_id}:${vector}`);
        this.taken++;
      }
      vcpu.arch.taken = [];
    }
  }

  missing(): string[] {
    return [...this.open];
  }
}

function perform(tm: TestMachine, ledger: Ledger, [what, cpu, n]: Step): void {
  const id = tm.k.guestOn(cpu);
  const vcpu = id === -1 ? null : tm.m.vcpu[id];
  switch (what) {
    case 'wait':
      tm.advance((n + 1) * 100_000);
      break;
    case 'tick':
      tm.tick(cpu);
      break;
    case 'kick':
      tm.m.cpu = cpu;
      tm.k.kvm_vcpu_kick(tm.v(n % VCPUS));
      break;
    default:
      break;
  }
  if (vcpu !== null) {
    switch (what) {
      case 'ipi': {
        const to = n % VCPUS;
        const vector = 0x40 + (n % 7) * 0x10;
        ledger.sent(to, vector);
        tm.k.guestIcr(cpu, 0x4000 | vector, to);
        break;
      }
      case 'hlt':
        // nobody would ever wake it
        if (vcpu.arch.if_flag) tm.k.exitHlt(cpu);
        break;
      case 'pause':
        tm.k.exitPause(cpu);
        break;
      case 'eoi':
        if (vcpu.arch.irq_frames.length > 0) {
          tm.k.guestEoi(cpu);
          if (tm.k.guestOn(cpu) === id) tm.k.guestIret(cpu);
          else vcpu.arch.irq_frames.length = 0;
        }
        break;
      case 'if':
        if (vcpu.arch.irq_frames.length === 0) tm.k.guestSetIf(cpu, n % 2 === 0, n % 4 === 2);
        break;
      case 'cpl':
        if (vcpu.arch.irq_frames.length === 0) tm.k.guestSetCpl(cpu, n % 2 === 0 ? 0 : 3);
        break;
      default:
        break;
    }
  }
  tm.settle();
  ledger.collect(tm);
}

/** Everybody opens interrupts and ends what is in service, for long enough. */
function drain(tm: TestMachine, ledger: Ledger): void {
  for (let round = 0; round < 60 && ledger.missing().length > 0; round++) {
    for (let cpu = 0; cpu < CPUS; cpu++) {
      for (let i = 0; i < 8; i++) perform(tm, ledger, ['eoi', cpu, 0]);
      perform(tm, ledger, ['if', cpu, 0]);
      tm.advance(4_000_000);
      perform(tm, ledger, ['tick', cpu, 0]);
    }
  }
}

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom('ipi', 'ipi', 'ipi', 'hlt', 'pause', 'eoi', 'eoi', 'if', 'cpl', 'tick', 'wait', 'kick'),
  fc.nat(CPUS - 1),
  fc.nat(20),
);

describe.each(configs)('%s', (_name, config) => {
  it('loses no interrupt and takes none twice', () => {
    let taken = 0;
    let halted = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 100, size: 'max' }), (steps) => {
        const vm = { vendor: 'vmx' as const, vcpus: VCPUS, ...config };
        const tm = testMachine(CPUS, vm, [[0], [1], [0, 1]]);
        const ledger = new Ledger();
        for (const s of steps) perform(tm, ledger, s);
        halted += tm.m.vcpu.reduce((sum, v) => sum + v.stat.halt_exits, 0);
        drain(tm, ledger);
        expect(ledger.missing()).toEqual([]);
        expect(tm.m.warns).toBe(0);
        expect(toNumber(tm.m.sched_clock)).toBeGreaterThan(0);
        taken += ledger.taken;
      }),
      { numRuns: 40, seed: 6_12_117 },
    );
    // the interesting case was reached
    expect(taken).toBeGreaterThan(100);
    expect(halted).toBeGreaterThan(20);
  });
});
