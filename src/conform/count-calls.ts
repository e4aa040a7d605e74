// SPDX-License-Identifier: GPL-2.0-only
/** A kernel that counts how often each of its functions is called. */
import type { AnyFunction, Kernel } from '../vmlinux/bind.js';

/** Calls by function; counted only while `active`. */
export interface CallCounts {
  active: boolean;
  readonly calls: Map<string, number>;
}

/** The same kernel with every function wrapped; what the wrapped ones call goes through the wrappers as well. */
export function countingKernel(kernel: Kernel, counts: CallCounts): Kernel {
  const table: Record<string, AnyFunction> = {};
  for (const [name, original] of Object.entries(kernel.table)) {
    table[name] = function (this: unknown, ...args: unknown[]) {
      if (counts.active) counts.calls.set(name, (counts.calls.get(name) ?? 0) + 1);
      return original.apply(this, args);
    };
  }
  return { ...kernel, table: Object.freeze(table) };
}
