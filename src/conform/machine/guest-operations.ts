// SPDX-License-Identifier: GPL-2.0-only
/** What a guest's program asks of its CPU, noted where the machine calls the architecture, as operations. */
import type { PipeOperation } from '../../native/format.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { machineOp } from './operations.js';

export interface RecordedCall {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Calls of the outermost level. */
export interface Recorded {
  readonly calls: RecordedCall[];
  depth: number;
}

/** What a program's step comes to. */
const NAMES = [
  'exitPause',
  'exitHlt',
  'guestIcr',
  'guestEoi',
  'guestSetCpl',
  'guestStoresApic',
  'do_sched_yield',
  'schedule',
];
/** Inside of these it is the kernel that calls. */
const INSIDE = ['vmExit', 'settleCpu', 'exitExternalInterrupt'];

/** The functions, noting that they are called; nothing is noted of a machine that `of` does not know. */
export function recordedCalls(kernel: Kernel, of: (m: kernel_state_x86) => Recorded | null): Kernel['table'] {
  type AnyFunction = (this: vmlinux_x86, ...args: unknown[]) => unknown;
  const table: Record<string, AnyFunction> = {};
  for (const name of [...NAMES, ...INSIDE]) {
    const original = kernel.table[name] as unknown as AnyFunction;
    const isNoted = NAMES.includes(name);
    table[name] = function (...args) {
      const recorded = of(this.m);
      if (recorded === null) return original.apply(this, args);
      if (isNoted && recorded.depth === 0) {
        // what is rescheduled at the end of an event has no state to sleep in
        const state = name === 'schedule' ? this.get_current().__state : -1;
        if (state !== 0) recorded.calls.push({ name, args: state > 0 ? [state] : args });
      }
      recorded.depth++;
      try {
        return original.apply(this, args);
      } finally {
        recorded.depth--;
      }
    };
  }
  return table as unknown as Kernel['table'];
}

const number = (x: unknown): number => Number(x);

/** A step of the program on the CPU: it asks for one thing, or for nothing. */
export function guestOperation(cpu: number, calls: readonly RecordedCall[]): PipeOperation {
  const call = calls[0];
  switch (call?.name) {
    case 'exitPause':
      return machineOp('PAUSE', { cpu });
    case 'exitHlt':
      return machineOp('HLT', { cpu });
    case 'guestIcr':
      return machineOp('ICR', { cpu, a: number(call.args[1]), b: number(call.args[2]) });
    case 'guestEoi':
      return machineOp('GUEST_EOI', { cpu });
    case 'guestSetCpl':
      return machineOp('CPL', { cpu, a: number(call.args[1]) });
    case 'guestStoresApic':
      return machineOp('STORE', { cpu, id: number(call.args[1]), a: number(call.args[2]) });
    case 'do_sched_yield':
      return machineOp('YIELD', { cpu });
    case 'schedule':
      return machineOp('BLOCK', { cpu, a: number(call.args[0]) });
    default:
      return machineOp('PASS', { cpu });
  }
}
