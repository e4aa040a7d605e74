// SPDX-License-Identifier: GPL-2.0-only
/** Before fdba608f15e2 (v5.16): an interrupt posted by the vCPU's own thread, while it goes to sleep, wakes nobody. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { IN_GUEST_MODE } from '../../kvm/kvm_host.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/vmx/vmx.c: kvm_vcpu_trigger_posted_interrupt() */
export function kvm_vcpu_trigger_posted_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu, pi_vec: number): void {
  if (vcpu.mode === IN_GUEST_MODE) {
    if (vcpu.id !== this.kvm_get_running_vcpu()) this.notifyPosted(vcpu, pi_vec);
    return;
  }
  // the bug: the running vCPU may be blocking
  if (vcpu.id !== this.kvm_get_running_vcpu()) this.kvm_vcpu_wake_up(vcpu);
}

export default defineSeries({
  id: 'revert-fdba608f15e2',
  title: 'a timer that expires on the CPU of its vCPU, about to block, does not keep it awake',
  base: 'v6.12.117',
  notices: 'a vCPU sleeps with a deliverable interrupt in PIR',
  patches: [
    {
      subject: 'Revert "KVM: VMX: Wake vCPU when delivering posted IRQ even if vCPU == this vCPU"',
      commit: 'fdba608f15e2',
      funcs: { kvm_vcpu_trigger_posted_interrupt },
    },
  ],
});
