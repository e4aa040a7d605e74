/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_BUG_H
#define NATIVE_ASM_BUG_H
/* BUG() ends the operation, and with it the run up to the next reset; WARN() goes to warn_slowpath_fmt(). */
void native_bug(const char *file, int line, const char *function) __attribute__((noreturn, cold));
#define HAVE_ARCH_BUG
#define BUG() native_bug(__FILE__, __LINE__, __func__)
#include <asm-generic/bug.h>
#endif
