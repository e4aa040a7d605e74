// SPDX-License-Identifier: GPL-2.0-only
/** Several operations on a local APIC that only together reach something. */

import { type ApicOperation, type ApicOpName, apicOp } from '../../operation/apic.js';
import { access, COUNTS, type Draw, IOAPIC, PV_EOI_EN, TSC_DEADLINE, WAITS } from './draw.js';

/** A TSC deadline from its arming to the entry that waits for it. */
export function deadline(d: Draw, cpu: number): ApicOperation[] {
  const ns = d.of([-1000, 0, 500, 1000, 5000, 50_000, 1_000_000]);
  const vector = d.vector();
  const arm = apicOp(d.once(3) ? 'FASTPATH' : 'WRMSR', { cpu, id: TSC_DEADLINE, a: d.deadline(ns) });
  const ops = [access(d, cpu, 0x320, true, 0x4_0000 | vector), arm];
  if (d.once(3)) ops.unshift(apicOp('PARAM', { cpu, id: 1, a: 1 }), apicOp('MODE', { cpu, id: d.below(2), a: 1 }));
  const early = d.of([0, 100, 600, 1000, 2000]);
  ops.push(d.wait(cpu, Math.max(0, ns - early)), apicOp('FIRE', { cpu }));
  if (d.once(3)) ops.push(apicOp('HV_EXPIRED', { cpu }));
  ops.push(apicOp('INJECT_TIMER', { cpu }));
  if (d.once(2)) ops.push(apicOp('GET_INTERRUPT', { cpu }));
  ops.push(apicOp('WAIT_EXPIRE', { cpu }));
  return ops;
}

/** A period that has passed when the timer changes hands. */
export function period(d: Draw, cpu: number): ApicOperation[] {
  const lvtt = access(d, cpu, 0x320, true, 0x2_0000 | d.vector());
  const ops = [lvtt, access(d, cpu, 0x380, true, d.of(COUNTS)), d.wait(cpu, d.of(WAITS))];
  ops.push(apicOp(d.of<ApicOpName>(['TO_SW_TIMER', 'FIRE', 'HV_EXPIRED', 'TO_HV_TIMER', 'MIGRATE']), { cpu }));
  if (d.once(2)) ops.push(apicOp('FIRE', { cpu }), apicOp('INJECT_TIMER', { cpu }));
  return ops;
}

/** `vector` to oneself, whatever the registers say: with level or edge trigger. */
export function toSelf(cpu: number, vector: number, level: boolean): ApicOperation {
  return apicOp('DELIVER', { cpu, a: BigInt(vector) | (1n << 32n), b: (1n << 36n) | (level ? 1n << 56n : 0n) });
}

/** An interrupt in service whose EOI the guest may do in memory. */
export function pvEoi(d: Draw, cpu: number): ApicOperation[] {
  const ops = [apicOp('WRMSR', { cpu, id: PV_EOI_EN, a: 0x1001 }), toSelf(cpu, 0x31 + d.below(8), d.once(4))];
  ops.push(apicOp('GET_INTERRUPT', { cpu }));
  if (d.once(4)) ops.push(toSelf(cpu, 0x61, false));
  ops.push(apicOp('SYNC_TO', { cpu }));
  if (!d.once(3)) ops.push(apicOp('PV_EOI_MEMORY', { cpu, a: d.of([0, 0, 0, 1, 2]), flags: d.once(12) ? 1 : 0 }));
  if (d.once(8)) ops.push(apicOp('WRMSR', { cpu, id: PV_EOI_EN, a: 0 }));
  ops.push(apicOp('SYNC_FROM', { cpu }));
  if (d.once(12)) ops.push(apicOp('PV_EOI_MEMORY', { cpu }));
  return ops;
}

/** A level-triggered interrupt of userspace's IOAPIC, and its EOI. */
export function routedEoi(d: Draw, cpu: number): ApicOperation[] {
  const vector = d.vector();
  const address = 0xfee0_0000 + ((d.once(2) ? 0xff : d.id() & 0xff) << 12) + (d.below(2) << 2);
  const ops = [apicOp('ROUTE', { cpu, id: d.below(24), a: address, b: vector | (d.once(4) ? 0 : 0x8000) })];
  ops.push(apicOp('SCAN_IOAPIC', { cpu }), toSelf(cpu, vector, !d.once(4)), apicOp('GET_INTERRUPT', { cpu }));
  ops.push(d.once(2) ? apicOp('EOI', { cpu }) : apicOp('EOI_ACCELERATED', { cpu, a: vector }));
  return ops;
}

/** APICv off and on again, with something in service or requested in between. */
export function toggle(d: Draw, cpu: number): ApicOperation[] {
  const inhibit = (a: number): ApicOperation[] => [
    apicOp('INHIBIT', { cpu, id: 1, a }),
    apicOp('UPDATE_APICV', { cpu }),
  ];
  const between = [toSelf(cpu, d.vector(), false), apicOp('GET_INTERRUPT', { cpu }), toSelf(cpu, d.vector(), false)];
  return [...inhibit(1), ...between.slice(0, d.below(4)), ...inhibit(0)];
}

/** A pin of the in-kernel IOAPIC from its entry to the EOI; often the RTC's, whose EOIs are tracked. */
export function pinEoi(d: Draw, cpu: number): ApicOperation[] {
  const rtc = d.once(2);
  const pin = rtc ? 8 : d.below(24);
  const write = (reg: number, b: number): ApicOperation[] => [
    apicOp('IOAPIC_WRITE', { cpu, id: 4, a: IOAPIC, b: reg }),
    apicOp('IOAPIC_WRITE', { cpu, id: 4, a: IOAPIC + 0x10, b }),
  ];
  const entry = d.vector() | (rtc && !d.once(4) ? 0 : 0x8000) | (d.once(3) ? 0x800 : 0);
  const ops = [
    ...write(0x11 + 2 * pin, (d.once(4) ? 0xff : d.id() & 0xff) * 0x100_0000),
    ...write(0x10 + 2 * pin, entry),
  ];
  ops.push(apicOp('IOAPIC_IRQ', { cpu, id: pin, flags: rtc ? 1 : 0, a: 1 }), apicOp('SCAN_IOAPIC', { cpu }));
  if (d.once(3)) ops.push(apicOp('IOAPIC_IRQ', { cpu, id: pin, flags: rtc ? 1 : 0, a: 0 }));
  ops.push(apicOp('GET_INTERRUPT', { cpu }));
  if (d.once(6)) ops.push(apicOp('GET_STATE', { cpu }), apicOp('SET_STATE', { cpu }));
  ops.push(apicOp('EOI', { cpu }), apicOp('IOAPIC_IRQ', { cpu, id: pin, flags: rtc ? 1 : 0, a: d.below(2) }));
  return ops;
}
