// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kernel/smp.c, arch/s390/include/asm/spinlock.h (6.12.117): CPUs of this kernel as its own hypervisor has them.
 *
 * Every s390 host is a guest: of LPAR, or of z/VM.
 */
import type { bool } from '../../lib/types.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';

/** arch/s390/include/asm/spinlock.h: vcpu_is_preempted() */
export function vcpu_is_preempted(this: vmlinux_s390, cpu: number): bool {
  return this.arch_vcpu_is_preempted(cpu);
}

/**
 * arch/s390/kernel/smp.c: arch_vcpu_is_preempted(): SIGP SENSE RUNNING of that CPU, but of one that waits by itself.
 *
 * DEVIATION DV-680: which CPUs the hypervisor has taken away is a knob (`lpar_preempted`), a bit per CPU; what runs there goes on.
 */
export function arch_vcpu_is_preempted(this: vmlinux_s390, cpu: number): bool {
  if (this.idle_cpu(cpu)) return false;
  return (this.m.lpar.lpar_preempted & (1 << cpu)) !== 0;
}

/** arch/s390/kernel/smp.c: smp_yield_cpu(): diagnose 0x9c to this host's hypervisor, which runs that CPU at once. */
export function smp_yield_cpu(this: vmlinux_s390, cpu: number): void {
  this.m.yielded_to.push(cpu);
  this.m.lpar.lpar_preempted = (this.m.lpar.lpar_preempted & ~(1 << cpu)) >>> 0;
}
