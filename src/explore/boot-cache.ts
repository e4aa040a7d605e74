// SPDX-License-Identifier: GPL-2.0-only
/** Boots a scenario that comes again only once and copies it after that: a copy costs a tenth of a boot. */
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import type { Scenario } from '../scenario/scenario.js';
import type { FunctionTable, Kernel } from '../vmlinux/bind.js';
import type { Engine } from './engine.js';

/** Machines kept at most; one of eight vCPUs takes about 150 kB. */
const KEPT = 64;

/** Of one kernel: questions come kernel by kernel and property by property. */
interface Kept {
  engine: Engine;
  table: FunctionTable;
  /** by scenario; null until it was wanted a second time. Never changed, only copied */
  machines: Map<string, machine | null>;
}

let kept: Kept | null = null;
/** Most draws of a constant give the same object: then its text is known. */
let last: { scenario: Scenario; text: string } | null = null;

function textOf(scenario: Scenario): string {
  if (last?.scenario !== scenario) last = { scenario, text: JSON.stringify(scenario) };
  return last.text;
}

/**
 * A fresh machine.
 *
 * WHY of the scenario's text: integers that fast-check draws may be doubles to V8, and so would be whatever a machine has from
 * them (see Draws). The scenario itself stays who it is: worlds know theirs by identity.
 */
export function freshMachine(engine: Engine, kernel: Kernel, scenario: Scenario): machine {
  if (kept === null || kept.table !== kernel.table || kept.engine !== engine) {
    kept = { engine, table: kernel.table, machines: new Map() };
  }
  const { machines } = kept;
  const text = textOf(scenario);
  const known = machines.get(text);
  if (known === undefined) {
    if (machines.size >= KEPT) machines.clear();
    machines.set(text, null);
    // WHY copied as well: to V8, records that boot has added members to are of other classes than their copies
    return cloneMachine(engine.boot(kernel, JSON.parse(text) as Scenario));
  }
  if (known !== null) return cloneMachine(known);
  const booted = engine.boot(kernel, JSON.parse(text) as Scenario);
  machines.set(text, booted);
  return cloneMachine(booted);
}
