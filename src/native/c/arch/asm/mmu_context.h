/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_MMU_CONTEXT_H
#define NATIVE_ASM_MMU_CONTEXT_H
struct mm_struct;
struct task_struct;
/* Every task is a thread of the kernel's: no address space is ever switched. */
static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next, struct task_struct *p)
{
  (void)prev;
  (void)next;
  (void)p;
}
#include <asm-generic/mmu_context.h>
#endif
