// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v2 8/9] KVM: Implement IPI-aware directed yield candidate selection */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { Patch } from '../series.js';
import type { Adds, semantics_aware } from './adds.js';

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_is_good_yield_candidate(), new
 *
 * As posted: a preempted vCPU without IPI or pending interrupt is taken only if it was preempted in the kernel, when
 * the yielder asks for that, as before; one that was woken and not preempted, which used to pass, no longer does.
 */
export function kvm_vcpu_is_good_yield_candidate(
  this: semantics_aware,
  me: kvm_vcpu,
  vcpu: kvm_vcpu,
  yield_to_kernel_mode: bool,
): bool {
  if (this.kvm_vcpu_is_ipi_receiver(me, vcpu)) return true;

  if (this.kvm_arch_dy_has_pending_interrupt(vcpu)) return true;

  if (!vcpu.preempted) return false;

  if (yield_to_kernel_mode && !this.kvm_arch_vcpu_preempted_in_kernel(vcpu)) return false;

  return true;
}

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */
export function kvm_vcpu_on_spin(this: semantics_aware, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
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

    if (!this.kvm_vcpu_is_good_yield_candidate(me, vcpu, yield_to_kernel_mode)) continue;

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

export default {
  subject: 'KVM: Implement IPI-aware directed yield candidate selection',
  funcs: { kvm_vcpu_on_spin },
  adds: { kvm_vcpu_is_good_yield_candidate },
} satisfies Patch<Adds>;
