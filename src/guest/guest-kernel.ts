// SPDX-License-Identifier: GPL-2.0-only
/**
 * A guest that runs a kernel: a machine of its own whose CPUs are vCPUs. It knows of its host what crosses between them:
 * interrupts that it takes, and what it asks of its virtual CPUs.
 */
import type { kvm_ptr } from '../kvm/kvm_host.js';
import type { u64 } from '../lib/types.js';
import type { machine } from '../machine/state.js';

/** What a guest's kernel asks of the vCPU it runs on, in order. */
export type CpuRequest =
  | { ask: 'nothing' }
  /** HLT, or WFI */
  | { ask: 'hlt' }
  /** a turn of a spin loop that its CPU may tell its host of: PAUSE, or WFE */
  | { ask: 'pause' }
  | { ask: 'eoi' }
  | { ask: 'iret' }
  | { ask: 'ipi'; to: number; vector: number }
  /** the local APIC's timer, in TSC-deadline mode: its vector, and when it shall fire, ns */
  | { ask: 'lvtt'; vector: number }
  | { ask: 'timer'; at: number }
  | { ask: 'cpl'; cpl: number }
  | { ask: 'if'; on: boolean }
  /** `when`: only if the word of shared memory has that value by then */
  | { ask: 'wrmsr'; msr: number; low: number; high: number; when?: { gpa: number; value: number; mask?: number } }
  /** a byte of shared memory, a word, or a word that is copied unless it is 0 */
  | { ask: 'store'; gpa: number; byte: number; value: number }
  | { ask: 'store64'; gpa: number; word: u64 }
  | { ask: 'echo'; from: number; to: number };

/** What interrupted what: a handler or softirqs, with ns of CPU time left. */
export interface GuestContext {
  kind: 'irq' | 'nmi' | 'softirq';
  /** of an interrupt; 0 for softirqs */
  vector: number;
  left: number;
  /** the interrupt came from user mode */
  user: boolean;
  /** what the interrupted code had still to ask of the CPU */
  asks: CpuRequest[];
  /** softirqs: how often more had been raised when a turn was over */
  restarts: number;
}

/** A vCPU as its guest's kernel has it. */
export interface GuestCpu {
  /** outermost first; empty: the current task runs, or the idle loop */
  contexts: GuestContext[];
  asks: CpuRequest[];
  /** the APIC's timer is set to fire then, ns; -1: it is not */
  armed: number;
  /** ns of the next tick; -1 while it is stopped (idle) */
  nextTick: number;
  /** ns of work in the softirqs that are raised */
  softirq_ns: number;
  /** ns of spinning for a lock until its host hears of it; -1 for never, NOT_SPINNING while it does not spin */
  pauseIn: number;
  /** CPL that the vCPU was last brought to outside interrupts */
  cpl: number;
}

/** A task as its guest's kernel has it, beside its `actor`. */
export interface GuestTask {
  /** user mode, as a program begins */
  user: boolean;
  /** the CPU on which its sleep ends */
  timerCpu: number;
  /** waits for a `wake` */
  waiting: boolean;
  /** `wake`s that came while it did not wait: that many waits end at once */
  credits: number;
}

export interface GuestKernel {
  /** it ends interrupts when their handlers are done, not first of all */
  eoiLast?: true;
  /** its VM, as the host has it */
  vm: kvm_ptr;
  m: machine;
  /** by vcpu_idx */
  cpu: GuestCpu[];
  /** parallel to m.task */
  task: GuestTask[];
}

export const NOT_SPINNING = -2;

export const newGuestCpu = (): GuestCpu => ({
  contexts: [],
  asks: [],
  armed: -1,
  nextTick: -1,
  softirq_ns: 0,
  pauseIn: NOT_SPINNING,
  cpl: 0,
});

export const newGuestTask = (): GuestTask => ({ user: true, timerCpu: 0, waiting: false, credits: 0 });
