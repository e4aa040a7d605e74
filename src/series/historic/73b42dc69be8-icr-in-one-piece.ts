// SPDX-License-Identifier: GPL-2.0-only
/** Before 73b42dc69be8 (v6.12): the x2APIC's ICR is one 64-bit register on AMD as well. */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kvm_x86_ops.x2apic_icr_is_split */
export function isX2apicIcrSplit(this: vmlinux, _vcpu: kvm_vcpu): boolean {
  return false;
}

export default defineSeries({
  id: 'revert-73b42dc69be8',
  title: "the ICR's high half is not where AMD's hardware has it",
  base: 'v6.12.117',
  notices: 'ICR2 in the page is not what was written; after INIT it is 0 where real KVM has it unchanged',
  patches: [
    {
      subject: 'Revert "KVM: x86: Re-split x2APIC ICR into ICR+ICR2 for AMD (x2AVIC)"',
      commit: '73b42dc69be8',
      funcs: { isX2apicIcrSplit },
    },
  ],
});
