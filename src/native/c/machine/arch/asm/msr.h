/* SPDX-License-Identifier: GPL-2.0-only */
/* The tree's own, with a clock of the driver's for a TSC. An MSR of the host reads 0; who writes one is told by its fault. */
#ifndef NATIVE_ASM_MSR_H
#define NATIVE_ASM_MSR_H
unsigned long long native_clock_tsc(void);
#define rdtsc native_hardware_rdtsc
#include_next <asm/msr.h>
#undef rdtsc
#define rdtsc native_clock_tsc
#undef rdmsrl
#define rdmsrl(msr, value) ((void)((value) = 0))
#endif
