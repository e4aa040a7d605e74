// SPDX-License-Identifier: GPL-2.0-only
/** virt/kvm/kvm_main.c as of v6.19-rc1, where it is not the pin's. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { bool } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

declare module '../../kvm/kvm_host.js' {
  interface kvm_vcpu {
    /** rwlock: 1 while KVM_RUN swaps the pid for another thread's; absent is 0 */
    pid_lock?: number;
  }
}

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_yield_to()
 *
 * RACE: the lock is only tried: while another thread takes the vCPU over, there is nobody to yield to.
 */
export function kvm_vcpu_yield_to(this: vmlinux_x86, target: kvm_vcpu): number {
  if (target.pid_lock === 1) return 0;
  if (target.pid === NULL) return 0;
  return Number(this.yield_to(this.m.task[target.pid], true));
}

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin(): one round over all, from behind the last one boosted. */
export function kvm_vcpu_on_spin(this: vmlinux_x86, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  let tries = 3;

  const nr_vcpus = kvm.vcpus.length;
  if (nr_vcpus < 2) return;

  this.kvm_vcpu_set_in_spin_loop(me, true);

  const start = kvm.last_boosted_vcpu + 1;
  for (let i = 0; i < nr_vcpus; i++) {
    const idx = (start + i) % nr_vcpus;
    if (idx === me.vcpu_idx) continue;

    // RACE: another spinner may store last_boosted_vcpu meanwhile; READ_ONCE() has read it, once.
    const vcpu = this.m.vcpu[kvm.vcpus[idx]];
    if (!vcpu.ready) continue;
    if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;

    // one with a pending interrupt counts as being in the kernel: that is what the spinner may wait for
    if (
      vcpu.preempted &&
      yield_to_kernel_mode &&
      !this.kvm_arch_dy_has_pending_interrupt(vcpu) &&
      !this.kvm_arch_vcpu_preempted_in_kernel(vcpu)
    ) {
      continue;
    }
    if (!this.kvm_vcpu_eligible_for_directed_yield(vcpu)) continue;

    const yielded = this.kvm_vcpu_yield_to(vcpu);
    if (yielded > 0) {
      this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, idx);
      return;
    }
    if (yielded < 0 && --tries === 0) break;
  }
  this.kvm_vcpu_on_spinEnd(me);
}
