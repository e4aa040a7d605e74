// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/preempt.h, arch/x86/include/asm/preempt.h (6.12.117): what a CPU is in the middle of.
 *
 * MODEL: a host's CPU handles an interrupt in no time and has no count; `irq_cpu` is there where a kernel runs in a guest,
 * whose handlers and softirqs take time.
 */
import { type u32, type u64, ZERO } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

export const SOFTIRQ_OFFSET = 0x0000_0100;
export const SOFTIRQ_MASK = 0x0000_ff00;
export const HARDIRQ_OFFSET = 0x0001_0000;
export const HARDIRQ_MASK = 0x000f_0000;
export const NMI_OFFSET = 0x0010_0000;
export const NMI_MASK = 0x00f0_0000;

/**
 * What a guest's kernel makes its virtual CPU do, in order: WRMSR, an exit or not as the host has set it up, where `when` only
 * if the word at its address has that value by then, in the bits of `mask` where there is one; or a store of one byte, or of a word, to
 * a page that it shares; or one of what a word there holds by then, unless that is 0.
 */
export type cpu_op =
  | { op: 'wrmsr'; msr: u32; low: u32; high: u32; when?: { gpa: number; value: number; mask?: number } }
  | { op: 'store'; gpa: number; byte: number; value: number }
  | { op: 'store64'; gpa: number; word: u64 }
  | { op: 'echo'; from: number; to: number };

/** Per-CPU state of interrupts. */
export interface irq_cpu {
  /** __preempt_count, without the inverted PREEMPT_NEED_RESCHED */
  preempt_count: u32;
  /** irq_cpustat_t.__softirq_pending: bits of enum softirq */
  softirq_pending: u32;
  /** user_mode(regs) of the interrupt or exception being entered or left */
  user_mode: boolean;
  /** struct kvm_steal_time: ns in which the vCPU was runnable and did not run, as the host's page shows it */
  steal: u64;
  /** ... its byte `preempted` */
  preempted: u32;
  /** what its code has executed and the CPU not yet performed, in order */
  ops: cpu_op[];
}

export const newIrqCpu = (): irq_cpu => ({
  preempt_count: 0,
  softirq_pending: 0,
  user_mode: false,
  steal: ZERO,
  preempted: 0,
  ops: [],
});

/** What the executing CPU is in the middle of. */
export function this_irq_cpu(this: vmlinux): irq_cpu {
  return (this.m.irq_cpu as irq_cpu[])[this.m.cpu];
}

/** include/asm-generic/preempt.h: preempt_count() */
export function preempt_count(this: vmlinux): u32 {
  return this.this_irq_cpu().preempt_count;
}

/** kernel/sched/core.c: preempt_count_add() */
export function preempt_count_add(this: vmlinux, val: number): void {
  const cpu = this.this_irq_cpu();
  cpu.preempt_count = (cpu.preempt_count + val) >>> 0;
}

/** kernel/sched/core.c: preempt_count_sub() */
export function preempt_count_sub(this: vmlinux, val: number): void {
  const cpu = this.this_irq_cpu();
  cpu.preempt_count = (cpu.preempt_count - val) >>> 0;
}

/** include/linux/preempt.h: in_interrupt() */
export function in_interrupt(this: vmlinux): boolean {
  return (this.preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK)) !== 0;
}

/** arch/x86/include/asm/paravirt.h: paravirt_steal_clock(), which is kvm_steal_clock(); its version is never odd here. */
export function paravirt_steal_clock(this: vmlinux, cpu: number): u64 {
  return (this.m.irq_cpu as irq_cpu[])[cpu].steal;
}

/** arch/x86/include/asm/msr.h: wrmsrl(), whose effect the CPU has after what the code does besides at this moment. */
export function wrmsr(this: vmlinux, msr: u32, low: u32, high: u32): void {
  this.this_irq_cpu().ops.push({ op: 'wrmsr', msr, low, high });
}
