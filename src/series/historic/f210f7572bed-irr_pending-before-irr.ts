// SPDX-License-Identifier: GPL-2.0-only
/** Before f210f7572bed (v3.19): irr_pending is set before the bit in IRR, and may be cleared in between. */
import { APIC_IRR } from '../../lapic/apicdef.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.h: kvm_lapic_set_irr() */
export function kvm_lapic_set_irr(this: vmlinux_x86, vec: number, apic: kvm_lapic): void {
  apic.irr_pending = true;
  // RACE: apic_clear_irr() on the target's CPU: finds no bit, and leaves irr_pending false
  this.kvm_lapic_set_vector(vec, apic.regs, APIC_IRR);
}

export default defineSeries({
  id: 'revert-f210f7572bed',
  title: 'an interrupt that comes while another is acknowledged is lost',
  base: 'v6.12.117',
  notices: 'irr_pending is false with a vector in IRR',
  patches: [
    {
      subject: 'Revert "KVM: x86: Fix lost interrupt on irr_pending race"',
      commit: 'f210f7572bed',
      funcs: { kvm_lapic_set_irr },
    },
  ],
});
