// SPDX-License-Identifier: GPL-2.0-only
/** kvm_vcpu_on_spin(): who is asked, in which order, what an answer costs, and what is remembered. */

import { describe, expect, it } from 'vitest';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { type TestMachine, testMachine } from './machine.js';
import { withStubs } from './stub.js';

const v6_19 = kernelByName('v6.19-rc1');
const kernels: [string, Kernel][] = [
  ['v6.12.117', linux_6_12],
  ['v6.19-rc1', v6_19],
];

/** n vCPUs, none loaded; `answers[i]` is what yielding to vCPU i gives; `asked` gets the order. */
function spinners(
  kernel: Kernel,
  n: number,
  answers: number[],
  asked: number[],
  vendor: 'vmx' | 'svm' = 'vmx',
): TestMachine {
  const stub = function kvm_vcpu_yield_to(target: kvm_vcpu): number {
    asked.push(target.vcpu_idx);
    return answers[target.vcpu_idx];
  };
  const tm = testMachine(1, { vendor, vcpus: n, x2apic: true }, [], withStubs({ kvm_vcpu_yield_to: stub }, kernel));
  for (let i = 0; i < n; i++) {
    tm.v(i).ready = true;
    tm.v(i).preempted = true;
    tm.v(i).arch.preempted_in_kernel = true;
  }
  return tm;
}

/** vCPU `me` spins; what is left of a yield runs at once. */
function spin(tm: TestMachine, me: number, kernelMode = true): void {
  const current = tm.k.get_current();
  const rest = current.kernel_stack;
  current.kernel_stack = [];
  tm.k.kvm_vcpu_on_spin(tm.v(me), kernelMode);
  tm.k.unwindKernelStack(0);
  current.kernel_stack = rest;
}

describe.each(kernels)('kvm_vcpu_on_spin() of %s', (_name, kernel) => {
  it('asks index 1 first and 0 last', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 5, [0, 0, 0, 0, 0], asked);
    spin(tm, 3);
    expect(asked).toEqual([1, 2, 4, 0]);
  });

  it('boosts everybody in turn', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 5, [1, 1, 1, 1, 1], asked);
    for (let i = 0; i < 8; i++) spin(tm, 2);
    expect(asked).toEqual([1, 3, 4, 0, 1, 3, 4, 0]);
    expect(tm.m.kvm[0].last_boosted_vcpu).toBe(0);
  });

  it('gives up after three answers of -ESRCH', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 8, new Array(8).fill(-3), asked);
    spin(tm, 0);
    expect(asked).toEqual([1, 2, 3]);
    expect(tm.m.kvm[0].last_boosted_vcpu).toBe(0);
  });

  it('asks on for nothing when the answer is 0', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 8, [-3, 0, 0, -3, 0, 0, -3, 0], asked);
    spin(tm, 1);
    expect(asked.length).toBe(7);
  });

  it('keeps from one that is not ready', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 4, [0, 0, 0, 0], asked);
    tm.v(2).ready = false;
    spin(tm, 1);
    expect(asked).toEqual([3, 0]);
  });

  it('in the kernel passes over those preempted in user mode, but not over those just woken', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 4, [0, 0, 0, 0], asked);
    for (const i of [0, 2, 3]) tm.v(i).arch.preempted_in_kernel = false;
    tm.v(3).preempted = false;
    spin(tm, 1);
    expect(asked).toEqual([3]);
    asked.length = 0;
    spin(tm, 1, false);
    expect(asked).toEqual([2, 3, 0]);
  });

  it('takes one preempted in user mode with a posted interrupt, under APICv', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 4, [0, 0, 0, 0], asked);
    for (const i of [0, 2, 3]) tm.v(i).arch.preempted_in_kernel = false;
    tm.v(2).arch.pi_desc.on = 1;
    spin(tm, 1);
    expect(asked).toEqual([]);
    for (const i of [0, 2, 3]) tm.v(i).arch.apic.apicv_active = true;
    // SN alone is not enough, and a vector alone is not without it
    tm.v(3).arch.pi_desc.pir[1] = 4;
    tm.v(3).arch.pi_desc.sn = 0;
    spin(tm, 1);
    expect(asked).toEqual([2]);
    asked.length = 0;
    tm.v(3).arch.pi_desc.sn = 1;
    spin(tm, 1);
    expect(asked).toEqual([2, 3]);
  });

  it('passes over a blocking one without anything to do', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 4, [0, 0, 0, 0], asked);
    tm.v(2).wait = 1;
    tm.v(2).requests = tm.m.vcpu[0].requests; // none
    tm.k.kvm_clear_request(8 + 6, tm.v(2));
    tm.v(3).wait = 1;
    tm.k.kvm_make_request(8 + 6, tm.v(3)); // KVM_REQ_EVENT
    spin(tm, 1);
    expect(asked).toEqual([3, 0]);
  });

  it('answers no, yes, no, yes about one that spins itself', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 2, [0, 0], asked);
    tm.v(1).spin_loop.in_spin_loop = true;
    for (let i = 0; i < 4; i++) spin(tm, 0);
    expect(asked).toEqual([1, 1]);
    expect(tm.v(1).spin_loop).toEqual({ in_spin_loop: true, dy_eligible: false });
  });

  it('leaves its flags down', () => {
    const asked: number[] = [];
    const tm = spinners(kernel, 3, [0, 1, 0], asked);
    tm.v(0).spin_loop.dy_eligible = true;
    spin(tm, 0);
    expect(tm.v(0).spin_loop).toEqual({ in_spin_loop: false, dy_eligible: false });
  });
});

describe('the two loops differ', () => {
  it('the pin leaves its second pass out after -ESRCH, v6.19-rc1 visits everybody', () => {
    for (const [kernel, want] of [
      [linux_6_12, [2]],
      [v6_19, [2, 0]],
    ] as const) {
      const asked: number[] = [];
      const tm = spinners(kernel, 3, [0, 0, -3], asked);
      spin(tm, 1);
      expect(asked).toEqual(want);
    }
  });

  it('alone in its VM it lowers dy_eligible on the pin, and nothing happens on v6.19-rc1', () => {
    for (const [kernel, want] of [
      [linux_6_12, false],
      [v6_19, true],
    ] as const) {
      const tm = spinners(kernel, 1, [0], []);
      tm.v(0).spin_loop.dy_eligible = true;
      spin(tm, 0);
      expect(tm.v(0).spin_loop.dy_eligible).toBe(want);
    }
  });

  it('v6.19-rc1 does not wait for whoever changes the pid', () => {
    const tm = testMachine(1, { vendor: 'vmx', vcpus: 2, x2apic: true }, [], v6_19);
    tm.v(1).pid_lock = 1;
    expect(tm.k.kvm_vcpu_yield_to(tm.v(1))).toBe(0);
    tm.v(1).pid = -1;
    tm.v(1).pid_lock = 0;
    expect(tm.k.kvm_vcpu_yield_to(tm.v(1))).toBe(0);
  });
});
