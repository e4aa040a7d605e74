// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm as of v6.19-rc1: posted interrupts, RVI, and EOIs that an IOAPIC wants to hear of, where they are not the
 * pin's.
 */
import {
  KVM_REQ_IOAPIC_EOI_EXIT,
  KVM_REQ_LOAD_EOI_EXITMAP,
  KVM_REQ_SCAN_IOAPIC,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import {
  APIC_DEST_NOSHORT,
  APIC_TMR,
  IOAPIC_EDGE_TRIG,
  IOAPIC_LEVEL_TRIG,
  IOAPIC_NUM_PINS,
  RTC_GSI,
} from '../../lapic/apicdef.js';
import { newLapicIrq } from '../../lapic/irq_comm.js';
import type { int_out, kvm_lapic } from '../../lapic/lapic.js';
import type { u32 } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { vmlinux_6_19 } from './adds.js';

declare module '../../arch/x86/kvm_host.js' {
  interface kvm_vcpu_arch {
    /** the highest vector in service or waiting whose route now names another vCPU; absent is 0, -1 after a scan is none */
    highest_stale_pending_ioapic_eoi?: number;
  }
}

/** arch/x86/kvm/vmx/posted_intr.c: vmx_vcpu_pi_put(): notifications are suppressed off the CPU, but of who waits for them. */
export function vmx_vcpu_pi_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.vmx_needs_pi_wakeup(vcpu)) return;
  if (!vcpu.preempted && this.kvm_vcpu_is_blocking(vcpu) && !this.vmx_interrupt_blocked(vcpu)) {
    this.pi_enable_wakeup_handler(vcpu);
  } else {
    vcpu.arch.pi_desc.sn = 1;
  }
}

/** kvm_x86_ops.hwapic_irr_update, which is gone: RVI is set by sync_pir_to_irr() before the next entry. */
export function kvm_x86_hwapic_irr_update(this: vmlinux_x86, _vcpu: kvm_vcpu, _max_irr: number): void {}

/** arch/x86/kvm/lapic.c: kvm_apic_update_irr(), with pi_harvest_pir(): without anything posted nobody looks at IRR. */
export function kvm_apic_update_irr(this: vmlinux_x86, vcpu: kvm_vcpu, pir: u32[], max_irr: int_out): boolean {
  const { apic } = vcpu.arch;
  max_irr.value = -1;
  if (pir.every((word) => word === 0)) return false;
  const irr_updated = this.__kvm_apic_update_irr(pir, apic.regs, max_irr);
  if (!apic.apicv_active && irr_updated) apic.irr_pending = true;
  return irr_updated;
}

/** arch/x86/kvm/irq.c: kvm_scan_ioapic_irq(), new */
export function kvm_scan_ioapic_irq(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  dest_id: u32,
  dest_mode: number,
  vector: number,
  ioapic_handled_vectors: u32[],
): void {
  const matches = this.kvm_apic_match_dest(vcpu, null, APIC_DEST_NOSHORT, dest_id, dest_mode);
  if (!matches && !this.kvm_apic_pending_eoi(vcpu, vector)) return;
  const w = vector >> 5;
  ioapic_handled_vectors[w] = (ioapic_handled_vectors[w] | (1 << (vector & 31))) >>> 0;
  // of the old route: only the EOI of the one in flight is wanted, and none after it
  if (!matches && vector > (vcpu.arch.highest_stale_pending_ioapic_eoi ?? 0)) {
    vcpu.arch.highest_stale_pending_ioapic_eoi = vector;
  }
}

/** arch/x86/kvm/irq.c: kvm_scan_ioapic_routes() */
export function kvm_scan_ioapic_routes(this: vmlinux_6_19, vcpu: kvm_vcpu, ioapic_handled_vectors: u32[]): void {
  const kvm = this.m.kvm[vcpu.kvm];
  const pins = Math.min(kvm.arch.nr_reserved_ioapic_pins, IOAPIC_NUM_PINS);
  for (const e of kvm.arch.irq_routing) {
    if (e.gsi >= pins) continue;
    const irq = newLapicIrq();
    this.kvm_set_msi_irq(kvm, e, irq);
    if (irq.trig_mode === 0) continue;
    this.kvm_scan_ioapic_irq(vcpu, irq.dest_id, irq.dest_mode, irq.vector, ioapic_handled_vectors);
  }
}

/** arch/x86/kvm/ioapic.c: kvm_ioapic_scan_entry() */
export function kvm_ioapic_scan_entry(this: vmlinux_6_19, vcpu: kvm_vcpu, ioapic_handled_vectors: u32[]): void {
  const ioapic = this.m.kvm[vcpu.kvm].arch.vioapic;
  if (ioapic === null) return;
  const { dest_map } = ioapic.rtc_status;
  if (dest_map.map[vcpu.vcpu_id] === 1) {
    const vector = dest_map.vectors[vcpu.vcpu_id];
    ioapic_handled_vectors[vector >> 5] = (ioapic_handled_vectors[vector >> 5] | (1 << (vector & 31))) >>> 0;
  }
  for (let index = 0; index < IOAPIC_NUM_PINS; index++) {
    const e = ioapic.redirtbl[index];
    if (e.trig_mode !== IOAPIC_LEVEL_TRIG && index !== RTC_GSI) continue;
    const dm = this.kvm_lapic_irq_dest_mode(e.dest_mode !== 0);
    this.kvm_scan_ioapic_irq(vcpu, e.dest_id, dm, e.vector, ioapic_handled_vectors);
  }
}

/** arch/x86/kvm/x86.c: vcpu_scan_ioapic() */
export function vcpu_scan_ioapic(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.kvm_apic_present(vcpu)) return;
  vcpu.arch.ioapic_handled_vectors.fill(0);
  vcpu.arch.highest_stale_pending_ioapic_eoi = -1;
  this.kvm_x86_sync_pir_to_irr(vcpu);
  if (this.irqchip_split(this.m.kvm[vcpu.kvm])) {
    this.kvm_scan_ioapic_routes(vcpu, vcpu.arch.ioapic_handled_vectors);
  } else {
    this.kvm_ioapic_scan_entry(vcpu, vcpu.arch.ioapic_handled_vectors);
  }
  this.kvm_make_request(KVM_REQ_LOAD_EOI_EXITMAP, vcpu);
}

/** arch/x86/kvm/lapic.c: kvm_ioapic_send_eoi() */
export function kvm_ioapic_send_eoi(this: vmlinux_x86, apic: kvm_lapic, vector: number): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  if (!this.kvm_ioapic_handles_vector(apic, vector)) return;
  // it was the one of the old route: without it, its vector is of no interest any more
  if (vcpu.arch.highest_stale_pending_ioapic_eoi === vector) this.kvm_make_request(KVM_REQ_SCAN_IOAPIC, vcpu);

  if (this.irqchip_split(this.m.kvm[vcpu.kvm])) {
    vcpu.arch.pending_ioapic_eoi = vector;
    this.kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu);
    return;
  }
  const trigger_mode = this.apic_test_vector(vector, apic.regs, APIC_TMR) ? IOAPIC_LEVEL_TRIG : IOAPIC_EDGE_TRIG;
  this.kvm_ioapic_update_eoi(vcpu, vector, trigger_mode);
}
