// SPDX-License-Identifier: GPL-2.0-only
/** Events of local APICs from numbers: values that are likely to matter to the register, the mode and the machine. */

import type { ApicMenu } from '../../properties/vocabulary.js';
import type { AmidEvent, ApicEvent, EventKind, MachineEvent } from '../scenario/events.js';
import type { ApicsSpec } from '../scenario/scenario.js';
import type { Draws } from './draws.js';

/** Registers that are written when a world says none: those there are, the busy ones more often. */
const REGISTERS = [
  ...[0x20, 0x30, 0x80, 0x80, 0xb0, 0xb0, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x2f0, 0x300, 0x310, 0x320, 0x330],
  ...[0x340, 0x350, 0x360, 0x370, 0x380, 0x380, 0x3e0, 0x3f0, 0x90, 0xa0, 0x390, 0x100],
];
const UTMOST = 0xffff_ffff;
/** ns: nothing, the finest step, the least period of a timer and its neighbours, and far beyond */
const TIMES = [0, 1, 1000, 20_000, 199_999, 200_000, 1_000_000, 50_000_000];

const APICBASE = 0x1b;
const TSC_DEADLINE = 0x6e0;

/** One in twelve is the base, one in five the deadline. */
function msrsOf(registers: readonly number[]): number[] {
  const n = registers.length;
  const some = (msr: number, part: number): number[] => new Array<number>(Math.max(1, Math.round(n / part))).fill(msr);
  return [...registers.map((reg) => 0x800 + (reg >> 4)), ...some(APICBASE, 8), ...some(TSC_DEADLINE, 4)];
}

/** Draws for one machine. */
export class ApicDraws {
  private readonly registers: readonly number[];
  private readonly msrs: readonly number[];
  private readonly steadyPins: boolean;
  private readonly far: boolean;
  private readonly starts: boolean;

  constructor(
    private readonly spec: ApicsSpec,
    menu: ApicMenu | undefined,
  ) {
    this.registers = menu?.registers ?? REGISTERS;
    this.steadyPins = menu?.steadyPins === true;
    this.far = menu?.far === true;
    this.starts = menu?.starts === true;
    this.msrs = menu?.msrs ?? msrsOf(this.registers);
  }

  /** An event of the kind; null for kinds that are not about local APICs. */
  event(kind: EventKind, d: Draws): MachineEvent | null {
    switch (kind) {
      case 'advance':
        return { ev: 'advance', ns: d.of(TIMES) || 1 };
      case 'stall':
        return { ev: 'stall', ns: d.of(TIMES) };
      case 'amid':
        return this.amid(d);
      case 'msi':
        return this.msi(d);
      case 'pin':
        return { ev: 'pin', pin: d.below(4), level: d.below(2) };
      case 'redirect':
        return this.redirect(d);
      default:
        return this.ofVcpu(kind, d.below(this.spec.vcpus), d);
    }
  }

  private ofVcpu(kind: EventKind, vcpu: number, d: Draws): ApicEvent | null {
    switch (kind) {
      case 'mmio_write':
      case 'set_lapic': {
        const reg = d.of(this.registers);
        return { ev: kind, vcpu, reg, value: valueFor(reg, d) };
      }
      case 'mmio_read':
        return { ev: 'mmio_read', vcpu, reg: d.of(this.registers) };
      case 'wrmsr':
        return this.wrmsr(vcpu, d);
      case 'rdmsr':
        return { ev: 'rdmsr', vcpu, msr: d.below(7) === 0 ? TSC_DEADLINE : 0x800 + d.below(0x40) };
      case 'write_icr': {
        const low = this.starts ? startLow(d) : icrLow(d);
        return { ev: 'write_icr', vcpu, low, dest: this.destination(low, d) };
      }
      case 'pv_ipi':
        if (this.far) return this.farPvIpi(vcpu, d);
        return { ev: 'pv_ipi', vcpu, bitmap: d.word(), min: d.of([0, 0, 2, 250, 300, UTMOST]), icr: icrLow(d) & 0x7ff };
      case 'set_sregs':
        return { ev: 'set_sregs', vcpu, apic_base: apicBase(vcpu, d) };
      case 'tsc_offset':
        return { ev: 'tsc_offset', vcpu, ns: d.of([0, -1_000_000, 1_000_000, 1_000_000_000, -50_000_000]) };
      case 'cpuid':
        return { ev: 'cpuid', vcpu, x2apic: d.below(4) !== 0, tsc_deadline: d.below(3) !== 0 };
      case 'cr8':
        return { ev: 'cr8', vcpu, value: d.below(16) };
      case 'restore':
      case 'window':
      case 'enter':
        return { ev: kind, vcpu };
      default:
        return null;
    }
  }

  /** Words of the bitmap with a few bits each; the ids begin at one of those there are. */
  private farPvIpi(vcpu: number, d: Draws): ApicEvent {
    const few = (): number => d.of([0, 0, 1, 0x8000_0000, d.word()]);
    const min = Math.max(0, this.someId(d) - d.of([0, 31, 32, 63, 64, 95, 96, 127]));
    return { ev: 'pv_ipi', vcpu, bitmap: few(), min, icr: icrLow(d) & 0x7ff, more: [few(), few(), few()] };
  }

  private someId(d: Draws): number {
    return this.spec.ids === undefined ? d.below(this.spec.vcpus) : d.of(this.spec.ids);
  }

  private wrmsr(vcpu: number, d: Draws): ApicEvent {
    const high = d.below(31) === 0 ? 1 : 0;
    const msr = d.of(this.msrs);
    if (msr === APICBASE) {
      return { ev: 'wrmsr', vcpu, msr, value: apicBase(vcpu, d), high: 0 };
    }
    if (msr === TSC_DEADLINE) {
      // a while after boot, or anywhere
      const value = d.below(4) === 0 ? d.word() : 1_000_000_000 + d.below(50) * d.of(TIMES);
      return { ev: 'wrmsr', vcpu, msr, value, high: 0 };
    }
    return { ev: 'wrmsr', vcpu, msr, value: valueFor((msr & 0x3f) << 4, d), high };
  }

  private msi(d: Draws): ApicEvent {
    const logical = d.below(2);
    const dest = this.destination(logical << 11, d) & 0xff;
    const address = 0xfee0_0000 + (dest << 12) + (logical << 2) + (d.below(4) === 0 ? 8 : 0);
    return { ev: 'msi', address, data: vector(d) | (d.below(4) === 0 ? 0x100 : 0) | (d.below(4) === 0 ? 0x8000 : 0) };
  }

  private redirect(d: Draws): ApicEvent {
    const pin = d.below(4);
    if (this.steadyPins)
      return { ev: 'redirect', pin, low: 0x8040 + 0x10 * pin, high: d.below(this.spec.vcpus) * 0x100_0000 };
    const low = (32 + d.below(200)) | (d.below(2) << 15) | (d.below(5) === 0 ? 0x1_0000 : 0);
    return { ev: 'redirect', pin, low, high: d.below(this.spec.vcpus) * 0x100_0000 };
  }

  private amid(d: Draws): AmidEvent {
    const vcpu = d.below(this.spec.vcpus);
    const another = (vcpu + 1 + d.below(Math.max(1, this.spec.vcpus - 1))) % this.spec.vcpus;
    if (d.below(2) === 0) {
      const of = (d.below(4) === 0 ? this.msi(d) : this.ofVcpu('write_icr', vcpu, d)) as ApicEvent;
      return { ev: 'amid', fn: 'kvm_lapic_set_vector', of, other: { ev: d.of(['window', 'enter']), vcpu: another } };
    }
    const kind = this.spec.mode === 'x2apic' || d.below(4) === 0 ? 'wrmsr' : 'mmio_write';
    const of = this.ofVcpu(d.of(['set_lapic', 'set_sregs', kind, kind, kind]), vcpu, d) as ApicEvent;
    const other = this.ofVcpu(d.below(3) === 0 ? 'set_sregs' : kind, another, d) as ApicEvent;
    return { ev: 'amid', fn: d.of(['kvm_recalculate_phys_map', 'kvm_recalculate_logical_map']), of, other };
  }

  /** For a destination field: ids that there are, that there are not, and everybody. */
  private destination(low: number, d: Draws): number {
    const wide = this.spec.mode === 'x2apic';
    if (d.below(13) === 0) return wide ? UTMOST : 0xff;
    if (this.far && (low & 0x800) === 0) return wide ? this.someId(d) : this.someId(d) & 0xff;
    if (this.far && wide) return ((this.someId(d) >> 4) * 0x1_0000 + d.of([1 << d.below(16), d.word() & 0xffff])) >>> 0;
    if ((low & 0x800) === 0) return d.below(this.spec.vcpus + 2);
    if (wide) return d.of([0x1_0000, 0x100_0000, 0, 0, 0, 0, 0, 0]) + d.below(16);
    return this.spec.mode === 'cluster' ? (d.below(3) << 4) | d.below(16) : d.below(256);
  }
}

/** xAPIC, x2APIC, off, and what is none of them */
const apicBase = (vcpu: number, d: Draws): number =>
  0xfee0_0000 + d.of([0x800, 0xc00, 0, 0x400]) + (vcpu === 0 ? 0x100 : 0);

/** 16 to 255 */
const vector = (d: Draws): number => 16 + d.below(240);

function valueFor(reg: number, d: Draws): number {
  switch (reg) {
    case 0x20:
      return d.below(6) * 0x100_0000;
    case 0x80:
      return d.below(16) << 4;
    case 0xb0:
      return d.below(16) === 0 ? d.word() : 0;
    case 0xd0:
      return d.below(5) === 0 ? d.below(256) * 0x100_0000 : 2 ** (24 + d.below(8));
    case 0xe0:
      return d.below(3) === 0 ? 0x0fff_ffff : UTMOST;
    case 0xf0:
      return d.below(8) === 0 ? 0xff : 0x1ff;
    case 0x320:
      return vector(d) | (d.below(5) === 0 ? 1 << 16 : 0) | (d.below(4) << 17);
    case 0x380:
      return d.of([0, 1, 1000, 100_000, 1_000_000, UTMOST]);
    default:
      return d.word();
  }
}

function icrLow(d: Draws): number {
  const mode = d.of([0, 0, 0, 0, 0, 1, 4, 5, 6, 2]) << 8;
  const shorthand = d.below(4) === 0 ? d.below(4) << 18 : 0;
  const level = d.below(8) === 0 ? 0x8000 : 0;
  return vector(d) | mode | shorthand | level | (d.below(2) === 1 ? 0x800 : 0) | (d.below(8) !== 0 ? 0x4000 : 0);
}

/** INIT, its deassertion, SIPI, or a fixed IPI */
function startLow(d: Draws): number {
  const mode = d.of([0x500, 0x500, 0x500, 0x600, 0x600, 0x600, 0x8500, 0]);
  const shorthand = d.below(6) === 0 ? 3 << 18 : 0;
  return vector(d) | mode | shorthand | (d.below(4) === 0 ? 0 : 0x4000);
}
