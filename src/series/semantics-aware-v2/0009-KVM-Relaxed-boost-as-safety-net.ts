// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 9/9] KVM: Relaxed boost as safety net
 *
 * As posted: the budget of three pointless attempts is set once, before the first round, so that a second one which
 * begins with none left counts below 0 and is never cut short; `yielded` is set to 0 at each round's begin, and every
 * round that ends with 0 or less, also one that found no candidate, is followed by the second.
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { bool } from '../../lib/types.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Patch } from '../series.js';
import type { Adds, semantics_aware } from './adds.js';

export const knobs = {
  enable_relaxed_boost: { file: '/sys/module/kvm/parameters/enable_relaxed_boost', type: 'bool', initial: 1 },
} as const satisfies Record<string, Knob>;

/** static bool enable_relaxed_boost */
export const enable_relaxed_boost = (kernel: vmlinux_x86): bool =>
  knobValue(kernel.m, 'enable_relaxed_boost', knobs.enable_relaxed_boost) !== 0;

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */
export function kvm_vcpu_on_spin(this: semantics_aware, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  let tries = 3;
  let first_round = true;

  const nr_vcpus = kvm.vcpus.length;
  if (nr_vcpus < 2) return;

  this.kvm_vcpu_set_in_spin_loop(me, true);

  for (;;) {
    let yielded = 0;

    const start = kvm.last_boosted_vcpu + 1;
    for (let i = 0; i < nr_vcpus; i++) {
      const idx = (start + i) % nr_vcpus;
      if (idx === me.vcpu_idx) continue;

      // RACE: another spinner may store last_boosted_vcpu meanwhile; READ_ONCE() has read it, once.
      const vcpu = this.m.vcpu[kvm.vcpus[idx]];
      if (!vcpu.ready) continue;
      if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;

      if (first_round && !this.kvm_vcpu_is_good_yield_candidate(me, vcpu, yield_to_kernel_mode)) continue;

      if (!first_round && !vcpu.preempted) continue;

      if (!this.kvm_vcpu_eligible_for_directed_yield(vcpu)) continue;

      yielded = this.kvm_vcpu_yield_to(vcpu);
      if (yielded > 0) {
        this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, idx);
        return;
      }
      if (yielded < 0 && --tries === 0) break;
    }

    // WHY no other test: a round that yielded has left above.
    if (!enable_relaxed_boost(this) || !first_round) break;
    first_round = false;
  }
  this.kvm_vcpu_on_spinEnd(me);
}

export default {
  subject: 'KVM: Relaxed boost as safety net',
  knobs,
  funcs: { kvm_vcpu_on_spin },
} satisfies Patch<Adds>;
