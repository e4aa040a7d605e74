/* SPDX-License-Identifier: GPL-2.0-only */
/* A CPU's variables lie at an offset of its own; no segment register points there. */
#ifndef NATIVE_ASM_PERCPU_H
#define NATIVE_ASM_PERCPU_H
/* The CPU that the driver executes on. */
extern int native_cpu;
#define raw_smp_processor_id() native_cpu
#define __smp_processor_id() native_cpu
#include <asm-generic/percpu.h>
#define this_cpu_read_stable(variable) raw_cpu_read(variable)
#define this_cpu_read_const(variable) raw_cpu_read(variable)
#endif
