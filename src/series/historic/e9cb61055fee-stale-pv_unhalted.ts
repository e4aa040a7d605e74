// SPDX-License-Identifier: GPL-2.0-only
/** Before e9cb61055fee (v6.15): a kick that nobody waited for stands until the next HLT; of 6.12.117 as well. */
import { __kvm_emulate_halt, vcpu_blockEnd } from '../../arch/x86/x86.js';
import { kvm_arch_vcpu_ioctl_set_mpstate } from '../../arch/x86/x86-apic.js';
import { kvm_apic_accept_events } from '../../lapic/lapic.js';
import { defineSeries } from '../series.js';

export default defineSeries({
  id: 'revert-e9cb61055fee',
  title: 'a kick from before an INIT lets the first HLT after it through',
  base: 'v6.19-rc1',
  notices: 'pv_unhalted is set in a vCPU that has just become RUNNABLE',
  patches: [
    {
      subject: 'Revert "KVM: x86: Clear pv_unhalted on all transitions to KVM_MP_STATE_RUNNABLE"',
      commit: 'e9cb61055fee',
      // of 6.12.117: each assigns mp_state, and two of them clear pv_unhalted
      funcs: { __kvm_emulate_halt, kvm_apic_accept_events, kvm_arch_vcpu_ioctl_set_mpstate, vcpu_blockEnd },
    },
  ],
});
