// SPDX-License-Identifier: GPL-2.0-only
/** Before b043138246a4 (v5.6, CVE-2019-3016): the preempted byte is read, and set to 0 some time later. */
import { KVM_FEATURE_PV_TLB_FLUSH, KVM_MSR_ENABLED, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { KVM_VCPU_FLUSH_TLB } from '../../arch/x86/x86.js';
import { add, and, sub, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/x86.c: record_steal_time() */
export function record_steal_time(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const { st } = vcpu.arch;
  const { page } = st;
  if (and(st.msr_val, u64(KVM_MSR_ENABLED)) === ZERO) return;

  if (this.guest_pv_has(vcpu, KVM_FEATURE_PV_TLB_FLUSH)) {
    const flush = (page.preempted & KVM_VCPU_FLUSH_TLB) !== 0;
    this.trace_kvm_pv_tlb_flush(vcpu.vcpu_id, flush);
  }
  page.preempted = 0;
  st.preempted = 0;

  page.version = (page.version + ((page.version & 1) !== 0 ? 2 : 1)) >>> 0;
  const { run_delay } = this.get_current().sched_info;
  page.steal = add(page.steal, sub(run_delay, st.last_steal));
  st.last_steal = run_delay;
  page.version = (page.version + 1) >>> 0;
}

export default defineSeries({
  id: 'revert-b043138246a4',
  title: 'a TLB flush that a guest CPU asks for just then is forgotten',
  base: 'v6.12.117',
  notices: 'FLUSH_TLB set between the read and the clear of the preempted byte is gone, and no flush was done',
  patches: [
    {
      subject: 'Revert "x86/KVM: Make sure KVM_VCPU_FLUSH_TLB flag is not missed"',
      commit: 'b043138246a4',
      funcs: { record_steal_time },
    },
  ],
});
