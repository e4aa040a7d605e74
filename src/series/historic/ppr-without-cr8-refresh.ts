// SPDX-License-Identifier: GPL-2.0-only
/** Before a fix of June 2026 for eb90f3417a0c: a change of PPR leaves CR8 exits and TPR threshold as they were. */
import { KVM_REQ_EVENT } from '../../arch/x86/kvm_host.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: apic_update_ppr() */
export function apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic): void {
  const ppr = { value: 0 };
  if (this.__apic_update_ppr(apic, ppr) && this.apic_has_interrupt_for_ppr(apic, ppr.value) !== -1) {
    this.kvm_make_request(KVM_REQ_EVENT, this.m.vcpu[apic.vcpu]);
  }
}

export default defineSeries({
  id: 'revert-ppr-cr8-refresh',
  title: 'a write that lowers TPR does not exit although an interrupt waits for it',
  base: 'v6.12.117',
  notices: 'TPR threshold below the class of the highest of IRR, or no exit of CR8 writes, while TPR holds it back',
  patches: [
    {
      subject: 'Revert the refresh of CR8 interception when PPR changes',
      funcs: { apic_update_ppr },
    },
  ],
});
