/* SPDX-License-Identifier: GPL-2.0-only */
/* Newer trees read the TSC here and not in asm/msr.h. */
#ifndef NATIVE_ASM_TSC_H
#define NATIVE_ASM_TSC_H
#include <asm/msr.h>
#undef rdtsc
#define rdtsc native_hardware_rdtsc
#include_next <asm/tsc.h>
#undef rdtsc
#define rdtsc native_clock_tsc
#endif
