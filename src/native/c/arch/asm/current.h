/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_CURRENT_H
#define NATIVE_ASM_CURRENT_H
struct task_struct;
/* Set by the driver when it enters a CPU, and by the context switch. */
extern struct task_struct *native_current;
#define get_current() native_current
#define current get_current()
#endif
