// SPDX-License-Identifier: GPL-2.0-only
/** PLE windows (VMX) and pause filters (SVM): growth, saturation, shrinking, wrap; and when they happen. */
import { describe, expect, it } from 'vitest';
import { type TestMachine, testMachine } from '../kvm/machine.js';

const windows = (tm: TestMachine): unknown[] =>
  tm.events.filter((e) => e.event === 'kvm_ple_window_update').map((e) => [e.fields.old, e.fields.new]);

function one(vendor: 'vmx' | 'svm'): TestMachine {
  const tm = testMachine(1, { vendor, vcpus: 1, x2apic: true });
  tm.seen();
  return tm;
}

describe('VMX', () => {
  it('doubles twenty times from 4096, saturates, and says nothing any more', () => {
    const tm = one('vmx');
    const sizes: number[] = [];
    for (let i = 0; i < 24; i++) {
      tm.k.exitPause(0);
      sizes.push(tm.v(0).arch.ple_window);
    }
    expect(sizes.slice(0, 3)).toEqual([8192, 16384, 32768]);
    expect(sizes.slice(17)).toEqual([
      1073741824, 2147483648, 4294967295, 4294967295, 4294967295, 4294967295, 4294967295,
    ]);
    expect(windows(tm).length).toBe(20);
    // written at the next entry
    expect(tm.v(0).arch.vmcs.ple_window).toBe(4294967295);
    expect(tm.v(0).arch.ple_window_dirty).toBe(false);
  });

  it('adds a factor that is not below the base', () => {
    const tm = one('vmx');
    expect(tm.k.__grow_ple_window(4096, 4096, 5000, 0xffff_ffff)).toBe(9096);
    expect(tm.k.__grow_ple_window(4096, 4096, 0, 0xffff_ffff)).toBe(4096);
    expect(tm.k.__grow_ple_window(0xffff_ffff, 4096, 4095, 0xffff_ffff)).toBe(0xffff_ffff);
  });

  it('wraps when it subtracts more than there is', () => {
    const tm = one('vmx');
    expect(tm.k.__shrink_ple_window(4096, 4096, 5000, 4096)).toBe(4294966392);
    expect(tm.k.__shrink_ple_window(8192, 4096, 2, 4096)).toBe(4096);
    expect(tm.k.__shrink_ple_window(9000, 4096, 4096, 4096)).toBe(4904);
    expect(tm.k.__shrink_ple_window(1 << 20, 4096, 0, 4096)).toBe(4096);
  });

  it('goes back to the base when it was scheduled out, for whatever reason', () => {
    const tm = one('vmx');
    tm.k.exitPause(0);
    tm.k.exitHlt(0);
    tm.settle();
    tm.m.cpu = 0;
    tm.k.kvm_make_request(8 + 6, tm.v(0));
    tm.v(0).arch.pv.pv_unhalted = true;
    tm.k.kvm_vcpu_wake_up(tm.v(0));
    tm.settle();
    expect(windows(tm)).toEqual([
      [4096, 8192],
      [8192, 4096],
    ]);
    expect(tm.v(0).scheduled_out).toBe(false);
  });

  it('but not on a plain vcpu_load()', () => {
    const tm = one('vmx');
    tm.k.exitPause(0);
    tm.m.cpu = 0;
    tm.k.kvm_arch_vcpu_load(tm.v(0), 0);
    expect(tm.v(0).arch.ple_window).toBe(8192);
  });

  it('does not exit at CPL 3, nor where the VM may spin', () => {
    const tm = one('vmx');
    tm.k.guestSetCpl(0, 3);
    expect(tm.k.exitPause(0)).toBe(false);
    tm.k.guestSetCpl(0, 0);
    const spinning = testMachine(1, { vendor: 'vmx', vcpus: 1 }, [], undefined, (m) => {
      m.kvm_x86_params.ple_gap = 0;
    });
    expect(spinning.m.kvm[0].arch.pause_in_guest).toBe(true);
    expect(spinning.k.exitPause(0)).toBe(false);
  });
});

describe('SVM', () => {
  it('doubles from 3000 to 65535', () => {
    const tm = one('svm');
    const sizes: number[] = [];
    for (let i = 0; i < 7; i++) {
      tm.k.exitPause(0);
      sizes.push(tm.v(0).arch.vmcb.pause_filter_count);
    }
    expect(sizes).toEqual([6000, 12000, 24000, 48000, 65535, 65535, 65535]);
  });

  it('cuts what wraps to 16 bits', () => {
    const tm = one('svm');
    tm.m.kvm_x86_params.pause_filter_count_shrink = 5000;
    tm.v(0).arch.vmcb.pause_filter_count = 3000;
    tm.k.svm_shrink_ple_window(tm.v(0));
    expect(tm.v(0).arch.vmcb.pause_filter_count).toBe((3000 - 5000) & 0xffff);
  });

  it('asks for user-mode candidates too when it spins in user mode', () => {
    const tm = testMachine(1, { vendor: 'svm', vcpus: 2, x2apic: true });
    tm.k.guestSetCpl(0, 3);
    tm.advance(3_000_000);
    tm.tick(0); // vCPU 0 is preempted in user mode
    expect(tm.v(0).arch.preempted_in_kernel).toBe(false);
    tm.advance(2_900_000);
    tm.k.exitPause(0); // vCPU 1, kernel
    tm.settle();
    expect(tm.m.rq[0].curr).toBe(tm.t(1).id);
    tm.k.guestSetCpl(0, 3);
    tm.advance(200_000);
    tm.k.exitPause(0); // vCPU 1, user
    tm.settle();
    expect(tm.v(1).spin_loop.in_spin_loop).toBe(true);
    expect(tm.m.rq[0].curr).toBe(tm.t(0).id);
  });
});
