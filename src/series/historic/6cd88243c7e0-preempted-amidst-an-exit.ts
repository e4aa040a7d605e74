// SPDX-License-Identifier: GPL-2.0-only
/** Before 6cd88243c7e0 (v5.19): a vCPU is reported preempted wherever it was taken off its CPU. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { and, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/x86.c: kvm_steal_time_set_preempted() */
export function kvm_steal_time_set_preempted(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const st = vcpu.arch.st;
  vcpu.stat.preemption_reported++;
  if (and(st.msr_val, u64(1)) === ZERO) return;
  if (st.preempted) return;
  st.page.preempted = 1;
  st.preempted = 1;
}

export default defineSeries({
  id: 'revert-6cd88243c7e0',
  title: 'another vCPU may flush the TLB of one that is amidst an emulation',
  base: 'v6.12.117',
  notices: 'PREEMPTED is set by an exit that is no external interrupt',
  patches: [
    {
      subject: 'Revert "KVM: x86: do not report a vCPU as preempted outside instruction boundaries"',
      commit: '6cd88243c7e0',
      funcs: { kvm_steal_time_set_preempted },
    },
  ],
});
