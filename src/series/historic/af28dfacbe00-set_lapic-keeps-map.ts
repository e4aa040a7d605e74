// SPDX-License-Identifier: GPL-2.0-only
/** Before af28dfacbe00 (v5.8): KVM_SET_LAPIC changes ids and leaves the map. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { kvm_lapic_state } from '../../lapic/lapic.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';
import { setStateLacking } from './set-lapic.js';

/** arch/x86/kvm/lapic.c: kvm_apic_set_state() */
export function kvm_apic_set_state(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state): number {
  return setStateLacking(this, vcpu, s, { dirtyMap: true });
}

export default defineSeries({
  id: 'revert-af28dfacbe00',
  title: 'after KVM_SET_LAPIC interrupts go by the ids of before',
  base: 'v6.12.117',
  notices: 'the map is clean and not what the APICs are',
  patches: [
    {
      subject: 'Revert "kvm: lapic: fix broken vcpu hotplug"',
      commit: 'af28dfacbe00',
      funcs: { kvm_apic_set_state },
    },
  ],
});
