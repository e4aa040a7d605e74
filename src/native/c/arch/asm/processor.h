/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_PROCESSOR_H
#define NATIVE_ASM_PROCESSOR_H
#include <asm/page.h>
struct task_struct;
struct thread_struct {
  unsigned long unused;
};
#define INIT_THREAD { 0 }
#define TASK_SIZE (1UL << 47)
#define STACK_TOP TASK_SIZE
#define STACK_TOP_MAX TASK_SIZE
#define TASK_UNMAPPED_BASE (TASK_SIZE / 3)
#define KSTK_EIP(task) 0UL
#define KSTK_ESP(task) 0UL
#define task_pt_regs(task) ((struct pt_regs *)0)
#include <asm/vdso/processor.h>
unsigned long __get_wchan(struct task_struct *p);
#endif
