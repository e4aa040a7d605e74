// SPDX-License-Identifier: GPL-2.0-only
/** Hypercalls: KICK_CPU, SEND_IPI, SCHED_YIELD, and Hyper-V's long spin wait. */
import { describe, expect, it } from 'vitest';
import { type s64, s64_toBigInt, u64 } from '../../src/lib/types.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

const call = (tm: TestMachine, cpu: number, nr: number, ...a: number[]): boolean => {
  const done = tm.k.exitHypercall(cpu, u64(nr), u64(a[0] ?? 0), u64(a[1] ?? 0), u64(a[2] ?? 0), u64(a[3] ?? 0));
  tm.settle();
  return done;
};
const rax = (tm: TestMachine, i: number): number => Number(s64_toBigInt(tm.v(i).arch.regs.rax as unknown as s64));

function pair(config = {}): TestMachine {
  const tm = testMachine(2, { vendor: 'vmx', vcpus: 2, x2apic: true, ...config }, [[0], [1]]);
  tm.seen();
  return tm;
}

describe('hypercalls', () => {
  it('are refused outside of the kernel and when unknown', () => {
    const tm = pair();
    call(tm, 0, 77);
    expect(rax(tm, 0)).toBe(-1000);
    tm.k.guestSetCpl(0, 3);
    call(tm, 0, 1);
    expect(rax(tm, 0)).toBe(-1);
    tm.k.guestSetCpl(0, 0);
    call(tm, 0, 1);
    expect(rax(tm, 0)).toBe(0);
    expect(tm.v(0).stat.hypercalls).toBe(3);
  });

  it('are gated by features only when userspace has them enforced', () => {
    const tm = pair();
    tm.v(0).arch.pv_cpuid = { enforce: true, features: 0 };
    for (const nr of [5, 10, 11]) {
      call(tm, 0, nr);
      expect(rax(tm, 0)).toBe(-1000);
    }
  });

  it('KICK_CPU wakes a halted vCPU and leaves no interrupt', () => {
    const tm = pair();
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.v(1).arch.mp_state).toBe(3);
    tm.seen();
    call(tm, 0, 5, 0, 1);
    expect(rax(tm, 0)).toBe(0);
    expect(tm.v(1).arch.mp_state).toBe(0);
    expect(tm.v(1).arch.pv.pv_unhalted).toBe(false);
    expect(tm.k.guestOn(1)).toBe(tm.v(1).id);
    expect(tm.v(1).arch.taken).toEqual([]);
    const kvm = tm.seen('kvm');
    expect(kvm.slice(0, 3)).toEqual(['kvm_exit', 'kvm_hypercall', 'kvm_apic_accept_irq']);
    expect(tm.v(0).stat.directed_yield_attempted).toBe(1);
  });

  it('SEND_IPI reaches whom the bitmap names and says how many, without kvm_apic_ipi', () => {
    const tm = pair();
    call(tm, 0, 10, 0b11, 0, 0, 0x4041);
    expect(rax(tm, 0)).toBe(2);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
    expect(tm.v(0).arch.taken).toEqual([0x41]);
    expect(tm.events.some((e) => e.event === 'kvm_apic_ipi')).toBe(false);
  });

  it('SCHED_YIELD yields to a ready vCPU and counts when it is back', () => {
    const tm = testMachine(1, { vendor: 'vmx', vcpus: 2, x2apic: true });
    tm.advance(4_000_000);
    tm.tick(0);
    tm.advance(3_900_000);
    call(tm, 0, 11, 0);
    expect(tm.m.rq[0].curr).toBe(tm.t(0).id);
    expect([tm.v(1).stat.directed_yield_attempted, tm.v(1).stat.directed_yield_successful]).toEqual([1, 0]);
    expect(tm.v(1).stat.hypercalls).toBe(0);
    while (tm.m.rq[0].curr !== tm.t(1).id) {
      tm.advance(4_000_000);
      tm.tick(0);
    }
    expect([tm.v(1).stat.directed_yield_attempted, tm.v(1).stat.directed_yield_successful]).toEqual([1, 1]);
    expect(tm.v(1).stat.hypercalls).toBe(1);
    expect(rax(tm, 1)).toBe(0);
    // never for oneself, for one that is not there, or alone on the CPU
    call(tm, 0, 11, 1);
    call(tm, 0, 11, 99);
    expect(tm.v(1).stat.directed_yield_successful).toBe(1);
    expect(tm.m.kvm[0].last_boosted_vcpu).toBe(0);
  });

  it("Hyper-V's long spin wait looks for somebody to yield to", () => {
    const tm = testMachine(1, { vendor: 'svm', vcpus: 2, x2apic: true, hyperv: true });
    tm.advance(4_000_000);
    tm.tick(0);
    tm.advance(3_900_000);
    tm.seen();
    tm.k.exitHypercall(0, u64(0), u64(0), u64(8), u64(0), u64(0));
    tm.settle();
    expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_hv_hypercall', 'kvm_entry']);
    expect(tm.v(1).spin_loop.in_spin_loop).toBe(true);
    while (tm.m.rq[0].curr !== tm.t(1).id) {
      tm.advance(4_000_000);
      tm.tick(0);
    }
    expect(tm.seen('kvm')).toContain('kvm_hv_hypercall_done');
    expect(tm.v(1).spin_loop.in_spin_loop).toBe(false);
  });
});
