// SPDX-License-Identifier: GPL-2.0-only
/** Before 35fe7cfbab2e (v5.17): KVM_SET_LAPIC stops the hrtimer, and lets the VMX preemption timer run. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { kvm_lapic_state } from '../../lapic/lapic.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';
import { setStateLacking } from './set-lapic.js';

/** arch/x86/kvm/lapic.c: kvm_apic_set_state() */
export function kvm_apic_set_state(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state): number {
  return setStateLacking(this, vcpu, s, { cancelHvTimer: true });
}

export default defineSeries({
  id: 'revert-35fe7cfbab2e',
  title: 'a timer of before KVM_SET_LAPIC expires after it',
  base: 'v6.12.117',
  notices: 'the preemption timer is in use after the state of a stopped timer was set',
  patches: [
    {
      subject: 'Revert "KVM: LAPIC: Also cancel preemption timer during SET_LAPIC"',
      commit: '35fe7cfbab2e',
      funcs: { kvm_apic_set_state },
    },
  ],
});
