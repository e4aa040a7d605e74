// SPDX-License-Identifier: GPL-2.0-only
/** Before 32bd348be3fa (v6.19-rc1; in v6.13 to v6.18): the boosted vCPU is remembered by how far the scan had come. */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin() */
export function kvm_vcpu_on_spin(this: vmlinux, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
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

    const vcpu = this.m.vcpu[kvm.vcpus[idx]];
    if (!vcpu.ready) continue;
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

    const yielded = this.kvm_vcpu_yield_to(vcpu);
    if (yielded > 0) {
      this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, i);
      return;
    }
    if (yielded < 0 && --tries === 0) break;
  }
  this.kvm_vcpu_on_spinEnd(me);
}

export default defineSeries({
  id: 'revert-32bd348be3fa',
  title: 'last_boosted_vcpu is an offset, not an index',
  base: 'v6.19-rc1',
  notices: 'with every vCPU an equal candidate, boosts are not round robin: some are repeated, some left out',
  patches: [
    {
      subject: 'Revert "KVM: Fix last_boosted_vcpu index assignment bug"',
      commit: '32bd348be3fa',
      funcs: { kvm_vcpu_on_spin },
    },
  ],
});
