// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/irq.c (6.12.117): what a vCPU has to be interrupted with.
 *
 * MODEL: no Xen. The in-kernel PIC is its INTR line and a vector, `kvm->arch.vpic`.
 */
import type { kvm, kvm_vcpu } from '../arch/x86/kvm_host.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';

/** arch/x86/kvm/irq.c: kvm_cpu_has_pending_timer() */
export function kvm_cpu_has_pending_timer(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  let r = 0;
  if (this.lapic_in_kernel(vcpu)) r = this.apic_has_pending_timer(vcpu);
  return r;
}

/** arch/x86/kvm/irq.c: pending_userspace_extint() */
export function pending_userspace_extint(this: vmlinux_x86, v: kvm_vcpu): boolean {
  return v.arch.pending_external_vector !== -1;
}

/** arch/x86/kvm/irq.c: kvm_cpu_has_extint() */
export function kvm_cpu_has_extint(this: vmlinux_x86, v: kvm_vcpu): boolean {
  const kvm = this.m.kvm[v.kvm];

  if (!this.lapic_in_kernel(v)) return v.arch.interrupt.injected;
  if (this.kvm_apic_accept_pic_intr(v) === 0) return false;

  if (this.irqchip_split(kvm)) return this.pending_userspace_extint(v);
  return kvm.arch.vpic.output !== 0;
}

/** arch/x86/kvm/irq.c: kvm_cpu_has_injectable_intr(): with APICv, hardware injects what comes from the APIC. */
export function kvm_cpu_has_injectable_intr(this: vmlinux_x86, v: kvm_vcpu): boolean {
  if (this.kvm_cpu_has_extint(v)) return true;
  if (this.kvm_vcpu_apicv_active(v)) return false;
  return this.kvm_apic_has_interrupt(v) !== -1;
}

/** arch/x86/kvm/irq.c: kvm_cpu_has_interrupt() */
export function kvm_cpu_has_interrupt(this: vmlinux_x86, v: kvm_vcpu): boolean {
  if (this.kvm_cpu_has_extint(v)) return true;
  return this.kvm_apic_has_interrupt(v) !== -1;
}

/** arch/x86/kvm/irq.c: kvm_cpu_get_extint() */
export function kvm_cpu_get_extint(this: vmlinux_x86, v: kvm_vcpu): number {
  const kvm = this.m.kvm[v.kvm];

  if (!this.kvm_cpu_has_extint(v)) return -1;
  if (!this.lapic_in_kernel(v)) return v.arch.interrupt.nr;

  if (this.irqchip_split(kvm)) {
    const vector = v.arch.pending_external_vector;
    v.arch.pending_external_vector = -1;
    return vector;
  }
  return this.kvm_pic_read_irq(kvm);
}

/** arch/x86/kvm/i8259.c: kvm_pic_read_irq(). MODEL: the acknowledge cycle lowers INTR. */
export function kvm_pic_read_irq(this: vmlinux_x86, kvm: kvm): number {
  kvm.arch.vpic.output = 0;
  return kvm.arch.vpic.vector;
}

/** arch/x86/kvm/irq.c: kvm_cpu_get_interrupt(): acknowledges what comes next; -1 for nothing. */
export function kvm_cpu_get_interrupt(this: vmlinux_x86, v: kvm_vcpu): number {
  let vector = this.kvm_cpu_get_extint(v);
  if (vector !== -1) return vector;

  vector = this.kvm_apic_has_interrupt(v);
  if (vector !== -1) this.kvm_apic_ack_interrupt(v, vector);
  return vector;
}

/** arch/x86/kvm/irq.c: kvm_inject_pending_timer_irqs() */
export function kvm_inject_pending_timer_irqs(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.lapic_in_kernel(vcpu)) this.kvm_inject_apic_timer_irqs(vcpu);
}

/** arch/x86/kvm/irq.c: __kvm_migrate_timers() */
export function __kvm_migrate_timers(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.__kvm_migrate_apic_timer(vcpu);
}
