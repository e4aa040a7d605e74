// SPDX-License-Identifier: GPL-2.0-only
/**
 * What is left to do of kernel functions that have not returned: the kernel stack of a task, as data.
 *
 * In C, schedule() returns when the task is back. Here it returns at once, so a function that may sleep does
 * nothing after the call but `whenBack(task, name, ...)`: the rest stands in a function of its own (its name has
 * a hump) and runs when the task is current again. Frames lie innermost first, as the C stack unwinds.
 *
 * Two more things keep a function from returning without the task leaving its CPU: a busy loop that waits for
 * simulated time (halt polling), and the guest, which runs inside of vcpu_run(). Their frames wait until the
 * machine resumes them.
 *
 * How a caller knows: the running function always starts with an empty stack, so a callee that has not returned
 * leaves `notReturned(p)` true; the caller then adds its own rest and returns, and so on up. What a finished frame
 * returns goes to its caller's frame as the last argument, as in a return register.
 */
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { task_struct } from './sched.js';

/** Runs as soon as the task is current. */
export const WHEN_BACK = 0;
/** A busy loop: runs when the machine steps it, at every event on the CPU and at the loop's deadline. */
export const WHILE_BUSY = 1;
/** The guest runs: goes on at the VM exit. */
export const UNTIL_EXIT = 2;

/** One suspended call: a function of the table and its plain arguments. */
export interface kernel_frame {
  fn: string;
  args: number[];
  /** WHEN_BACK, WHILE_BUSY or UNTIL_EXIT */
  waits: number;
}

/** Leaves the rest of the running function for when `p` is back on a CPU; at the end of this event if it stays. */
export function whenBack<V extends vmlinux>(this: V, p: task_struct, fn: keyof V & string, ...args: number[]): void {
  p.kernel_stack.push({ fn, args, waits: WHEN_BACK });
}

/** The running function goes round in a loop until time has passed: its next turn, for the machine to call. */
export function whileBusy<V extends vmlinux>(this: V, p: task_struct, fn: keyof V & string, ...args: number[]): void {
  p.kernel_stack.push({ fn, args, waits: WHILE_BUSY });
}

/** The running function has entered the guest: what follows its exit, for the machine to call. */
export function untilExit<V extends vmlinux>(this: V, p: task_struct, fn: keyof V & string, ...args: number[]): void {
  p.kernel_stack.push({ fn, args, waits: UNTIL_EXIT });
}

/** Whether a call made for `p` has not returned, so that the caller has to leave as well. */
export function notReturned(this: vmlinux, p: task_struct): boolean {
  return p.kernel_stack.length !== 0;
}

/** Whether the innermost call of `p` is a busy loop that waits for time. */
export function waitsForTime(this: vmlinux, p: task_struct): boolean {
  return p.kernel_stack.length !== 0 && p.kernel_stack[0].waits === WHILE_BUSY;
}

/** Whether the innermost call of `p` has entered the guest. */
export function waitsForExit(this: vmlinux, p: task_struct): boolean {
  return p.kernel_stack.length !== 0 && p.kernel_stack[0].waits === UNTIL_EXIT;
}

/** Runs what the current task of the CPU had left to do, innermost call first, until it waits or is off the CPU. */
export function unwindKernelStack(this: vmlinux, cpu: number): void {
  for (;;) {
    const p = this.m.task[this.m.rq[cpu].curr];
    if (p.kernel_stack.length === 0 || p.kernel_stack[0].waits !== WHEN_BACK) return;
    runInnermostFrame(this, p, cpu);
  }
}

/** Lets the current task of the CPU go on where it waits: a turn of its busy loop, or its VM exit; then unwinds. */
export function resumeKernelStack(this: vmlinux, cpu: number): void {
  const p = this.m.task[this.m.rq[cpu].curr];
  if (p.kernel_stack.length !== 0) runInnermostFrame(this, p, cpu);
  this.unwindKernelStack(cpu);
}

function runInnermostFrame(k: vmlinux, p: task_struct, cpu: number): void {
  const stack = p.kernel_stack;
  const frame = stack[0];
  p.kernel_stack = [];
  k.m.cpu = cpu;
  const value = (k as unknown as Record<string, (...args: number[]) => unknown>)[frame.fn](...frame.args);
  if (p.kernel_stack.length === 0) {
    // returned: the caller is the innermost now
    stack.shift();
    p.kernel_stack = stack;
    if (stack.length > 0 && (typeof value === 'number' || typeof value === 'boolean'))
      stack[0].args.push(Number(value));
    return;
  }
  for (let i = 1; i < stack.length; i++) p.kernel_stack.push(stack[i]);
}
