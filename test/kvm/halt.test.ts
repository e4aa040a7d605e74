// SPDX-License-Identifier: GPL-2.0-only
/** Halting: polling as time that passes, blocking, waking; growing and shrinking of the polling window. */
import { describe, expect, it } from 'vitest';
import { APIC_DM_FIXED } from '../../src/lapic/apicdef.js';
import { toNumber, u64 } from '../../src/lib/types.js';
import { type TestMachine, testMachine } from './machine.js';

/** Two vCPUs, each with a CPU of its own. */
function pair(vendor: 'vmx' | 'svm' = 'vmx', apicv = false): TestMachine {
  const tm = testMachine(2, { vendor, vcpus: 2, x2apic: true, apicv }, [[0], [1]]);
  tm.seen();
  return tm;
}

/** vCPU 0 sends a fixed interrupt to vCPU 1. */
function ipi(tm: TestMachine, vector = 0x40): void {
  tm.k.guestIcr(0, APIC_DM_FIXED | 0x4000 | vector, 1);
  tm.settle();
}

/** vCPU 1 halts and is woken after so many ns, by an interrupt that it ends. */
function haltFor(tm: TestMachine, ns: number): void {
  tm.k.exitHlt(1);
  tm.settle();
  // a machine steps polling at its deadline
  const deadline = tm.k.pollingOn(1) === -1 ? ns : tm.v(1).halt_poll_ns;
  if (deadline < ns) {
    tm.advance(deadline);
    tm.advance(ns - deadline);
  } else tm.advance(ns);
  ipi(tm);
  expect(tm.v(1).arch.taken.shift()).toBe(0x40);
  tm.k.guestEoi(1);
  tm.k.guestIret(1);
  tm.settle();
}

describe('the polling window', () => {
  it('doubles from 10 us, is stored and told uncapped, and clamped in silence by the next halt', () => {
    const tm = pair();
    const grown: number[] = [];
    for (let i = 0; i < 8; i++) {
      haltFor(tm, 190_000);
      grown.push(tm.v(1).halt_poll_ns);
    }
    expect(grown).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 200_000, 200_000]);
    const told = tm.events.filter((e) => e.event === 'kvm_halt_poll_ns').map((e) => [e.fields.old, e.fields.new]);
    expect(told).toEqual([
      [0, 10_000],
      [10_000, 20_000],
      [20_000, 40_000],
      [40_000, 80_000],
      [80_000, 160_000],
      [160_000, 320_000],
    ]);
  });

  it('halves after long blocks, down to nothing below the start value', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 200_000;
    const shrunk: number[] = [];
    for (let i = 0; i < 6; i++) {
      haltFor(tm, 5_000_000);
      shrunk.push(tm.v(1).halt_poll_ns);
    }
    expect(shrunk).toEqual([100_000, 50_000, 25_000, 12_500, 0, 0]);
  });

  it('neither grows nor shrinks for a halt of exactly the maximum', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 20_000;
    haltFor(tm, 200_000);
    expect(tm.v(1).halt_poll_ns).toBe(20_000);
  });

  it('wraps at 32 bits', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 0x8000_1000;
    tm.k.grow_halt_poll_ns(tm.v(1));
    expect(tm.v(1).halt_poll_ns).toBe(10_000); // 0x2000 is below the start value
    tm.v(1).halt_poll_ns = 0x8100_0000;
    tm.k.grow_halt_poll_ns(tm.v(1));
    expect(tm.v(1).halt_poll_ns).toBe(0x0200_0000);
  });

  it('goes to zero without a word when the maximum is zero', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 20_000;
    tm.m.kvm_params.halt_poll_ns = 0;
    haltFor(tm, 30_000);
    expect(tm.v(1).halt_poll_ns).toBe(0);
    expect(tm.events.some((e) => e.event === 'kvm_halt_poll_ns')).toBe(false);
  });

  it('grow factor 0 tells of a change that is none', () => {
    const tm = pair();
    tm.m.kvm_params.halt_poll_ns_grow = 0;
    tm.k.grow_halt_poll_ns(tm.v(1));
    expect(tm.events.at(-1)?.fields).toEqual({ grow: true, vcpu_id: 1, new: 0, old: 0 });
    tm.v(1).halt_poll_ns = 50_000;
    tm.m.kvm_params.halt_poll_ns_shrink = 0;
    tm.k.shrink_halt_poll_ns(tm.v(1));
    expect(tm.v(1).halt_poll_ns).toBe(0);
  });

  it("is the VM's own after KVM_CAP_HALT_POLL", () => {
    const tm = pair();
    tm.m.kvm[0].override_halt_poll_ns = true;
    tm.m.kvm[0].max_halt_poll_ns = 5_000;
    tm.v(1).halt_poll_ns = 200_000;
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.v(1).halt_poll_ns).toBe(5_000);
    expect(toNumber(tm.v(1).halt.stop) - toNumber(tm.m.sched_clock)).toBe(5_000);
  });
});

describe('polling', () => {
  it('succeeds when work comes while nobody else wants the CPU', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 100_000;
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.k.pollingOn(1)).toBe(tm.v(1).id);
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(false);
    tm.advance(60_000);
    tm.seen();
    ipi(tm);
    expect(tm.seen().filter((e) => e.startsWith('sched'))).toEqual([]);
    const wakeup = tm.events.findLast((e) => e.event === 'kvm_vcpu_wakeup');
    expect(wakeup?.fields).toEqual({ ns: 60_000, waited: false, valid: true });
    expect(tm.v(1).stat.halt_successful_poll).toBe(1);
    expect(toNumber(tm.v(1).stat.halt_poll_success_ns)).toBe(60_000);
    expect(tm.v(1).arch.mp_state).toBe(0);
  });

  it('ends at its deadline and blocks', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 100_000;
    tm.k.exitHlt(1);
    tm.settle();
    tm.seen();
    tm.advance(99_999);
    expect(tm.k.pollingOn(1)).not.toBe(-1);
    tm.advance(1);
    expect(tm.k.pollingOn(1)).toBe(-1);
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(true);
    expect(tm.seen()).toEqual(['sched_stat_runtime', 'sched_switch']);
    tm.advance(50_000);
    ipi(tm);
    const { stat } = tm.v(1);
    expect([stat.halt_attempted_poll, stat.halt_successful_poll]).toEqual([1, 0]);
    expect(toNumber(stat.halt_poll_fail_ns)).toBe(100_000);
    expect(toNumber(stat.halt_wait_ns)).toBe(50_000);
  });

  it('ends at once when another task comes', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 200_000;
    tm.k.exitHlt(1);
    tm.settle();
    tm.advance(10_000);
    tm.host('other', [1]);
    expect(tm.k.pollingOn(1)).toBe(-1);
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(true);
    expect([tm.v(1).preempted, tm.v(1).ready]).toEqual([false, false]);
  });

  it('is not tried when the guest polls by itself, and nothing grows then', () => {
    const tm = pair();
    tm.v(1).halt_poll_ns = 100_000;
    tm.v(1).arch.msr_kvm_poll_control = u64(0);
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.k.pollingOn(1)).toBe(-1);
    tm.advance(50_000);
    ipi(tm);
    expect(tm.v(1).halt_poll_ns).toBe(100_000);
    expect(tm.v(1).stat.halt_attempted_poll).toBe(0);
  });
});

describe('blocking and waking', () => {
  it('wakes first, then says ready; the wakened one clears it when it is on', () => {
    const tm = pair();
    tm.host('busy', [1]);
    tm.advance(1_000_000);
    tm.tick(1);
    while (tm.m.rq[1].curr !== tm.t(1).id) {
      tm.advance(4_000_000);
      tm.tick(1);
    }
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.t(1).kernel_stack.map((f) => f.fn)).toEqual([
      'kvm_vcpu_blockLoop',
      'kvm_vcpu_haltBlocked',
      'vcpu_blockWoken',
      'vcpu_runTurn',
      'kvm_arch_vcpu_ioctl_runOut',
      'kvm_vcpu_ioctlRan',
      'vcpuRunReturned',
    ]);
    tm.m.cpu = 0;
    expect(tm.k.kvm_vcpu_wake_up(tm.v(1))).toBe(true);
    expect([tm.v(1).ready, tm.v(1).preempted, tm.v(1).stat.halt_wakeup]).toEqual([true, false, 1]);
    // a second waker finds nobody to wake
    expect(tm.k.kvm_vcpu_wake_up(tm.v(1))).toBe(false);
    tm.settle();
  });

  it('goes back to sleep for a wake-up without work, still halted', () => {
    const tm = pair();
    tm.k.exitHlt(1);
    tm.settle();
    tm.seen();
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_wake_up(tm.v(1));
    tm.settle();
    expect(tm.v(1).arch.mp_state).toBe(3);
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(true);
    expect(tm.seen()).not.toContain('kvm_vcpu_wakeup');
  });

  it('KVM_REQ_UNBLOCK ends the block, not the halt', () => {
    const tm = pair();
    tm.k.exitHlt(1);
    tm.settle();
    tm.seen();
    tm.m.cpu = 0;
    tm.k.kvm_make_request(2, tm.v(1));
    tm.k.kvm_vcpu_wake_up(tm.v(1));
    tm.settle();
    // told once for the block that ended; it halts again
    expect(tm.seen().filter((e) => e === 'kvm_vcpu_wakeup')).toEqual(['kvm_vcpu_wakeup']);
    expect(tm.v(1).arch.mp_state).toBe(3);
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(true);
  });

  it('a kick to one in the guest is one reschedule interrupt; a second kick finds it exiting', () => {
    const tm = pair();
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.k.kvm_vcpu_kick(tm.v(1));
    expect(tm.v(1).mode).toBe(2);
    expect(tm.seen().filter((e) => e === 'ipi_send_cpu').length).toBeLessThanOrEqual(1);
    tm.settle();
    expect(tm.seen()).toEqual(['kvm_exit', 'kvm_entry']);
    expect(tm.v(1).mode).toBe(1);
  });

  it('tells no wakeup of an AP that waits for INIT', () => {
    const tm = pair();
    tm.v(1).arch.mp_state = 2;
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_kick(tm.v(1));
    tm.settle();
    tm.seen();
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(1))).toBe(true);
    expect(tm.events.some((e) => e.event === 'kvm_vcpu_wakeup')).toBe(false);
  });

  it('pv_unhalted lets the next HLT through, once', () => {
    const tm = pair();
    tm.v(1).arch.pv.pv_unhalted = true;
    tm.k.exitHlt(1);
    tm.settle();
    expect([tm.v(1).arch.mp_state, tm.v(1).arch.pv.pv_unhalted]).toEqual([0, false]);
    expect(tm.k.guestOn(1)).toBe(tm.v(1).id);
    tm.k.exitHlt(1);
    tm.settle();
    expect(tm.v(1).arch.mp_state).toBe(3);
  });
});
