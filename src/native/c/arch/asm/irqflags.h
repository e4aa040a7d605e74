/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_IRQFLAGS_H
#define NATIVE_ASM_IRQFLAGS_H
/* Nothing interrupts the driver, but the kernel asserts on the flag, so it is kept. */
extern unsigned long native_irqs_on;
#define ARCH_IRQ_DISABLED 0
#define ARCH_IRQ_ENABLED 1
#define arch_local_save_flags arch_local_save_flags
static inline unsigned long arch_local_save_flags(void) { return native_irqs_on; }
#define arch_local_irq_restore arch_local_irq_restore
static inline void arch_local_irq_restore(unsigned long flags) { native_irqs_on = flags; }
#include <asm-generic/irqflags.h>
#endif
