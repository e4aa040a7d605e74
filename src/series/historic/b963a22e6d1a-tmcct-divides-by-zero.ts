// SPDX-License-Identifier: GPL-2.0-only
/** Before b963a22e6d1a (v3.13, CVE-2013-6367): the current count is computed modulo a period that may be 0. */
import { APIC_TMICT } from '../../lapic/apicdef.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import {
  div,
  S64_ZERO,
  s64_div,
  s64_lt,
  s64_mul,
  s64_sub,
  to_s64,
  to_u32,
  to_u64,
  type u32,
  u64,
} from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: apic_get_tmcct() */
export function apic_get_tmcct(this: vmlinux_x86, apic: kvm_lapic): u32 {
  if (this.kvm_lapic_get_reg(apic, APIC_TMICT) === 0) return 0;

  let remaining = s64_sub(apic.lapic_timer.target_expiration, to_s64(this.ktime_get()));
  if (s64_lt(remaining, S64_ZERO)) remaining = S64_ZERO;

  const { period } = apic.lapic_timer;
  const ns = s64_sub(remaining, s64_mul(s64_div(remaining, period), period));
  const tick = Math.imul(this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_bus_cycle_ns, apic.divide_count) >>> 0;
  return to_u32(div(to_u64(ns), u64(tick)));
}

export default defineSeries({
  id: 'revert-b963a22e6d1a',
  title: 'a guest makes KVM divide by 0',
  base: 'v6.12.117',
  notices: 'KVM dies of a read of TMCCT, with an initial count and no period',
  patches: [
    {
      subject: 'Revert "KVM: x86: Fix potential divide by 0 in lapic (CVE-2013-6367)"',
      commit: 'b963a22e6d1a',
      funcs: { apic_get_tmcct },
    },
  ],
});
