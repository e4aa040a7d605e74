/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_IRQFLAGS_H
#define NATIVE_ASM_IRQFLAGS_H
/* Of each CPU: a guest that runs has left its CPU with interrupts off. */
extern unsigned long native_cpu_irqs_on[];
extern int native_cpu;
#define ARCH_IRQ_DISABLED 0
#define ARCH_IRQ_ENABLED 1
#define arch_local_save_flags arch_local_save_flags
static inline unsigned long arch_local_save_flags(void) { return native_cpu_irqs_on[native_cpu]; }
#define arch_local_irq_restore arch_local_irq_restore
static inline void arch_local_irq_restore(unsigned long flags) { native_cpu_irqs_on[native_cpu] = flags; }
#include <asm-generic/irqflags.h>
#endif
