/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_SMP_H
#define NATIVE_ASM_SMP_H
#include <asm/percpu.h>
struct cpumask;
/* Interrupts wait until the driver lets the CPU take them. */
extern unsigned long native_reschedules[];
void native_send_vector(int cpu, int vector);
static inline void arch_smp_send_reschedule(int cpu)
{
  native_reschedules[cpu]++;
  native_send_vector(cpu, 0xfd);
}
static inline void arch_send_call_function_single_ipi(int cpu) { native_send_vector(cpu, 0xfb); }
static inline void arch_send_call_function_ipi_mask(const struct cpumask *mask) { (void)mask; }
static inline void wbinvd_on_all_cpus(void) { }
static inline int wbinvd_on_cpu(int cpu) { (void)cpu; return 0; }
#endif
