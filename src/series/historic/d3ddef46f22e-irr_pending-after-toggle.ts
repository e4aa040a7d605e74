// SPDX-License-Identifier: GPL-2.0-only
/** Before d3ddef46f22e (v6.12): when APICv goes off, irr_pending is what IRR is at that moment. */

import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { APIC_ISR } from '../../lapic/apicdef.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: kvm_apic_update_apicv() */
export function kvm_apic_update_apicv(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  if (apic.apicv_active) {
    apic.irr_pending = true;
    apic.isr_count = 1;
  } else {
    apic.irr_pending = this.apic_search_irr(apic) !== -1;
    apic.isr_count = this.count_vectors(apic.regs, APIC_ISR);
  }
  apic.highest_isr_cache = -1;
}

export default defineSeries({
  id: 'revert-d3ddef46f22e',
  title: 'what hardware puts into IRR just after APICv went off is lost',
  base: 'v6.12.117',
  notices: 'irr_pending is false with a vector in IRR, after APICv was inhibited',
  patches: [
    {
      subject: 'Revert "KVM: x86: Unconditionally set irr_pending when updating APICv state"',
      commit: 'd3ddef46f22e',
      funcs: { kvm_apic_update_apicv },
    },
  ],
});
