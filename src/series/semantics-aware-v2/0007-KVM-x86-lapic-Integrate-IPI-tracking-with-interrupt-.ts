// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 7/9] KVM: x86/lapic: Integrate IPI tracking with interrupt delivery
 *
 * Sending is noted where a fixed interrupt from a local APIC, without shorthand, has reached exactly one vCPU; ending
 * an interrupt, whichever it was, in the register write and in the accelerated EOI.
 * As posted: an EOI that the guest makes through PV EOI passes neither of the two, and is not noted.
 */
import type { kvm, kvm_lapic_irq, kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { KVM_REQ_EVENT } from '../../arch/x86/kvm_host.js';
import { KVM_MAX_VCPUS } from '../../kvm/kvm_host.js';
import { APIC_DEST_NOSHORT, APIC_DEST_PHYSICAL, APIC_DEST_SELF, APIC_DM_FIXED, APIC_EOI } from '../../lapic/apicdef.js';
import type { dest_map } from '../../lapic/ioapic.js';
import { type dest_lapics, type int_out, type kvm_lapic, kvm_lapic_reg_write as was } from '../../lapic/lapic.js';
import { type bool, le, sub, type u32, u64 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import { ipi_context_of, ipi_tracking_enabled, ipi_window_ns } from './0006-KVM-x86-Add-IPI-tracking-infrastructure.js';
import type { Adds, semantics_aware } from './adds.js';

/** Both deliveries end with this: `unique` is the last of the `targets` vCPUs that took the interrupt. */
function trackUnicast(
  kernel: semantics_aware,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  targets: number,
  unique: kvm_vcpu | null,
): void {
  if (
    src !== null &&
    irq.delivery_mode === APIC_DM_FIXED &&
    irq.shorthand === APIC_DEST_NOSHORT &&
    targets === 1 &&
    unique !== null &&
    unique.id !== src.vcpu
  ) {
    kernel.kvm_track_ipi_communication(kernel.m.vcpu[src.vcpu], unique);
  }
}

/** arch/x86/kvm/lapic.c: kvm_irq_delivery_to_apic_fast() */
export function kvm_irq_delivery_to_apic_fast(
  this: semantics_aware,
  kvm: kvm,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  r: int_out,
  dest_map: dest_map | null,
): bool {
  let targets = 0;
  let unique: kvm_vcpu | null = null;

  r.value = -1;

  if (irq.shorthand === APIC_DEST_SELF) {
    if (src === null) {
      this.warnOn(true, 'kvm_irq_delivery_to_apic_fast: KVM_BUG_ON, no source');
      r.value = 0;
      return true;
    }
    r.value = this.kvm_apic_set_irq(this.m.vcpu[src.vcpu], irq, dest_map);
    return true;
  }

  const out: dest_lapics = { dst: kvm.vcpus, base: 0, bitmap: 0 };
  const ret = this.kvm_apic_map_get_dest_lapic(kvm, src, irq, kvm.arch.apic_map, out);
  if (ret) {
    r.value = 0;
    for (let i = 0; i < 16; i++) {
      if ((out.bitmap & (1 << i)) === 0) continue;
      const id = out.dst[out.base + i];
      if (id === NULL) continue;
      const delivered = this.kvm_apic_set_irq(this.m.vcpu[id], irq, dest_map);
      r.value += delivered;
      if (delivered > 0) {
        targets++;
        unique = this.m.vcpu[id];
      }
    }

    trackUnicast(this, src, irq, targets, unique);
  }
  return ret;
}

/** arch/x86/kvm/lapic.c: kvm_irq_delivery_to_apic() */
export function kvm_irq_delivery_to_apic(
  this: semantics_aware,
  kvm: kvm,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  dest_map: dest_map | null,
): number {
  let targets = 0;
  let unique: kvm_vcpu | null = null;

  const fast: int_out = { value: -1 };
  if (this.kvm_irq_delivery_to_apic_fast(kvm, src, irq, fast, dest_map)) return fast.value;
  let r = fast.value;

  if (irq.dest_mode === APIC_DEST_PHYSICAL && irq.dest_id === 0xff && this.kvm_lowest_prio_delivery(irq)) {
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
      const delivered = this.kvm_apic_set_irq(vcpu, irq, dest_map);
      r += delivered;
      if (delivered > 0) {
        targets++;
        unique = vcpu;
      }
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

  if (lowest !== null) {
    const delivered = this.kvm_apic_set_irq(lowest, irq, dest_map);
    r = delivered;
    if (delivered > 0) {
      targets = 1;
      unique = lowest;
    }
  }

  trackUnicast(this, src, irq, targets, unique);

  return r;
}

/**
 * arch/x86/kvm/lapic.c: kvm_clear_ipi_on_eoi(), new
 *
 * As posted: whatever vector was ended, the receiver's own context goes, with what it has sent itself and still waits
 * for; and its last sender is told, if that one's last receiver is this vCPU and it is not too long since.
 */
export function kvm_clear_ipi_on_eoi(this: semantics_aware, apic: kvm_lapic): void {
  const receiver = this.m.vcpu[apic.vcpu];

  if (!ipi_tracking_enabled(this)) return;

  const sender_idx = ipi_context_of(receiver).last_ipi_sender;

  // RACE: another may send from here on, and is forgotten with the last one
  this.kvm_vcpu_clear_ipi_context(receiver);

  if (sender_idx >= 0) {
    const { vcpus } = this.m.kvm[receiver.kvm];
    // kvm_get_vcpu(): NULL beyond the vCPUs that are online
    if (sender_idx >= vcpus.length) return;
    const sent = ipi_context_of(this.m.vcpu[vcpus[sender_idx]]);

    if (sent.last_ipi_receiver === receiver.vcpu_idx) {
      // RACE: the sender may have sent anew, to this vCPU or to another
      const then = sent.ipi_time_ns;
      const now = this.ktime_get_mono_fast_ns();
      // RACE: what is cleared here may be pending_ipi of the next IPI
      if (le(sub(now, then), ipi_window_ns(this))) sent.pending_ipi = false;
    }
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_eoi_accelerated() */
export function kvm_apic_set_eoi_accelerated(this: semantics_aware, vcpu: kvm_vcpu, vector: number): void {
  const apic = vcpu.arch.apic;

  this.trace_kvm_eoi(apic, vector);

  this.kvm_ioapic_send_eoi(apic, vector);
  this.kvm_clear_ipi_on_eoi(apic);
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_reg_write(): every register but the EOI as before. */
export function kvm_lapic_reg_write(this: semantics_aware, apic: kvm_lapic, reg: u32, val: u32): number {
  if (reg !== APIC_EOI) return was.call(this, apic, reg, val);

  this.trace_kvm_apic(1, reg, u64(val));

  this.apic_set_eoi(apic);
  this.kvm_clear_ipi_on_eoi(apic);

  this.kvm_recalculate_apic_map(this.m.kvm[this.m.vcpu[apic.vcpu].kvm]);

  return 0;
}

export default {
  subject: 'KVM: x86/lapic: Integrate IPI tracking with interrupt delivery',
  funcs: {
    kvm_irq_delivery_to_apic_fast,
    kvm_irq_delivery_to_apic,
    kvm_apic_set_eoi_accelerated,
    kvm_lapic_reg_write,
  },
  adds: { kvm_clear_ipi_on_eoi },
} satisfies Patch<Adds>;
