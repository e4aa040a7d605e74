// SPDX-License-Identifier: GPL-2.0-only
/** kvm_vcpu_on_spin() of v6.1 without one of the corrections that came after the directed yield of 2011. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux_6_1 } from '../linux-v6.1/adds.js';

interface Without {
  /** `i <= last` of the first pass: `<` begins with vCPU 0 while that is the last boosted */
  start?: true;
  /** the look at `ready`, once `preempted` */
  ready?: true;
  /** the look at dy_eligible */
  eligible?: true;
  /** the look at the mode in which it was preempted */
  mode?: true;
  /** the end after three attempts in vain */
  tries?: true;
}

/** The function, `without` a correction. */
export function spinScan(without: Without) {
  /** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */
  return function kvm_vcpu_on_spin(this: vmlinux_6_1, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
    const kvm = this.m.kvm[me.kvm];
    const current = this.get_current();
    const { last_boosted_vcpu } = kvm;
    const first = without.start === true ? last_boosted_vcpu : last_boosted_vcpu + 1;
    let tries = 3;

    this.kvm_vcpu_set_in_spin_loop(me, true);
    for (let pass = 0; pass < 2 && tries !== 0; pass++) {
      for (let i = 0; i < kvm.vcpus.length; i++) {
        if (pass === 0 && i < first) {
          i = last_boosted_vcpu;
          continue;
        } else if (pass !== 0 && i > last_boosted_vcpu) break;
        const vcpu = this.m.vcpu[kvm.vcpus[i]];
        if (!vcpu.ready && without.ready !== true) continue;
        if (vcpu.id === me.id) continue;
        if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;
        const byMode = vcpu.preempted && yield_to_kernel_mode && without.mode !== true;
        const isUrgent = this.kvm_arch_dy_has_pending_interrupt(vcpu) || this.kvm_arch_vcpu_in_kernel(vcpu);
        if (byMode && !isUrgent) continue;
        if (without.eligible !== true && !this.kvm_vcpu_eligible_for_directed_yield(vcpu)) continue;

        const yielded = this.kvm_vcpu_yield_to(vcpu);
        if (yielded > 0) {
          this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, i);
          return;
        }
        if (yielded < 0 && without.tries !== true && --tries === 0) break;
      }
    }
    this.kvm_vcpu_on_spinEnd(me);
  };
}
