/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_CURRENT_H
#define NATIVE_ASM_CURRENT_H
#include <linux/build_bug.h>
#include <linux/compiler.h>
#ifndef __ASSEMBLY__
#include <linux/cache.h>
#include <asm/percpu.h>
struct task_struct;
/* what the tree's headers read of it beside the current task */
struct pcpu_hot {
  unsigned long top_of_stack;
  unsigned short softirq_pending;
  bool hardirq_stack_inuse;
};
DECLARE_PER_CPU_ALIGNED(struct pcpu_hot, pcpu_hot);
#define const_pcpu_hot pcpu_hot
/* Set by the driver when it enters a CPU, and by the context switch. */
extern struct task_struct *native_current;
#define get_current() native_current
#define current get_current()
#endif
#endif
