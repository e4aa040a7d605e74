// SPDX-License-Identifier: GPL-2.0-only
/** Timer, EOI, state and virtual interrupts of KVM's local APIC, one fact a test: each differs from the SDM, or from what one would guess. */
import { describe, expect, it } from 'vitest';
import { highest, IRR, ISR, reg, vectorsOf } from '../../properties/lapic/page.js';
import { KVM_REQ_IOAPIC_EOI_EXIT, type kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { IN_GUEST_MODE } from '../../src/kvm/kvm_host.js';
import { u64 } from '../../src/lib/types.js';
import {
  advanceTo,
  enterAndExit,
  injectTimers,
  type LapicMachine,
  type LapicOptions,
} from '../../src/machine/lapic-machine.js';
import { type Bench, bench } from './bench.js';

const FIXED = 0x4000;

describe('the timer', () => {
  const timer = (options: Partial<LapicOptions> = {}): Bench => {
    const b = bench(1, options);
    b.write(0, 0x3e0, 0xb);
    return b;
  };

  it('reads 0 at the instant of arming: what remains is taken modulo the period', () => {
    const b = timer();
    b.write(0, 0x320, 0x30);
    b.write(0, 0x380, 5000);
    expect(b.k.__apic_read(b.vcpus[0].arch.apic, 0x390)).toBe(0);
    advanceTo(b, u64(1));
    expect(b.k.__apic_read(b.vcpus[0].arch.apic, 0x390)).toBe(4999);
  });

  it('is not periodic faster than 200 us', () => {
    const b = timer();
    b.write(0, 0x320, 0x2_0030);
    b.write(0, 0x380, 1000);
    expect(b.m.hrtimer[b.vcpus[0].arch.apic.lapic_timer.timer].expires).toBe(u64(200_000));
  });

  it('an expiry waits in `pending` until the vCPU comes by, and outlives a mask', () => {
    const b = timer();
    const [vcpu] = b.vcpus;
    b.write(0, 0x320, 0x1_0030);
    b.write(0, 0x380, 1000);
    advanceTo(b, u64(2000));
    injectTimers(b, vcpu);
    expect([vcpu.arch.apic.lapic_timer.pending, highest(vcpu, IRR)]).toEqual([1, -1]);
    b.write(0, 0x320, 0x30);
    injectTimers(b, vcpu);
    expect([vcpu.arch.apic.lapic_timer.pending, highest(vcpu, IRR)]).toEqual([0, 0x30]);
  });

  it('a change to or from deadline mode stops it; one between one-shot and periodic does not', () => {
    const b = timer();
    const { lapic_timer } = b.vcpus[0].arch.apic;
    b.write(0, 0x320, 0x30);
    b.write(0, 0x380, 1_000_000);
    b.write(0, 0x320, 0x2_0030);
    expect(b.m.hrtimer[lapic_timer.timer].queued).toBe(1);
    b.write(0, 0x320, 0x4_0030);
    expect([b.m.hrtimer[lapic_timer.timer].queued, reg(b.vcpus[0], 0x380)]).toEqual([0, 0]);
  });

  it('mode 3 is stored, and is dead', () => {
    const b = timer();
    b.write(0, 0x320, 0x6_0030);
    b.write(0, 0x380, 1000);
    expect(reg(b.vcpus[0], 0x320)).toBe(0x6_0030);
    expect(b.m.hrtimer[b.vcpus[0].arch.apic.lapic_timer.timer].queued).toBe(0);
  });

  it('a divider written in the middle rescales what remains', () => {
    const b = timer();
    b.write(0, 0x320, 0x30);
    b.write(0, 0x380, 1_000_000);
    advanceTo(b, u64(400_000));
    b.write(0, 0x3e0, 0); // by 2
    expect(b.m.hrtimer[b.vcpus[0].arch.apic.lapic_timer.timer].expires).toBe(u64(400_000 + 1_200_000));
  });

  it('a deadline fires early by the advance, and the entry waits the rest', () => {
    const b = timer();
    b.write(0, 0x320, 0x4_0030);
    b.wrmsr(0, 0x6e0, 100_000);
    expect(b.m.hrtimer[b.vcpus[0].arch.apic.lapic_timer.timer].expires).toBe(u64(99_000));
    advanceTo(b, u64(99_000));
    injectTimers(b, b.vcpus[0]);
    b.vcpus[0].arch.if_flag = true;
    b.k.kvm_cpu_get_interrupt(b.vcpus[0]);
    b.k.kvm_wait_lapic_expire(b.vcpus[0]);
    const wait = b.traces.find((t) => t.event === 'kvm_wait_lapic_expire');
    expect(wait?.fields).toEqual({ vcpu_id: 0, delta: -1000 });
    // 1000 cycles early: an eighth less advance
    expect(b.vcpus[0].arch.apic.lapic_timer.timer_advance_ns).toBe(875);
  });

  it('on Intel the preemption timer does it, and the hrtimer rests', () => {
    const b = timer({ vendor: 'vmx' });
    const { lapic_timer } = b.vcpus[0].arch.apic;
    b.write(0, 0x320, 0x4_0030);
    b.wrmsr(0, 0x6e0, 100_000);
    expect([lapic_timer.hv_timer_in_use, b.m.hrtimer[lapic_timer.timer].queued]).toEqual([true, 0]);
    expect(b.vcpus[0].arch.vmcs.hv_deadline_tsc).toBe(u64(99_000));
    b.k.kvm_lapic_switch_to_sw_timer(b.vcpus[0]);
    expect([lapic_timer.hv_timer_in_use, b.m.hrtimer[lapic_timer.timer].queued]).toEqual([false, 1]);
  });
});

describe('EOI', () => {
  it('of a vector that userspace owns exits to it, whatever SVR says', () => {
    const b = bench(1);
    const [vcpu] = b.vcpus;
    b.m.kvm[0].arch.irq_routing.push({ gsi: 3, address_lo: 0xfee0_0000, address_hi: 0, data: 0x8050 });
    b.k.vcpu_scan_ioapic(vcpu);
    b.write(0, 0xf0, 0x11ff);
    b.k.kvm_send_userspace_msi(b.m.kvm[0], b.m.kvm[0].arch.irq_routing[0]);
    b.k.kvm_cpu_get_interrupt(vcpu);
    b.write(0, 0xb0, 0);
    expect(b.k.kvm_test_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu)).toBe(true);
    expect(vcpu.arch.pending_ioapic_eoi).toBe(0x50);
  });

  const ioapic = (): {
    b: Bench;
    pin: (level: number) => number;
    chip: NonNullable<LapicMachine['m']['kvm'][0]['arch']['vioapic']>;
  } => {
    const b = bench(1, { irqchip_split: false });
    const chip = b.m.kvm[0].arch.vioapic;
    if (chip === null) throw new Error('no IOAPIC');
    chip.ioregsel = 0x10 + 2 * 5;
    b.k.ioapic_write_indirect(chip, 0x8000 | 0x60);
    b.k.vcpu_scan_ioapic(b.vcpus[0]);
    return { b, chip, pin: (level) => b.k.kvm_ioapic_set_irq(chip, 5, 0, level, false) };
  };

  it('of a level interrupt clears remote_irr, and injects it again while the line is high', () => {
    const { b, chip, pin } = ioapic();
    pin(1);
    expect([chip.redirtbl[5].remote_irr, b.k.kvm_cpu_get_interrupt(b.vcpus[0])]).toEqual([1, 0x60]);
    b.write(0, 0xb0, 0);
    expect([chip.redirtbl[5].remote_irr, vectorsOf(b.vcpus[0], IRR)]).toEqual([1, [0x60]]);
    b.k.kvm_cpu_get_interrupt(b.vcpus[0]);
    pin(0);
    b.write(0, 0xb0, 0);
    expect([chip.redirtbl[5].remote_irr, vectorsOf(b.vcpus[0], IRR)]).toEqual([0, []]);
  });

  it('is suppressed for the IOAPIC only by a state that userspace made up', () => {
    const { b, chip, pin } = ioapic();
    pin(1);
    b.k.kvm_cpu_get_interrupt(b.vcpus[0]);
    b.k.kvm_lapic_set_reg(b.vcpus[0].arch.apic, 0xf0, 0x11ff);
    b.write(0, 0xb0, 0);
    expect(chip.redirtbl[5].remote_irr).toBe(1);
  });

  it('10000 in a row of a line that stays high are one too many: the next is 10 ms later', () => {
    const { b, chip, pin } = ioapic();
    pin(1);
    for (let i = 0; i < 10_000; i++) {
      b.k.kvm_cpu_get_interrupt(b.vcpus[0]);
      b.write(0, 0xb0, 0);
    }
    expect([vectorsOf(b.vcpus[0], IRR), b.m.hrtimer[chip.eoi_inject].queued]).toEqual([[], 1]);
    advanceTo(b, u64(10_000_000));
    expect(vectorsOf(b.vcpus[0], IRR)).toEqual([0x60]);
  });

  it('by a bit in memory, where one is in service, nothing waits, and no IOAPIC wants to know', () => {
    const b = bench(1, { vendor: 'vmx' });
    const [vcpu] = b.vcpus;
    expect(b.k.kvm_lapic_set_pv_eoi(vcpu, u64(0x1001))).toBe(0);
    expect(b.k.kvm_lapic_set_pv_eoi(vcpu, u64(0x1002))).toBe(1);
    b.write(0, 0x300, FIXED | 0x4_0000 | 0x50);
    vcpu.arch.if_flag = true;
    const taken: number[] = [];
    enterAndExit(b, vcpu, taken);
    expect(taken).toEqual([0x50]);
    expect(vectorsOf(vcpu, ISR)).toEqual([0x50]);
    // the exit found the bit still set, and took it back: no EOI yet
    expect(vcpu.arch.pv_eoi.memory).toBe(0);
    b.k.kvm_lapic_sync_to_vapic(vcpu);
    expect(vcpu.arch.pv_eoi.memory).toBe(1);
    vcpu.arch.pv_eoi.memory = 0;
    b.k.kvm_lapic_sync_from_vapic(vcpu);
    expect(vectorsOf(vcpu, ISR)).toEqual([]);
    expect(b.names().slice(-2)).toEqual(['kvm_eoi', 'kvm_pv_eoi']);
  });

  it('by a page that cannot be read counts as an EOI', () => {
    const b = bench(1, { vendor: 'vmx' });
    const [vcpu] = b.vcpus;
    b.k.kvm_lapic_set_pv_eoi(vcpu, u64(0x1001));
    b.write(0, 0x300, FIXED | 0x4_0000 | 0x50);
    b.k.kvm_cpu_get_interrupt(vcpu);
    b.k.kvm_lapic_sync_to_vapic(vcpu);
    vcpu.arch.pv_eoi.fault = true;
    b.k.kvm_lapic_sync_from_vapic(vcpu);
    expect(vectorsOf(vcpu, ISR)).toEqual([]);
  });
});

describe('KVM_GET_LAPIC and KVM_SET_LAPIC', () => {
  const state = (b: LapicMachine, vcpu: kvm_vcpu): { regs: number[]; r: number } => {
    const regs = new Array<number>(256).fill(0);
    return { r: b.k.kvm_apic_get_state(vcpu, { regs }), regs };
  };

  it('an x2APIC id is shown in xAPIC format, and cannot be set', () => {
    const b = bench(2).x2apic(1);
    const { regs } = state(b, b.vcpus[1]);
    expect(regs[0x20 >> 2]).toBe(1 << 24);
    regs[0x20 >> 2] = 99;
    expect(b.k.kvm_apic_set_state(b.vcpus[1], { regs })).toBe(0);
    expect(reg(b.vcpus[1], 0x20)).toBe(1);
  });

  it('with 32-bit ids a wrong one is refused, with SVR taken already', () => {
    const b = bench(2, { x2apic_format: true }).x2apic(1);
    const { regs } = state(b, b.vcpus[1]);
    expect(regs[0x20 >> 2]).toBe(1);
    regs[0x20 >> 2] = 2;
    regs[0xf0 >> 2] = 0xff;
    expect(b.k.kvm_apic_set_state(b.vcpus[1], { regs })).toBe(-22);
    expect(b.vcpus[1].arch.apic.sw_enabled).toBe(false);
  });

  it('the two halves of ICR are joined where the vendor has them in one', () => {
    const b = bench(1, { vendor: 'vmx' }).x2apic(0);
    b.wrmsr(0, 0x830, (5n << 32n) | BigInt(FIXED | 0x40));
    expect([reg(b.vcpus[0], 0x300), reg(b.vcpus[0], 0x304), reg(b.vcpus[0], 0x310)]).toEqual([0x4040, 5, 0]);
    expect(state(b, b.vcpus[0]).regs[0x310 >> 2]).toBe(5);
  });

  it('a count left over starts the timer with it; more than the initial count is the initial count', () => {
    const b = bench(1);
    b.write(0, 0x3e0, 0xb);
    b.write(0, 0x320, 0x30);
    const { regs } = state(b, b.vcpus[0]);
    const expires = (tmcct: number): unknown => {
      regs[0x380 >> 2] = 1_000_000;
      regs[0x390 >> 2] = tmcct;
      b.k.kvm_apic_set_state(b.vcpus[0], { regs: [...regs] });
      return b.m.hrtimer[b.vcpus[0].arch.apic.lapic_timer.timer].expires;
    };
    expect([expires(300_000), expires(2_000_000)]).toEqual([u64(300_000), u64(1_000_000)]);
    expect(reg(b.vcpus[0], 0x390)).toBe(0);
  });
});

describe('with virtual interrupts', () => {
  it('VMX posts: PIR and ON once, and the next entry has them in IRR and RVI', () => {
    const b = bench(2, { vendor: 'vmx', enable_apicv: true });
    const [, target] = b.vcpus;
    b.k.kvm_vcpu_update_apicv(target);
    expect(target.arch.apic.apicv_active).toBe(true);
    b.write(0, 0x310, 1 << 24);
    b.traces.length = 0;
    b.write(0, 0x300, FIXED | 0x40);
    b.write(0, 0x300, FIXED | 0x40);
    expect(b.names().filter((n) => n === 'kvm_apicv_accept_irq')).toHaveLength(2);
    expect([target.arch.pi_desc.on, target.arch.pi_desc.pir[2], highest(target, IRR)]).toEqual([1, 1, -1]);
    b.k.vmx_sync_pir_to_irr(target);
    expect([target.arch.pi_desc.on, highest(target, IRR), target.arch.vmcs.guest_intr_status]).toEqual([0, 0x40, 0x40]);
  });

  it('nothing of the APIC is injected by software', () => {
    const b = bench(1, { vendor: 'vmx', enable_apicv: true });
    const [vcpu] = b.vcpus;
    b.k.kvm_vcpu_update_apicv(vcpu);
    b.write(0, 0x300, FIXED | 0x4_0000 | 0x40);
    expect([b.k.kvm_cpu_has_interrupt(vcpu), b.k.kvm_cpu_has_injectable_intr(vcpu)]).toEqual([true, false]);
  });

  it('an EOI that hardware did is traced, told to the IOAPIC, and changes no register', () => {
    const b = bench(1, { vendor: 'vmx', enable_apicv: true });
    const [vcpu] = b.vcpus;
    vcpu.arch.ioapic_handled_vectors[2] = 1;
    const before = [...vcpu.arch.apic.regs];
    b.k.kvm_apic_set_eoi_accelerated(vcpu, 0x40);
    expect(vcpu.arch.apic.regs).toEqual(before);
    expect(vcpu.arch.pending_ioapic_eoi).toBe(0x40);
  });

  it('an APIC elsewhere than 0xfee00000, aliased ids and changed ids forbid them', () => {
    const b = bench(2, { vendor: 'vmx', enable_apicv: true });
    const { arch } = b.m.kvm[0];
    expect(arch.apicv_inhibit_reasons).toBe(0);
    b.write(0, 0x20, 9 << 24);
    expect(arch.apicv_inhibit_reasons).toBe(1 << 5);
    b.write(0, 0x20, 1 << 24);
    expect(arch.apicv_inhibit_reasons).toBe((1 << 4) | (1 << 5));
    b.write(0, 0x20, 0);
    b.wrmsr(0, 0x1b, 0xfed4_0900);
    expect(arch.apicv_inhibit_reasons).toBe(1 << 6);
  });

  it('AVIC sets IRR and rings, or wakes; an IPI to one that does not run is finished by KVM', () => {
    const b = bench(2, { enable_apicv: true });
    const [, target] = b.vcpus;
    b.k.kvm_vcpu_update_apicv(target);
    b.write(0, 0x310, 1 << 24);
    target.mode = IN_GUEST_MODE;
    target.cpu = 3;
    b.write(0, 0x300, FIXED | 0x40);
    expect(b.names().slice(-2)).toEqual(['kvm_apicv_accept_irq', 'kvm_avic_doorbell']);
    expect(vectorsOf(target, IRR)).toEqual([0x40]);
    target.mode = 0;
    b.traces.length = 0;
    b.k.avic_incomplete_ipi_interception(b.vcpus[0], FIXED | 0x41, 1 << 24, 1, 1);
    expect(b.names()).toEqual(['kvm_avic_incomplete_ipi', 'kvm_apicv_accept_irq']);
  });
});
