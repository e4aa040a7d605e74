// SPDX-License-Identifier: GPL-2.0-only
/** Diagnose 0x44 and 0x9c: who is yielded to, what is ignored, forwarded and counted. */
import { describe, expect, it } from 'vitest';
import type { s390 } from '../../src/arch/s390/diag.js';
import * as diag from '../../src/arch/s390/diag.js';
import { u64 } from '../../src/lib/types.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { tableOf } from '../../src/vmlinux/bind.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

const kernel = {
  name: 's390',
  table: Object.freeze({ ...linux_6_12.table, ...tableOf(diag), kvm_vcpu_yield_to: (): number => result.value }),
};
const result = { value: 0 };

/** vCPU 0 executes it; the others are off their CPUs. */
function machine(): TestMachine & { d: s390 } {
  const tm = testMachine(1, { vendor: 'vmx', vcpus: 3, x2apic: true });
  const it = testMachine(1, null, [], { ...linux_6_12, ...kernel });
  it.m.kvm.push(tm.m.kvm[0]);
  it.m.vcpu.push(...tm.m.vcpu);
  for (const v of it.m.vcpu) {
    v.cpu = -1;
    v.s390 = diag.newS390Vcpu();
  }
  it.m.s390 = diag.newS390Host();
  return Object.assign(it, { d: it.k as unknown as s390 & { kvm_s390_handle_diag: typeof diag.kvm_s390_handle_diag } });
}
const handle = (tm: { d: s390 }, code: number, gpr: number): number => {
  const d = tm.d as s390 & { kvm_s390_handle_diag: typeof diag.kvm_s390_handle_diag };
  (d.m.vcpu[0].s390 as diag.s390_vcpu).gpr = gpr;
  return d.kvm_s390_handle_diag(d.m.vcpu[0], code);
};
const counts = (tm: TestMachine): number[] => {
  const s = tm.m.vcpu[0].s390 as diag.s390_vcpu;
  return [s.instruction_diagnose_9c, s.diag_9c_ignored, s.diag_9c_forward];
};

describe('diagnose 0x9c', () => {
  it('is ignored for oneself, for nobody, and when the yield comes to nothing', () => {
    const tm = machine();
    expect(handle(tm, 0x9c, 0)).toBe(0);
    handle(tm, 0x9c, 77);
    result.value = 0;
    handle(tm, 0x9c, 1);
    result.value = -3;
    handle(tm, 0x9c, 1);
    expect(counts(tm)).toEqual([4, 4, 0]);
    // success has no counter of its own
    result.value = 1;
    handle(tm, 0x9c, 1);
    expect(counts(tm)).toEqual([5, 4, 0]);
    expect(tm.m.kvm[0].last_boosted_vcpu).toBe(0);
  });

  it('to one that is loaded is forwarded within the budget, to a CPU that is preempted itself', () => {
    const tm = machine();
    tm.m.vcpu[1].cpu = 0;
    handle(tm, 0x9c, 1); // forwarding is off
    const host = tm.m.s390 as diag.s390_host;
    host.diag9c_forwarding_hz = 500; // two a jiffy at HZ 250
    handle(tm, 0x9c, 1); // the CPU runs: but the budget is spent
    host.preempted_cpus = [0];
    handle(tm, 0x9c, 1);
    handle(tm, 0x9c, 1); // overrun
    expect(counts(tm)).toEqual([4, 3, 1]);
    tm.m.sched_clock = u64(2_000_000_000);
    handle(tm, 0x9c, 1);
    expect(counts(tm)).toEqual([5, 3, 2]);
    expect(host.yielded_to).toEqual([0, 0]);
  });

  it('is never forwarded with fewer than HZ a second', () => {
    const tm = machine();
    tm.m.vcpu[1].cpu = 0;
    (tm.m.s390 as diag.s390_host).diag9c_forwarding_hz = 249;
    (tm.m.s390 as diag.s390_host).preempted_cpus = [0];
    handle(tm, 0x9c, 1);
    expect(counts(tm)).toEqual([1, 1, 0]);
  });
});

describe('diagnose 0x44', () => {
  it('looks for somebody, and takes the kick of whom it asks', () => {
    const tm = machine();
    result.value = 0;
    for (const i of [1, 2]) {
      tm.m.vcpu[i].ready = true;
      tm.m.vcpu[i].wait = 1;
      (tm.m.vcpu[i].s390 as diag.s390_vcpu).kicked = true;
    }
    expect(handle(tm, 0x44, 0)).toBe(0);
    expect(tm.m.vcpu.map((v) => v.s390?.kicked)).toEqual([false, false, false]);
    expect(tm.m.vcpu[0].s390?.instruction_diagnose_44).toBe(1);
  });

  it('is privileged, and others are left to userspace', () => {
    const tm = machine();
    (tm.m.vcpu[0].s390 as diag.s390_vcpu).pstate = true;
    expect(handle(tm, 0x44, 0)).toBe(diag.PRIVILEGED_OPERATION);
    (tm.m.vcpu[0].s390 as diag.s390_vcpu).pstate = false;
    expect(handle(tm, 0x501, 0)).toBe(-95);
  });
});
