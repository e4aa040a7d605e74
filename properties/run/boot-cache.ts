// SPDX-License-Identifier: GPL-2.0-only
/** Boots each scenario once a kernel and copies it after that: a copy costs a tenth of a boot. */
import { cloneMachine } from '../../src/machine/clone.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import type { FunctionTable, Kernel } from '../../src/series/link.js';
import type { Engine } from './engine.js';

/** The last scenario of a kernel and, once it was wanted twice, its machine: never changed, only copied. */
interface Kept {
  engine: Engine;
  scenario: Scenario;
  booted: machine | null;
}

const kept = new WeakMap<FunctionTable, Kept>();

/** A fresh machine. WHY by identity of the scenario: comparing by value would cost as much as it saves. */
export function freshMachine(engine: Engine, kernel: Kernel, scenario: Scenario): machine {
  const last = kept.get(kernel.table);
  if (last === undefined || last.scenario !== scenario || last.engine !== engine) {
    kept.set(kernel.table, { engine, scenario, booted: null });
    return engine.boot(kernel, scenario);
  }
  last.booted ??= engine.boot(kernel, scenario);
  return cloneMachine(last.booted);
}
