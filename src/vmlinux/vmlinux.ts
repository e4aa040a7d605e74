// SPDX-License-Identifier: GPL-2.0-only
/**
 * The kernel as a table of functions, bound to one machine.
 *
 * Every mirrored function is called as `this.name(...)`; `this.m` is the machine it works on. A function is in the table
 * when its file exports it and `modules.ts` lists the file.
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
export interface kernel_functions extends Functions<typeof import('./modules.js')> {}

/** The linked kernel, bound to a machine. */
export interface vmlinux extends kernel_functions {
  readonly m: kernel_state;
  /** Who hears the tracepoints; null for nobody. */
  readonly tp: ((event: trace_event) => void) | null;
}
