// SPDX-License-Identifier: GPL-2.0-only
/** Requests to vCPUs: who is woken, who is interrupted, what is left to do; and what a vCPU does with them. */
import { describe, expect, it } from 'vitest';
import {
  KVM_REQ_APICV_UPDATE,
  KVM_REQ_EVENT,
  KVM_REQ_IOAPIC_EOI_EXIT,
  KVM_REQ_NMI,
  KVM_REQ_SCAN_IOAPIC,
} from '../../src/arch/x86/kvm_host.js';
import { KVM_REQ_OUTSIDE_GUEST_MODE, KVM_REQ_TLB_FLUSH, KVM_REQ_UNBLOCK } from '../../src/kvm/kvm_host.js';
import { NotModelled } from '../../src/lib/bug.js';
import { type TestMachine, testMachine } from './machine.js';

function four(): TestMachine {
  // on a CPU each: in the guest, in the guest, halted; the fourth waits behind the first
  const tm = testMachine(3, { vendor: 'vmx', vcpus: 4, x2apic: true }, [[0], [1], [2], [0]]);
  tm.k.exitHlt(2);
  tm.settle();
  if (tm.m.rq[0].curr !== tm.t(0).id) throw new Error('vCPU 0 is to run');
  tm.seen();
  tm.m.cpu = 0;
  return tm;
}

describe('requests', () => {
  it('are bits by number, whatever flags come with it', () => {
    const tm = four();
    tm.k.kvm_make_request(KVM_REQ_SCAN_IOAPIC, tm.v(3));
    expect(tm.k.kvm_test_request(23, tm.v(3))).toBe(true);
    expect(tm.k.kvm_check_request(KVM_REQ_SCAN_IOAPIC, tm.v(3))).toBe(true);
    expect(tm.k.kvm_check_request(KVM_REQ_SCAN_IOAPIC, tm.v(3))).toBe(false);
    tm.k.kvm_make_request(8 + 34, tm.v(3));
    expect(tm.k.kvm_test_request(8 + 34, tm.v(3))).toBe(true);
    expect(tm.k.kvm_test_request(8 + 2, tm.v(3))).toBe(false);
  });

  it('to all: the sleeper is woken, whoever is in the guest elsewhere is interrupted', () => {
    const tm = four();
    expect(tm.k.kvm_make_all_cpus_request(tm.m.kvm[0], KVM_REQ_EVENT)).toBe(true);
    expect(tm.v(2).stat.halt_wakeup).toBe(1);
    // vCPU 0's CPU is the caller's own
    const ipis = tm.events.filter((e) => e.event === 'ipi_send_cpu' && e.fields.callsite !== '__smp_call_single_queue');
    expect(ipis.map((e) => e.fields.cpu)).toEqual([1]);
    expect([tm.v(0).mode, tm.v(1).mode, tm.v(2).mode]).toEqual([2, 2, 0]);
    tm.settle();
    expect(tm.v(2).arch.mp_state).toBe(3); // KVM_REQ_EVENT alone is no reason to run: it looked, and sleeps again
    expect(tm.v(1).mode).toBe(1);
  });

  it('of the kind that wakes nobody', () => {
    const tm = four();
    tm.k.kvm_make_all_cpus_request(tm.m.kvm[0], KVM_REQ_TLB_FLUSH);
    expect(tm.v(2).stat.halt_wakeup).toBe(0);
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH, tm.v(2))).toBe(true);
    tm.settle();
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH, tm.v(1))).toBe(false);
    expect(tm.k.kvm_test_request(KVM_REQ_TLB_FLUSH, tm.v(2))).toBe(true);
  });

  it('of the kind that only gets vCPUs out of the guest', () => {
    const tm = four();
    tm.k.kvm_make_all_cpus_request(tm.m.kvm[0], KVM_REQ_OUTSIDE_GUEST_MODE);
    expect(tm.m.vcpu.map((v) => tm.k.kvm_request_pending(v) && v.vcpu_idx === 1)).toEqual([false, false, false, false]);
    expect(tm.v(1).mode).toBe(2);
  });

  it('nobody is called when all are elsewhere already, or it is oneself', () => {
    const tm = four();
    tm.m.cpu = 1;
    const called = tm.k.kvm_make_vcpus_request_mask(tm.m.kvm[0], KVM_REQ_EVENT, [1, 2, 9]);
    expect(called).toBe(false);
    tm.settle();
  });

  it('waiting needs an interrupt for any mode but OUTSIDE, others only for IN_GUEST', () => {
    const tm = four();
    tm.v(1).mode = 3; // READING_SHADOW_PAGE_TABLES
    expect(tm.k.kvm_request_needs_ipi(tm.v(1), KVM_REQ_TLB_FLUSH)).toBe(true);
    expect(tm.k.kvm_request_needs_ipi(tm.v(1), KVM_REQ_EVENT)).toBe(false);
    tm.v(1).mode = 0;
    expect(tm.k.kvm_request_needs_ipi(tm.v(1), KVM_REQ_TLB_FLUSH)).toBe(false);
    tm.v(1).mode = 1;
  });

  it('one that nobody serves is not passed over', () => {
    const tm = four();
    tm.k.kvm_make_request(8 + 21, tm.v(1)); // KVM_REQ_HV_EXIT
    tm.k.kvm_vcpu_kick(tm.v(1));
    expect(() => tm.settle()).toThrow(NotModelled);
  });

  it('KVM_REQ_UNBLOCK costs a vCPU in the guest one exit', () => {
    const tm = four();
    tm.k.kvm_make_request(KVM_REQ_UNBLOCK, tm.v(1));
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    expect(tm.seen('kvm')).toEqual(['kvm_exit', 'kvm_entry']);
    expect(tm.k.kvm_request_pending(tm.v(1))).toBe(false);
  });

  it('an EOI for userspace leaves KVM_RUN only while the vector is handled, and comes back', () => {
    const tm = four();
    for (const [handled, want] of [
      [0, 0],
      [1 << 1, 1],
    ]) {
      tm.v(1).arch.ioapic_handled_vectors[2] = handled;
      tm.v(1).arch.pending_ioapic_eoi = 0x41;
      tm.m.cpu = 0;
      tm.k.kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, tm.v(1));
      tm.k.kvm_vcpu_kick(tm.v(1));
      tm.settle();
      expect(tm.seen('kvm').filter((e) => e === 'kvm_userspace_exit').length).toBe(want);
      expect(tm.k.guestOn(1)).toBe(tm.v(1).id);
    }
  });

  it('an NMI is pending work for a candidate, an interrupt in IRR alone is not', () => {
    const tm = four();
    tm.k.kvm_lapic_set_irr(0x41, tm.v(2).arch.apic);
    expect(tm.k.kvm_arch_dy_runnable(tm.v(2))).toBe(false);
    tm.k.kvm_make_request(KVM_REQ_NMI, tm.v(2));
    expect(tm.k.kvm_arch_dy_runnable(tm.v(2))).toBe(true);
  });

  it('APICv inhibits: asked of everybody before the word changes, told at every call', () => {
    const tm = testMachine(2, { vendor: 'vmx', vcpus: 2, x2apic: true, apicv: true }, [[0], [1]]);
    tm.seen();
    tm.m.cpu = 0;
    tm.k.kvm_set_apicv_inhibit(tm.m.kvm[0], 3); // BLOCKIRQ
    expect(tm.k.kvm_test_request(KVM_REQ_APICV_UPDATE, tm.v(1))).toBe(true);
    tm.k.kvm_set_apicv_inhibit(tm.m.kvm[0], 3);
    tm.k.kvm_set_apicv_inhibit(tm.m.kvm[0], 8); // IRQWIN: none of VMX's
    expect(tm.seen().filter((e) => e === 'kvm_apicv_inhibit_changed').length).toBe(2);
    tm.settle();
    expect(tm.v(1).arch.apic.apicv_active).toBe(false);
    tm.m.cpu = 0;
    tm.k.kvm_clear_apicv_inhibit(tm.m.kvm[0], 3);
    tm.settle();
    expect(tm.v(1).arch.apic.apicv_active).toBe(true);
  });
});

describe('creation', () => {
  it('refuses an id twice, beyond the maximum, and one vCPU too many', () => {
    const tm = testMachine(1, null);
    const id = tm.k.kvm_create_vm(tm.k.newKvmArch('vmx'));
    const kvm = tm.m.kvm[id];
    expect(tm.k.kvm_vm_ioctl_create_vcpu(kvm, 5)).toBe(0);
    expect(tm.k.kvm_vm_ioctl_create_vcpu(kvm, 5)).toBe(-17);
    expect(tm.k.kvm_vm_ioctl_create_vcpu(kvm, 4096)).toBe(-22);
    kvm.max_vcpus = 2;
    expect(tm.k.kvm_vm_ioctl_create_vcpu(kvm, 6)).toBe(0);
    expect(tm.k.kvm_vm_ioctl_create_vcpu(kvm, 7)).toBe(-22);
    expect([kvm.created_vcpus, kvm.vcpus.length, tm.m.vcpu.length]).toEqual([2, 2, 2]);
    expect(tm.m.vcpu.map((v) => [v.vcpu_id, v.vcpu_idx, v.arch.mp_state])).toEqual([
      [5, 0, 1],
      [6, 1, 1],
    ]);
  });

  it('an AP that waits for INIT and SIPI runs when it has had both', () => {
    const tm = testMachine(2, { vendor: 'vmx', vcpus: 2, x2apic: true }, [[0], [1]]);
    tm.v(1).arch.mp_state = 1;
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(true);
    tm.k.guestIcr(0, 0x4500, 1);
    tm.settle();
    expect(tm.v(1).arch.mp_state).toBe(2);
    tm.k.guestIcr(0, 0x4608, 1);
    tm.settle();
    expect(tm.v(1).arch.mp_state).toBe(0);
    expect(tm.v(1).arch.sipi_cs_base).toBe(0x8000);
    expect(tm.k.guestOn(1)).toBe(tm.v(1).id);
  });
});
