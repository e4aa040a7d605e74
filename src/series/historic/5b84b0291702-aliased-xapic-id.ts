// SPDX-License-Identifier: GPL-2.0-only
/** Before 5b84b0291702 (v6.3): of two vCPUs with the same xAPIC id, the first gets what is sent to it. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { kvm_apic_map } from '../../lapic/lapic.js';
import { E2BIG } from '../../lib/errno.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: kvm_recalculate_phys_map(): the rule of 32-bit ids, for every VM. */
export function kvm_recalculate_phys_map(
  this: vmlinux_x86,
  map: kvm_apic_map,
  vcpu: kvm_vcpu,
  mismatch: { value: boolean },
): number {
  const apic = vcpu.arch.apic;
  const x2apic_id = this.kvm_x2apic_id(apic);
  const xapic_id = this.kvm_xapic_id(apic);
  const x2apic_mode = this.apic_x2apic_mode(apic);

  if (x2apic_id > map.max_apic_id) return -E2BIG;
  if (!x2apic_mode && xapic_id !== (vcpu.vcpu_id & 0xff)) mismatch.value = true;

  if (x2apic_mode || x2apic_id > 0xff) map.phys_map[x2apic_id] = apic.vcpu;
  if (!x2apic_mode && map.phys_map[xapic_id] === NULL) map.phys_map[xapic_id] = apic.vcpu;
  return 0;
}

export default defineSeries({
  id: 'revert-5b84b0291702',
  title: 'an id that two APICs have stands for one of them',
  base: 'v6.12.117',
  notices: 'an IPI is accepted by one of the APICs that it names',
  patches: [
    {
      subject: 'Revert "KVM: x86: Honor architectural behavior for aliased 8-bit APIC IDs"',
      commit: '5b84b0291702',
      funcs: { kvm_recalculate_phys_map },
    },
  ],
});
