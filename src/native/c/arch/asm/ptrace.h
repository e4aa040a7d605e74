/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_PTRACE_H
#define NATIVE_ASM_PTRACE_H
struct pt_regs {
  unsigned long ip, sp, ret;
};
#define user_mode(regs) 0
#define instruction_pointer(regs) ((regs)->ip)
#define user_stack_pointer(regs) ((regs)->sp)
#define profile_pc(regs) instruction_pointer(regs)
#define frame_pointer(regs) 0UL
#define kernel_stack_pointer(regs) ((regs)->sp)
#define current_user_stack_pointer() 0UL
#define force_successful_syscall_return() do { } while (0)
static inline void instruction_pointer_set(struct pt_regs *regs, unsigned long ip) { regs->ip = ip; }
static inline long regs_return_value(struct pt_regs *regs) { return regs->ret; }
#define arch_has_single_step() 0
#endif
