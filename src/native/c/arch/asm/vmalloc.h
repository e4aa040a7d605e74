/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_VMALLOC_H
#define NATIVE_ASM_VMALLOC_H
#endif
