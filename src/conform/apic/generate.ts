// SPDX-License-Identifier: GPL-2.0-only
/**
 * Random operation sequences on local APICs, in kinds that differ in what is frequent.
 *
 * Pure: all chance comes from the seed. Values come from menus of what the registers tell apart, and now and then from
 * everywhere.
 */

import { APIC_FLAGS, APIC_MAX_VCPUS, type ApicOperation, type ApicOpName, apicOp } from '../../operation/apic.js';
import {
  APICBASE,
  access,
  BASE,
  COUNTS,
  Draw,
  ICR_MODES,
  IOAPIC,
  icrLow,
  LVTS,
  lateral,
  PV_EOI_EN,
  REGISTERS,
  TSC_DEADLINE,
  WAITS,
  written,
} from './draw.js';
import { deadline, period, pinEoi, pvEoi, routedEoi, toggle } from './scenarios.js';

export const APIC_KINDS = ['xapic', 'x2apic', 'modes', 'timer', 'apicv', 'ioapic', 'state', 'messages'] as const;
export type ApicKind = (typeof APIC_KINDS)[number];

const DEFAULT_BASES = [0xfee0_0000, 0xfee0_0000, 0xfee0_0000, 0xfee0_0000, 0xfed0_0000];

function setBase(d: Draw, cpu: number): ApicOperation {
  const mode = d.of(d.x2apic ? [0xc00, 0xc00, 0xc00, 0x800, 0, 0x400] : [0x800, 0x800, 0x800, 0xc00, 0, 0x400]);
  const odd = d.once(20) ? d.of([1, 0x200, 0x1000, 2 ** 46]) : 0;
  const a = d.of(DEFAULT_BASES) + mode + (cpu === 0 ? 0x100 : 0) + odd;
  return apicOp('WRMSR', { cpu, id: APICBASE, flags: d.once(3) ? 0 : 1, a });
}

function msi(d: Draw): ApicOperation {
  const low = 0xfee0_0000 + ((d.destination() & 0xff) << 12) + (d.below(2) << 2) + (d.once(4) ? 8 : 0);
  const high = d.once(3) ? (d.destination() & ~0xff) | (d.once(8) ? d.below(256) : 0) : 0;
  const data = d.vector() | d.of(ICR_MODES) | (d.once(4) ? 0x8000 : 0);
  const op = d.of<ApicOpName>(['MSI', 'MSI', 'MSI', 'MSI_INATOMIC', 'SINGLE_VCPU']);
  return apicOp(op, { flags: d.once(30) ? 1 : 0, a: lateral(low, high), b: data });
}

function irq(d: Draw): ApicOperation {
  const a = BigInt(d.vector() | d.of(ICR_MODES)) | (d.once(6) ? 0n : 1n << 32n) | (d.once(5) ? 1n << 33n : 0n);
  const op = d.of<ApicOpName>(['DELIVER', 'DELIVER', 'DEST_VCPUS']);
  const cpu = op === 'DELIVER' && d.once(2) ? -1 : d.cpu();
  // APIC_DEST_SELF without a source is a bug of the caller's.
  const shorthand = d.once(3) ? d.of(cpu < 0 || op !== 'DELIVER' ? [0, 2, 3] : [0, 1, 2, 3]) : 0;
  const b = lateral(d.destination(), d.below(2) | (shorthand << 4)) | (d.once(4) ? 1n << 56n : 0n);
  return apicOp(op, { cpu, a, b });
}

/** The timer in one of its modes, and a while until something is looked at. */
function timer(d: Draw, cpu: number): ApicOperation[] {
  const wait = (): ApicOperation => d.wait(cpu, d.once(4) ? d.below(0x1000_0000) : d.of(WAITS));
  switch (d.below(15)) {
    case 13:
      return period(d, cpu);
    case 0:
      return [access(d, cpu, 0x320, true)];
    case 1:
    case 2:
      return [access(d, cpu, 0x380, true)];
    case 3:
      return [access(d, cpu, 0x3e0, true)];
    case 4: {
      const far = d.once(6) ? BigInt(d.word()) << BigInt(d.below(32)) : BigInt(d.of(WAITS)) + 1_000_000_000n;
      const op = d.once(4) ? 'FASTPATH' : 'WRMSR';
      return [apicOp(op, { cpu, id: TSC_DEADLINE, a: d.once(6) ? 0 : far, flags: d.below(2) })];
    }
    case 5:
      return [wait(), apicOp('FIRE', { cpu })];
    case 6:
      return [wait(), apicOp('FIRE', { cpu }), apicOp('INJECT_TIMER', { cpu })];
    case 7:
      return [apicOp(d.of<ApicOpName>(['PENDING_TIMER', 'INJECT_TIMER', 'WAIT_EXPIRE', 'MIGRATE']), { cpu })];
    case 8:
      return [apicOp(d.of<ApicOpName>(['HV_EXPIRED', 'TO_HV_TIMER', 'TO_SW_TIMER', 'RESTART_HV_TIMER']), { cpu })];
    case 9:
      return [d.once(2) ? apicOp('RDMSR', { cpu, id: TSC_DEADLINE }) : access(d, cpu, 0x390, false)];
    case 10:
      return [apicOp('MODE', { cpu, id: d.below(2), a: d.below(3) })];
    case 11:
    case 12:
      return deadline(d, cpu);
    default:
      return [wait()];
  }
}

function paravirtual(d: Draw, cpu: number): ApicOperation[] {
  switch (d.below(12)) {
    case 8:
    case 9:
    case 10:
      return pvEoi(d, cpu);
    case 0:
      return [apicOp('WRMSR', { cpu, id: PV_EOI_EN, a: d.of([0, 1, 0x1001, 0x1001, 0x1003, 0x2005]) })];
    case 1:
      return [apicOp('PV_EOI_MEMORY', { cpu, a: d.of([0, 0, 1, 3, 0xfe]), flags: d.once(12) ? 1 : 0 })];
    case 2:
    case 3:
      return [apicOp('SYNC_TO', { cpu }), apicOp('SYNC_FROM', { cpu })];
    case 4:
      return [apicOp(d.of<ApicOpName>(['SYNC_FROM', 'SYNC_TO']), { cpu })];
    case 5:
      return [apicOp('VAPIC_ADDR', { cpu, a: d.of([0, 0x3000]) })];
    case 6:
      return [apicOp('VAPIC_MEMORY', { cpu, a: d.word() })];
    default: {
      const bitmap = (): bigint => lateral(d.word() & d.word(), d.once(2) ? 0 : d.word());
      const flags = (icrLow(d) & (d.once(6) ? 0x7fff_ffff : 0x7ff3_f7ff)) | (d.once(2) ? 0x8000_0000 : 0);
      // the id is a bit of any of the four words
      const min = d.once(8) ? d.word() : Math.max(0, d.id() - d.of([0, 0, 0, 31, 32, 63, 64, 127]));
      return [
        apicOp('PV_IPI', {
          cpu,
          id: min | 0,
          flags: flags >>> 0,
          a: BigInt.asIntN(64, bitmap()),
          b: BigInt.asIntN(64, bitmap()),
        }),
      ];
    }
  }
}

/** KVM_GET_LAPIC, a few words changed, KVM_SET_LAPIC. */
function state(d: Draw, cpu: number): ApicOperation[] {
  const ops = [apicOp('GET_STATE', { cpu })];
  for (let n = d.below(6); n > 0; n--) {
    const reg = d.once(8) ? d.below(64) << 4 : d.of(d.once(2) ? REGISTERS : [0x100, 0x110, 0x170, 0x200, 0x270, 0x390]);
    // What userspace may not give: the sign of a divisor shift KVM would never have stored.
    const value = reg === 0x3e0 ? d.word() & 0xb : reg === 0x390 ? d.of(COUNTS) : written(d, reg);
    ops.push(apicOp('STAGE', { cpu, id: (reg >> 2) + (d.once(20) ? d.below(4) : 0), a: value }));
  }
  if (!d.once(6)) ops.push(apicOp('SET_STATE', { cpu: d.once(8) ? d.cpu() : cpu }));
  return ops;
}

function apicv(d: Draw, cpu: number): ApicOperation[] {
  switch (d.below(12)) {
    case 10:
    case 11:
      return toggle(d, cpu);
    case 9:
      return routedEoi(d, cpu);
    case 0:
      return [apicOp('INHIBIT', { cpu, id: d.of([1, 3, 9, 2]), a: d.below(2) })];
    case 1:
    case 2:
      return [apicOp('UPDATE_APICV', { cpu })];
    case 3:
      return [apicOp('POST', { cpu, a: d.vector() })];
    case 4:
      return [apicOp('SYNC_PIR', { cpu })];
    case 5:
      return [apicOp('EOI_ACCELERATED', { cpu, a: d.vector() })];
    case 6:
      return [apicOp('NODECODE', { cpu, id: d.of(REGISTERS) })];
    case 7:
      return [apicOp('CLEAR_IRR', { cpu, a: d.vector() })];
    default:
      return [apicOp('SCAN_IOAPIC', { cpu })];
  }
}

function ioapic(d: Draw, cpu: number): ApicOperation[] {
  const pin = d.once(3) ? 8 : d.below(24);
  switch (d.below(11)) {
    case 8:
    case 9:
    case 10:
      return pinEoi(d, cpu);
    case 0:
      return [
        apicOp('IOAPIC_WRITE', {
          cpu,
          id: 4,
          a: IOAPIC,
          b: d.once(4) ? d.of([0, 1, 2, d.below(0x44)]) : 0x10 + 2 * pin,
        }),
        apicOp('IOAPIC_WRITE', {
          cpu,
          id: 4,
          a: IOAPIC + 0x10,
          b: d.vector() | (d.below(16) === 0 ? d.word() : d.of([0, 0, 0x100, 0x800, 0x8000, 0x8800, 0x1_0000])),
        }),
      ];
    case 1:
      return [
        apicOp('IOAPIC_WRITE', { cpu, id: 4, a: IOAPIC, b: 0x11 + 2 * pin }),
        apicOp('IOAPIC_WRITE', { cpu, id: 4, a: IOAPIC + 0x10, b: (d.destination() << 24) >>> 0 }),
      ];
    case 2:
      return [apicOp('IOAPIC_READ', { cpu, id: 4, a: IOAPIC + 0x10 * d.below(2) })];
    case 3:
    case 4:
    case 5:
      return [apicOp('IOAPIC_IRQ', { cpu, id: pin, flags: d.below(2) | (d.below(2) << 1), a: d.below(2) })];
    case 6:
      return [
        msi(d),
        apicOp('ROUTE', {
          cpu,
          id: d.below(24),
          a: 0xfee0_0000 + ((d.destination() & 0xff) << 12) + (d.below(2) << 2),
          b: d.vector() | (d.below(2) << 15),
        }),
      ];
    default:
      return [apicOp('SCAN_IOAPIC', { cpu })];
  }
}

function rare(d: Draw, cpu: number): ApicOperation {
  switch (d.below(20)) {
    case 0:
      return apicOp('MCG', { cpu, a: d.below(2) });
    case 1:
      return apicOp('CPUID', { cpu, flags: d.below(0x1000) });
    case 2:
      return apicOp('QUIRKS', { cpu, a: d.of([0, 1, 4, 5]) });
    case 3:
      return apicOp('PARAM', { cpu, id: 0, a: d.below(2) });
    case 4:
      return apicOp('PARAM', { cpu, id: 2, a: d.of([200, 0, 1000, 5]) });
    case 5:
      return apicOp('PARAM', { cpu, id: 4, a: d.of([1, 1, 10, 40, 2 ** 25]) });
    case 6:
      return apicOp('TSC_OFFSET', { cpu, a: d.of([0, -500_000_000, 1_000_000_000, -(2 ** 40)]) });
    case 7:
      return apicOp('EXTINT', { cpu, a: d.once(3) ? -1 : d.vector() });
    case 8:
      return apicOp('RESET', { cpu, a: d.below(2) });
    case 9:
      return apicOp('NMI', { cpu, a: d.below(2) });
    case 10:
      return apicOp('REPORT_TPR', { cpu, a: d.below(2) });
    case 11:
      return apicOp('SMM', { cpu, a: d.once(3) ? 1 : 0 });
    case 12:
      return apicOp('ADD_VCPU', { cpu, a: d.first + d.vcpus * d.step });
    case 13:
      return apicOp('COMPARE', { cpu, id: d.cpu() });
    case 14:
      return apicOp('MATCH', { cpu, id: d.once(2) ? -1 : d.cpu(), a: d.destination(), flags: d.below(8) });
    case 15:
      return apicOp('NMI_WATCHDOG', { cpu });
    case 16:
      return apicOp('UPDATE_PPR', { cpu });
    case 17:
      return apicOp('HV_READ', { cpu, id: d.of([0x80, 0x300, 0xb0, 0x20]) });
    case 18: {
      const id = d.of([0x80, 0x300, 0xb0]);
      return apicOp('HV_WRITE', { cpu, id, a: lateral(written(d, id), id === 0x300 ? d.destination() : 0) });
    }
    default:
      return apicOp('SET_MP_STATE', { cpu, a: d.of([0, 1, 2, 3, 4, 9, 7]) });
  }
}

/** What an interrupt's target does about it. */
function take(d: Draw, cpu: number): ApicOperation[] {
  switch (d.below(8)) {
    case 0:
      return [apicOp('GET_INTERRUPT', { cpu }), apicOp('EOI', { cpu })];
    case 1:
    case 2:
      return [apicOp('GET_INTERRUPT', { cpu })];
    case 3:
      return [d.once(2) ? apicOp('EOI', { cpu }) : access(d, cpu, 0xb0, true)];
    case 4:
      return [apicOp(d.of<ApicOpName>(['HAS_INTERRUPT', 'HAS_INJECTABLE', 'APIC_HAS', 'ACCEPT_PIC']), { cpu })];
    case 5:
      return [d.once(2) ? apicOp('SET_CR8', { cpu, a: d.below(16) }) : apicOp('GET_CR8', { cpu })];
    case 6:
      return [apicOp(d.of<ApicOpName>(['EVENTS', 'GET_MP_STATE']), { cpu })];
    default:
      return [apicOp('TAKE_REQUESTS', { cpu, a: -1 })];
  }
}

type Group =
  | 'access'
  | 'base'
  | 'msi'
  | 'irq'
  | 'timer'
  | 'paravirtual'
  | 'state'
  | 'apicv'
  | 'ioapic'
  | 'local'
  | 'rare'
  | 'take';

/** How often, of all kinds and of this one. */
const USUAL: Readonly<Record<Group, number>> = {
  ...{ access: 24, base: 2, msi: 3, irq: 3, timer: 6, paravirtual: 3, state: 2, apicv: 2, ioapic: 1, local: 2 },
  ...{ rare: 4, take: 10 },
};
const MORE: Readonly<Record<ApicKind, Partial<Record<Group, number>>>> = {
  xapic: {},
  x2apic: {},
  modes: { base: 12, rare: 8 },
  timer: { timer: 40, access: 10 },
  apicv: { apicv: 20, paravirtual: 6 },
  ioapic: { ioapic: 30 },
  state: { state: 14, timer: 10 },
  messages: { msi: 20, irq: 16, take: 16 },
};

function flagsOf(d: Draw, kind: ApicKind): number {
  const F = APIC_FLAGS;
  let flags = F.RUNNING * Number(!d.once(6));
  const sometimes: [number, number][] = [
    ...([
      [F.ICR_SPLIT, 2],
      [F.HASHING, 2],
      [F.X2APIC_FORMAT, 3],
      [F.NO_BROADCAST_QUIRK, 3],
      [F.CMCI, 3],
    ] as [number, number][]),
    ...([
      [F.ADVANCE_TIMER, 2],
      [F.HV_TIMER, 2],
      [F.INTEL, 2],
      [F.PI_INJECT, 3],
      [F.MWAIT_IN_GUEST, 4],
    ] as [number, number][]),
    ...([
      [F.HLT_IN_GUEST, 3],
      [F.POSTING, 2],
      [F.CR8_INTERCEPT, 2],
      [F.NO_LINT0_QUIRK, 4],
      [F.NO_HOLE_QUIRK, 4],
    ] as [number, number][]),
  ];
  for (const [flag, n] of sometimes) if (d.once(n)) flags |= flag;
  if (!d.once(8)) flags |= F.X2APIC;
  if (!d.once(5)) flags |= F.TSC_DEADLINE;
  if (kind !== 'ioapic' && !d.once(5)) flags |= F.SPLIT_IRQCHIP;
  if (kind === 'apicv' || d.once(3)) flags |= F.APICV;
  return flags;
}

/** The VM, and its APICs in the mode of most of what follows. */
function setup(d: Draw, kind: ApicKind): ApicOperation[] {
  d.vcpus = d.once(6) ? 1 + d.below(12) : 1 + d.below(4);
  d.step = d.once(5) ? d.of([2, 16, 17, 100]) : 1;
  d.first = d.once(8) ? d.of([1, 250, 254, 255]) : 0;
  d.x2apic = kind === 'x2apic' || (kind !== 'xapic' && d.once(2));
  d.khz = d.of([1_000_000, 1_000_000, 2_400_000, 999_999]);
  const width = d.of([46, 46, 36, 52]);
  const b = lateral(d.first | (d.step << 16), width);
  const ops = [apicOp('CREATE', { id: d.vcpus, flags: flagsOf(d, kind), a: d.khz, b })];
  for (let cpu = 0; cpu < d.vcpus; cpu++) {
    if (d.x2apic) {
      ops.push(apicOp('WRMSR', { cpu, id: APICBASE, flags: 1, a: BASE + 0xc00 + (cpu === 0 ? 0x100 : 0) }));
      ops.push(apicOp('WRMSR', { cpu, id: 0x80f, a: 0x1ff }));
    } else {
      ops.push(apicOp('MMIO_WRITE', { cpu, id: 4, a: BASE + 0xf0, b: 0x1ff }));
      if (!d.once(4)) ops.push(apicOp('MMIO_WRITE', { cpu, id: 4, a: BASE + 0xd0, b: ((1 << (cpu & 7)) << 24) >>> 0 }));
    }
  }
  return ops;
}

function some(d: Draw, group: Group): ApicOperation[] {
  const cpu = d.cpu();
  switch (group) {
    case 'access':
      return [access(d, cpu, d.once(12) ? d.below(0x42) << 4 : d.of(REGISTERS), !d.once(4))];
    case 'base':
      return [setBase(d, cpu)];
    case 'msi':
      return [msi(d)];
    case 'irq':
      return [irq(d)];
    case 'timer':
      return timer(d, cpu);
    case 'paravirtual':
      return paravirtual(d, cpu);
    case 'state':
      return state(d, cpu);
    case 'apicv':
      return apicv(d, cpu);
    case 'ioapic':
      return ioapic(d, cpu);
    case 'local':
      return [apicOp('LOCAL', { cpu, id: d.of(LVTS) })];
    case 'rare': {
      const op = rare(d, cpu);
      if (op.op !== 'ADD_VCPU') return [op];
      if (d.vcpus >= APIC_MAX_VCPUS) return [];
      d.vcpus++;
      return [op];
    }
    case 'take':
      return take(d, cpu);
  }
}

function groupAt(weights: readonly (readonly [Group, number])[], drawn: number): Group {
  let rest = drawn;
  for (const [group, n] of weights) {
    if (rest < n) return group;
    rest -= n;
  }
  throw new RangeError('drawn beyond the weights');
}

/** A sequence of at least `length` operations, from its seed. */
export function apicSequence(seed: number, kind: ApicKind, length: number): readonly ApicOperation[] {
  const d = new Draw(seed);
  const ops = setup(d, kind);
  const weights = Object.entries({ ...USUAL, ...MORE[kind] }) as [Group, number][];
  const total = weights.reduce((sum, [, n]) => sum + n, 0);
  while (ops.length < length) {
    ops.push(...some(d, groupAt(weights, d.below(total))));
  }
  if (d.once(8)) ops.push(apicOp('FREE', { cpu: d.cpu() }));
  return ops;
}
