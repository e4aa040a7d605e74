// SPDX-License-Identifier: GPL-2.0-only
/** Before 44d527170731 (v5.8): who has computed the map calls it clean, also when it became dirty meanwhile. */

import type { kvm } from '../../arch/x86/kvm_host.js';
import { CLEAN } from '../../lapic/apicdef.js';
import { kvm_recalculate_apic_map as was } from '../../lapic/lapic.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: kvm_recalculate_apic_map() */
export function kvm_recalculate_apic_map(this: vmlinux_x86, kvm: kvm): void {
  was.call(this, kvm);
  kvm.arch.apic_map_dirty = CLEAN;
}

export default defineSeries({
  id: 'revert-44d527170731',
  title: 'a change of an APIC that comes while the map is computed is forgotten',
  base: 'v6.12.117',
  notices: 'the map is clean and not what the APICs are',
  patches: [
    {
      subject: 'Revert "KVM: LAPIC: ensure APIC map is up to date on concurrent update requests"',
      commit: '44d527170731',
      funcs: { kvm_recalculate_apic_map },
    },
  ],
});
