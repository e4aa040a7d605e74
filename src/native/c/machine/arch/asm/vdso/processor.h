/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_VDSO_PROCESSOR_H
#define NATIVE_ASM_VDSO_PROCESSOR_H
/* A turn of a busy loop: the driver lets time pass, and comes back. */
void native_relax(void);
#define rep_nop() native_relax()
#define cpu_relax() native_relax()
#endif
