// SPDX-License-Identifier: GPL-2.0-only
/** Before 4364b287982b (v6.4): an x2APIC id that appears after the map was sized is written beyond its end. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { kvm_apic_map } from '../../lapic/lapic.js';
import { EINVAL } from '../../lib/errno.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: kvm_recalculate_phys_map() */
export function kvm_recalculate_phys_map(
  this: vmlinux_x86,
  map: kvm_apic_map,
  vcpu: kvm_vcpu,
  mismatch: { value: boolean },
): number {
  const apic = vcpu.arch.apic;
  const x2apic_mode = this.apic_x2apic_mode(apic);
  const xapic_id = this.kvm_xapic_id(apic);

  if (!x2apic_mode && xapic_id !== (vcpu.vcpu_id & 0xff)) mismatch.value = true;

  const physical_id = x2apic_mode ? this.kvm_x2apic_id(apic) : xapic_id;
  // out of bounds in C; here the row grows
  if (map.phys_map[physical_id] !== NULL && map.phys_map[physical_id] !== undefined) return -EINVAL;
  map.phys_map[physical_id] = apic.vcpu;
  return 0;
}

export default defineSeries({
  id: 'revert-4364b287982b',
  title: 'the APIC map is written out of bounds',
  base: 'v6.12.117',
  notices: 'phys_map has more entries than max_apic_id + 1, when an APIC is enabled while the map is computed',
  patches: [
    {
      subject: 'Revert "KVM: x86: Bail from kvm_recalculate_phys_map() if x2APIC ID is out-of-bounds"',
      commit: '4364b287982b',
      funcs: { kvm_recalculate_phys_map },
    },
  ],
});
