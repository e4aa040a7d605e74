// SPDX-License-Identifier: GPL-2.0-only
/** Before 0fc5a36dd6b3 (v4.15): the EOI of an interrupt in flight is not heard by a pin that has another target now. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { APIC_DEST_NOSHORT, IOAPIC_LEVEL_TRIG, RTC_GSI } from '../../lapic/apicdef.js';
import type { u32 } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/ioapic.c: kvm_ioapic_scan_entry() */
export function kvm_ioapic_scan_entry(this: vmlinux_x86, vcpu: kvm_vcpu, ioapic_handled_vectors: u32[]): void {
  const ioapic = this.m.kvm[vcpu.kvm].arch.vioapic;
  if (ioapic === null) return;
  ioapic.redirtbl.forEach((e, index) => {
    if (e.trig_mode !== IOAPIC_LEVEL_TRIG && index !== RTC_GSI) return;
    const dm = this.kvm_lapic_irq_dest_mode(e.dest_mode !== 0);
    if (!this.kvm_apic_match_dest(vcpu, null, APIC_DEST_NOSHORT, e.dest_id, dm)) return;
    const w = e.vector >> 5;
    ioapic_handled_vectors[w] = (ioapic_handled_vectors[w] | (1 << (e.vector & 31))) >>> 0;
  });
}

export default defineSeries({
  id: 'revert-0fc5a36dd6b3',
  title: 'remote_irr stays set after a pin was pointed elsewhere in flight',
  base: 'v6.12.117',
  notices: 'remote_irr of a pin is set, and no APIC has its vector in IRR or ISR',
  patches: [
    {
      subject: 'Revert "KVM: x86: ioapic: Fix level-triggered EOI and IOAPIC reconfigure race"',
      commit: '0fc5a36dd6b3',
      funcs: { kvm_ioapic_scan_entry },
    },
  ],
});
