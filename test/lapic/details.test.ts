// SPDX-License-Identifier: GPL-2.0-only
/** What is special about KVM's local APIC, one fact a test: each differs from the SDM, or from what one would guess. */
import { describe, expect, it } from 'vitest';
import { highest, IRR, reg, vectorsOf } from '../../properties/lapic/page.js';
import { KVM_REQ_EVENT } from '../../src/arch/x86/kvm_host.js';
import { to_u32, toBigInt, u64 } from '../../src/lib/types.js';
import { addVcpu, createLapicMachine } from '../../src/machine/lapic-machine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { type Bench, bench } from './bench.js';

const irrs = (b: Bench): number[][] => b.vcpus.map((v) => vectorsOf(v, IRR));
const all = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const FIXED = 0x4000;

describe('version and reset', () => {
  it.each([
    [{}, 0x0105_0014],
    [{ irqchip_split: false }, 0x0005_0014],
    [{ x2apic: false }, 0x0005_0014],
    [{ irqchip_split: false, cmci: true }, 0x0006_0014],
  ])('%j: LVR %i', (options, lvr) => {
    expect(reg(bench(1, options).vcpus[0], 0x30)).toBe(lvr);
  });

  it('LINT0 of the BSP is ExtINT and open, unless userspace disabled the quirk', () => {
    expect(bench(2).vcpus.map((v) => reg(v, 0x350))).toEqual([0x700, 0x1_0000]);
    expect(bench(1, { disabled_quirks: 1 }).vcpus.map((v) => reg(v, 0x350))).toEqual([0x1_0000]);
  });

  it('RESET leaves irr_pending true over an empty IRR', () => {
    const [vcpu] = createLapicMachine(linux_6_12, { vcpus: 1 }).vcpus;
    expect([vcpu.arch.apic.irr_pending, highest(vcpu, IRR), vcpu.arch.apic.isr_count]).toEqual([true, -1, 0]);
  });

  it('INIT keeps APICBASE, mode and id, and resets the rest', () => {
    const b = bench(2).x2apic(1);
    b.wrmsr(1, 0x808, 0x50);
    b.k.kvm_vcpu_reset(b.vcpus[1], true);
    expect(to_u32(b.vcpus[1].arch.apic_base)).toBe(0xfee0_0c00);
    expect([0x20, 0x80, 0xd0, 0xf0].map((r) => reg(b.vcpus[1], r))).toEqual([1, 0, 2, 0xff]);
  });

  it('the APIC off and on again keeps its registers, but for the id', () => {
    const b = bench(1);
    b.write(0, 0x80, 0x40);
    b.write(0, 0x20, 9 << 24);
    b.wrmsr(0, 0x1b, 0xfee0_0100);
    b.wrmsr(0, 0x1b, 0xfee0_0900);
    expect([0x20, 0x80, 0xf0].map((r) => reg(b.vcpus[0], r))).toEqual([0, 0x40, 0x1ff]);
  });
});

describe('registers', () => {
  it.each([
    [0x320, 0xffff_ffff, 0x7_10ff],
    [0x330, 0xffff_ffff, 0x1_17ff],
    [0x340, 0xffff_ffff, 0x1_17ff],
    [0x350, 0xffff_ffff, 0x1_f7ff],
    [0x360, 0xffff_ffff, 0x1_f7ff],
    [0x370, 0xffff_ffff, 0x1_10ff],
    [0x3e0, 0xffff_ffff, 0xb],
    [0x80, 0xffff_ffff, 0xff],
    [0xd0, 0xffff_ffff, 0xff00_0000],
    [0xe0, 0, 0x0fff_ffff],
    [0xf0, 0xffff_ffff, 0x13ff],
    [0x310, 0xffff_ffff, 0xff00_0000],
  ])('%i keeps of all ones what it has', (register, value, kept) => {
    const b = bench(1);
    b.write(0, register, value);
    expect(reg(b.vcpus[0], register)).toBe(kept);
  });

  it('SVR bit 12 is there only where LVR says that it is', () => {
    const b = bench(1, { irqchip_split: false });
    b.write(0, 0xf0, 0x11ff);
    expect(reg(b.vcpus[0], 0xf0)).toBe(0x1ff);
  });

  it('LVTCMCI is there only with MCG_CAP', () => {
    expect(bench(1).write(0, 0x2f0, 0x30)).toBe(1);
    const b = bench(1, { cmci: true });
    expect(b.write(0, 0x2f0, 0x30)).toBe(0);
    expect(reg(b.vcpus[0], 0x2f0)).toBe(0x30);
  });

  it('with the software disable every LVT is masked, and stays so', () => {
    const b = bench(1);
    b.write(0, 0x350, 0x40);
    b.write(0, 0xf0, 0xff);
    b.write(0, 0x360, 0x40);
    expect([0x320, 0x350, 0x360, 0x370].map((r) => reg(b.vcpus[0], r) & 0x1_0000)).toEqual(all(4).map(() => 0x1_0000));
  });

  it('what IRR has is still delivered after a software disable; nothing new is accepted', () => {
    const b = bench(2);
    b.write(0, 0x310, 1 << 24);
    b.write(0, 0x300, FIXED | 0x50);
    b.write(1, 0xf0, 0xff);
    b.write(0, 0x300, FIXED | 0x60);
    expect(vectorsOf(b.vcpus[1], IRR)).toEqual([0x50]);
    expect(b.k.kvm_apic_has_interrupt(b.vcpus[1])).toBe(0x50);
  });

  it.each([
    [0x43ff_01ff_ffff_e70cn, {}, false],
    [0x43fd_01ff_ffff_a50cn, {}, true],
  ])('readable are %i', (mask, options, x2) => {
    const b = bench(1, options);
    if (x2) b.x2apic(0);
    expect(toBigInt(b.k.kvm_lapic_readable_reg_mask(b.vcpus[0].arch.apic))).toBe(mask);
  });

  it('a read across a dword, or of what cannot be read, leaves the buffer as it was', () => {
    const b = bench(1);
    const read = (offset: number, len: number): number => {
      const data = { value: 0xdead };
      b.k.apic_mmio_read(b.vcpus[0], u64(0xfee0_0000 + offset), len, data);
      return data.value;
    };
    expect([read(0x32, 4), read(0xb0, 4), read(0x400, 4), read(0x30, 1), read(0x32, 2)]).toEqual([
      0xdead, 0xdead, 0xdead, 0x14, 0x105,
    ]);
  });

  it('the page of an APIC that is off is a hole: ones, or userspace without the quirk', () => {
    const b = bench(1, { disabled_quirks: 4 });
    b.wrmsr(0, 0x1b, 0xfee0_0100);
    expect(b.k.apic_mmio_read(b.vcpus[0], u64(0xfee0_0030), 4, { value: 0 })).toBe(-95);
  });

  it('a refused x2APIC write is traced, but not one of ICR', () => {
    const b = bench(1).x2apic(0);
    b.traces.length = 0;
    expect([b.wrmsr(0, 0x80d, 1), b.wrmsr(0, 0x830, 0x2_0000)]).toEqual([true, true]);
    expect(b.names()).toEqual(['kvm_apic']);
  });

  it('x2APIC: LDR is computed from the id', () => {
    const b = createLapicMachine(linux_6_12, { vcpus: 1, ids: [0x123] });
    b.k.kvm_apic_set_base(b.vcpus[0], { host_initiated: true, index: 0x1b, data: u64(0xfee0_0c00) });
    expect(reg(b.vcpus[0], 0xd0)).toBe((0x12 << 16) | 8);
  });
});

describe('acceptance', () => {
  it('is traced also of what is dropped, with vcpu_id for an apicid', () => {
    const b = bench(2);
    b.write(0, 0x20, 7 << 24);
    b.write(0, 0xf0, 0xff);
    b.traces.length = 0;
    b.write(0, 0x300, FIXED | 0x4_0000 | 0x30);
    expect(b.traces.map((t) => t.event)).toEqual(['kvm_apic', 'kvm_apic_ipi', 'kvm_apic_accept_irq']);
    expect(b.traces[2].fields).toEqual({ apicid: 0, dm: 0, tm: 0, vec: 0x30 });
    expect(vectorsOf(b.vcpus[0], IRR)).toEqual([]);
  });

  it('level without assert is dropped; edge without assert is delivered', () => {
    const b = bench(1);
    b.write(0, 0x300, 0x4_0000 | 0x8000 | 0x30);
    b.write(0, 0x300, 0x4_0000 | 0x31);
    expect(vectorsOf(b.vcpus[0], IRR)).toEqual([0x31]);
  });

  it('a new INIT drops the SIPI that waits; a SIPI without INIT is lost', () => {
    const b = bench(2);
    const [, ap] = b.vcpus;
    b.write(0, 0x310, 1 << 24);
    b.write(0, 0x300, 0x4612);
    expect(ap.arch.apic.pending_events).toBe(2);
    b.k.kvm_apic_accept_events(ap);
    expect([ap.arch.mp_state, ap.arch.sipi_cs_base]).toEqual([0, 0]);
    b.write(0, 0x300, 0x4612);
    b.write(0, 0x300, 0x4500);
    expect(ap.arch.apic.pending_events).toBe(1);
    b.k.kvm_apic_accept_events(ap);
    expect(ap.arch.mp_state).toBe(2);
    b.write(0, 0x300, 0x4634);
    b.k.kvm_apic_accept_events(ap);
    expect([ap.arch.mp_state, ap.arch.sipi_cs_base]).toEqual([0, 0x3_4000]);
  });

  it('in SMM an INIT waits, a SIPI is lost', () => {
    const b = bench(2);
    const [, ap] = b.vcpus;
    b.k.enter_smm(ap);
    ap.arch.apic.pending_events = 3;
    b.k.kvm_apic_accept_events(ap);
    expect([ap.arch.apic.pending_events, ap.arch.mp_state]).toEqual([1, 0]);
  });

  it('two NMIs wait, one while they are masked', () => {
    const b = bench(2);
    const [, target] = b.vcpus;
    const send = (): number => b.k.__apic_accept_irq(target.arch.apic, 0x400, 0, 1, 0, null);
    expect([send(), send(), send()]).toEqual([1, 1, 1]);
    b.k.process_nmi(target);
    expect(target.arch.nmi_pending).toBe(2);
    target.arch.nmi_pending = 0;
    target.arch.nmi_masked = true;
    send();
    send();
    b.k.process_nmi(target);
    expect(target.arch.nmi_pending).toBe(1);
  });

  it('LVTPC masks itself after a delivery, to a guest of Intel', () => {
    const deliver = (vendor: 'svm' | 'vmx'): number => {
      const b = bench(1, { vendor });
      b.write(0, 0x340, 0x400);
      b.k.kvm_apic_local_deliver(b.vcpus[0].arch.apic, 0x340);
      return reg(b.vcpus[0], 0x340);
    };
    expect([deliver('vmx'), deliver('svm')]).toEqual([0x1_0400, 0x400]);
  });
});

describe('PPR', () => {
  it('keeps the low nibble of TPR where its class wins or ties', () => {
    const b = bench(1);
    const ppr = (tpr: number): number => {
      b.write(0, 0x80, tpr);
      return reg(b.vcpus[0], 0xa0);
    };
    b.write(0, 0x300, FIXED | 0x4_0000 | 0x53);
    b.k.kvm_cpu_get_interrupt(b.vcpus[0]);
    expect([ppr(0x47), ppr(0x57), ppr(0x6b)]).toEqual([0x50, 0x57, 0x6b]);
  });

  it('a spurious EOI is traced as -1, and asks for nothing', () => {
    const b = bench(1, { vendor: 'vmx' });
    b.vcpus[0].requests = u64(0);
    b.write(0, 0xb0, 0);
    expect(b.traces.at(-1)).toMatchObject({ event: 'kvm_eoi', fields: { apicid: 0, vector: -1 } });
    expect(b.k.kvm_test_request(KVM_REQ_EVENT, b.vcpus[0])).toBe(false);
  });
});

describe('destinations', () => {
  const msi = (b: Bench, dest: number, data: number, more = 0): number =>
    b.k.kvm_send_userspace_msi(b.m.kvm[0], {
      gsi: 0,
      address_lo: 0xfee0_0000 + (dest << 12) + more,
      address_hi: 0,
      data,
    });

  it('an MSI to 0xff is a broadcast, also to x2APICs; an IPI to 0xff is not', () => {
    const b = bench(4).x2apic(...all(4));
    expect(msi(b, 0xff, 0x40)).toBe(4);
    b.wrmsr(0, 0x830, (0xffn << 32n) | BigInt(FIXED | 0x41));
    expect(irrs(b).flat()).toEqual([0x40, 0x40, 0x40, 0x40]);
  });

  it('without the quirk an MSI to 0xff is cluster 0', () => {
    const b = bench(4, { x2apic_format: true, x2apic_broadcast_quirk_disabled: true }).x2apic(...all(4));
    expect(msi(b, 0xff, 0x40)).toBe(0);
  });

  it('nobody matched is -1 by a scan, and 0 by the map', () => {
    const b = bench(2);
    expect(msi(b, 0x77, 0x40)).toBe(0);
    b.write(0, 0x20, 1 << 24);
    expect(b.m.kvm[0].arch.apic_map).toBeNull();
    expect(msi(b, 0x77, 0x40)).toBe(-1);
  });

  it('lowest priority: the map hashes over every id it is asked for, and may hit nobody', () => {
    const b = bench(2);
    const takers = all(8).map((i) => {
      const before = irrs(b).map((v) => v.length);
      const r = msi(b, 0xf, 0x100 | (0x40 + i), 4);
      return r === 0 ? -1 : irrs(b).findIndex((v, c) => v.length > before[c]);
    });
    expect(takers).toEqual([0, 1, -1, -1, 0, 1, -1, -1]);
    expect(b.m.kvm[0].arch.disabled_lapic_found).toBe(true);
  });

  it('lowest priority without hashing goes round, by how much each has had', () => {
    const b = bench(3, { vector_hashing: false });
    for (let i = 0; i < 6; i++) msi(b, 0x7, 0x100 | (0x40 + i), 4);
    expect(irrs(b)).toEqual([
      [0x40, 0x43],
      [0x41, 0x44],
      [0x42, 0x45],
    ]);
  });

  it('a redirection hint makes a fixed MSI go to one, in logical mode', () => {
    const b = bench(4);
    expect(msi(b, 0xf, 0x40, 4 + 8)).toBe(1);
    expect(msi(b, 0xf, 0x41, 4)).toBe(4);
  });

  it('physical broadcast in lowest priority is fixed', () => {
    const b = bench(3);
    b.write(0, 0x310, 0xff00_0000);
    b.write(0, 0x300, FIXED | 0x100 | 0x40);
    expect(irrs(b)).toEqual([[0x40], [0x40], [0x40]]);
  });

  it('a DFR that is neither flat nor cluster is cluster for the map, and nothing for a scan', () => {
    const b = bench(2);
    for (const c of all(2)) {
      b.write(c, 0xe0, 0x8fff_ffff);
      b.write(c, 0xd0, (0x10 | (1 << c)) << 24);
    }
    expect(msi(b, 0x13, 0x40, 4)).toBe(2);
    b.write(0, 0x20, 1 << 24);
    expect(msi(b, 0x13, 0x41, 4)).toBe(-1);
  });

  it('a hot-added vCPU in xAPIC mode is found under an id that xAPIC cannot say', () => {
    const machine = createLapicMachine(linux_6_12, { vcpus: 1, x2apic_format: true });
    const added = addVcpu(machine, 300, { vcpus: 1 });
    machine.k.kvm_lapic_reg_write(added.arch.apic, 0xf0, 0x1ff);
    const route = { gsi: 0, address_lo: 0xfee0_0000 + ((300 & 0xff) << 12), address_hi: 0x100, data: 0x40 };
    expect(machine.k.kvm_send_userspace_msi(machine.m.kvm[0], route)).toBe(1);
    expect(vectorsOf(added, IRR)).toEqual([0x40]);
  });

  it('a PV IPI: no shorthand, no logical mode; without a map -95; in 32 bits the halves are 32 apart', () => {
    const b = bench(4);
    const send = (lo: number, hi: number, min: number, icr: number, wide = 1): number =>
      b.k.kvm_pv_send_ipi(b.m.kvm[0], u64(lo), u64(hi), min, u64(icr), wide);
    expect(send(0xf, 0, 0, 0x40)).toBe(4);
    expect(b.names()).not.toContain('kvm_apic_ipi');
    expect(send(1, 0, 0, 0x4_0040)).toBe(-22);
    expect(send(1, 0, 0, 0x840)).toBe(-22);
    expect(send(0, 1, 0xffff_ffe0 + 2, 0x41, 0)).toBe(1);
    b.write(0, 0x20, 1 << 24);
    expect(send(1, 0, 0, 0x40)).toBe(-95);
  });
});
