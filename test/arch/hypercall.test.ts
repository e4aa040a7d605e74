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

  const hyperv = (param: bigint, input = 0n, output = 0n, cpl = 0): TestMachine => {
    const tm = pair({ hyperv: true });
    tm.k.guestSetCpl(0, cpl);
    tm.k.exitHypercall(0, u64(0), u64(0), u64(param), u64(input), u64(0), u64(output));
    tm.settle();
    return tm;
  };

  it('Hyper-V: the trace has input and output, and reserved bits of the input are refused before the code is looked at', () => {
    const tm = hyperv(8n, 0x1000n, 0x2000n);
    const traced = tm.events.find((e) => e.event === 'kvm_hv_hypercall')?.fields;
    expect([traced?.ingpa, traced?.outgpa]).toEqual(['0x1000', '0x2000']);
    expect([rax(tm, 0), tm.v(0).stat.hypercalls]).toEqual([0, 1]);
    for (const bit of [27, 31, 44, 47, 60, 63]) {
      for (const code of [8n, 2n]) expect(rax(hyperv((1n << BigInt(bit)) | code), 0)).toBe(3);
    }
    for (const bit of [16, 26, 43, 59]) expect(rax(hyperv((1n << BigInt(bit)) | 8n), 0)).toBe(bit === 16 ? 0 : 3);
    // HV_STATUS_INVALID_HYPERCALL_CODE
    expect(rax(hyperv(0x7000n), 0)).toBe(2);
  });

  it('Hyper-V: HVCALL_SEND_IPI sends to each vCPU of the mask, and refuses exception vectors and reserved input', () => {
    const FAST = 1n << 16n;
    const sent = hyperv(FAST | 0xbn, 0x40n, 0b10n);
    expect(sent.events.find((e) => e.event === 'kvm_hv_send_ipi')?.fields).toEqual({
      vector: 0x40,
      processor_mask: '0x2',
    });
    const taken = sent.events.filter((e) => e.event === 'kvm_apic_accept_irq').map((e) => e.fields.apicid);
    expect([rax(sent, 0), taken]).toEqual([0, [1]]);
    expect(rax(hyperv(FAST | 0xbn, 0x0fn, 0b10n), 0)).toBe(3);
    expect(rax(hyperv(FAST | 0xbn, 1n << 32n, 0b10n), 0)).toBe(3);
    // a repeat count, and a variable header
    expect(rax(hyperv(FAST | 0xbn | (1n << 32n), 0x40n, 0b10n), 0)).toBe(3);
    expect(rax(hyperv(FAST | 0xbn | (1n << 17n), 0x40n, 0b10n), 0)).toBe(3);
  });

  it('Hyper-V: outside of the kernel it is #UD', () => {
    const tm = hyperv(8n, 0n, 0n, 3);
    expect(tm.events.find((e) => e.event === 'kvm_inj_exception')?.fields).toMatchObject({
      exception: 6,
      has_error: false,
    });
    expect([tm.v(0).stat.hypercalls, tm.seen('kvm').includes('kvm_hv_hypercall')]).toEqual([0, false]);
  });
});

describe('MSRs of paravirtual features', () => {
  const MSRS = [
    [0x4b56_4d03, 5, 1, 'MSR_KVM_STEAL_TIME'],
    [0x4b56_4d04, 6, 1, 'MSR_KVM_PV_EOI_EN'],
    [0x4b56_4d05, 12, 0, 'MSR_KVM_POLL_CONTROL'],
  ] as const;

  it.each(MSRS)(
    '%i (feature %i) is there when the guest has the feature or nobody enforces it',
    (msr, feature, value) => {
      for (const [enforce, features, gp] of [
        [false, 0, false],
        [true, 1 << feature, false],
        [true, ~(1 << feature), true],
      ] as const) {
        const tm = pair();
        tm.v(0).arch.pv_cpuid = { enforce, features };
        tm.k.exitWrmsr64(0, msr, value, 0);
        tm.settle();
        expect(tm.v(0).arch.gp).toBe(gp);
        tm.k.exitRdmsr(0, msr);
        tm.settle();
        expect(tm.v(0).arch.gp).toBe(gp);
        if (!gp) expect(tm.v(0).arch.regs.rax).toEqual(u64(value));
        // KVM_MSR_RET_UNSUPPORTED, which userspace could ask for
        const info = { index: msr, data: u64(value), host_initiated: true };
        expect(tm.k.kvm_set_msr_common(tm.v(0), info)).toBe(gp ? 2 : 0);
        expect(tm.k.kvm_get_msr_common(tm.v(0), info)).toBe(gp ? 2 : 0);
      }
    },
  );
});
