// SPDX-License-Identifier: GPL-2.0-only
/** The steal-time page: who is told to be preempted, and how the page is written. */
import { describe, expect, it } from 'vitest';
import { KVM_FEATURE_PV_TLB_FLUSH } from '../../src/arch/x86/kvm_host.js';
import { toNumber } from '../../src/lib/types.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

function machine(): TestMachine {
  const tm = testMachine(1, { vendor: 'vmx', vcpus: 2, x2apic: true, steal_time: true });
  tm.seen();
  return tm;
}

describe('the preempted byte', () => {
  it('is set for one that an interrupt of the host took the CPU from', () => {
    const tm = machine();
    tm.advance(4_000_000);
    tm.tick(0);
    const { st } = tm.v(0).arch;
    expect([st.page.preempted, st.preempted]).toEqual([1, 1]);
    expect([tm.v(0).stat.preemption_reported, tm.v(0).stat.preemption_other]).toEqual([1, 0]);
    expect(tm.v(1).arch.st.page.preempted).toBe(0);
  });

  it('is not set for one that yields after a PAUSE exit: it may have been amidst an emulation', () => {
    const tm = machine();
    tm.advance(4_000_000);
    tm.tick(0);
    tm.advance(3_900_000);
    tm.k.exitPause(0);
    tm.settle();
    expect(tm.m.rq[0].curr).toBe(tm.t(0).id);
    expect([tm.v(1).preempted, tm.v(1).arch.st.page.preempted]).toEqual([true, 0]);
    expect([tm.v(1).stat.preemption_reported, tm.v(1).stat.preemption_other]).toEqual([0, 1]);
  });

  it('is not touched by a halt', () => {
    const tm = machine();
    tm.k.exitHlt(0);
    tm.settle();
    expect(tm.v(0).stat.preemption_reported + tm.v(0).stat.preemption_other).toBe(0);
  });

  it('and CPL are those at the exit; the CPL stays when it is on again', () => {
    const tm = machine();
    tm.k.guestSetCpl(0, 3);
    tm.advance(4_000_000);
    tm.tick(0);
    expect(tm.v(0).arch.preempted_in_kernel).toBe(false);
    tm.advance(4_000_000);
    tm.tick(0);
    expect(tm.v(1).arch.preempted_in_kernel).toBe(true);
    tm.advance(4_000_000);
    tm.tick(0);
    expect(tm.v(1).preempted).toBe(false);
    expect(tm.v(1).arch.preempted_in_kernel).toBe(true);
  });
});

describe('record_steal_time()', () => {
  it('leaves an even version that has grown by two, three when it found an odd one', () => {
    const tm = machine();
    const { page } = tm.v(0).arch.st;
    const before = page.version;
    expect(before % 2).toBe(0);
    tm.m.cpu = 0;
    tm.k.record_steal_time(tm.v(0));
    expect(page.version).toBe(before + 2);
    page.version = 7;
    tm.k.record_steal_time(tm.v(0));
    expect(page.version).toBe(10);
    page.version = 0xffff_ffff;
    tm.k.record_steal_time(tm.v(0));
    expect(page.version).toBe(2);
  });

  it('tells whether a flush was wanted, and clears the whole byte', () => {
    const tm = machine();
    const { st } = tm.v(0).arch;
    st.page.preempted = 3;
    tm.m.cpu = 0;
    tm.seen();
    tm.k.record_steal_time(tm.v(0));
    expect(tm.events.at(-1)?.fields).toEqual({ vcpu_id: 0, need_flush_tlb: true });
    expect([st.page.preempted, st.preempted]).toEqual([0, 0]);
    // without the feature the byte is stored over
    tm.v(0).arch.pv_cpuid = { enforce: true, features: ~(1 << KVM_FEATURE_PV_TLB_FLUSH) >>> 0 };
    st.page.preempted = 3;
    tm.seen();
    tm.k.record_steal_time(tm.v(0));
    expect(tm.seen()).toEqual([]);
    expect(st.page.preempted).toBe(0);
  });

  it('is asked for by every load', () => {
    const tm = machine();
    tm.m.cpu = 0;
    tm.k.kvm_arch_vcpu_load(tm.v(0), 0);
    expect(tm.k.kvm_test_request(8 + 8, tm.v(0))).toBe(true);
  });
});

describe('stolen time', () => {
  it('is what the thread has waited, runnable, for its CPU', () => {
    const tm = machine();
    tm.advance(4_000_000);
    tm.tick(0); // vCPU 1 has waited 4 ms
    expect(toNumber(tm.v(1).arch.st.page.steal)).toBe(4_000_000);
    tm.advance(4_000_000);
    tm.tick(0); // vCPU 0 is back after 4 ms
    expect(tm.m.rq[0].curr).toBe(tm.t(0).id);
    expect(toNumber(tm.v(0).arch.st.page.steal)).toBe(4_000_000);
    tm.advance(1_000_000);
    tm.k.exitHlt(0);
    tm.settle();
    expect(toNumber(tm.v(1).arch.st.page.steal)).toBe(5_000_000);
    // asleep is not stolen
    tm.advance(9_000_000);
    tm.k.guestIcr(0, 0x4041, 0);
    tm.settle();
    expect(toNumber(tm.v(0).arch.st.page.steal)).toBe(4_000_000);
  });
});
