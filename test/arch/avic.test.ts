// SPDX-License-Identifier: GPL-2.0-only
/** AVIC going on and off: whose writes of CR8 exit, what is flushed, and the logical ID table. */
import { describe, expect, it } from 'vitest';
import {
  APICV_INHIBIT_REASON_ABSENT,
  KVM_REQ_APIC_PAGE_RELOAD,
  KVM_REQ_TLB_FLUSH_CURRENT,
} from '../../src/arch/x86/kvm_host.js';
import { u64 } from '../../src/lib/types.js';
import { testMachine } from '../kvm/machine.js';

const avic = () => testMachine(2, { vendor: 'svm', vcpus: 2, apicv: true, x2apic: false }, [[0], [1]]);

describe('AVIC', () => {
  it('active, writes of CR8 do not exit; inhibited, they do until CR8 is looked at', () => {
    const tm = avic();
    const vcpu = tm.v(1);
    expect([vcpu.arch.apic.apicv_active, vcpu.arch.vmcb.intercept_cr8_write]).toEqual([true, false]);
    tm.m.cpu = 1;
    vcpu.arch.apic.apicv_active = false;
    tm.k.avic_refresh_virtual_apic_mode(vcpu);
    expect(vcpu.arch.vmcb.intercept_cr8_write).toBe(true);
    vcpu.arch.apic.apicv_active = true;
    tm.k.kvm_clear_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
    tm.k.avic_refresh_virtual_apic_mode(vcpu);
    expect(vcpu.arch.vmcb.intercept_cr8_write).toBe(false);
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu)).toBe(true);
  });

  it('goes off and on with an inhibit of the VM', () => {
    const tm = avic();
    const vcpu = tm.v(1);
    tm.m.cpu = 0;
    tm.k.kvm_set_apicv_inhibit(tm.m.kvm[0], APICV_INHIBIT_REASON_ABSENT);
    tm.settle();
    expect([vcpu.arch.apic.apicv_active, vcpu.arch.vmcb.is_running]).toEqual([false, false]);
    // kvm_lapic_update_cr8_intercept(): nothing waits behind TPR
    expect(vcpu.arch.vmcb.intercept_cr8_write).toBe(false);
    const flushes = vcpu.stat.tlb_flush;
    tm.m.cpu = 0;
    tm.k.kvm_clear_apicv_inhibit(tm.m.kvm[0], APICV_INHIBIT_REASON_ABSENT);
    tm.settle();
    expect([vcpu.arch.apic.apicv_active, vcpu.arch.vmcb.is_running]).toEqual([true, true]);
    expect(vcpu.stat.tlb_flush).toBe(flushes + 1);
  });

  it('a reset initialises the VMCB as AVIC stands', () => {
    const tm = avic();
    const vcpu = tm.v(1);
    tm.m.cpu = 1;
    vcpu.arch.vmcb.intercept_cr8_write = true;
    tm.k.init_vmcb(vcpu);
    expect(vcpu.arch.vmcb.intercept_cr8_write).toBe(false);
    vcpu.arch.apic.apicv_active = false;
    tm.k.init_vmcb(vcpu);
    expect(vcpu.arch.vmcb.intercept_cr8_write).toBe(true);
  });

  it('the guest lowers TPR without an exit, and KVM learns of it at the next', () => {
    const tm = avic();
    const vcpu = tm.v(1);
    vcpu.arch.vmcb.v_tpr = 5;
    tm.tick(1);
    expect(vcpu.arch.apic.regs[0x80 >> 2] >> 4).toBe(5);
  });
});

it('on VMX a change to xAPIC mode reloads the APIC-access page and flushes the TLB', () => {
  const tm = testMachine(1, { vendor: 'vmx', vcpus: 1, x2apic: false });
  const vcpu = tm.v(0);
  for (const [base, asked] of [
    [0xfee0_0800, true],
    [0xfee0_0c00, false],
    [0xfee0_0000, false],
  ] as const) {
    vcpu.arch.apic_base = u64(base);
    tm.k.kvm_clear_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu);
    tm.k.kvm_clear_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
    tm.k.kvm_x86_set_virtual_apic_mode(vcpu);
    expect(tm.k.kvm_test_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu)).toBe(asked);
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu)).toBe(asked);
  }
});
