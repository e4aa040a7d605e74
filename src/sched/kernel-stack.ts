// SPDX-License-Identifier: GPL-2.0-only
/**
 * What is left to do of a kernel function whose task went off its CPU in the middle: the kernel stack, as data.
 *
 * In C, schedule() returns when the task is back. Here it returns at once, so a function that may sleep does
 * nothing after the call but `whenBack(task, name, ...)`: the rest stands in a function of its own (its name has
 * a hump) and runs when the task is current again. Frames lie innermost first, as the C stack unwinds.
 */
import type { vmlinux } from '../series/vmlinux.js';
import type { task_struct } from './sched.js';

/** One suspended call: a function of the table and its plain arguments. */
export interface kernel_frame {
  fn: string;
  args: number[];
}

/** Leaves the rest of the running function for when `p` is back on a CPU; at the end of this event if it stays. */
export function whenBack(this: vmlinux, p: task_struct, fn: keyof vmlinux & string, ...args: number[]): void {
  p.kernel_stack.push({ fn, args });
}

/** Runs what the current task of the CPU had left to do, innermost call first, for as long as it stays current. */
export function unwindKernelStack(this: vmlinux, cpu: number): void {
  for (;;) {
    const p = this.m.task[this.m.rq[cpu].curr];
    if (p.kernel_stack.length === 0) return;
    const [frame, ...outer] = p.kernel_stack;
    p.kernel_stack = [];
    this.m.cpu = cpu;
    (this as unknown as Record<string, (...args: number[]) => void>)[frame.fn](...frame.args);
    p.kernel_stack.push(...outer);
  }
}
