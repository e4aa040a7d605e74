// SPDX-License-Identifier: GPL-2.0-only
/** Before 52acd22faa1a (v5.14): a vCPU preempted in user mode is passed over although an interrupt waits for it. */
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

      if (vcpu.preempted && yield_to_kernel_mode && !this.kvm_arch_vcpu_preempted_in_kernel(vcpu)) continue;

      if (!this.kvm_vcpu_eligible_for_directed_yield(vcpu)) continue;

      yielded = this.kvm_vcpu_yield_to(vcpu);
      if (yielded > 0) {
        this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, i);
        return;
      }
      if (yielded < 0) {
        tries--;
        if (tries === 0) break;
      }
    }
  }
  this.kvm_vcpu_on_spinEnd(me);
}

export default defineSeries({
  id: 'revert-52acd22faa1a',
  title: 'a pending interrupt makes no vCPU a target',
  base: 'v6.12.117',
  notices: 'a ready vCPU, preempted in user mode with a posted interrupt, is never yielded to by a kernel-mode spinner',
  patches: [
    {
      subject: 'Revert "KVM: Boost vCPU candidate in user mode which is delivering interrupt"',
      commit: '52acd22faa1a',
      funcs: { kvm_vcpu_on_spin },
    },
  ],
});
