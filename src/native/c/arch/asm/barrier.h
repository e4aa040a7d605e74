/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_BARRIER_H
#define NATIVE_ASM_BARRIER_H
#include <asm/vdso/processor.h>
#include <asm-generic/barrier.h>
#endif
