// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/ioapic.h, ioapic.c (6.12.117): the in-kernel IOAPIC.
 *
 * MODEL: nobody registers acknowledge or mask notifiers or an irqfd resampler; the lock is absent.
 * DEVIATION DV-041: the delayed work of an interrupt storm is a timer that fires after 10 ms, not at a tick.
 */

import type { kvm, kvm_lapic_irq, kvm_vcpu } from '../arch/x86/kvm_host.js';
import type { kvm_ptr } from '../kvm/kvm_host.js';
import { KernelBug } from '../lib/bug.js';
import { HRTIMER_NORESTART, type hrtimer_ptr } from '../lib/hrtimer.js';
import { add, type u8, type u32, u64 } from '../lib/types.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import {
  APIC_DEST_NOSHORT,
  APIC_DM_FIXED,
  APIC_SPIV,
  APIC_SPIV_DIRECTED_EOI,
  IOAPIC_EDGE_TRIG,
  IOAPIC_LEVEL_TRIG,
  IOAPIC_NUM_PINS,
  IOAPIC_VERSION_ID,
  RTC_GSI,
} from './apicdef.js';
import {
  entryBits,
  entryHigh,
  entryLow,
  type kvm_ioapic_redirect_entry,
  setEntryHigh,
  setEntryLow,
} from './redirect-entry.js';

/** arch/x86/kvm/ioapic.h: indirect registers */
export const IOAPIC_REG_APIC_ID = 0x00;
export const IOAPIC_REG_VERSION = 0x01;
export const IOAPIC_REG_ARB_ID = 0x02;

const IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT = 10_000;
const EOI_INJECT_DELAY_NS = u64(10_000_000); // HZ / 100 jiffies

/** struct dest_map: where an interrupt went, by vcpu_id. */
export interface dest_map {
  /** 1 at every vcpu_id that got it */
  map: number[];
  /** the vector, where `map` is 1 */
  vectors: u8[];
}

/** struct kvm_ioapic */
export interface kvm_ioapic {
  readonly kvm: kvm_ptr;
  ioregsel: u32;
  id: u32;
  irr: u32;
  irr_delivered: u32;
  redirtbl: kvm_ioapic_redirect_entry[];
  /** per pin, a bit per irq_source_id */
  irq_states: u32[];
  irq_eoi: u32[];
  rtc_status: { pending_eoi: number; dest_map: dest_map };
  eoi_inject: hrtimer_ptr;
}

/** __set_bit() in the map, and the vector with it. */
export function setDestMap(this: vmlinux_x86, dest_map: dest_map, vcpu_id: number, vector: number): void {
  while (dest_map.map.length <= vcpu_id) {
    dest_map.map.push(0);
    dest_map.vectors.push(0);
  }
  dest_map.map[vcpu_id] = 1;
  dest_map.vectors[vcpu_id] = vector & 0xff;
}

/** The IOAPIC of a VM that has one; NULL is followed as C would. */
function vioapic(kvm: kvm): kvm_ioapic {
  if (kvm.arch.vioapic === null) throw new KernelBug('NULL dereference', 'kvm->arch.vioapic');
  return kvm.arch.vioapic;
}

/** arch/x86/kvm/ioapic.h: ioapic_in_kernel() */
export function ioapic_in_kernel(this: vmlinux_x86, kvm: kvm): boolean {
  return this.irqchip_kernel(kvm);
}

/** arch/x86/kvm/ioapic.c: ioapic_read_indirect() */
export function ioapic_read_indirect(this: vmlinux_x86, ioapic: kvm_ioapic): u32 {
  switch (ioapic.ioregsel) {
    case IOAPIC_REG_VERSION:
      return (((IOAPIC_NUM_PINS - 1) & 0xff) << 16) | (IOAPIC_VERSION_ID & 0xff);
    case IOAPIC_REG_APIC_ID:
    case IOAPIC_REG_ARB_ID:
      return (ioapic.id & 0xf) << 24;
    default: {
      // unsigned: what is below 0x10 is far beyond the last pin
      const redir_index = ((ioapic.ioregsel - 0x10) >>> 0) >>> 1;
      if (redir_index >= IOAPIC_NUM_PINS) return 0xffff_ffff;
      const e = ioapic.redirtbl[redir_index];
      return (ioapic.ioregsel & 1) !== 0 ? entryHigh(e) : entryLow(e);
    }
  }
}

/** arch/x86/kvm/ioapic.c: rtc_irq_eoi_tracking_reset() */
export function rtc_irq_eoi_tracking_reset(this: vmlinux_x86, ioapic: kvm_ioapic): void {
  ioapic.rtc_status.pending_eoi = 0;
  ioapic.rtc_status.dest_map.map = [];
}

/** arch/x86/kvm/ioapic.c: rtc_status_pending_eoi_check_valid() */
export function rtc_status_pending_eoi_check_valid(this: vmlinux_x86, ioapic: kvm_ioapic): void {
  if (this.warnOn(ioapic.rtc_status.pending_eoi < 0, 'rtc_status_pending_eoi_check_valid: pending_eoi')) {
    this.kvm_rtc_eoi_tracking_restore_all(ioapic);
  }
}

/** arch/x86/kvm/ioapic.c: __rtc_irq_eoi_tracking_restore_one() */
export function __rtc_irq_eoi_tracking_restore_one(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const ioapic = vioapic(this.m.kvm[vcpu.kvm]);
  const dest_map = ioapic.rtc_status.dest_map;
  const e = ioapic.redirtbl[RTC_GSI];

  if (
    !this.kvm_apic_match_dest(vcpu, null, APIC_DEST_NOSHORT, e.dest_id, this.kvm_lapic_irq_dest_mode(e.dest_mode !== 0))
  ) {
    return;
  }

  const new_val = this.kvm_apic_pending_eoi(vcpu, e.vector);
  const old_val = dest_map.map[vcpu.vcpu_id] === 1;
  if (new_val === old_val) return;

  if (new_val) {
    this.setDestMap(dest_map, vcpu.vcpu_id, e.vector);
    ioapic.rtc_status.pending_eoi++;
  } else {
    dest_map.map[vcpu.vcpu_id] = 0;
    ioapic.rtc_status.pending_eoi--;
    this.rtc_status_pending_eoi_check_valid(ioapic);
  }
}

/** arch/x86/kvm/ioapic.c: kvm_rtc_eoi_tracking_restore_one() */
export function kvm_rtc_eoi_tracking_restore_one(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.__rtc_irq_eoi_tracking_restore_one(vcpu);
}

/** arch/x86/kvm/ioapic.c: kvm_rtc_eoi_tracking_restore_all() */
export function kvm_rtc_eoi_tracking_restore_all(this: vmlinux_x86, ioapic: kvm_ioapic): void {
  this.rtc_irq_eoi_tracking_reset(ioapic);
  for (const id of this.m.kvm[ioapic.kvm].vcpus) this.__rtc_irq_eoi_tracking_restore_one(this.m.vcpu[id]);
}

/** arch/x86/kvm/ioapic.c: rtc_irq_eoi() */
export function rtc_irq_eoi(this: vmlinux_x86, ioapic: kvm_ioapic, vcpu: kvm_vcpu, vector: number): void {
  const dest_map = ioapic.rtc_status.dest_map;

  if (dest_map.map[vcpu.vcpu_id] === 1 && vector === dest_map.vectors[vcpu.vcpu_id]) {
    dest_map.map[vcpu.vcpu_id] = 0;
    --ioapic.rtc_status.pending_eoi;
    this.rtc_status_pending_eoi_check_valid(ioapic);
  }
}

/** arch/x86/kvm/ioapic.c: rtc_irq_check_coalesced() */
export function rtc_irq_check_coalesced(this: vmlinux_x86, ioapic: kvm_ioapic): boolean {
  return ioapic.rtc_status.pending_eoi > 0;
}

/** arch/x86/kvm/ioapic.c: ioapic_lazy_update_eoi(): AVIC swallows EOIs of edge interrupts, so they are looked for. */
export function ioapic_lazy_update_eoi(this: vmlinux_x86, ioapic: kvm_ioapic, irq: number): void {
  const entry = ioapic.redirtbl[irq];

  for (const id of this.m.kvm[ioapic.kvm].vcpus) {
    const vcpu = this.m.vcpu[id];
    if (
      !this.kvm_apic_match_dest(vcpu, null, APIC_DEST_NOSHORT, entry.dest_id, entry.dest_mode) ||
      this.kvm_apic_pending_eoi(vcpu, entry.vector)
    ) {
      continue;
    }
    this.rtc_irq_eoi(ioapic, vcpu, entry.vector);
    break;
  }
}

/** arch/x86/kvm/ioapic.c: ioapic_set_irq(): 0 coalesced, < 0 not delivered, else how many took it. */
export function ioapic_set_irq(
  this: vmlinux_x86,
  ioapic: kvm_ioapic,
  irq: number,
  irq_level: number,
  line_status: boolean,
): number {
  const entry = ioapic.redirtbl[irq];
  const bits = entryBits(entry);
  const mask = 1 << irq;
  const edge = entry.trig_mode === IOAPIC_EDGE_TRIG;
  const done = (ret: number): number => {
    this.trace_kvm_ioapic_set_irq(bits, irq, ret === 0);
    return ret;
  };

  if (irq_level === 0) {
    ioapic.irr = (ioapic.irr & ~mask) >>> 0;
    return done(1);
  }

  if (edge && this.kvm_apicv_activated(this.m.kvm[ioapic.kvm])) this.ioapic_lazy_update_eoi(ioapic, irq);

  // The RTC is edge-triggered, and userspace wants to know whether the last one was acknowledged.
  if (irq === RTC_GSI && line_status && this.rtc_irq_check_coalesced(ioapic)) return done(0);

  const old_irr = ioapic.irr;
  ioapic.irr = (ioapic.irr | mask) >>> 0;
  if (edge) {
    ioapic.irr_delivered = (ioapic.irr_delivered & ~mask) >>> 0;
    if (old_irr === ioapic.irr) return done(0);
  }

  return done(this.ioapic_service(ioapic, irq, line_status));
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_scan_entry() */
export function kvm_ioapic_scan_entry(this: vmlinux_x86, vcpu: kvm_vcpu, ioapic_handled_vectors: u32[]): void {
  const ioapic = vioapic(this.m.kvm[vcpu.kvm]);
  const dest_map = ioapic.rtc_status.dest_map;
  const set = (vector: number): void => {
    const w = vector >> 5;
    ioapic_handled_vectors[w] = (ioapic_handled_vectors[w] | (1 << (vector & 31))) >>> 0;
  };

  if (dest_map.map[vcpu.vcpu_id] === 1) set(dest_map.vectors[vcpu.vcpu_id]);

  for (let index = 0; index < IOAPIC_NUM_PINS; index++) {
    const e = ioapic.redirtbl[index];
    if (e.trig_mode !== IOAPIC_LEVEL_TRIG && index !== RTC_GSI) continue;
    const dm = this.kvm_lapic_irq_dest_mode(e.dest_mode !== 0);
    if (
      this.kvm_apic_match_dest(vcpu, null, APIC_DEST_NOSHORT, e.dest_id, dm) ||
      this.kvm_apic_pending_eoi(vcpu, e.vector)
    ) {
      set(e.vector);
    }
  }
}

/** arch/x86/kvm/ioapic.c: ioapic_write_indirect() */
export function ioapic_write_indirect(this: vmlinux_x86, ioapic: kvm_ioapic, val: u32): void {
  const kvm = this.m.kvm[ioapic.kvm];

  switch (ioapic.ioregsel) {
    case IOAPIC_REG_VERSION:
      return;
    case IOAPIC_REG_APIC_ID:
      ioapic.id = (val >>> 24) & 0xf;
      return;
    case IOAPIC_REG_ARB_ID:
      return;
    default:
      break;
  }

  const index = ((ioapic.ioregsel - 0x10) >>> 0) >>> 1;
  if (index >= IOAPIC_NUM_PINS) return;
  const e = ioapic.redirtbl[index];

  const old_remote_irr = e.remote_irr;
  const old_delivery_status = e.delivery_status;
  const old_dest_id = e.dest_id;
  const old_dest_mode = e.dest_mode;
  if ((ioapic.ioregsel & 1) !== 0) setEntryHigh(e, val);
  else setEntryLow(e, val);
  e.remote_irr = old_remote_irr;
  e.delivery_status = old_delivery_status;

  // Some systems clear a stuck remote IRR by switching the entry to edge and back.
  if (e.trig_mode === IOAPIC_EDGE_TRIG) e.remote_irr = 0;

  if (e.trig_mode === IOAPIC_LEVEL_TRIG && (ioapic.irr & (1 << index)) !== 0 && e.mask === 0 && e.remote_irr === 0) {
    this.ioapic_service(ioapic, index, false);
  }

  if (e.delivery_mode === APIC_DM_FIXED) {
    const irq: kvm_lapic_irq = {
      vector: e.vector,
      delivery_mode: e.delivery_mode << 8,
      dest_mode: this.kvm_lapic_irq_dest_mode(e.dest_mode !== 0),
      level: false,
      trig_mode: e.trig_mode,
      shorthand: APIC_DEST_NOSHORT,
      dest_id: e.dest_id,
      msi_redir_hint: false,
    };
    const vcpu_bitmap: number[] = [];
    for (let i = 0; i < kvm.vcpus.length; i++) vcpu_bitmap.push(0);
    this.kvm_bitmap_or_dest_vcpus(kvm, irq, vcpu_bitmap);
    if (old_dest_mode !== e.dest_mode || old_dest_id !== e.dest_id) {
      // The old destination with the new mode: so in Linux.
      irq.dest_id = old_dest_id;
      irq.dest_mode = this.kvm_lapic_irq_dest_mode(e.dest_mode !== 0);
      this.kvm_bitmap_or_dest_vcpus(kvm, irq, vcpu_bitmap);
    }
    this.kvm_make_scan_ioapic_request_mask(kvm, vcpu_bitmap);
  } else {
    this.kvm_make_scan_ioapic_request(kvm);
  }
}

/** arch/x86/kvm/ioapic.c: ioapic_service() */
export function ioapic_service(this: vmlinux_x86, ioapic: kvm_ioapic, irq: number, line_status: boolean): number {
  const kvm = this.m.kvm[ioapic.kvm];
  const entry = ioapic.redirtbl[irq];

  if (entry.mask !== 0 || (entry.trig_mode === IOAPIC_LEVEL_TRIG && entry.remote_irr !== 0)) return -1;

  const irqe: kvm_lapic_irq = {
    vector: entry.vector,
    delivery_mode: entry.delivery_mode << 8,
    dest_mode: this.kvm_lapic_irq_dest_mode(entry.dest_mode !== 0),
    level: true,
    trig_mode: entry.trig_mode,
    shorthand: APIC_DEST_NOSHORT,
    dest_id: entry.dest_id,
    msi_redir_hint: false,
  };

  if (irqe.trig_mode === IOAPIC_EDGE_TRIG) ioapic.irr_delivered = (ioapic.irr_delivered | (1 << irq)) >>> 0;

  let ret: number;
  if (irq === RTC_GSI && line_status) {
    if (ioapic.rtc_status.pending_eoi !== 0) throw new KernelBug('BUG_ON', 'ioapic_service');
    ret = this.kvm_irq_delivery_to_apic(kvm, null, irqe, ioapic.rtc_status.dest_map);
    ioapic.rtc_status.pending_eoi = Math.max(ret, 0);
  } else {
    ret = this.kvm_irq_delivery_to_apic(kvm, null, irqe, null);
  }

  // so does -1: nobody was meant
  if (ret !== 0 && irqe.trig_mode === IOAPIC_LEVEL_TRIG) entry.remote_irr = 1;

  return ret;
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_set_irq() */
export function kvm_ioapic_set_irq(
  this: vmlinux_x86,
  ioapic: kvm_ioapic,
  irq: number,
  irq_source_id: number,
  level: number,
  line_status: boolean,
): number {
  if (irq < 0 || irq >= IOAPIC_NUM_PINS) throw new KernelBug('BUG_ON', 'kvm_ioapic_set_irq');

  // include/linux/kvm_host.h: __kvm_irq_line_state(): high while any source holds it high.
  const bit = 1 << irq_source_id;
  if (level !== 0) ioapic.irq_states[irq] = (ioapic.irq_states[irq] | bit) >>> 0;
  else ioapic.irq_states[irq] = (ioapic.irq_states[irq] & ~bit) >>> 0;
  const irq_level = ioapic.irq_states[irq] !== 0 ? 1 : 0;

  return this.ioapic_set_irq(ioapic, irq, irq_level, line_status);
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_eoi_inject_work() */
export function kvm_ioapic_eoi_inject_work(this: vmlinux_x86, work: hrtimer_ptr): number {
  const ioapic = vioapic(this.m.kvm[this.m.hrtimer[work].owner]);

  for (let i = 0; i < IOAPIC_NUM_PINS; i++) {
    const ent = ioapic.redirtbl[i];
    if (ent.trig_mode !== IOAPIC_LEVEL_TRIG) continue;
    if ((ioapic.irr & (1 << i)) !== 0 && ent.remote_irr === 0) this.ioapic_service(ioapic, i, false);
  }
  return HRTIMER_NORESTART;
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_update_eoi_one() */
export function kvm_ioapic_update_eoi_one(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  ioapic: kvm_ioapic,
  trigger_mode: number,
  pin: number,
): void {
  const ent = ioapic.redirtbl[pin];

  // RACE: the lock is dropped here for acknowledge notifiers, which may raise the pin again.

  if (
    trigger_mode !== IOAPIC_LEVEL_TRIG ||
    (this.kvm_lapic_get_reg(vcpu.arch.apic, APIC_SPIV) & APIC_SPIV_DIRECTED_EOI) !== 0
  ) {
    return;
  }

  ent.remote_irr = 0;
  if (ent.mask === 0 && (ioapic.irr & (1 << pin)) !== 0) {
    ++ioapic.irq_eoi[pin];
    if (ioapic.irq_eoi[pin] === IOAPIC_SUCCESSIVE_IRQ_MAX_COUNT) {
      // WHY: a guest that does not silence its device would never get to run.
      if (!this.hrtimer_active(ioapic.eoi_inject)) {
        this.hrtimer_start(ioapic.eoi_inject, add(this.ktime_get(), EOI_INJECT_DELAY_NS));
      }
      ioapic.irq_eoi[pin] = 0;
      this.trace_kvm_ioapic_delayed_eoi_inj(entryBits(ent));
    } else {
      this.ioapic_service(ioapic, pin, false);
    }
  } else {
    ioapic.irq_eoi[pin] = 0;
  }
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_update_eoi() */
export function kvm_ioapic_update_eoi(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number, trigger_mode: number): void {
  const ioapic = vioapic(this.m.kvm[vcpu.kvm]);

  this.rtc_irq_eoi(ioapic, vcpu, vector);
  for (let i = 0; i < IOAPIC_NUM_PINS; i++) {
    if (ioapic.redirtbl[i].vector !== vector) continue;
    this.kvm_ioapic_update_eoi_one(vcpu, ioapic, trigger_mode, i);
  }
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_reset() */
export function kvm_ioapic_reset(this: vmlinux_x86, ioapic: kvm_ioapic): void {
  this.hrtimer_cancel(ioapic.eoi_inject);
  for (let i = 0; i < IOAPIC_NUM_PINS; i++) ioapic.redirtbl[i].mask = 1;
  ioapic.ioregsel = 0;
  ioapic.irr = 0;
  ioapic.irr_delivered = 0;
  ioapic.id = 0;
  for (let i = 0; i < IOAPIC_NUM_PINS; i++) ioapic.irq_eoi[i] = 0;
  this.rtc_irq_eoi_tracking_reset(ioapic);
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_init() */
export function kvm_ioapic_init(this: vmlinux_x86, kvm: kvm): number {
  const redirtbl: kvm_ioapic_redirect_entry[] = [];
  const zeros: () => number[] = () => redirtbl.map(() => 0);
  for (let i = 0; i < IOAPIC_NUM_PINS; i++) {
    redirtbl.push({
      vector: 0,
      delivery_mode: 0,
      dest_mode: 0,
      delivery_status: 0,
      polarity: 0,
      remote_irr: 0,
      trig_mode: 0,
      mask: 0,
      reserve: 0,
      reserved: 0,
      dest_id: 0,
    });
  }
  kvm.arch.vioapic = {
    kvm: kvm.id,
    ioregsel: 0,
    id: 0,
    irr: 0,
    irr_delivered: 0,
    redirtbl,
    irq_states: zeros(),
    irq_eoi: zeros(),
    rtc_status: { pending_eoi: 0, dest_map: { map: [], vectors: [] } },
    eoi_inject: this.hrtimer_init('kvm_ioapic_eoi_inject_work', kvm.id),
  };
  this.kvm_ioapic_reset(kvm.arch.vioapic);
  return 0;
}
