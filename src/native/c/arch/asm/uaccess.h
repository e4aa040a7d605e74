/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_UACCESS_H
#define NATIVE_ASM_UACCESS_H
/* No user space: whoever copies from or to it runs into a named trap. */
#define TASK_SIZE_MAX TASK_SIZE
unsigned long raw_copy_from_user(void *to, const void *from, unsigned long n);
unsigned long raw_copy_to_user(void *to, const void *from, unsigned long n);
#include <asm-generic/uaccess.h>
#endif
