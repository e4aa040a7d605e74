// SPDX-License-Identifier: GPL-2.0-only
/** Before 17d68b763f09 (v3.13, CVE-2013-6376): the cluster of an x2APIC destination is not compared with the map. */
import { KVM_APIC_MODE_X2APIC } from '../../arch/x86/kvm_host.js';
import { type dest_lapics, type kvm_apic_map, kvm_apic_map_get_logical_dest as was } from '../../lapic/lapic.js';
import { KernelBug } from '../../lib/bug.js';
import type { u32 } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: kvm_apic_map_get_logical_dest() */
export function kvm_apic_map_get_logical_dest(
  this: vmlinux_x86,
  map: kvm_apic_map,
  dest: u32,
  out: dest_lapics,
): boolean {
  if (map.logical_mode === KVM_APIC_MODE_X2APIC && (dest >>> 16) * 16 > map.max_apic_id) {
    throw new KernelBug('BUG_ON', 'kvm_apic_map_get_logical_dest: cluster out of bounds');
  }
  return was.call(this, map, dest, out);
}

export default defineSeries({
  id: 'revert-17d68b763f09',
  title: 'a guest kills KVM with a nonexistent cluster',
  base: 'v6.12.117',
  notices: 'KVM dies of a write of ICR',
  patches: [
    {
      subject: 'Revert "KVM: x86: fix guest-initiated crash with x2apic (CVE-2013-6376)"',
      commit: '17d68b763f09',
      funcs: { kvm_apic_map_get_logical_dest },
    },
  ],
});
