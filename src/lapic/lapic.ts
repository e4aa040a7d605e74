// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/kvm/lapic.h, lapic.c (6.12.117). */

import type { vcpu_ptr } from '../kvm/kvm_host.js';
import type { hrtimer_ptr } from '../lib/hrtimer.js';
import type { bool, s32, s64, u32, u64 } from '../lib/types.js';

/** struct kvm_timer */
export interface kvm_timer {
  timer: hrtimer_ptr;
  /** ns */
  period: s64;
  target_expiration: s64;
  timer_mode: u32;
  timer_mode_mask: u32;
  tscdeadline: u64;
  expired_tscdeadline: u64;
  timer_advance_ns: u32;
  pending: number;
  hv_timer_in_use: bool;
}

/** struct kvm_lapic */
export interface kvm_lapic {
  readonly vcpu: vcpu_ptr;
  base_address: u64;
  lapic_timer: kvm_timer;
  divide_count: u32;
  apicv_active: bool;
  sw_enabled: bool;
  irr_pending: bool;
  lvt0_in_nmi_mode: bool;
  isr_count: s32;
  highest_isr_cache: s32;
  /** the register page as u32 words: offset >> 2; 256 of them */
  regs: u32[];
  pending_events: u32;
  sipi_vector: u32;
  nr_lvt_entries: number;
}

/** struct kvm_apic_map */
export interface kvm_apic_map {
  logical_mode: number;
  max_apic_id: u32;
  /** flat: one row of 8; cluster: 16 rows of 4; -1 for no APIC */
  xapic_flat_map: vcpu_ptr[];
  xapic_cluster_map: vcpu_ptr[][];
  phys_map: vcpu_ptr[];
}
