// SPDX-License-Identifier: GPL-2.0-only
/** Bugs that lapic.c and ioapic.c once had: each is noticed by a property, a recording, or a state made for it. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { recorded } from '../../properties/claims.js';
import { interrupts } from '../../properties/lapic/index.js';
import { highest, IRR, vectorsOf } from '../../properties/lapic/page.js';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { replayLapic } from '../../src/conform/recording/lapic-replay.js';
import { parseLapicTranscript } from '../../src/conform/recording/lapic-transcript.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import { u64 } from '../../src/lib/types.js';
import { addVcpu, createLapicMachine, type LapicMachine, startAps } from '../../src/machine/lapic-machine.js';
import { kernelByName, pin } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';

/** Kernels under test: the pin, and the pin with the bug. */
const both = (id: string): [Kernel, Kernel] => [pin, kernelByName(id)];

describe('refuted by a property', () => {
  it.each([
    ['revert-af28dfacbe00', 'lapic.9'],
    ['revert-5b84b0291702', 'lapic.8'],
    ['revert-5063c41bebac', 'lapic.10'],
    ['revert-bdf7ffc89922', 'lapic.13'],
    ['revert-17d68b763f09', 'lapic.10'],
    ['revert-b963a22e6d1a', 'lapic.13'],
    ['revert-18ab3fc8e880', 'lapic.12'],
    ['revert-ppr-cr8-refresh', 'lapic.7'],
    ['revert-f210f7572bed', 'lapic.6'],
    ['revert-4364b287982b', 'lapic.9'],
    ['revert-44d527170731', 'lapic.9'],
    ['revert-fdba608f15e2', 'lapic.15'],
    ['revert-b2849bec936b', 'lapic.16'],
    ['revert-d3ddef46f22e', 'lapic.17'],
    ['revert-73b42dc69be8', 'lapic.18'],
    ['revert-35fe7cfbab2e', 'lapic.19'],
    ['revert-0fc5a36dd6b3', 'lapic.20'],
  ])('%s by %s', (id, propertyId) => {
    const property = interrupts.properties.find((p) => p.id === propertyId);
    if (property === undefined) throw new Error(propertyId);
    expect(ask(machineEngine, kernelByName(id), property, { ...ASK_DEFAULTS, unshrunk: true }).verdict).toBe('refuted');
    // ... which properties.test.ts asks of the pin, in the same runs
    expect(recorded[propertyId][pin.name]).toBe('holds');
  });
});

describe('told from recordings of a real KVM', () => {
  it('revert-73b42dc69be8: where the high half of ICR is', () => {
    const file = new URL('../vectors/lapic-kvm-6.12.117.jsonl.gz', import.meta.url);
    const all = parseLapicTranscript(gunzipSync(readFileSync(file)).toString('utf8'));
    const sessions = all.filter((s) => s.header.mode === 'initsipi');
    const [good, bad] = both('revert-73b42dc69be8').map((k) => replayLapic(sessions, k).differences);
    expect(good).toEqual([]);
    expect(bad[0].field).toMatch(/ICR high half 304$/);
  });
});

/** A kernel in which `fn` runs `meanwhile` before or after itself, once. */
function interleaved(kernel: Kernel, fn: string, when: 'before' | 'after', meanwhile: () => void): Kernel {
  let done = false;
  const was = kernel.table[fn];
  const once = (): void => {
    if (done) return;
    done = true;
    meanwhile();
  };
  const wrapped: AnyFunction = function (this: unknown, ...args: unknown[]) {
    if (when === 'before') once();
    const result = was.apply(this, args);
    if (when === 'after') once();
    return result;
  };
  return { name: kernel.name, table: { ...kernel.table, [fn]: wrapped } };
}

/** One vCPU, its APIC on. */
function oneApic(kernel: Kernel, vendor: 'svm' | 'vmx' = 'svm'): LapicMachine {
  const machine = createLapicMachine(kernel, { vcpus: 1, vendor });
  machine.k.kvm_lapic_reg_write(machine.vcpus[0].arch.apic, 0xf0, 0x1ff);
  return machine;
}

describe('noticed under an interleaving', () => {
  // the sender sets 0x50 while the receiver takes 0x40; one runs in the middle of the other, at each of its steps
  const lost = (kernel: Kernel): boolean => {
    for (const when of ['before', 'after'] as const) {
      let apic: kvm_lapic | null = null;
      let machine: LapicMachine | null = null;
      const receiver = (): void => {
        if (machine !== null && apic !== null) machine.k.apic_clear_irr(0x40, apic);
      };
      // the step of the sender at which the receiver comes in; the first set is that of 0x40 itself
      let armed = false;
      const k = interleaved(kernel, 'kvm_lapic_set_vector', when, () => {});
      const table = { ...k.table };
      const setVector = kernel.table['kvm_lapic_set_vector'];
      table['kvm_lapic_set_vector'] = function (this: unknown, ...args: unknown[]) {
        if (armed && when === 'before') receiver();
        setVector.apply(this, args);
        if (armed && when === 'after') receiver();
      };
      machine = oneApic({ name: kernel.name, table });
      apic = machine.vcpus[0].arch.apic;
      machine.k.kvm_lapic_set_irr(0x40, apic);
      armed = true;
      machine.k.kvm_lapic_set_irr(0x50, apic);
      if (highest(machine.vcpus[0], IRR) !== -1 && !apic.irr_pending) return true;
    }
    return false;
  };

  it('revert-f210f7572bed: an interrupt is lost that comes while another is acknowledged', () => {
    expect(both('revert-f210f7572bed').map(lost)).toEqual([false, true]);
  });

  const beyond = (kernel: Kernel): boolean => {
    let machine: LapicMachine | null = null;
    const late = (): void => {
      const vcpu = machine?.vcpus[1];
      if (vcpu !== undefined) vcpu.arch.apic_base = u64(0xfee0_0c00);
    };
    machine = createLapicMachine(kernel, { vcpus: 2, ids: [0, 300] });
    const [bsp, far] = machine.vcpus;
    far.arch.apic_base = u64(0xfee0_0000);
    // the map is sized without the far vCPU, whose APIC comes on before it is filled in
    const k = interleaved(kernel, 'kvm_recalculate_phys_map', 'before', late);
    Object.setPrototypeOf(machine.k, k.table);
    machine.m.kvm[0].arch.apic_map_dirty = 2;
    machine.k.kvm_recalculate_apic_map(machine.m.kvm[0]);
    const map = machine.m.kvm[0].arch.apic_map;
    expect(bsp.id).toBe(0);
    return map !== null && map.phys_map.length !== map.max_apic_id + 1;
  };

  it('revert-4364b287982b: the map is written out of bounds', () => {
    expect(both('revert-4364b287982b').map(beyond)).toEqual([false, true]);
  });

  const forgotten = (kernel: Kernel): boolean => {
    const machine = createLapicMachine(kernel, { vcpus: 2 });
    startAps(machine);
    const kvm = machine.m.kvm[0];
    // vCPU 1 writes its id while vCPU 0's write has the map computed, after its own part was read
    const k = interleaved(kernel, 'kvm_make_scan_ioapic_request', 'before', () => {});
    let during = false;
    const clear = kernel.table['kvm_clear_apicv_inhibit'];
    const table = {
      ...k.table,
      kvm_clear_apicv_inhibit(this: unknown, ...args: unknown[]) {
        clear.apply(this, args);
        if (during) return;
        during = true;
        machine.vcpus[1].arch.apic.regs[0x20 >> 2] = 7 << 24;
        kvm.arch.apic_map_dirty = 2;
      },
    };
    Object.setPrototypeOf(machine.k, table);
    machine.k.kvm_lapic_reg_write(machine.vcpus[0].arch.apic, 0xf0, 0x1ff);
    // and then comes to compute the map itself
    machine.k.kvm_recalculate_apic_map(kvm);
    return kvm.arch.apic_map_dirty === 0 && kvm.arch.apic_map?.phys_map[7] !== 1;
  };

  it('revert-44d527170731: a change while the map is computed is forgotten', () => {
    expect(both('revert-44d527170731').map(forgotten)).toEqual([false, true]);
  });
});

describe('noticed in a state made for it', () => {
  it('revert-d3ddef46f22e: what hardware posts just after APICv went off is not lost', () => {
    const lost = (kernel: Kernel): boolean => {
      const machine = createLapicMachine(kernel, { vcpus: 1, enable_apicv: true });
      const { k, m, vcpus } = machine;
      const [vcpu] = vcpus;
      k.kvm_lapic_reg_write(vcpu.arch.apic, 0xf0, 0x1ff);
      k.kvm_set_apicv_inhibit(m.kvm[0], 1);
      k.__kvm_vcpu_update_apicv(vcpu);
      expect(vcpu.arch.apic.apicv_active).toBe(false);
      // another vCPU's hardware has not heard of it, and sets the bit by itself
      vcpu.arch.apic.regs[(IRR + 0x20) >> 2] |= 1;
      return k.kvm_apic_has_interrupt(vcpu) === -1;
    };
    expect(both('revert-d3ddef46f22e').map(lost)).toEqual([false, true]);
  });

  it('revert-35fe7cfbab2e: KVM_SET_LAPIC of a stopped timer stops the one that runs', () => {
    const runs = (kernel: Kernel): boolean => {
      const machine = oneApic(kernel, 'vmx');
      const [vcpu] = machine.vcpus;
      machine.k.kvm_lapic_reg_write(vcpu.arch.apic, 0x320, 0x30);
      machine.k.kvm_lapic_reg_write(vcpu.arch.apic, 0x380, 1_000_000);
      expect(vcpu.arch.apic.lapic_timer.hv_timer_in_use).toBe(true);
      const regs = new Array<number>(256).fill(0);
      machine.k.kvm_apic_get_state(vcpu, { regs });
      regs[0x380 >> 2] = 0;
      machine.k.kvm_apic_set_state(vcpu, { regs });
      return vcpu.arch.apic.lapic_timer.hv_timer_in_use;
    };
    expect(both('revert-35fe7cfbab2e').map(runs)).toEqual([false, true]);
  });

  it('revert-0fc5a36dd6b3: the EOI of an interrupt in flight clears remote_irr of a pin that was moved', () => {
    const stuck = (kernel: Kernel): boolean => {
      const machine = createLapicMachine(kernel, { vcpus: 2, irqchip_split: false });
      startAps(machine);
      const { k, m, vcpus } = machine;
      const ioapic = m.kvm[0].arch.vioapic;
      if (ioapic === null) throw new Error('no IOAPIC');
      for (const vcpu of vcpus) k.kvm_lapic_reg_write(vcpu.arch.apic, 0xf0, 0x1ff);
      const point = (pin: number, dest: number): void => {
        ioapic.ioregsel = 0x11 + 2 * pin;
        k.ioapic_write_indirect(ioapic, (dest << 24) >>> 0);
        ioapic.ioregsel = 0x10 + 2 * pin;
        k.ioapic_write_indirect(ioapic, 0x8000 | 0x60);
        for (const vcpu of vcpus) scan(vcpu);
      };
      const scan = (vcpu: kvm_vcpu): void => k.vcpu_scan_ioapic(vcpu);
      point(5, 0);
      k.kvm_ioapic_set_irq(ioapic, 5, 0, 1, false);
      expect(ioapic.redirtbl[5].remote_irr).toBe(1);
      expect(k.kvm_cpu_get_interrupt(vcpus[0])).toBe(0x60);
      point(5, 1);
      k.kvm_ioapic_set_irq(ioapic, 5, 0, 0, false);
      k.kvm_lapic_set_eoi(vcpus[0]);
      expect(vectorsOf(vcpus[0], 0x100)).toEqual([]);
      return ioapic.redirtbl[5].remote_irr === 1;
    };
    expect(both('revert-0fc5a36dd6b3').map(stuck)).toEqual([false, true]);
  });

  it('revert-b043138246a4: a flush that a guest CPU asks for meanwhile stays asked for', () => {
    const kept = (kernel: Kernel): boolean => {
      const machine = createLapicMachine(kernel, { vcpus: 1 });
      const [vcpu] = machine.vcpus;
      const { st } = vcpu.arch;
      st.msr_val = u64(1);
      st.page.preempted = 1;
      const table: Record<string, AnyFunction> = {
        ...kernel.table,
        get_current: () => ({ sched_info: { run_delay: u64(0) } }),
        trace_kvm_pv_tlb_flush: () => {
          st.page.preempted |= 2;
        },
      };
      Object.setPrototypeOf(machine.k, table);
      machine.k.record_steal_time(vcpu);
      return (st.page.preempted & 2) !== 0;
    };
    expect(both('revert-b043138246a4').map(kept)).toEqual([true, false]);
  });

  it('a vCPU that is added later is in no map until an APIC changes, and then in it', () => {
    const machine = createLapicMachine(pin, { vcpus: 1 });
    const added = addVcpu(machine, 5, { vcpus: 1 });
    const { arch } = machine.m.kvm[0];
    expect(arch.apic_map?.phys_map[5]).toBe(-1);
    machine.k.kvm_lapic_reg_write(added.arch.apic, 0xf0, 0x1ff);
    expect(arch.apic_map?.phys_map[5]).toBe(added.id);
  });
});
