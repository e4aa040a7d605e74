// SPDX-License-Identifier: GPL-2.0-only
/** Probes on kernel functions: a table whose probed functions tell the present monitor when they begin and end. */

import type { Monitor, Step } from '../../properties/vocabulary.js';
import { whereInt64 } from '../lib/int64-checked.js';
import { WatcherThrew } from '../machine/exception.js';
import type { AnyFunction, Kernel } from '../vmlinux/bind.js';

/** Who is told; changed from run to run, so that one probed table serves them all. */
interface Hook {
  monitor: Monitor | null;
  step: Step | null;
}

export interface ProbedKernel {
  kernel: Kernel;
  /** From here on this monitor is told; null for nobody. */
  listen(monitor: Monitor | null, step: Step | null): void;
}

/** WHY: what a probe throws is no exception of the kernel that it stands in. */
function watching(probe: () => void): void {
  try {
    probe();
  } catch (thrown) {
    throw new WatcherThrew(thrown);
  }
}

function wrapper(hook: Hook, name: string, original: AnyFunction): AnyFunction {
  return function probed(...args: unknown[]) {
    const { monitor, step } = hook;
    const probe = monitor?.probes?.[name];
    if (probe === undefined || step === null) return original.apply(this, args);
    watching(() => probe.enter?.(step, args));
    const result = original.apply(this, args);
    watching(() => probe.leave?.(step, result, args));
    return result;
  };
}

const probedTables = new WeakMap<Kernel['table'], Map<string, ProbedKernel>>();

/** The kernel with probes on the named functions; names that it lacks are left out. One a kernel and set of names. */
export function probedKernel(kernel: Kernel, names: readonly string[]): ProbedKernel {
  let known = probedTables.get(kernel.table);
  if (known === undefined) {
    known = new Map();
    probedTables.set(kernel.table, known);
  }
  const present = names.filter((name) => typeof kernel.table[name] === 'function').sort();
  const key = present.join();
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = present.length === 0 ? { kernel, listen() {} } : makeProbed(kernel, present);
  known.set(key, made);
  return made;
}

function makeProbed(kernel: Kernel, names: readonly string[]): ProbedKernel {
  const hook: Hook = { monitor: null, step: null };
  const wrapped: Record<string, AnyFunction> = {};
  for (const name of names) wrapped[name] = wrapper(hook, name, kernel.table[name]);
  return {
    kernel: { ...kernel, table: Object.freeze({ ...kernel.table, ...wrapped }) },
    listen(monitor, step) {
      hook.monitor = monitor;
      hook.step = step;
    },
  };
}

const announcingTables = new WeakMap<Kernel['table'], Kernel>();

/** The kernel whose every function says that it runs, so that reports of 64-bit operations know where. */
export function announcing(kernel: Kernel): Kernel {
  const known = announcingTables.get(kernel.table);
  if (known !== undefined) return known;
  const table: Record<string, AnyFunction> = {};
  for (const [name, original] of Object.entries(kernel.table)) {
    table[name] = function announced(...args: unknown[]) {
      const outer = whereInt64(name);
      try {
        return original.apply(this, args);
      } finally {
        whereInt64(outer);
      }
    };
  }
  const made = { ...kernel, table: Object.freeze(table) };
  announcingTables.set(kernel.table, made);
  return made;
}
