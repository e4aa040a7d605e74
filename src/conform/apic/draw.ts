// SPDX-License-Identifier: GPL-2.0-only
/** Chance for operations on local APICs: menus of what the registers tell apart, and now and then anything. */
import { type ApicOperation, apicOp } from '../../operation/apic.js';
import { xorshift32 } from '../sched/generate.js';

export const BASE = 0xfee0_0000;
export const IOAPIC = 0xfec0_0000;
export const APICBASE = 0x1b;
export const TSC_DEADLINE = 0x6e0;
export const PV_EOI_EN = 0x4b56_4d04;
export const ICR_MODES = [0, 0, 0, 0, 0x100, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700];
export const REGISTERS = [
  ...[0x20, 0x30, 0x80, 0x80, 0x90, 0xa0, 0xb0, 0xb0, 0xb0, 0xd0, 0xe0, 0xf0, 0xf0, 0x100, 0x180, 0x200, 0x210, 0x280],
  ...[0x2f0, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x390, 0x3e0, 0x3f0],
];
export const LVTS = [0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370];
/** ns: around hrtimers, periods and what is clamped */
export const WAITS = [0, 1, 100, 1000, 50_000, 200_000, 1_000_000, 20_000_000, 5_000_000_000];
export const COUNTS = [0, 1, 2, 1000, 100_000, 200_000, 1_000_000, 0x7fff_ffff, 0xffff_ffff];

/** Chance, and what is known of the VM while it is generated. */
export class Draw {
  private readonly next: () => number;
  vcpus = 1;
  step = 1;
  first = 0;
  x2apic = false;
  /** ns, as the operations so far have moved it */
  now = 1_000_000_000;
  khz = 1_000_000;

  constructor(seed: number) {
    this.next = xorshift32(seed);
  }

  below(n: number): number {
    return this.next() % n;
  }
  of<T>(menu: readonly T[]): T {
    return menu[this.below(menu.length)]!;
  }
  once(n: number): boolean {
    return this.below(n) === 0;
  }
  word(): number {
    return this.next();
  }
  cpu(): number {
    return this.below(this.vcpus);
  }
  /** few, so that they meet */
  vector(): number {
    return this.once(4) ? this.below(256) : this.of([0x10, 0x1f, 0x20, 0x31, 0x3f, 0x41, 0x51, 0x5e, 0xf0, 0xff]);
  }
  id(): number {
    return this.first + this.below(this.vcpus + 1) * this.step;
  }
  /** The clock moves on. */
  wait(cpu: number, a: number): ApicOperation {
    this.now += a;
    return apicOp('ADVANCE', { cpu, a });
  }
  /** The TSC so many ns from now, without offset. */
  deadline(ns: number): number {
    return Math.max(1, Math.floor(((this.now + ns) * this.khz) / 1_000_000));
  }
  /** A destination: an id, a broadcast, a logical address of either kind. */
  destination(): number {
    switch (this.below(8)) {
      case 0:
        return 0xff;
      case 1:
        return 0xffff_ffff;
      case 2:
        return this.below(256);
      case 3:
        return ((this.below(3) << 16) | this.below(1 << 16)) >>> 0;
      case 4:
        return (this.below(4) << 4) | this.below(16);
      default:
        return this.id();
    }
  }
}

/** The low half of an ICR. */
export function icrLow(d: Draw): number {
  const shorthand = d.once(4) ? d.below(4) << 18 : 0;
  const logical = d.once(3) ? 0x800 : 0;
  const level = (d.once(6) ? 0 : 0x4000) | (d.once(6) ? 0x8000 : 0);
  const odd = d.once(20) ? d.of([0x1000, 0x2000, 0x3_0000, 0xfff0_0000]) : 0;
  return (d.vector() | d.of(ICR_MODES) | shorthand | logical | level | odd) >>> 0;
}

function lvt(d: Draw): number {
  const masked = d.once(4) ? 0x1_0000 : 0;
  return (d.vector() | d.of(ICR_MODES) | masked | (d.once(8) ? 0x8000 : 0) | (d.once(8) ? d.word() : 0)) >>> 0;
}

/** A value that the register at `reg` makes something of. */
export function written(d: Draw, reg: number): number {
  switch (reg) {
    case 0x20:
      return d.once(4) ? d.word() : (d.id() << 24) >>> 0;
    case 0x80:
      return d.once(3) ? d.below(256) : d.of([0, 0, 0x10, 0x20, 0x30, 0x40, 0x50, 0xf0]);
    case 0xb0:
    case 0x280:
      return d.once(8) ? d.word() : 0;
    case 0xd0:
      return d.once(5) ? d.word() : ((d.once(2) ? 1 << d.below(8) : (d.below(3) << 4) | (1 << d.below(4))) << 24) >>> 0;
    case 0xe0:
      return d.of([0xffff_ffff, 0xffff_ffff, 0x0fff_ffff, 0x0fff_ffff, d.word()]);
    case 0xf0:
      return d.once(6) ? d.word() : 0xff | (d.once(6) ? 0 : 0x100) | (d.once(6) ? 0x1000 : 0);
    case 0x300:
      return icrLow(d);
    case 0x310:
      return d.once(4) ? d.word() : (d.destination() << 24) >>> 0;
    case 0x320:
      return (lvt(d) & ~0x6_0000) | (d.below(4) << 17);
    case 0x380:
      return d.once(4) ? d.word() : d.of(COUNTS);
    case 0x3e0:
      return d.once(4) ? d.word() : d.below(16);
    case 0x3f0:
      return d.once(6) ? d.word() : d.vector();
    default:
      return LVTS.includes(reg) ? lvt(d) : d.word();
  }
}

export const lateral = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** A register access in the manner of the mode that the vCPUs are likelier in. */
export function access(d: Draw, cpu: number, reg: number, write: boolean, given: number | null = null): ApicOperation {
  const value = given ?? (write ? written(d, reg) : 0);
  if (d.once(12) ? !d.x2apic : d.x2apic) {
    const id = 0x800 + (reg >> 4);
    if (!write) return apicOp('RDMSR', { cpu, id });
    const high = reg === 0x300 ? d.destination() : d.once(30) ? 1 : 0;
    if (reg === 0x300 && d.once(4)) return apicOp('FASTPATH', { cpu, id, a: lateral(value & ~0xc_0f00, high) });
    return apicOp('WRMSR', { cpu, id, flags: d.below(2), a: lateral(value, high) });
  }
  const odd = given === null && d.once(25);
  const a = BASE + reg + (odd ? d.of([1, 2, 4, 8, 0x1000, -0x20]) : 0);
  if (!write) return apicOp('MMIO_READ', { cpu, id: odd ? d.of([1, 2, 3, 4, 8]) : 4, a });
  return apicOp('MMIO_WRITE', { cpu, id: odd ? d.of([1, 2, 4]) : 4, a, b: value });
}
