// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/irq_comm.c (6.12.117): from a message to local APICs.
 *
 * Mirrored: delivery, MSI, routes of a split irqchip. Not mirrored: Hyper-V and Xen sources, mask notifiers,
 * irq_source_id bookkeeping.
 */
import type { kvm, kvm_lapic_irq, kvm_msi_route, kvm_vcpu } from '../arch/x86/kvm_host.js';
import { KVM_MAX_VCPUS, type vcpu_ptr } from '../kvm/kvm_host.js';
import { EINVAL, EWOULDBLOCK } from '../lib/errno.js';
import { add, shl, type u32, u64 } from '../lib/types.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { APIC_DEST_LOGICAL, APIC_DEST_NOSHORT, APIC_DEST_PHYSICAL, APIC_DM_FIXED, IOAPIC_NUM_PINS } from './apicdef.js';
import type { dest_map } from './ioapic.js';
import type { int_out, kvm_lapic } from './lapic.js';

/** arch/x86/kvm/irq.h: irqchip_split() */
export function irqchip_split(this: vmlinux_x86, kvm: kvm): boolean {
  return kvm.arch.irqchip_split;
}

/** arch/x86/kvm/irq.h: irqchip_kernel() */
export function irqchip_kernel(this: vmlinux_x86, kvm: kvm): boolean {
  return !kvm.arch.irqchip_split;
}

/** arch/x86/kvm/irq.h: pic_in_kernel() */
export function pic_in_kernel(this: vmlinux_x86, kvm: kvm): boolean {
  return this.irqchip_kernel(kvm);
}

/** arch/x86/kvm/irq.h: irqchip_in_kernel(). MODEL: the local APICs always are. */
export function irqchip_in_kernel(this: vmlinux_x86, _kvm: kvm): boolean {
  return true;
}

/** arch/x86/include/asm/kvm_host.h: kvm_lapic_irq_dest_mode() */
export function kvm_lapic_irq_dest_mode(this: vmlinux_x86, dest_mode_logical: boolean): number {
  return dest_mode_logical ? APIC_DEST_LOGICAL : APIC_DEST_PHYSICAL;
}

/** arch/x86/kvm/irq_comm.c: kvm_irq_delivery_to_apic(): how many accepted it; -1 when nobody was meant. */
export function kvm_irq_delivery_to_apic(
  this: vmlinux_x86,
  kvm: kvm,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  dest_map: dest_map | null,
): number {
  const fast: int_out = { value: -1 };
  if (this.kvm_irq_delivery_to_apic_fast(kvm, src, irq, fast, dest_map)) return fast.value;
  let r = fast.value;

  if (irq.dest_mode === APIC_DEST_PHYSICAL && irq.dest_id === 0xff && this.kvm_lowest_prio_delivery(irq)) {
    // The redirection hint, when there is one, stays: this does not make it a broadcast.
    irq.delivery_mode = APIC_DM_FIXED;
  }

  const dest_vcpu_bitmap: u32[] = [];
  let dest_vcpus = 0;
  let lowest: kvm_vcpu | null = null;

  for (let i = 0; i < kvm.vcpus.length; i++) {
    const vcpu = this.m.vcpu[kvm.vcpus[i]];
    if (!this.kvm_apic_present(vcpu)) continue;

    if (!this.kvm_apic_match_dest(vcpu, src, irq.shorthand, irq.dest_id, irq.dest_mode)) continue;

    if (!this.kvm_lowest_prio_delivery(irq)) {
      if (r < 0) r = 0;
      r += this.kvm_apic_set_irq(vcpu, irq, dest_map);
    } else if (this.kvm_apic_sw_enabled(vcpu.arch.apic)) {
      if (!this.kvm_vector_hashing_enabled()) {
        if (lowest === null) lowest = vcpu;
        else if (this.kvm_apic_compare_prio(vcpu, lowest) < 0) lowest = vcpu;
      } else {
        const w = i >> 5;
        while (dest_vcpu_bitmap.length <= w) dest_vcpu_bitmap.push(0);
        dest_vcpu_bitmap[w] |= 1 << (i & 31);
        dest_vcpus++;
      }
    }
  }

  if (dest_vcpus !== 0) {
    const idx = this.kvm_vector_to_index(irq.vector, dest_vcpus, dest_vcpu_bitmap, KVM_MAX_VCPUS);
    lowest = this.m.vcpu[kvm.vcpus[idx]];
  }

  if (lowest !== null) r = this.kvm_apic_set_irq(lowest, irq, dest_map);

  return r;
}

/** arch/x86/kvm/irq_comm.c: kvm_set_msi_irq(): what an MSI's address and data say. trig_mode is 0 or 1 here. */
export function kvm_set_msi_irq(this: vmlinux_x86, kvm: kvm, e: kvm_msi_route, irq: kvm_lapic_irq): void {
  const x2apic_format = kvm.arch.x2apic_format;

  if (this.tp !== null) {
    const high = x2apic_format ? shl(u64(e.address_hi), 32) : u64(0);
    this.trace_kvm_msi_set_irq(add(u64(e.address_lo), high), u64(e.data));
  }

  // address_lo: 19:12 destination, 3 redirection hint, 2 logical; address_hi 31:8: destination 31:8.
  irq.dest_id = (((e.address_lo >>> 12) & 0xff) | (x2apic_format ? e.address_hi & 0xffff_ff00 : 0)) >>> 0;
  irq.vector = e.data & 0xff;
  irq.dest_mode = this.kvm_lapic_irq_dest_mode((e.address_lo & 4) !== 0);
  irq.trig_mode = (e.data >>> 15) & 1;
  irq.delivery_mode = ((e.data >>> 8) & 7) << 8;
  irq.msi_redir_hint = (e.address_lo & 8) !== 0;
  irq.level = true;
  irq.shorthand = APIC_DEST_NOSHORT;
}

/** An interrupt message to be filled in. */
export function newLapicIrq(): kvm_lapic_irq {
  return {
    vector: 0,
    delivery_mode: 0,
    dest_mode: 0,
    level: false,
    trig_mode: 0,
    shorthand: 0,
    dest_id: 0,
    msi_redir_hint: false,
  };
}

/** arch/x86/kvm/irq_comm.c: kvm_msi_route_invalid() */
export function kvm_msi_route_invalid(this: vmlinux_x86, kvm: kvm, e: kvm_msi_route): boolean {
  return kvm.arch.x2apic_format && (e.address_hi & 0xff) !== 0;
}

/** arch/x86/kvm/irq_comm.c: kvm_set_msi() */
export function kvm_set_msi(this: vmlinux_x86, e: kvm_msi_route, kvm: kvm, level: number): number {
  if (this.kvm_msi_route_invalid(kvm, e)) return -EINVAL;
  if (level === 0) return -1;

  const irq = newLapicIrq();
  this.kvm_set_msi_irq(kvm, e, irq);
  return this.kvm_irq_delivery_to_apic(kvm, null, irq, null);
}

/** virt/kvm/irqchip.c: kvm_send_userspace_msi(): KVM_SIGNAL_MSI. */
export function kvm_send_userspace_msi(this: vmlinux_x86, kvm: kvm, msi: kvm_msi_route): number {
  return this.kvm_set_msi(msi, kvm, 1);
}

/** arch/x86/kvm/irq_comm.c: kvm_arch_set_irq_inatomic(), of an MSI route. */
export function kvm_arch_set_irq_inatomic(this: vmlinux_x86, e: kvm_msi_route, kvm: kvm): number {
  if (this.kvm_msi_route_invalid(kvm, e)) return -EINVAL;

  const irq = newLapicIrq();
  this.kvm_set_msi_irq(kvm, e, irq);
  const r: int_out = { value: -1 };
  if (this.kvm_irq_delivery_to_apic_fast(kvm, null, irq, r, null)) return r.value;
  return -EWOULDBLOCK;
}

/** arch/x86/kvm/irq_comm.c: kvm_intr_is_single_vcpu(): the only vCPU it goes to; NULL for none or several. */
export function kvm_intr_is_single_vcpu(this: vmlinux_x86, kvm: kvm, irq: kvm_lapic_irq): vcpu_ptr {
  const fast = this.kvm_intr_is_single_vcpu_fast(kvm, irq);
  if (fast !== NULL) return fast;

  let dest: vcpu_ptr = NULL;
  let r = 0;
  for (const id of kvm.vcpus) {
    const vcpu = this.m.vcpu[id];
    if (!this.kvm_apic_present(vcpu)) continue;
    if (!this.kvm_apic_match_dest(vcpu, null, irq.shorthand, irq.dest_id, irq.dest_mode)) continue;
    if (++r === 2) return NULL;
    dest = id;
  }
  return dest;
}

/** arch/x86/kvm/irq_comm.c: kvm_arch_post_irq_routing_update() */
export function kvm_arch_post_irq_routing_update(this: vmlinux_x86, kvm: kvm): void {
  if (!this.irqchip_split(kvm)) return;
  this.kvm_make_scan_ioapic_request(kvm);
}

/** arch/x86/kvm/irq_comm.c: kvm_scan_ioapic_routes(): which vectors userspace's IOAPIC wants the EOI of. */
export function kvm_scan_ioapic_routes(this: vmlinux_x86, vcpu: kvm_vcpu, ioapic_handled_vectors: u32[]): void {
  const kvm = this.m.kvm[vcpu.kvm];
  const pins = Math.min(kvm.arch.nr_reserved_ioapic_pins, IOAPIC_NUM_PINS);

  for (const e of kvm.arch.irq_routing) {
    if (e.gsi >= pins) continue;
    const irq = newLapicIrq();
    this.kvm_set_msi_irq(kvm, e, irq);
    if (
      irq.trig_mode !== 0 &&
      (this.kvm_apic_match_dest(vcpu, null, APIC_DEST_NOSHORT, irq.dest_id, irq.dest_mode) ||
        this.kvm_apic_pending_eoi(vcpu, irq.vector))
    ) {
      const w = irq.vector >> 5;
      ioapic_handled_vectors[w] = (ioapic_handled_vectors[w] | (1 << (irq.vector & 31))) >>> 0;
    }
  }
}
