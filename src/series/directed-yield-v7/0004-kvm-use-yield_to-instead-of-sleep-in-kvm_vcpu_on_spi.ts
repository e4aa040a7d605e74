// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH] kvm: use yield_to instead of sleep in kvm_vcpu_on_spin
 *
 * The 100 us are gone: the vCPUs of the VM are tried in turn, and the first that can be yielded to gets the CPU. If none can, the
 * spinner goes on spinning.
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { OUTSIDE_GUEST_MODE } from '../../kvm/kvm_host.js';
import { NULL } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, directed_yield } from './adds.js';

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_on_spin()
 *
 * PF_VCPU of a thread, from the entry to the exit of the guest, is vcpu.mode here: one that was preempted has left the guest.
 *
 * As posted: the first pass begins behind the last boosted vCPU, but with vCPU 0 while that is the last boosted; and a vCPU that spins
 * itself is as good as any.
 *
 * Split: it goes on in kvm_vcpu_on_spinBoosted().
 */
export function kvm_vcpu_on_spin(this: directed_yield, me: kvm_vcpu, _yield_to_kernel_mode: boolean): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  const last_boosted_vcpu = kvm.last_boosted_vcpu;

  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < kvm.vcpus.length; i++) {
      if (pass === 0 && i < last_boosted_vcpu) {
        i = last_boosted_vcpu;
        continue;
      } else if (pass !== 0 && i > last_boosted_vcpu) break;
      const vcpu = this.m.vcpu[kvm.vcpus[i]];
      if (vcpu.id === me.id) continue;
      if (this.rcuwait_active(vcpu)) continue;
      if (vcpu.pid === NULL) continue;
      if (vcpu.mode !== OUTSIDE_GUEST_MODE) continue;

      if (this.yield_to(this.m.task[vcpu.pid], true) > 0) {
        this.whenBack(current, 'kvm_vcpu_on_spinBoosted', me.kvm, i);
        return;
      }
    }
  }
}

/**
 * kvm_vcpu_on_spin() when the yielder is back: only now is the boost noted. RACE: one plain int a VM, so that spinners which yield
 * meanwhile begin where this one did.
 */
export function kvm_vcpu_on_spinBoosted(this: directed_yield, kvm: number, boosted: number): void {
  this.m.kvm[kvm].last_boosted_vcpu = boosted;
}

export default {
  subject: 'kvm: use yield_to instead of sleep in kvm_vcpu_on_spin',
  commit: '217ece6129f2',
  funcs: { kvm_vcpu_on_spin },
  adds: { kvm_vcpu_on_spinBoosted },
} satisfies Patch<Adds>;
