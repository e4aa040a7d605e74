// SPDX-License-Identifier: GPL-2.0-only
/** Before 046ddeed0461 (v5.3): a vCPU that was just woken must have been in the kernel as well. */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */
export function kvm_vcpu_on_spin(this: vmlinux, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  const last_boosted_vcpu = kvm.last_boosted_vcpu;
  let yielded = 0;
  let tries = 3;

  this.kvm_vcpu_set_in_spin_loop(me, true);
  for (let pass = 0; pass < 2 && yielded === 0 && tries !== 0; pass++) {
    for (let i = 0; i < kvm.vcpus.length; i++) {
      if (pass === 0 && i <= last_boosted_vcpu) {
        i = last_boosted_vcpu;
        continue;
      } else if (pass !== 0 && i > last_boosted_vcpu) break;
      const vcpu = this.m.vcpu[kvm.vcpus[i]];
      if (!vcpu.ready) continue;
      if (vcpu.id === me.id) continue;
      if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;
      // the bug: without vcpu.preempted
      if (yield_to_kernel_mode && !this.kvm_arch_vcpu_preempted_in_kernel(vcpu)) continue;
      if (!this.kvm_vcpu_eligible_for_directed_yield(vcpu)) continue;

      yielded = this.kvm_vcpu_yield_to(vcpu);
      if (yielded > 0) {
        this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, i);
        return;
      }
      if (yielded < 0 && --tries === 0) break;
    }
  }
  this.kvm_vcpu_on_spinEnd(me);
}

export default defineSeries({
  id: 'revert-046ddeed0461',
  title: 'a woken vCPU that was last preempted in user mode is not boosted',
  base: 'v6.12.117',
  notices: 'a candidate that is ready and not preempted is passed over',
  patches: [
    {
      subject: 'Revert "KVM: Check preempted_in_kernel for involuntary preemption"',
      commit: '046ddeed0461',
      funcs: { kvm_vcpu_on_spin },
    },
  ],
});
