// SPDX-License-Identifier: GPL-2.0-only
/** Probes on kernel functions: a table whose probed functions tell the present monitor when they begin and end. */

import type { Monitor, Probe, Step } from '../../properties/vocabulary.js';
import { whereInt64 } from '../lib/int64-checked.js';
import { WatcherThrew } from '../machine/exception.js';
import type { AnyFunction, Kernel } from '../vmlinux/bind.js';

/** Who is told about one function; changed from run to run, so that one probed table serves them all. */
interface Hook {
  probe: Probe | null;
  step: Step | null;
}

export interface ProbedKernel {
  kernel: Kernel;
  hooks: ReadonlyMap<string, Hook>;
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

function wrapper(hook: Hook, original: AnyFunction): AnyFunction {
  return function probed(...args: unknown[]) {
    const { probe, step } = hook;
    // a kernel that runs in a guest is bound to a machine of its own, which is not the one that is watched
    if (probe === null || step === null || (this as { m: unknown }).m !== step.m) return original.apply(this, args);
    return watched(probe, step, original, this, args);
  };
}

/** WHY apart: its closures would cost every call of a function that nobody listens to a context of its own. */
function watched(probe: Probe, step: Step, original: AnyFunction, self: unknown, args: unknown[]): unknown {
  watching(() => probe.enter?.(step, args));
  const result = original.apply(self, args);
  watching(() => probe.leave?.(step, result, args));
  return result;
}

/**
 * Names that are probed in every kernel from now on, whoever asks: what all properties of a check look at.
 *
 * WHY: each probed table is a kernel of a shape of its own, and V8 compiles the whole scheduler anew, or for none in
 * particular, with every further shape. A probe that nobody listens to costs next to nothing beside that.
 */
const ahead = new Set<string>();

export function probeAhead(names: Iterable<string>): void {
  for (const name of names) ahead.add(name);
}

const probedTables = new WeakMap<Kernel['table'], ProbedKernel[]>();

/** The kernel with probes on the named functions at least; names that it lacks are left out. */
export function probedKernel(kernel: Kernel, names: readonly string[]): ProbedKernel {
  let known = probedTables.get(kernel.table);
  if (known === undefined) {
    known = [];
    probedTables.set(kernel.table, known);
  }
  const present = names.filter((name) => typeof kernel.table[name] === 'function');
  const found = known.find((it) => present.every((name) => it.hooks.has(name)));
  if (found !== undefined) return found;
  const all = [...new Set([...present, ...ahead])].filter((name) => typeof kernel.table[name] === 'function').sort();
  const made = all.length === 0 ? { kernel, hooks: new Map(), listen() {} } : makeProbed(kernel, all);
  known.push(made);
  return made;
}

function makeProbed(kernel: Kernel, names: readonly string[]): ProbedKernel {
  const hooks = new Map<string, Hook>();
  const wrapped: Record<string, AnyFunction> = {};
  for (const name of names) {
    const hook: Hook = { probe: null, step: null };
    hooks.set(name, hook);
    wrapped[name] = wrapper(hook, kernel.table[name]);
  }
  let listening: Hook[] = [];
  return {
    hooks,
    kernel: { ...kernel, table: Object.freeze({ ...kernel.table, ...wrapped }) },
    listen(monitor, step) {
      for (const hook of listening) hook.probe = null;
      listening = [];
      for (const [name, probe] of Object.entries(monitor?.probes ?? {})) {
        const hook = hooks.get(name);
        if (hook === undefined) continue;
        hook.probe = probe;
        hook.step = step;
        listening.push(hook);
      }
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
