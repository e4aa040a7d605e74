/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_VDSO_PROCESSOR_H
#define NATIVE_ASM_VDSO_PROCESSOR_H
#define cpu_relax() __asm__ volatile("" ::: "memory")
#endif
