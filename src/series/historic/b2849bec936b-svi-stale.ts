// SPDX-License-Identifier: GPL-2.0-only
/** Before b2849bec936b (v6.19-rc1): the CPU does not learn what is in service when APICv is activated. */
import { KVM_REQ_EVENT, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/x86.c: __kvm_vcpu_update_apicv() */
export function __kvm_vcpu_update_apicv(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;
  const activate = this.kvm_vcpu_apicv_activated(vcpu) && this.kvm_get_apic_mode(vcpu) !== 0;
  if (apic.apicv_active === activate) return;
  apic.apicv_active = activate;
  this.kvm_apic_update_apicv(vcpu);
  this.kvm_x86_refresh_apicv_exec_ctrl(vcpu);
  if (!apic.apicv_active) this.kvm_make_request(KVM_REQ_EVENT, vcpu);
}

export default defineSeries({
  id: 'revert-b2849bec936b',
  title: 'the next EOI in the guest retires nothing, or the wrong interrupt',
  base: 'v6.12.117',
  notices: 'an interrupt that stays in service after its EOI',
  patches: [
    {
      subject: 'Revert "KVM: x86: Update SVI when APICv is activated"',
      commit: 'b2849bec936b',
      funcs: { __kvm_vcpu_update_apicv },
    },
  ],
});
