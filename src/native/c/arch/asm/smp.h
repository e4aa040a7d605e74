/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_SMP_H
#define NATIVE_ASM_SMP_H
struct cpumask;
/* The CPU that the driver executes on. */
extern int native_cpu;
#define raw_smp_processor_id() native_cpu
/* An IPI that only asks for a look at need_resched: the flag itself is state, so that it was sent is all there is to know. */
extern unsigned long native_reschedules[];
static inline void arch_smp_send_reschedule(int cpu) { native_reschedules[cpu]++; }
static inline void arch_send_call_function_single_ipi(int cpu) { (void)cpu; }
static inline void arch_send_call_function_ipi_mask(const struct cpumask *mask) { (void)mask; }
#endif
