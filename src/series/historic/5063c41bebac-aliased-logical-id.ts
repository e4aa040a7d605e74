// SPDX-License-Identifier: GPL-2.0-only
/** Before 5063c41bebac (v6.3): of two vCPUs with the same logical id, the last gets what is sent to it. */
import {
  KVM_APIC_MODE_SW_DISABLED,
  KVM_APIC_MODE_X2APIC,
  KVM_APIC_MODE_XAPIC_CLUSTER,
  KVM_APIC_MODE_XAPIC_FLAT,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import { APIC_DFR, APIC_DFR_FLAT, APIC_LDR, GET_APIC_LOGICAL_ID } from '../../lapic/apicdef.js';
import type { dest_lapics, kvm_apic_map } from '../../lapic/lapic.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/lapic.c: kvm_recalculate_logical_map() */
export function kvm_recalculate_logical_map(this: vmlinux_x86, map: kvm_apic_map, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;
  if (!this.kvm_apic_sw_enabled(apic)) return;
  const ldr = this.kvm_lapic_get_reg(apic, APIC_LDR);
  if (ldr === 0) return;

  if (this.apic_x2apic_mode(apic)) {
    map.logical_mode = KVM_APIC_MODE_X2APIC;
    return;
  }
  const flat = this.kvm_lapic_get_reg(apic, APIC_DFR) === APIC_DFR_FLAT;
  if (map.logical_mode === KVM_APIC_MODE_SW_DISABLED) {
    map.logical_mode = flat ? KVM_APIC_MODE_XAPIC_FLAT : KVM_APIC_MODE_XAPIC_CLUSTER;
  }
  const out: dest_lapics = { dst: map.xapic_flat_map, base: 0, bitmap: 0 };
  if (!this.kvm_apic_map_get_logical_dest(map, GET_APIC_LOGICAL_ID(ldr), out) || out.bitmap === 0) return;
  (out.dst as number[])[31 - Math.clz32(out.bitmap & -out.bitmap)] = apic.vcpu;
}

export default defineSeries({
  id: 'revert-5063c41bebac',
  title: 'a logical id that two APICs have stands for one of them',
  base: 'v6.12.117',
  notices: 'a logical IPI is accepted by one of the APICs that it names; the map does other than a scan',
  patches: [
    {
      subject: 'Revert the check of logical ids that several vCPUs have',
      commit: '5063c41bebac',
      funcs: { kvm_recalculate_logical_map },
    },
  ],
});
