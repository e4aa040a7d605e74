// SPDX-License-Identifier: GPL-2.0-only
/** Before bdf7ffc89922 (v4.19): a PV IPI's bitmap is not cut at the end of the map. */
import type { kvm_lapic_irq } from '../../arch/x86/kvm_host.js';
import type { kvm_apic_map } from '../../lapic/lapic.js';
import { KernelBug } from '../../lib/bug.js';
import { shr, to_u32, type u32, type u64 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: __pv_send_ipi() */
export function __pv_send_ipi(this: vmlinux_x86, bitmap: u64, map: kvm_apic_map, irq: kvm_lapic_irq, min: u32): number {
  const halves = [to_u32(bitmap), to_u32(shr(bitmap, 32))];
  let count = 0;
  for (let i = 0; i < 64; i++) {
    if ((halves[i >> 5] & (1 << (i & 31))) === 0) continue;
    if (min + i > map.max_apic_id) throw new KernelBug('NULL dereference', '__pv_send_ipi: phys_map out of bounds');
    const id = map.phys_map[min + i];
    if (id !== NULL) count += this.kvm_apic_set_irq(this.m.vcpu[id], irq, null);
  }
  return count;
}

export default defineSeries({
  id: 'revert-bdf7ffc89922',
  title: 'a guest makes KVM read beyond the APIC map',
  base: 'v6.12.117',
  notices: 'an access beyond phys_map from a hypercall',
  patches: [
    {
      subject: 'Revert "KVM: LAPIC: Fix pv ipis out-of-bounds access"',
      commit: 'bdf7ffc89922',
      funcs: { __pv_send_ipi },
    },
  ],
});
