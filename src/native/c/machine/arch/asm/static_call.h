/* SPDX-License-Identifier: GPL-2.0-only */
/* A static call is a call of its trampoline; one that nobody provides does nothing and returns 0. */
#ifndef NATIVE_ASM_STATIC_CALL_H
#define NATIVE_ASM_STATIC_CALL_H
#define native_trampoline(name)                                                                                    \
  asm(".pushsection .text.trampolines, \"ax\"\n"                                                                   \
      ".globl " STATIC_CALL_TRAMP_STR(name) "\n" STATIC_CALL_TRAMP_STR(name) ": xor %eax, %eax\nret\n"             \
      ".popsection\n")
#define ARCH_DEFINE_STATIC_CALL_TRAMP(name, func) native_trampoline(name)
#define ARCH_DEFINE_STATIC_CALL_NULL_TRAMP(name) native_trampoline(name)
#define ARCH_DEFINE_STATIC_CALL_RET0_TRAMP(name) native_trampoline(name)
#define ARCH_ADD_TRAMP_KEY(name)
#endif
