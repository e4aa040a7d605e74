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

/*
 * Called first thing by every function of a build with probes: tells native_probe_enter(), with all registers that hold arguments
 * kept; and where a probed function returns to, which tells native_probe_leave() and goes on at its caller's.
 */
asm(".globl __fentry__\n"
    ".type __fentry__, @function\n"
    "__fentry__:\n"
    "  cmpb $0, native_probing(%rip)\n"
    "  jne 1f\n"
    "  ret\n"
    "1: push %rax\n  push %r9\n  push %r8\n  push %rcx\n  push %rdx\n  push %rsi\n  push %rdi\n"
    "  mov 56(%rsp), %rdi\n"
    "  mov %rsp, %rsi\n"
    "  lea 64(%rsp), %rdx\n"
    "  sub $8, %rsp\n"
    "  call native_probe_enter\n"
    "  add $8, %rsp\n"
    "  pop %rdi\n  pop %rsi\n  pop %rdx\n  pop %rcx\n  pop %r8\n  pop %r9\n  pop %rax\n"
    "  ret\n"
    ".size __fentry__, .-__fentry__\n"
    ".globl native_probe_return\n"
    ".type native_probe_return, @function\n"
    "native_probe_return:\n"
    "  sub $8, %rsp\n  push %rax\n  push %rdx\n  sub $8, %rsp\n"
    "  mov %rax, %rdi\n"
    "  lea 24(%rsp), %rsi\n"
    "  call native_probe_leave\n"
    "  mov %rax, 24(%rsp)\n"
    "  add $8, %rsp\n  pop %rdx\n  pop %rax\n"
    "  ret\n"
    ".size native_probe_return, .-native_probe_return\n");

/* Whether both lie on the stack of one task. */
int native_same_stack(const void *a, const void *b)
{
  unsigned long from = (unsigned long)stacks, of_a = ((unsigned long)a - from) / STACK_BYTES;

  return stacks && of_a < STACKS && of_a == ((unsigned long)b - from) / STACK_BYTES;
}

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
