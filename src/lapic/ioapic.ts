// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/kvm/ioapic.h, ioapic.c (6.12.117). */

import type { kvm_ptr } from '../kvm/kvm_host.js';
import type { u8, u32 } from '../lib/types.js';

/** struct dest_map: where an interrupt went, by vcpu_id. */
export interface dest_map {
  /** 1 at every vcpu_id that got it */
  map: number[];
  /** the vector, where `map` is 1 */
  vectors: u8[];
}

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
  dest_id: u8;
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
  /** delayed work eoi_inject is queued */
  eoi_inject: number;
}
