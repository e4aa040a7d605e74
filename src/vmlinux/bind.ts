// SPDX-License-Identifier: GPL-2.0-only
/** Makes kernels: a base table, overrides by name on top, frozen; and binds one to a machine. */
import type { guest_memory } from '../kvm/guest-memory.js';
import type { trace_event } from '../trace/trace-event.js';
import './wide-shapes.js';
import type { kernel_functions, kernel_state, vmlinux } from './vmlinux.js';
import type { vmlinux_x86 } from './vmlinux-x86.js';

// biome-ignore lint/suspicious/noExplicitAny: a table of functions of every signature
export type AnyFunction = (this: any, ...args: any[]) => any;
export type FunctionTable = Readonly<Record<string, AnyFunction>>;

/** What a kernel may be built for, beside x86. */
export type ArchitectureName = 'arm64' | 's390';

/** A kernel: what it is called, and its functions. V: the table's type, which is an architecture's. */
export interface Kernel<V extends vmlinux = vmlinux_x86> {
  /** `v6.12.117`, `v6.19-rc1`, `v6.19-rc1+semantics-aware-v2`, `...~3` for a prefix of three patches */
  readonly name: string;
  readonly table: FunctionTable;
  /** what it was built for; x86 when absent */
  readonly arch?: ArchitectureName;
  /** never there: for the compiler, what binding gives */
  readonly bound?: V;
  /** says that a series stands on another kernel than it was made for */
  readonly rebased?: string;
  /** what its series brought in sysctls, debugfs files and module parameters */
  readonly knobs?: Readonly<Record<string, Knob>>;
  /** families of properties about code that is borrowed from another release here, and why: this kernel is not asked them */
  readonly borrowed?: Readonly<Record<string, string>>;
  /** SCHED_FEATs whose default differs from the pin's, or that it lacks: null */
  readonly sched_feat?: Readonly<Record<string, boolean | null>>;
}

/** A sysctl, debugfs file or module parameter of a series. Its value stands in `m.knobs` once it was written. */
export interface Knob {
  /** where the kernel shows it */
  file: string;
  type: 'bool' | 'u32' | 'ulong';
  initial: number;
  /** values with a meaning of their own */
  names?: readonly string[];
}

/** Properties that V8 keeps in fast mode on one object; beyond about a thousand it is a hash table for good. */
const FAST_PROPERTIES = 500;
type Bound = {
  m: kernel_state | null;
  tp: ((event: trace_event) => void) | null;
  ram: guest_memory | undefined;
  hvc: vmlinux['hvc'];
};
const examples = new WeakMap<FunctionTable, Bound>();

/** The table as a chain of prototypes, each small enough to be fast. */
export function prototypeOf(table: FunctionTable): object {
  let example = examples.get(table);
  if (example === undefined) {
    let prototype = {};
    const names = Object.keys(table);
    for (let end = names.length; end > 0; end -= FAST_PROPERTIES) {
      const link: Record<string, AnyFunction> = Object.create(prototype);
      for (const name of names.slice(Math.max(0, end - FAST_PROPERTIES), end)) link[name] = table[name];
      prototype = Object.freeze(link);
    }
    // WHY kept: V8 forgets the shape of bound kernels with the last of them, and with it all code compiled for it.
    example = boundTo(prototype, null, null);
    examples.set(table, example);
  }
  return Object.getPrototypeOf(example);
}

// WHY a prototype and not a copy: V8 keeps method loads from a prototype constant, so that calls are inlined.
function boundTo(prototype: object, m: Bound['m'], tp: Bound['tp']): Bound {
  const bound = Object.create(prototype) as Bound;
  bound.m = m;
  bound.tp = tp;
  // WHY in each: a kernel that has it and one that lacks it would be of two shapes
  bound.ram = undefined;
  bound.hvc = undefined;
  return bound;
}

/** Binds a kernel to a machine. The result is what mirrored functions know as `this`. */
export function bind<V extends vmlinux = vmlinux_x86>(
  kernel: Kernel<V>,
  m: V['m'],
  tp: ((event: trace_event) => void) | null = null,
): V {
  return boundTo(prototypeOf(kernel.table), m, tp) as unknown as V;
}

/** The kernel of `k`, bound to another machine; nobody hears its tracepoints unless `tp` does. */
export function rebind<V extends vmlinux>(k: V, m: V['m'], tp: Bound['tp'] = null): V {
  return boundTo(Object.getPrototypeOf(k), m, tp) as unknown as V;
}

/** The functions of modules, as one table; what a module exports besides functions stays out. */
export function tableOf(...modules: readonly object[]): FunctionTable {
  const table: Record<string, AnyFunction> = {};
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === 'function') table[name] = value as AnyFunction;
    }
  }
  return Object.freeze(table);
}

/** What a knob of a series holds: its initialiser until somebody writes it. */
export function knobValue(m: kernel_state, name: string, knob: Knob): number {
  return m.knobs?.[name] ?? knob.initial;
}

export type { kernel_functions };
