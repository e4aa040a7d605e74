// SPDX-License-Identifier: GPL-2.0-only
/** Another run beside the one that a property watches. */
import { apply } from '../src/machine/apply.js';
import { boot } from '../src/machine/boot.js';
import { nextEvent } from '../src/machine/next-event.js';
import type { machine } from '../src/machine/state.js';
import type { Scenario } from '../src/scenario/scenario.js';
import { type AnyFunction, type ArchitectureName, bind, type Kernel } from '../src/vmlinux/bind.js';

/** The kernel that a step runs on, with other functions in place of some. */
export function rebuilt(bound: object, arch?: ArchitectureName, funcs: Record<string, AnyFunction> = {}): Kernel {
  const table: Record<string, AnyFunction> = {};
  for (let at = Object.getPrototypeOf(bound); at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) table[name] ??= at[name];
  return { name: 'rebuilt', ...(arch === undefined ? {} : { arch }), table: Object.freeze({ ...table, ...funcs }) };
}

/** Runs the programs of a scenario while `goesOn`, for so many events at most. */
export function runBeside(
  kernel: Kernel,
  scenario: Scenario,
  events: number,
  goesOn: (m: machine) => boolean,
  watch: { before?(m: machine): void; after(m: machine): void },
): machine {
  const m = boot(kernel, scenario);
  const k = bind(kernel, m);
  for (let i = 0; i < events && goesOn(m); i++) {
    const event = nextEvent(m);
    if (event === null) break;
    watch.before?.(m);
    apply(k, event);
    watch.after(m);
  }
  return m;
}
