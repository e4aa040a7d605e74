// SPDX-License-Identifier: GPL-2.0-only
/**
 * Before 49f683b41f28 (v6.10; v6.1 and the pin have it): last_boosted_vcpu is a plain int, so that C lets the compiler load it again
 * at every use. Here it does. No compiler is known to; what the commit takes away is the permission.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */
export function kvm_vcpu_on_spin(this: vmlinux, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  let yielded = 0;
  let tries = 3;

  this.kvm_vcpu_set_in_spin_loop(me, true);
  for (let pass = 0; pass < 2 && yielded === 0 && tries !== 0; pass++) {
    for (let i = 0; i < kvm.vcpus.length; i++) {
      if (pass === 0 && i <= kvm.last_boosted_vcpu) {
        i = kvm.last_boosted_vcpu;
        continue;
      } else if (pass !== 0 && i > kvm.last_boosted_vcpu) break;
      // RACE: another spinner may store last_boosted_vcpu, which is read again
      const vcpu = this.m.vcpu[kvm.vcpus[i]];
      if (!vcpu.ready) continue;
      if (vcpu.id === me.id) continue;
      if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;
      if (
        vcpu.preempted &&
        yield_to_kernel_mode &&
        !this.kvm_arch_dy_has_pending_interrupt(vcpu) &&
        !this.kvm_arch_vcpu_preempted_in_kernel(vcpu)
      ) {
        continue;
      }
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
  id: 'revert-49f683b41f28',
  title: 'last_boosted_vcpu may be read again in the middle of a scan',
  base: 'v6.12.117',
  notices:
    'a vCPU is asked twice or not at all by one scan, when another spinner boosts meanwhile: `kvmodel races` alone',
  patches: [
    {
      subject: 'Revert "KVM: Fix a data race on last_boosted_vcpu in kvm_vcpu_on_spin()"',
      commit: '49f683b41f28',
      funcs: { kvm_vcpu_on_spin },
    },
  ],
});
