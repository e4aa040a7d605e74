// SPDX-License-Identifier: GPL-2.0-only
/** Before 18ab3fc8e880 (v6.19-rc1): a periodic timer goes through every period that it missed. */
import type { kvm_lapic } from '../../lapic/lapic.js';
import { add, s64_add, s64_sub, to_s64, to_u64 } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: advance_periodic_target_expiration() */
export function advance_periodic_target_expiration(this: vmlinux_x86, apic: kvm_lapic): void {
  const ktimer = apic.lapic_timer;
  const vcpu = this.m.vcpu[apic.vcpu];
  const now = to_s64(this.ktime_get());
  const tscl = this.rdtsc();

  ktimer.target_expiration = s64_add(ktimer.target_expiration, ktimer.period);

  const delta = to_u64(s64_sub(ktimer.target_expiration, now));
  ktimer.tscdeadline = add(this.kvm_read_l1_tsc(vcpu, tscl), this.nsec_to_cycles(vcpu, delta));
}

export default defineSeries({
  id: 'revert-18ab3fc8e880',
  title: 'after a pause the host fires a periodic timer once for each missed period',
  base: 'v6.12.117',
  notices: 'the expiry that a periodic timer is restarted with is in the past',
  patches: [
    {
      subject: 'Revert "KVM: x86: Fix VM hard lockup after prolonged inactivity with periodic HV timer"',
      commit: '18ab3fc8e880',
      funcs: { advance_periodic_target_expiration },
    },
  ],
});
