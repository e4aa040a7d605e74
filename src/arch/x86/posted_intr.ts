// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/vmx/posted_intr.h, posted_intr.c (6.12.117): the posted-interrupt descriptor over load, put and block.
 *
 * Not mirrored: VT-d (no assigned devices, so only IPI virtualization posts to a vCPU that is not in the guest).
 * Nothing of this moves when a CPU goes offline: a vCPU that sleeps stays on the list of the CPU that it was put to sleep on,
 * and what is posted to it notifies that CPU, which hears nothing.
 * The list of vCPUs to wake on a CPU is kept as `vcpu.arch.pi_wakeup_cpu`: the CPU whose list it is on, or NULL; and
 * `pi_wakeup_place`: where on it.
 */
import type { bool } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { kvm, kvm_vcpu, pi_desc } from './kvm_host.js';

/** arch/x86/include/asm/irq_vectors.h */
export const POSTED_INTR_VECTOR = 0xf2;
export const POSTED_INTR_WAKEUP_VECTOR = 0xf1;

/** arch/x86/include/asm/posted_intr.h: pi_test_and_set_pir() */
export function pi_test_and_set_pir(this: vmlinux_x86, vector: number, pi_desc: pi_desc): bool {
  const mask = 1 << (vector & 31);
  const was = (pi_desc.pir[vector >> 5] & mask) !== 0;
  pi_desc.pir[vector >> 5] = (pi_desc.pir[vector >> 5] | mask) >>> 0;
  return was;
}

/** arch/x86/include/asm/posted_intr.h: pi_test_and_set_on() */
export function pi_test_and_set_on(this: vmlinux_x86, pi_desc: pi_desc): bool {
  const was = pi_desc.on !== 0;
  pi_desc.on = 1;
  return was;
}

/** arch/x86/include/asm/posted_intr.h: pi_test_and_clear_sn() */
export function pi_test_and_clear_sn(this: vmlinux_x86, pi_desc: pi_desc): bool {
  const was = pi_desc.sn !== 0;
  pi_desc.sn = 0;
  return was;
}

/** arch/x86/include/asm/posted_intr.h: pi_is_pir_empty() */
export function pi_is_pir_empty(this: vmlinux_x86, pi_desc: pi_desc): bool {
  return pi_desc.pir.every((word) => word === 0);
}

/** arch/x86/kvm/vmx/posted_intr.c: vmx_vcpu_pi_load() */
export function vmx_vcpu_pi_load(this: vmlinux_x86, vcpu: kvm_vcpu, cpu: number): void {
  const pi_desc = vcpu.arch.pi_desc;
  if (!this.m.kvm[vcpu.kvm].arch.enable_apicv) return;

  if (pi_desc.nv !== POSTED_INTR_WAKEUP_VECTOR && vcpu.cpu === cpu) {
    if (!this.pi_test_and_clear_sn(pi_desc)) return;
  } else {
    if (pi_desc.nv === POSTED_INTR_WAKEUP_VECTOR) {
      vcpu.arch.pi_wakeup_cpu = NULL;
      vcpu.arch.pi_wakeup_place = 0;
    }
    // MODEL: the physical APIC ID of a CPU is its number
    pi_desc.ndst = cpu;
    pi_desc.sn = 0;
    pi_desc.nv = POSTED_INTR_VECTOR;
  }
  // RACE: SN is clear before the bitmap is looked at; whoever posts from now on sets ON
  if (!this.pi_is_pir_empty(pi_desc)) pi_desc.on = 1;
}

/** arch/x86/kvm/vmx/vmx.h: vmx_can_use_ipiv() */
export function vmx_can_use_ipiv(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.m.kvm[vcpu.kvm].arch.enable_ipiv;
}

/** arch/x86/kvm/vmx/posted_intr.c: vmx_can_use_vtd_pi(). MODEL: no assigned devices. */
export function vmx_can_use_vtd_pi(this: vmlinux_x86, _kvm: kvm): bool {
  return false;
}

/** arch/x86/kvm/vmx/posted_intr.c: vmx_needs_pi_wakeup() */
export function vmx_needs_pi_wakeup(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.vmx_can_use_ipiv(vcpu) || this.vmx_can_use_vtd_pi(this.m.kvm[vcpu.kvm]);
}

/** arch/x86/kvm/vmx/posted_intr.c: pi_enable_wakeup_handler() */
export function pi_enable_wakeup_handler(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const pi_desc = vcpu.arch.pi_desc;
  // list_add_tail()
  let place = 0;
  for (const { arch } of this.m.vcpu) {
    if (arch.pi_wakeup_cpu === vcpu.cpu) place = Math.max(place, arch.pi_wakeup_place + 1);
  }
  vcpu.arch.pi_wakeup_cpu = vcpu.cpu;
  vcpu.arch.pi_wakeup_place = place;
  this.warnOn(pi_desc.sn !== 0, 'pi_enable_wakeup_handler: SN set before blocking');
  pi_desc.nv = POSTED_INTR_WAKEUP_VECTOR;
  // posted under the old vector, which nobody listens to any more
  if (pi_desc.on) this.__apic_send_IPI_self(POSTED_INTR_WAKEUP_VECTOR);
}

/** arch/x86/kvm/vmx/posted_intr.c: vmx_vcpu_pi_put() */
export function vmx_vcpu_pi_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.vmx_needs_pi_wakeup(vcpu)) return;
  if (this.kvm_vcpu_is_blocking(vcpu) && !this.vmx_interrupt_blocked(vcpu)) this.pi_enable_wakeup_handler(vcpu);
  // it may be both: preempted between publishing that it waits and going to sleep
  if (vcpu.preempted) vcpu.arch.pi_desc.sn = 1;
}

/** arch/x86/kvm/vmx/posted_intr.c: pi_wakeup_handler() */
export function pi_wakeup_handler(this: vmlinux_x86): void {
  const cpu = this.m.cpu;
  const wakeup_list = this.m.vcpu.filter((vcpu) => vcpu.arch.pi_wakeup_cpu === cpu);
  wakeup_list.sort((a, b) => a.arch.pi_wakeup_place - b.arch.pi_wakeup_place);
  for (const vcpu of wakeup_list) {
    if (vcpu.arch.pi_desc.on) this.kvm_vcpu_wake_up(vcpu);
  }
}

/** arch/x86/kvm/vmx/posted_intr.c: pi_has_pending_interrupt() */
export function pi_has_pending_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  const pi_desc = vcpu.arch.pi_desc;
  return pi_desc.on !== 0 || (pi_desc.sn !== 0 && !this.pi_is_pir_empty(pi_desc));
}
