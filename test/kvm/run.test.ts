// SPDX-License-Identifier: GPL-2.0-only
/** A vCPU's thread through KVM_RUN: entry, exits, preemption, directed yield, halt; what the trace shows. */
import { describe, expect, it } from 'vitest';
import { testMachine } from './machine.js';

describe('a vCPU thread', () => {
  it('enters the guest, and its kernel stack says where it is', () => {
    const tm = testMachine(1, { vendor: 'vmx', vcpus: 1, x2apic: true });
    expect(tm.seen('kvm')).toEqual(['kvm_apicv_inhibit_changed', 'kvm_apic', 'kvm_entry']);
    expect(tm.t(0).kernel_stack.map((f) => f.fn)).toEqual([
      'vmx_vcpu_runExit',
      'vcpu_enter_guestRan',
      'vcpu_runTurn',
      'kvm_arch_vcpu_ioctl_runOut',
      'kvm_vcpu_ioctlRan',
      'vcpuRunReturned',
    ]);
    expect(tm.v(0).mode).toBe(1);
    expect(tm.v(0).wants_to_run).toBe(true);
  });

  it('is preempted by the tick between exit and entry', () => {
    const tm = testMachine(1, { vendor: 'vmx', vcpus: 2, x2apic: true });
    tm.seen();
    tm.advance(4_000_000);
    tm.tick(0);
    expect(tm.seen()).toEqual(['kvm_exit', 'sched_stat_runtime', 'sched_switch', 'kvm_entry']);
    expect([tm.v(0).preempted, tm.v(0).ready, tm.v(0).scheduled_out]).toEqual([true, true, true]);
    expect([tm.v(1).preempted, tm.v(1).ready, tm.v(1).scheduled_out]).toEqual([false, false, false]);
  });

  it('stays in its spin loop while it is descheduled by its own yield', () => {
    const tm = testMachine(1, { vendor: 'vmx', vcpus: 2, x2apic: true });
    tm.advance(4_000_000);
    tm.tick(0); // vCPU 1 has run nothing: it comes
    tm.advance(3_900_000); // vCPU 0 has had a bit more
    tm.seen();
    expect(tm.k.exitPause(0)).toBe(true);
    tm.settle();
    expect(tm.seen()).toEqual(['kvm_exit', 'kvm_ple_window_update', 'sched_stat_runtime', 'sched_switch', 'kvm_entry']);
    // vCPU 1 has yielded to vCPU 0: everything behind the yield is still to come
    expect(tm.v(1).spin_loop).toEqual({ in_spin_loop: true, dy_eligible: false });
    expect(tm.v(1).arch.ple_window).toBe(8192);
    expect(tm.m.kvm[0].last_boosted_vcpu).toBe(0);
    expect(tm.t(1).kernel_stack.map((f) => f.fn)).toEqual([
      'kvm_vcpu_on_spinYielded',
      'kvm_skip_emulated_instructionOf',
      'vcpu_runTurn',
      'kvm_arch_vcpu_ioctl_runOut',
      'kvm_vcpu_ioctlRan',
      'vcpuRunReturned',
    ]);
  });
});
