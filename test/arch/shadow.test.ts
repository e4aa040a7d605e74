// SPDX-License-Identifier: GPL-2.0-only
/** The shadow of an STI: who looks at it, who ends it, and who leaves it alone. */
import { describe, expect, it, vi } from 'vitest';
import type { VmConfig } from '../../src/arch/x86/boot-vm.js';
import { KVM_REQ_EVENT, KVM_REQ_TLB_FLUSH_GUEST } from '../../src/arch/x86/kvm_host.js';
import { u64 } from '../../src/lib/types.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

const MSR_X2APIC_TPR = 0x808;
const MSR_X2APIC_SELF_IPI = 0x83f;
const MSR_X2APIC_ICR = 0x830;

function pair(config: Partial<VmConfig> = {}): TestMachine {
  const tm = testMachine(2, { vendor: 'vmx', vcpus: 2, x2apic: true, ...config }, [[0], [1]]);
  tm.seen();
  return tm;
}

/** vCPU 1 has just executed STI, and 0x41 waits for it. */
function waiting(config: Partial<VmConfig> = {}): TestMachine {
  const tm = pair(config);
  tm.k.guestSetIf(1, false);
  tm.k.guestIcr(0, 0x4041, 1);
  tm.settle();
  tm.k.guestSetIf(1, true, true);
  tm.settle();
  tm.seen();
  return tm;
}

const ways: Partial<VmConfig>[] = [
  { vendor: 'vmx' },
  { vendor: 'svm' },
  { vendor: 'vmx', apicv: true },
  { vendor: 'svm', apicv: true, x2apic: false },
];

describe.each(ways)('%o', (way) => {
  it('an interrupt waits for the end of the shadow', () => {
    const tm = waiting(way);
    expect([tm.v(1).arch.int_shadow, tm.v(1).arch.taken]).toEqual([true, []]);
    tm.advance(1);
    expect([tm.v(1).arch.int_shadow, tm.v(1).arch.taken]).toEqual([false, [0x41]]);
  });

  it('an exit of the host keeps it', () => {
    const tm = waiting(way);
    tm.k.exitExternalInterrupt(1, 0xec, 'sched_tick');
    tm.settle();
    expect([tm.v(1).arch.int_shadow, tm.v(1).arch.taken]).toEqual([true, []]);
    tm.advance(1);
    expect(tm.v(1).arch.taken).toEqual([0x41]);
  });

  it('STI and HLT: the interrupt that waits is taken, and nobody halts', () => {
    const tm = waiting(way);
    tm.k.exitHlt(1);
    tm.settle();
    expect([tm.v(1).arch.mp_state, tm.v(1).arch.taken]).toEqual([0, [0x41]]);
  });

  it('the next instruction ends it, with and without an exit', () => {
    for (const next of [
      (tm: TestMachine) => tm.k.guestSetCpl(1, 0),
      (tm: TestMachine) => tm.k.exitPause(1),
      (tm: TestMachine) => tm.k.exitHypercall(1, u64(1), u64(0), u64(0), u64(0), u64(0)),
      (tm: TestMachine) => tm.k.guestIcr(1, 0x4081, 0),
    ]) {
      const tm = waiting(way);
      next(tm);
      tm.settle();
      expect([tm.v(1).arch.int_shadow, tm.v(1).arch.taken]).toEqual([false, [0x41]]);
    }
  });

  it('STI with interrupts on casts none', () => {
    const tm = pair(way);
    tm.k.guestSetIf(1, true, true);
    expect(tm.v(1).arch.int_shadow).toBe(false);
  });
});

describe.each(['vmx', 'svm'] as const)('%s', (vendor) => {
  it('a WRMSR of the fast path ends it before it is traced', () => {
    const tm = waiting({ vendor });
    const seen: boolean[] = [];
    const traced = vi.spyOn(tm.k, 'trace_kvm_msr').mockImplementation(() => {
      seen.push(tm.v(1).arch.int_shadow);
    });
    tm.k.exitWrmsr64(1, MSR_X2APIC_ICR, 0x4081, 0);
    expect([traced.mock.calls[0]?.[1], seen[0]]).toEqual([MSR_X2APIC_ICR, false]);
  });

  it('a WRMSR of the slow path ends it behind its trace', () => {
    const tm = waiting({ vendor });
    const seen: boolean[] = [];
    vi.spyOn(tm.k, 'trace_kvm_msr').mockImplementation(() => {
      seen.push(tm.v(1).arch.int_shadow);
    });
    tm.k.exitWrmsr64(1, MSR_X2APIC_TPR, 0, 0);
    expect([seen[0], tm.v(1).arch.int_shadow]).toEqual([true, false]);
  });

  it('#GP does not skip the instruction: the exception is injected, and the interrupt behind it', () => {
    for (const access of [
      (tm: TestMachine) => tm.k.exitWrmsr64(1, MSR_X2APIC_TPR, 0, 1),
      (tm: TestMachine) => tm.k.exitRdmsr(1, MSR_X2APIC_SELF_IPI),
    ]) {
      const tm = waiting({ vendor });
      const skips = vi.spyOn(tm.k, 'kvm_skip_emulated_instruction');
      access(tm);
      expect(skips.mock.calls.length).toBe(0);
      tm.settle();
      expect(tm.v(1).arch.gp).toBe(true);
      const kvm = tm.seen('kvm');
      expect(kvm.slice(0, 4)).toEqual(['kvm_exit', 'kvm_msr', 'kvm_inj_exception', 'kvm_entry']);
      const { exception, has_error, error_code, reinjected } =
        tm.events.find((e) => e.event === 'kvm_inj_exception')?.fields ?? {};
      expect([exception, has_error, error_code, reinjected]).toEqual([13, true, 0, false]);
      // an exit was forced, and the interrupt came at the entry after it
      expect(kvm.slice(4)).toEqual(['kvm_exit', 'kvm_inj_virq', 'kvm_entry']);
      expect(tm.v(1).arch.taken).toEqual([0x41]);
    }
  });

  it('an exit before the entry keeps a #GP for the next', () => {
    const tm = waiting({ vendor });
    const vcpu = tm.v(1);
    tm.m.cpu = 1;
    tm.k.kvm_inject_gp(vcpu, 0);
    const immediate = { exit: false };
    tm.k.kvm_check_and_inject_events(vcpu, immediate);
    expect([immediate.exit, vcpu.arch.exception.injected]).toEqual([true, true]);
    tm.k.kvm_x86_cancel_injection(vcpu);
    expect(vcpu.arch.event_inj).toBe(-1);
    expect(vcpu.arch.exception).toMatchObject({ pending: false, injected: true, vector: 13, has_error_code: true });
  });

  it('SMM puts it by, and RSM brings it back', () => {
    const tm = waiting({ vendor });
    const vcpu = tm.v(1);
    tm.k.guestSetCpl(1, 0);
    tm.k.guestSetIf(1, false);
    tm.k.guestSetIf(1, true, true);
    vcpu.arch.cpl = 3;
    vcpu.arch.smi_pending = true;
    tm.k.kvm_make_request(KVM_REQ_EVENT, vcpu);
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_kick(vcpu);
    tm.settle();
    expect([vcpu.arch.int_shadow, vcpu.arch.if_flag, vcpu.arch.cpl, vcpu.arch.nmi_masked]).toEqual([
      ...[false, false, 0, true],
    ]);
    tm.k.emulator_leave_smm(vcpu);
    expect([vcpu.arch.int_shadow, vcpu.arch.if_flag, vcpu.arch.cpl, vcpu.arch.nmi_masked]).toEqual([
      ...[true, true, 3, false],
    ]);
    const transitions = tm.events.filter((e) => e.event === 'kvm_smm_transition').map((e) => e.fields);
    expect(transitions).toEqual([
      { vcpu_id: 1, smbase: '0x30000', entering: true },
      { vcpu_id: 1, smbase: '0x30000', entering: false },
    ]);
  });

  it('INIT flushes the TLB of the guest, and on SVM leaves the shadow and the event to inject', () => {
    const tm = waiting({ vendor });
    const vcpu = tm.v(1);
    tm.m.cpu = 1;
    vcpu.arch.event_inj = 0x51;
    vcpu.arch.vmcb.v_tpr = 4;
    vcpu.arch.regs.rax = u64(7);
    tm.k.kvm_vcpu_reset(vcpu, true);
    const left = vendor === 'svm';
    expect([vcpu.arch.int_shadow, vcpu.arch.event_inj]).toEqual(left ? [true, 0x51] : [false, -1]);
    if (left) expect(vcpu.arch.vmcb.v_tpr).toBe(0);
    expect([vcpu.arch.if_flag, vcpu.arch.cpl, vcpu.arch.regs.rax]).toEqual([false, 0, u64(0)]);
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH_GUEST, vcpu)).toBe(true);
    const flushes = vcpu.stat.tlb_flush;
    tm.k.kvm_service_local_tlb_flush_requests(vcpu);
    expect([vcpu.stat.tlb_flush - flushes, tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH_GUEST, vcpu)]).toEqual([1, false]);
    tm.k.kvm_vcpu_reset(vcpu, false);
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH_GUEST, vcpu)).toBe(false);
  });
});
