/* SPDX-License-Identifier: GPL-2.0-only */
/* Stacks and the switch between them, outside of what a reset copies back. */
#include <stddef.h>
#include <sys/mman.h>

#include "native.h"

#define STACK_BYTES (128UL << 10)
#define STACKS (NATIVE_MAX_TASKS + NATIVE_MAX_CPUS)

static char *stacks;

/* Saves the registers that a call keeps, and the stack pointer; goes on where the other has saved its own. */
void native_swap(void **save, void *to);
asm(".text\n"
    ".globl native_swap\n"
    ".type native_swap, @function\n"
    "native_swap:\n"
    "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, (%rdi)\n"
    "  mov %rsi, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
    "  ret\n"
    ".size native_swap, .-native_swap\n");

/* Stack n, as if `start` had called native_swap() on it; `start` has no caller, and does not return. */
void *native_fresh_stack(int n, void (*start)(void))
{
  void **top;
  int i;

  if (n < 0 || n >= STACKS) native_end(NATIVE_NO_MEMORY, __FILE__, __LINE__, "more tasks than stacks");
  if (!stacks) {
    stacks = mmap(NULL, STACKS * STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) native_end(NATIVE_NO_MEMORY, __FILE__, __LINE__, "no memory for stacks");
  }
  top = (void **)(stacks + (n + 1) * STACK_BYTES);
  *--top = NULL;
  *--top = NULL;
  *--top = (void *)start;
  for (i = 0; i < 6; i++) *--top = NULL;
  return top;
}
