// SPDX-License-Identifier: GPL-2.0-only
/** An entry of the IOAPIC's redirection table: its fields, and the 64 bits that they are in C. */
import { type u8, type u32, u64 } from '../lib/types.js';

/** union kvm_ioapic_redirect_entry, its fields. */
export interface kvm_ioapic_redirect_entry {
  vector: u8;
  delivery_mode: number;
  dest_mode: number;
  delivery_status: number;
  polarity: number;
  remote_irr: number;
  trig_mode: number;
  mask: number;
  /** 7 bits that nobody reads */
  reserve: number;
  /** 32 bits, 55:24 of the entry */
  reserved: u32;
  dest_id: u8;
}

/** The low half of an entry's 64 bits. */
export function entryLow(e: kvm_ioapic_redirect_entry): u32 {
  return (
    (e.vector |
      (e.delivery_mode << 8) |
      (e.dest_mode << 11) |
      (e.delivery_status << 12) |
      (e.polarity << 13) |
      (e.remote_irr << 14) |
      (e.trig_mode << 15) |
      (e.mask << 16) |
      (e.reserve << 17) |
      ((e.reserved & 0xff) << 24)) >>>
    0
  );
}

/** The high half. */
export function entryHigh(e: kvm_ioapic_redirect_entry): u32 {
  return ((e.reserved >>> 8) | (e.dest_id << 24)) >>> 0;
}

/** All of them. */
export function entryBits(e: kvm_ioapic_redirect_entry): u64 {
  return u64((BigInt(entryHigh(e)) << 32n) | BigInt(entryLow(e)));
}

/** Writes the low half. */
export function setEntryLow(e: kvm_ioapic_redirect_entry, val: u32): void {
  e.vector = val & 0xff;
  e.delivery_mode = (val >>> 8) & 7;
  e.dest_mode = (val >>> 11) & 1;
  e.delivery_status = (val >>> 12) & 1;
  e.polarity = (val >>> 13) & 1;
  e.remote_irr = (val >>> 14) & 1;
  e.trig_mode = (val >>> 15) & 1;
  e.mask = (val >>> 16) & 1;
  e.reserve = (val >>> 17) & 0x7f;
  e.reserved = ((e.reserved & ~0xff) | (val >>> 24)) >>> 0;
}

/** Writes the high half. */
export function setEntryHigh(e: kvm_ioapic_redirect_entry, val: u32): void {
  e.reserved = ((e.reserved & 0xff) | ((val & 0xff_ffff) << 8)) >>> 0;
  e.dest_id = val >>> 24;
}
