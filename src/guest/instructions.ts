// SPDX-License-Identifier: GPL-2.0-only
/**
 * What runs inside a vCPU, and what a host task does: a small closed instruction set.
 *
 * A program is a list of instructions that starts over at its end; `exit` ends the task for good. Times are ns of
 * CPU time on a pCPU at full speed. What a guest's spin loops execute is its CPU's: PAUSE, WFE, or diagnose 0x9c. Guest instructions are legal in a vCPU's program only, host ones in a host
 * task's only; `compute` in both. A task of a guest's kernel has those of a host's task but `yieldTo`, and its own.
 */
export type Instruction =
  /** runs for `ns` */
  | { op: 'compute'; ns: number }
  /** guest: takes the VM's spinlock `lock`; while it is held by another, spins with PAUSE (a PLE exit per window) */
  | { op: 'lock'; lock: number }
  /** guest: releases it; FIFO hand-over when the lock is a ticket lock, else the first to look takes it */
  | { op: 'unlock'; lock: number }
  /** guest: fixed IPI to vCPU `to` (vcpu_idx), no shorthand, by an ICR write */
  | { op: 'ipi'; to: number; vector: number }
  /** guest: spins with PAUSE until every IPI this vCPU sent has been handled (EOI written) by its receiver */
  | { op: 'waitAck' }
  /** guest: HLT, interrupts enabled: sleeps until an interrupt is taken */
  | { op: 'hlt' }
  /** guest: arms the local APIC timer, one shot, `ns` from now, `vector` */
  | { op: 'timer'; ns: number; vector: number }
  /** guest: CPL 3 from here on */
  | { op: 'user' }
  /** guest: CPL 0 from here on */
  | { op: 'kernel' }
  /** guest: one PAUSE exit */
  | { op: 'pause' }
  /** guest on arm64: WFI in its idle loop: again and again until an interrupt has been taken since the last one ended */
  | { op: 'wfi' }
  /** guest on arm64: one WFE: until an event or an interrupt; with a deadline `ns` from now (WFIT, WFET) */
  | { op: 'wfe' }
  | { op: 'wfit'; ns: number }
  | { op: 'wfet'; ns: number }
  /** guest on s390: diagnose 0x44; diagnose 0x9c to vCPU `to` (vcpu_idx) */
  | { op: 'diag44' }
  | { op: 'diag9c'; to: number }
  /** guest on s390: loads a PSW that waits, enabled: until an interrupt was taken */
  | { op: 'enabledWait' }
  /** host: sched_yield() */
  | { op: 'yield' }
  /** host: yield_to(task) by its name */
  | { op: 'yieldTo'; task: string }
  /** host: sleeps `ns` of wall time, then is woken */
  | { op: 'sleep'; ns: number }
  /** task of a guest's kernel: sleeps until a `wake`, or goes on if one has come since its last `wait` */
  | { op: 'wait' }
  /** task of a guest's kernel: ends the `wait` of the task by that name, now or as soon as it waits */
  | { op: 'wake'; task: string }
  /** task of a guest's kernel: preempt_disable(), preempt_enable() */
  | { op: 'preemptDisable' }
  | { op: 'preemptEnable' }
  /** task of a guest's kernel: raises a softirq, whose work takes `ns` on the way out of the next interrupt */
  | { op: 'softirq'; ns: number }
  /** task of a guest's kernel: mutex_lock() and mutex_unlock() of `mutex`; down_write() and up_write() of rw_semaphore `sem` */
  | { op: 'mutexLock'; mutex: number }
  | { op: 'mutexUnlock'; mutex: number }
  | { op: 'downWrite'; sem: number }
  | { op: 'upWrite'; sem: number }
  /** ends; a vCPU leaves KVM_RUN */
  | { op: 'exit' };

export type Program = readonly Instruction[];
