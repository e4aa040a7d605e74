// SPDX-License-Identifier: GPL-2.0-only
/** No wake-up and no interrupt is lost, at whichever point of the one CPU the other steps in; and faults are found. */

import { describe, expect, it } from 'vitest';
import type { VmConfig } from '../../src/arch/x86/boot-vm.js';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';
import { withStubs } from '../kvm/stub.js';
import { interleavable, type Race, tryEveryPoint } from './two-cpus.js';

const VECTOR = 0x41;

/** vCPU 0 on CPU 0, vCPU 1 on CPU 1, both in the guest. */
function pair(kernel: Kernel, config: Partial<VmConfig>): TestMachine {
  return testMachine(2, { vendor: 'vmx', vcpus: 2, x2apic: true, ...config }, [[0], [1]], kernel);
}

/** What vCPU 1 did not get, once everything has come to rest. */
function lost(tm: TestMachine): string[] {
  tm.settle();
  const out: string[] = [];
  if (!tm.v(1).arch.taken.includes(VECTOR)) out.push('the interrupt was not taken');
  if (tm.v(1).arch.taken.length > 1) out.push('it was taken twice');
  if (tm.v(1).arch.mp_state !== 0) out.push('the vCPU is still halted');
  return out;
}

/** vCPU 1 does something; meanwhile vCPU 0 sends it an interrupt. */
function races(
  kernel: Kernel,
  config: Partial<VmConfig>,
  what: (tm: TestMachine) => void,
): ReturnType<typeof tryEveryPoint> {
  const it = interleavable(kernel);
  return tryEveryPoint(it, (): Race => {
    const tm = pair(it.kernel, config);
    return {
      k: tm.k,
      action: () => what(tm),
      intruder: () => {
        tm.k.guestIcr(0, 0x4000 | VECTOR, 1);
      },
      faults: () => lost(tm),
    };
  });
}

const halt = (tm: TestMachine): void => {
  tm.k.exitHlt(1);
};
const exit = (tm: TestMachine): void => {
  tm.k.exitExternalInterrupt(1, 0xfd);
};
const pause = (tm: TestMachine): void => {
  tm.k.exitPause(1);
};

const ways: [string, Partial<VmConfig>][] = [
  ['x2APIC', {}],
  ['xAPIC', { x2apic: false }],
  ['APICv', { apicv: true }],
  ['IPI virtualization', { apicv: true, ipiv: true }],
  ['SVM', { vendor: 'svm' }],
  ['AVIC', { vendor: 'svm', x2apic: false, apicv: true }],
];

describe.each([
  ['v6.12.117', linux_6_12],
  ['v6.19-rc1', kernelByName('v6.19-rc1')],
])('%s', (_name, kernel) => {
  describe.each(ways)('%s', (_way, config) => {
    it.each([
      ['a vCPU that halts', halt],
      ['a vCPU between exit and entry', exit],
      ['a vCPU in its PAUSE exit', pause],
    ])('%s takes the interrupt', (_what, action) => {
      const { points, faults } = races(kernel, config, action);
      expect(faults).toEqual([]);
      expect(points).toBeGreaterThan(20);
    });
  });

  it('a kick that meets a halt at any point ends it', () => {
    const it = interleavable(kernel);
    const { points, faults } = tryEveryPoint(it, () => {
      const tm = pair(it.kernel, {});
      return {
        k: tm.k,
        action: () => halt(tm),
        intruder: () => {
          tm.m.cpu = 0;
          tm.k.kvm_pv_kick_cpu_op(tm.m.kvm[0], 1);
        },
        faults: () => {
          tm.settle();
          return tm.v(1).arch.mp_state === 0 ? [] : ['still halted'];
        },
      };
    });
    expect(faults).toEqual([]);
    expect(points).toBeGreaterThan(30);
  });
});

describe('faults that only an interleaving shows', () => {
  it('looking for work before saying that one waits: the wake-up between the two is lost', () => {
    function kvm_vcpu_blockLoop(this: vmlinux_x86, vcpuId: number, waited: number): boolean {
      const vcpu: kvm_vcpu = this.m.vcpu[vcpuId];
      const current = this.get_current();
      const work = this.kvm_vcpu_check_block(vcpu);
      current.__state = 1;
      if (work === 0) {
        this.schedule();
        this.whenBack(current, 'kvm_vcpu_blockLoop', vcpuId, 1);
        return true;
      }
      this.finish_rcuwait(vcpu);
      this.kvm_arch_vcpu_unblocking(vcpu);
      return waited !== 0;
    }
    const { faults } = races(withStubs({ kvm_vcpu_blockLoop }), {}, halt);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults[0].faults).toContain('the vCPU is still halted');
  });

  it('looking at requests before storing IN_GUEST_MODE: the kick between the two is none', () => {
    function kvm_x86_prepare_switch_to_guest(this: vmlinux_x86, vcpu: kvm_vcpu): void {
      // as if the requests had been looked at here, and not again below
      const pending = this.kvm_vcpu_exit_request(vcpu);
      (this.m as unknown as { early: boolean }).early = pending;
    }
    function kvm_vcpu_exit_request(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
      const m = this.m as unknown as { early?: boolean };
      const { early } = m;
      delete m.early;
      if (early !== undefined) return early;
      return vcpu.mode === 2 || this.kvm_request_pending(vcpu) || this.xfer_to_guest_mode_work_pending();
    }
    const { faults } = races(withStubs({ kvm_x86_prepare_switch_to_guest, kvm_vcpu_exit_request }), {}, exit);
    expect(faults.map((f) => f.faults[0])).toContain('the interrupt was not taken');
  });

  it('not waking the running vCPU for a posted interrupt is right only for others', () => {
    // the sender is the vCPU's own thread, about to block: fdba608f15e2
    const it = interleavable(kernelByName('revert-fdba608f15e2'));
    const { faults } = tryEveryPoint(it, () => {
      const tm = pair(it.kernel, { apicv: true });
      return {
        k: tm.k,
        action: () => halt(tm),
        intruder: () => {
          // an interrupt on its own CPU
          tm.m.cpu = 1;
          tm.k.kvm_x86_deliver_interrupt(tm.v(1).arch.apic, 0, 0, VECTOR);
        },
        faults: () => lost(tm),
      };
    });
    expect(faults.length).toBeGreaterThan(0);
  });
});
