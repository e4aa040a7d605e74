// SPDX-License-Identifier: GPL-2.0-only
/** Patches 6 to 9 of semantics-aware-v2, function by function, as posted. */
import { describe, expect, it } from 'vitest';
import { KVM_APIC_PV_EOI_PENDING, type kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import {
  APIC_DEST_ALLINC,
  APIC_DEST_LOGICAL,
  APIC_DEST_SELF,
  APIC_DM_LOWEST,
  APIC_DM_NMI,
  APIC_EOI,
} from '../../src/lapic/apicdef.js';
import { add, toNumber, u64 } from '../../src/lib/types.js';
import { kernelByName } from '../../src/series/registry.js';
import type { ipi_context } from '../../src/series/semantics-aware-v2/0006-KVM-x86-Add-IPI-tracking-infrastructure.js';
import type { semantics_aware } from '../../src/series/semantics-aware-v2/adds.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';
import { replacing } from './harness.js';

const kernel = kernelByName('semantics-aware-v2');
const VECTOR = 0x40;
const NOBODY = { last_ipi_sender: -1, last_ipi_receiver: -1, pending_ipi: false };

interface Vm extends TestMachine {
  v2: semantics_aware;
  /** vCPU `from` writes ICR with this low half and destination */
  icr(from: number, low: number, dest: number): void;
  /** what vCPU i remembers, without the time */
  context(i: number): Omit<ipi_context, 'ipi_time_ns'>;
  /** vCPU i takes its interrupt and writes EOI */
  eoi(i: number): void;
  pass(ns: number): void;
}

/** A VM of `vcpus` vCPUs, each with a CPU of its own; nothing is running time but `pass`. */
function vm(vcpus = 4, options: { apicv?: boolean; pv_eoi?: boolean } = {}, on: Kernel = kernel): Vm {
  const affinity = Array.from({ length: vcpus }, (_, i) => [i]);
  const tm = testMachine(vcpus, { vendor: 'vmx', vcpus, x2apic: true, ...options }, affinity, on);
  return Object.assign(tm, {
    v2: tm.k as semantics_aware,
    icr(from: number, low: number, dest: number) {
      tm.k.kvm_apic_send_ipi(tm.v(from).arch.apic, low, dest);
    },
    context(i: number) {
      const { ipi_time_ns: _, ...rest } = tm.v(i).arch.ipi_context ?? { ...NOBODY, ipi_time_ns: u64(0) };
      return rest;
    },
    eoi(i: number) {
      tm.k.kvm_lapic_reg_write(tm.v(i).arch.apic, APIC_EOI, 0);
    },
    pass(ns: number) {
      tm.m.sched_clock = add(tm.m.sched_clock, u64(ns));
    },
  });
}

describe('tracking a sent interrupt', () => {
  it('remembers a fixed one to exactly one other vCPU, in both', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    expect(t.context(0)).toEqual({ last_ipi_sender: -1, last_ipi_receiver: 2, pending_ipi: true });
    expect(t.context(2)).toEqual({ last_ipi_sender: 0, last_ipi_receiver: -1, pending_ipi: false });
    expect(t.v(0).arch.ipi_context?.ipi_time_ns).toBe(t.m.sched_clock);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(true);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(1))).toBe(false);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(2), t.v(0))).toBe(false);
  });

  it('does so on the slow path as well', () => {
    const t = vm();
    t.m.kvm[0].arch.apic_map = null;
    t.icr(0, VECTOR, 2);
    expect(t.context(0)).toEqual({ last_ipi_sender: -1, last_ipi_receiver: 2, pending_ipi: true });
  });

  it.each([
    ['to itself', 0, VECTOR, 0],
    ['with the shorthand for self', 0, APIC_DEST_SELF | VECTOR, 0],
    ['with the shorthand for all', 0, APIC_DEST_ALLINC | VECTOR, 0],
    ['to two', 0, APIC_DEST_LOGICAL | VECTOR, 0b0110],
    ['as an NMI', 0, APIC_DM_NMI, 2],
    ['with lowest priority', 0, APIC_DM_LOWEST | APIC_DEST_LOGICAL | VECTOR, 0b0100],
    ['to nobody', 0, VECTOR, 9],
  ])('not when it was sent %s', (_how, from, low, dest) => {
    const t = vm();
    t.icr(from, low, dest);
    for (let i = 0; i < 4; i++) expect(t.context(i), `vCPU ${i}`).toEqual(NOBODY);
  });

  it('counts one that is pending already', () => {
    const t = vm();
    t.icr(1, VECTOR, 2);
    t.icr(0, VECTOR, 2);
    expect(t.context(0).pending_ipi).toBe(true);
  });

  it('not with ipi_tracking_enabled 0', () => {
    const t = vm();
    t.m.knobs = { ipi_tracking_enabled: 0 };
    t.icr(0, VECTOR, 2);
    expect(t.context(0)).toEqual(NOBODY);
  });

  it('is over after ipi_window_ns, 50 ms', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.pass(50_000_000);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(true);
    t.pass(1);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(false);
    t.m.knobs = { ipi_window_ns: 60_000_000 };
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(true);
  });
});

describe('the end of an interrupt', () => {
  it('is told to the sender', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.eoi(2);
    expect(t.context(2)).toEqual(NOBODY);
    expect(t.context(0)).toEqual({ ...NOBODY, last_ipi_receiver: 2 });
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(false);
  });

  it('is told by an accelerated EOI, too', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.k.kvm_apic_set_eoi_accelerated(t.v(2), VECTOR);
    expect(t.context(0).pending_ipi).toBe(false);
  });

  it('need not be that of the IPI: any other vector, or none in service, forgets it', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    // the IPI is in IRR still; this ends nothing at all
    expect(t.k.apic_find_highest_isr(t.v(2).arch.apic)).toBe(-1);
    t.eoi(2);
    expect(t.context(0).pending_ipi).toBe(false);
  });

  it('forgets what the receiver itself has sent, and waits for', () => {
    const t = vm();
    t.icr(2, VECTOR, 3);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(2), t.v(3))).toBe(true);
    t.icr(0, VECTOR, 2);
    t.eoi(2);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(2), t.v(3))).toBe(false);
  });

  it('is told to the last sender only: the one before stays pending for the whole window', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.icr(1, VECTOR + 1, 2);
    t.eoi(2);
    t.eoi(2);
    expect(t.context(1).pending_ipi).toBe(false);
    expect(t.context(0).pending_ipi).toBe(true);
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(true);
  });

  it('is not told to a sender that has sent to somebody else meanwhile', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.icr(0, VECTOR, 3);
    t.eoi(2);
    expect(t.context(0)).toEqual({ last_ipi_sender: -1, last_ipi_receiver: 3, pending_ipi: true });
  });

  it('is not told after the window', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.pass(50_000_001);
    t.eoi(2);
    expect(t.context(0).pending_ipi).toBe(true);
  });

  it('is not told by PV EOI', () => {
    const t = vm(4, { pv_eoi: true });
    t.icr(0, VECTOR, 2);
    const vcpu = t.v(2);
    t.k.apic_set_isr(VECTOR, vcpu.arch.apic);
    vcpu.arch.apic_attention |= 1 << KVM_APIC_PV_EOI_PENDING;
    vcpu.arch.pv_eoi.memory = 0; // the guest has cleared the bit: it has ended the interrupt
    t.k.kvm_lapic_sync_from_vapic(vcpu);
    expect(t.k.apic_find_highest_isr(vcpu.arch.apic)).toBe(-1);
    expect(t.context(0).pending_ipi).toBe(true);
  });

  it('is missed while tracking is off, and then is news again', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.m.knobs = { ipi_tracking_enabled: 0 };
    t.eoi(2);
    t.m.knobs = { ipi_tracking_enabled: 1 };
    expect(t.v2.kvm_vcpu_is_ipi_receiver(t.v(0), t.v(2))).toBe(true);
  });

  it('a reset clears all but the time', () => {
    const t = vm();
    t.icr(0, VECTOR, 2);
    t.m.cpu = 0;
    t.k.kvm_vcpu_reset(t.v(0), true);
    expect(t.context(0)).toEqual(NOBODY);
    expect(toNumber(t.v(0).arch.ipi_context?.ipi_time_ns ?? u64(0))).toBeGreaterThan(0);
    t.k.kvm_arch_vcpu_destroy(t.v(0));
    expect(toNumber(t.v(0).arch.ipi_context?.ipi_time_ns ?? u64(1))).toBe(0);
  });
});

describe('delegation', () => {
  it('of what the patches leave as it was goes to v6.19-rc1, not past it', async () => {
    const base = kernelByName('v6.19-rc1').table;
    const lapic = await import('../../src/lapic/lapic.js');
    const x86 = await import('../../src/arch/x86/x86.js');
    expect(base['kvm_lapic_reg_write']).toBe(lapic.kvm_lapic_reg_write);
    for (const name of ['kvm_arch_vcpu_create', 'kvm_arch_vcpu_destroy', 'kvm_vcpu_reset'] as const)
      expect(base[name], name).toBe(x86[name]);
  });
});

/** Directed yields that kvm_vcpu_on_spin(vCPU 0) tries, in order; each returns what `answer` says. */
function spin(
  prepare: (t: Vm) => void,
  answer: (target: kvm_vcpu) => number = () => 0,
  on: Kernel = kernel,
  kernelMode = true,
  vcpus = 4,
): number[] {
  const tried: number[] = [];
  const stub = replacing(on, {
    kvm_vcpu_yield_to: () =>
      function (this: unknown, target: kvm_vcpu) {
        tried.push(target.vcpu_idx);
        return answer(target);
      },
  });
  const t = vm(vcpus, {}, stub);
  for (let i = 0; i < vcpus; i++) preempt(t, i);
  prepare(t);
  t.m.cpu = 0;
  t.k.kvm_vcpu_on_spin(t.v(0), kernelMode);
  return tried;
}

/** As kvm_sched_out() leaves a vCPU that would like to go on in the kernel. */
function preempt(t: Vm, i: number): void {
  Object.assign(t.v(i), { preempted: true, ready: true });
  t.v(i).arch.preempted_in_kernel = true;
}

const preemptedInUser = (t: Vm, i: number): void => {
  t.v(i).arch.preempted_in_kernel = false;
};
const woken = (t: Vm, i: number): void => {
  t.v(i).preempted = false;
};
const off = (t: Vm): void => {
  t.m.knobs = { enable_relaxed_boost: 0 };
};

describe('kvm_vcpu_on_spin()', () => {
  const relaxedOff = (prepare: (t: Vm) => void) => (t: Vm) => {
    off(t);
    prepare(t);
  };

  it('scans from behind the vCPU that was boosted last', () => {
    expect(spin(relaxedOff(() => {}))).toEqual([1, 2, 3]);
    expect(
      spin(
        relaxedOff((t) => {
          t.m.kvm[0].last_boosted_vcpu = 2;
        }),
      ),
    ).toEqual([3, 1, 2]);
  });

  it('takes whoever comes first, not the receiver of the IPI first', () => {
    const tried = spin(
      (t) => t.icr(0, VECTOR, 3),
      () => 1,
    );
    expect(tried).toEqual([1]);
  });

  it('takes the receiver although it was preempted in user mode', () => {
    const tried = spin(
      relaxedOff((t) => {
        for (const i of [1, 2, 3]) preemptedInUser(t, i);
        t.icr(0, VECTOR, 3);
      }),
    );
    expect(tried).toEqual([3]);
  });

  it('passes over a vCPU that was woken and does not run yet, which v6.19-rc1 takes', () => {
    const prepare = (t: Vm): void => {
      for (const i of [1, 2, 3]) woken(t, i);
    };
    expect(spin(prepare)).toEqual([]);
    expect(spin(prepare, () => 0, kernelByName('v6.19-rc1'))).toContain(1);
  });

  it('scans a second time for anybody preempted', () => {
    const prepare = (t: Vm): void => {
      preemptedInUser(t, 1);
      preemptedInUser(t, 2);
    };
    expect(spin(prepare)).toEqual([3, 1, 2, 3]);
    expect(spin(relaxedOff(prepare))).toEqual([3]);
    expect(spin(prepare, () => 0, kernelByName('v6.19-rc1+semantics-aware-v2~8'))).toEqual([3]);
  });

  it('gives up after three pointless yields, and has no such limit in the second round', () => {
    const pointless = (): number => -3;
    expect(
      spin(
        relaxedOff(() => {}),
        pointless,
        kernel,
        true,
        8,
      ),
    ).toEqual([1, 2, 3]);
    expect(spin(() => {}, pointless, kernel, true, 8)).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('carries what is left of the three into the second round', () => {
    const first = (target: kvm_vcpu): number => (target.vcpu_idx === 1 ? -3 : 0);
    expect(spin(() => {}, first)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it('takes a spinning vCPU in the second round, for the first has turned its eligibility over', () => {
    const prepare = (t: Vm): void => {
      for (const i of [1, 2, 3]) t.v(i).spin_loop.in_spin_loop = true;
    };
    expect(spin(prepare)).toEqual([1, 2, 3]);
    expect(spin(relaxedOff(prepare))).toEqual([]);
  });

  it('leaves the spin loop behind, and does nothing in a VM of one', () => {
    const t = vm(4);
    t.m.cpu = 0;
    t.k.kvm_vcpu_on_spin(t.v(0), true);
    expect(t.v(0).spin_loop).toEqual({ in_spin_loop: false, dy_eligible: false });
    expect(
      spin(
        () => {},
        () => 1,
        kernel,
        true,
        1,
      ),
    ).toEqual([]);
  });
});
