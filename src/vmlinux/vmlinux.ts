// SPDX-License-Identifier: GPL-2.0-only
/**
 * The kernel as a table of functions, bound to one machine.
 *
 * Every mirrored function is called as `this.name(...)`; `this.m` is the machine it works on. The interface is
 * the union of the mirrored modules' exports, so a function exists in the table when its file exports it.
 */
import type { kvm_x86_state } from '../arch/x86/kvm_host.js';
import type { kvm_state } from '../kvm/kvm_host.js';
import type { hrtimer_state } from '../lib/hrtimer.js';
import type { sched_state } from '../sched/sched.js';
import type { trace_event } from '../trace/trace-event.js';

/** The functions among a module's exports. */
type Functions<Module> = {
  [Name in keyof Module as Module[Name] extends (...args: never[]) => unknown ? Name : never]: Module[Name];
};

/** All of the machine that mirrored functions may reach. */
export interface kernel_state extends sched_state, kvm_state, kvm_x86_state, hrtimer_state {
  /** smp_processor_id(): the CPU that executes */
  cpu: number;
  /** 1 while an interrupt handler executes on it (tick, timer, IPI): what in_task() denies; absent for 0 */
  hardirq?: number;
  /** knobs that a series brought and somebody wrote, by name; see `Knob` */
  knobs?: Record<string, number>;
}

/** The mirrored functions, by kernel name. */
export interface kernel_functions
  extends Functions<typeof import('../sched/sched.js')>,
    Functions<typeof import('../sched/core.js')>,
    Functions<typeof import('../sched/syscalls.js')>,
    Functions<typeof import('../sched/stats.js')>,
    Functions<typeof import('../sched/fair.js')>,
    Functions<typeof import('../sched/pelt.js')>,
    Functions<typeof import('../sched/deadline.js')>,
    Functions<typeof import('../sched/rt.js')>,
    Functions<typeof import('../sched/idle.js')>,
    Functions<typeof import('../sched/stop_task.js')>,
    Functions<typeof import('../sched/sched-class.js')>,
    Functions<typeof import('../sched/topology.js')>,
    Functions<typeof import('../sched/cpupri.js')>,
    Functions<typeof import('../sched/kernel-stack.js')>,
    Functions<typeof import('../sched/interrupts.js')>,
    Functions<typeof import('../lib/hrtimer.js')>,
    Functions<typeof import('../lib/rbtree_augmented.js')>,
    Functions<typeof import('../kvm/kvm_host.js')>,
    Functions<typeof import('../kvm/kvm_main.js')>,
    Functions<typeof import('../kvm/entry.js')>,
    Functions<typeof import('../arch/x86/vcpu-exits.js')>,
    Functions<typeof import('../arch/x86/virtual-interrupts.js')>,
    Functions<typeof import('../arch/x86/x86.js')>,
    Functions<typeof import('../arch/x86/vmx.js')>,
    Functions<typeof import('../arch/x86/svm.js')>,
    Functions<typeof import('../lapic/lapic.js')>,
    Functions<typeof import('../lapic/irq.js')>,
    Functions<typeof import('../lapic/irq_comm.js')>,
    Functions<typeof import('../lapic/ioapic.js')>,
    Functions<typeof import('../arch/x86/kvm_host.js')>,
    Functions<typeof import('../arch/x86/kvm-x86-ops.js')>,
    Functions<typeof import('../arch/x86/kvm-x86-ops-vcpu.js')>,
    Functions<typeof import('../arch/x86/hyperv.js')>,
    Functions<typeof import('../arch/x86/x86-tsc.js')>,
    Functions<typeof import('../arch/x86/x86-apic.js')>,
    Functions<typeof import('../arch/x86/posted_intr.js')>,
    Functions<typeof import('../arch/x86/avic.js')>,
    Functions<typeof import('../trace/warn.js')>,
    Functions<typeof import('../trace/sched.js')>,
    Functions<typeof import('../trace/kvm.js')>,
    Functions<typeof import('../trace/kvm_x86.js')> {}

/** The linked kernel, bound to a machine. */
export interface vmlinux extends kernel_functions {
  readonly m: kernel_state;
  /** Who hears the tracepoints; null for nobody. */
  readonly tp: ((event: trace_event) => void) | null;
}
