// SPDX-License-Identifier: GPL-2.0-only
/** Bugs that KVM once had, each put back: the pin does it right, the reverted kernel does not. */
import { describe, expect, it } from 'vitest';
import type { VmConfig } from '../../src/arch/x86/boot-vm.js';
import {
  APICV_INHIBIT_REASON_ABSENT,
  KVM_MP_STATE_HALTED,
  KVM_MP_STATE_RUNNABLE,
} from '../../src/arch/x86/kvm_host.js';
import { baseKernel, seriesKernel } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { seriesOf } from '../series/series-of.js';
import { type TestMachine, testMachine } from './machine.js';
import { withStubs } from './stub.js';

/** [as it is now, as it was] of something that a kernel shows. */
function both(commit: string, show: (kernel: Kernel) => unknown): [unknown, unknown] {
  const series = seriesOf(`revert-${commit}`);
  return [show(baseKernel(series)), show(seriesKernel(series))];
}

const vm = (config: Partial<VmConfig> = {}): VmConfig => ({ vendor: 'vmx', vcpus: 2, x2apic: true, ...config });

/** All of n vCPUs ready and preempted in the kernel; whom spinning vCPU `me` asks, yielding to nobody or everybody. */
function asked(
  kernel: Kernel,
  n: number,
  yields: number,
  prepare: (tm: TestMachine) => void,
  rounds = 1,
  me = 0,
): number[] {
  const out: number[] = [];
  const stubbed = withStubs(
    {
      kvm_vcpu_yield_to: (v: { vcpu_idx: number }) => {
        out.push(v.vcpu_idx);
        return yields;
      },
    },
    kernel,
  );
  const tm = testMachine(1, vm({ vcpus: n }), [], stubbed);
  for (let i = 0; i < n; i++) {
    tm.v(i).ready = true;
    tm.v(i).preempted = true;
    tm.v(i).arch.preempted_in_kernel = true;
  }
  prepare(tm);
  const current = tm.k.get_current();
  const rest = current.kernel_stack;
  for (let i = 0; i < rounds; i++) {
    current.kernel_stack = [];
    tm.k.kvm_vcpu_on_spin(tm.v(me), true);
    tm.k.unwindKernelStack(0);
  }
  current.kernel_stack = rest;
  return out;
}

describe('corrections of the directed yield of 2011, taken back on v6.1', () => {
  const none = (): void => {};

  it('5cfc2aabcb28: a scan begins with vCPU 0 while that is the last boosted', () => {
    const [now, was] = both('5cfc2aabcb28', (kernel) => asked(kernel, 4, 1, none, 1, 3));
    expect([now, was]).toEqual([[1], [0]]);
  });

  it('preempted-only: who was not preempted is asked for', () => {
    const [now, was] = both('preempted-only', (kernel) =>
      asked(kernel, 3, 0, (tm) => {
        tm.v(1).preempted = tm.v(1).ready = false;
      }),
    );
    expect([now, was]).toEqual([[2], [1, 2]]);
  });

  it('06e48c510aa3: a spinner is boosted at once', () => {
    const [now, was] = both('06e48c510aa3', (kernel) =>
      asked(kernel, 3, 0, (tm) => {
        tm.v(1).spin_loop.in_spin_loop = true;
      }),
    );
    expect([now, was]).toEqual([[2], [1, 2]]);
  });

  it('199b5763d329: who was preempted in user mode is asked for', () => {
    const [now, was] = both('199b5763d329', (kernel) =>
      asked(kernel, 3, 0, (tm) => {
        tm.v(1).arch.preempted_in_kernel = false;
      }),
    );
    expect([now, was]).toEqual([[2], [1, 2]]);
  });

  it('c45c528e8990: everybody is asked for in vain', () => {
    const [now, was] = both('c45c528e8990', (kernel) => asked(kernel, 6, -3, none));
    expect([now, was]).toEqual([
      [1, 2, 3],
      [1, 2, 3, 4, 5],
    ]);
  });
});

describe('bugs put back', () => {
  it('046ddeed0461: the woken is passed over', () => {
    const [now, was] = both('046ddeed0461', (kernel) =>
      asked(kernel, 2, 0, (tm) => {
        tm.v(1).preempted = false;
        tm.v(1).arch.preempted_in_kernel = false;
      }),
    );
    expect([now, was]).toEqual([[1], []]);
  });

  it("17e433b54393: what is said of a candidate depends on the asker's interrupt flag", () => {
    const answers = (kernel: Kernel): boolean[] => {
      const tm = testMachine(2, vm(), [[0], [1]], kernel);
      tm.k.exitHlt(1);
      tm.settle();
      tm.m.cpu = 0;
      tm.k.kvm_lapic_set_irr(0x41, tm.v(1).arch.apic);
      return [true, false].map((on) => {
        tm.v(0).arch.if_flag = on;
        return tm.k.kvm_arch_dy_runnable(tm.v(1));
      });
    };
    const [now, was] = both('17e433b54393', answers) as [boolean[], boolean[]];
    expect(now[0]).toBe(now[1]);
    expect(was[0]).not.toBe(was[1]);
  });

  it('6cd88243c7e0: preempted after a PAUSE exit', () => {
    const [now, was] = both('6cd88243c7e0', (kernel) => {
      const tm = testMachine(1, vm({ steal_time: true }), [], kernel);
      tm.advance(4_000_000);
      tm.tick(0);
      tm.advance(3_900_000);
      tm.k.exitPause(0);
      tm.settle();
      return tm.v(1).arch.st.page.preempted;
    });
    expect([now, was]).toEqual([0, 1]);
  });

  it('fdba608f15e2: a timer that expires while its vCPU goes to sleep does not keep it awake', () => {
    const [now, was] = both('fdba608f15e2', (kernel) => {
      const tm = testMachine(1, vm({ vcpus: 1, apicv: true }), [], kernel);
      // on its own CPU, between prepare_to_rcuwait() and schedule()
      tm.m.cpu = 0;
      tm.v(0).mode = 0;
      const current = tm.k.get_current();
      tm.k.prepare_to_rcuwait(tm.v(0));
      current.__state = 1;
      tm.k.vmx_deliver_interrupt(tm.v(0).arch.apic, 0, 0, 0x41);
      return current.__state;
    });
    expect([now, was]).toEqual([0, 1]);
  });

  it('97b6847ac10b: a lowered maximum does not stop long polling', () => {
    const [now, was] = both('97b6847ac10b', (kernel) => {
      const tm = testMachine(2, vm(), [[0], [1]], kernel);
      tm.v(1).halt_poll_ns = 200_000;
      tm.m.kvm_params.halt_poll_ns = 20_000;
      tm.k.exitHlt(1);
      tm.settle();
      tm.advance(20_000);
      return tm.k.pollingOn(1) !== -1;
    });
    expect([now, was]).toEqual([false, true]);
  });

  it('e9cb61055fee: a kick that came before the vCPU ran voids its first HLT', () => {
    const [now, was] = both('e9cb61055fee', (kernel) => {
      const tm = testMachine(2, vm(), [[0], [1]], kernel);
      tm.m.kvm_params.halt_poll_ns = 0;
      // kicked while it waits for its SIPI, say
      tm.v(1).arch.pv.pv_unhalted = true;
      tm.m.cpu = 0;
      tm.k.kvm_arch_vcpu_ioctl_set_mpstate(tm.v(1), KVM_MP_STATE_RUNNABLE);
      tm.k.exitHlt(1);
      tm.settle();
      return tm.v(1).arch.mp_state;
    });
    expect([now, was]).toEqual([KVM_MP_STATE_HALTED, KVM_MP_STATE_RUNNABLE]);
  });

  it('7fbc85a5fb2b: the PLE window wraps to nothing', () => {
    const [now, was] = both('7fbc85a5fb2b', (kernel) => {
      const tm = testMachine(1, vm({ vcpus: 1 }), [], kernel);
      for (let i = 0; i < 20; i++) tm.k.exitPause(0);
      return tm.v(0).arch.ple_window;
    });
    expect([now, was]).toEqual([0xffff_ffff, 0]);
  });

  it('b2849bec936b: an EOI after the activation of APICv retires nothing', () => {
    const [now, was] = both('b2849bec936b', (kernel) => {
      const tm = testMachine(2, vm({ apicv: true }), [[0], [1]], kernel);
      tm.m.cpu = 0;
      tm.k.kvm_set_apicv_inhibit(tm.m.kvm[0], APICV_INHIBIT_REASON_ABSENT);
      tm.settle();
      tm.k.guestIcr(0, 0x4041, 1);
      tm.settle();
      tm.m.cpu = 0;
      tm.k.kvm_clear_apicv_inhibit(tm.m.kvm[0], APICV_INHIBIT_REASON_ABSENT);
      tm.settle();
      tm.k.guestEoi(1);
      return tm.k.kvm_lapic_get_reg(tm.v(1).arch.apic, 0x100 + 0x20) & (1 << 1);
    });
    expect([now, was]).toEqual([0, 2]);
  });
});
