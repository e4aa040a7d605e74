// SPDX-License-Identifier: GPL-2.0-only
/** kvm_apic_set_state() as it was before two of its fixes, in what they share. */

import { KVM_REQ_EVENT, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { APIC_LVT0, APIC_SPIV, APIC_TMCCT, DIRTY } from '../../lapic/apicdef.js';
import type { kvm_lapic_state } from '../../lapic/lapic.js';
import { ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

/** What a version of it does not do. */
export interface Lacking {
  dirtyMap?: boolean;
  cancelHvTimer?: boolean;
}

/** KVM_SET_LAPIC without `lacking`. */
export function setStateLacking(k: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state, lacking: Lacking): number {
  const kvm = k.m.kvm[vcpu.kvm];
  const apic = vcpu.arch.apic;

  k.kvm_x86_apicv_pre_state_restore(vcpu);
  k.apic_set_spiv(apic, s.regs[APIC_SPIV >> 2]);
  const r = k.kvm_apic_state_fixup(vcpu, s, true);
  if (r !== 0) {
    k.kvm_recalculate_apic_map(kvm);
    return r;
  }
  for (let i = 0; i < 256; i++) apic.regs[i] = s.regs[i];

  if (lacking.dirtyMap !== true) kvm.arch.apic_map_dirty = DIRTY;
  k.kvm_recalculate_apic_map(kvm);
  k.kvm_apic_set_version(vcpu);

  k.apic_update_ppr(apic);
  if (lacking.cancelHvTimer === true) k.hrtimer_cancel(apic.lapic_timer.timer);
  else k.cancel_apic_timer(apic);
  apic.lapic_timer.expired_tscdeadline = ZERO;
  k.apic_update_lvtt(apic);
  k.apic_manage_nmi_watchdog(apic, k.kvm_lapic_get_reg(apic, APIC_LVT0));
  k.update_divide_count(apic);
  k.__start_apic_timer(apic, APIC_TMCCT);
  k.kvm_lapic_set_reg(apic, APIC_TMCCT, 0);
  k.kvm_apic_update_apicv(vcpu);
  k.kvm_make_request(KVM_REQ_EVENT, vcpu);

  vcpu.arch.apic_arb_prio = 0;
  return 0;
}
