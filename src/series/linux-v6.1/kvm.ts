// SPDX-License-Identifier: GPL-2.0-only
/**
 * virt/kvm/kvm_main.c, arch/x86/kvm/{x86,vmx/vmx,svm/svm}.c (v6.1): directed yield and the preempt notifiers, as far as they differ
 * from the pin. Held against the C code of 6.1.192, each function alone. What else differs there: DV-623.
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { bool } from '../../lib/types.js';
import { NULL, type task_struct } from '../../sched/sched.js';
import type { vmlinux_6_1 } from './adds.js';

/** virt/kvm/kvm_main.c: kvm_vcpu_on_spin(): a preempted vCPU is asked whether it is in the kernel, as others are. */
export function kvm_vcpu_on_spin(this: vmlinux_6_1, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  const { last_boosted_vcpu } = kvm;
  let yielded = 0;
  let tries = 3;

  this.kvm_vcpu_set_in_spin_loop(me, true);
  for (let pass = 0; pass < 2 && yielded === 0 && tries !== 0; pass++) {
    for (let i = 0; i < kvm.vcpus.length; i++) {
      if (pass === 0 && i <= last_boosted_vcpu) {
        i = last_boosted_vcpu;
        continue;
      } else if (pass !== 0 && i > last_boosted_vcpu) break;
      // RACE: another spinner may store last_boosted_vcpu meanwhile; READ_ONCE() has read it, once.
      const vcpu = this.m.vcpu[kvm.vcpus[i]];
      if (!vcpu.ready) continue;
      if (vcpu.id === me.id) continue;
      if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;
      if (
        vcpu.preempted &&
        yield_to_kernel_mode &&
        !this.kvm_arch_dy_has_pending_interrupt(vcpu) &&
        !this.kvm_arch_vcpu_in_kernel(vcpu)
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

/** virt/kvm/kvm_main.c: kvm_sched_in() */
export function kvm_sched_in(this: vmlinux_6_1, pn: number, cpu: number): void {
  const vcpu = this.m.vcpu[this.preempt_notifier_to_vcpu(pn).id];

  vcpu.preempted = false;
  vcpu.ready = false;

  this.m.kvm_running_vcpu[cpu] = vcpu.id;
  this.kvm_arch_sched_in(vcpu, cpu);
  this.kvm_arch_vcpu_load(vcpu, cpu);
}

/** virt/kvm/kvm_main.c: kvm_sched_out(): preempted is whoever is still queued, also on its way out to userspace. */
export function kvm_sched_out(this: vmlinux_6_1, pn: number, _next: task_struct): void {
  const vcpu = this.preempt_notifier_to_vcpu(pn);

  if (this.get_current().on_rq) {
    vcpu.preempted = true;
    vcpu.ready = true;
  }
  this.kvm_arch_vcpu_put(vcpu as kvm_vcpu);
  this.m.kvm_running_vcpu[this.m.cpu] = NULL;
}

/** arch/x86/kvm/x86.c: kvm_arch_sched_in(). MODEL: no L1TF flush, no PMU. */
export function kvm_arch_sched_in(this: vmlinux_6_1, vcpu: kvm_vcpu, cpu: number): void {
  this.kvm_x86_sched_in(vcpu, cpu);
}

/** arch/x86/include/asm/kvm-x86-ops.h: sched_in() */
export function kvm_x86_sched_in(this: vmlinux_6_1, vcpu: kvm_vcpu, cpu: number): void {
  if (this.m.kvm[vcpu.kvm].arch.vendor === 'vmx') this.vmx_sched_in(vcpu, cpu);
  else this.svm_sched_in(vcpu, cpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_sched_in() */
export function vmx_sched_in(this: vmlinux_6_1, vcpu: kvm_vcpu, _cpu: number): void {
  if (!this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) this.vmx_shrink_ple_window(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_sched_in() */
export function svm_sched_in(this: vmlinux_6_1, vcpu: kvm_vcpu, _cpu: number): void {
  if (!this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) this.svm_shrink_ple_window(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_vcpu_load() */
export function vmx_vcpu_load(this: vmlinux_6_1, vcpu: kvm_vcpu, cpu: number): void {
  this.vmx_vcpu_pi_load(vcpu, cpu);
}

/** arch/x86/kvm/svm/svm.c: svm_vcpu_load() */
export function svm_vcpu_load(this: vmlinux_6_1, vcpu: kvm_vcpu, cpu: number): void {
  if (this.kvm_vcpu_apicv_active(vcpu)) this.avic_vcpu_load(vcpu, cpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_in_kernel(): as of when it was preempted, whatever it does now. */
export function kvm_arch_vcpu_in_kernel(this: vmlinux_6_1, vcpu: kvm_vcpu): bool {
  return vcpu.arch.preempted_in_kernel;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_put() */
export function kvm_arch_vcpu_put(this: vmlinux_6_1, vcpu: kvm_vcpu): void {
  if (vcpu.preempted) {
    vcpu.arch.preempted_in_kernel = this.kvm_x86_get_cpl(vcpu) === 0;
    this.kvm_steal_time_set_preempted(vcpu);
  }
  this.kvm_x86_vcpu_put(vcpu);
}
