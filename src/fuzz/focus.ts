// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where a series is: which properties' runs get to the functions that it brings or to their callers, and by which kinds of events. A run
 * that enters none of them does what the base does, so a campaign spends its events where they are entered, or nearly so.
 */
import type { Property } from '../../properties/vocabulary.js';
import { factorsOf, type Steer, steered } from '../explore/steer.js';
import type { EventKind } from '../scenario/events.js';
import type { AnyFunction, Kernel } from '../vmlinux/bind.js';

/** By kind of event: how many were applied, and after how many calls at least from there a function of the series is entered. */
export type Reached = Partial<Record<EventKind, Near>>;
/** all of them, and those that entered what is so many calls away */
type Near = readonly [all: number, ...near: number[]];

/** Callers of callers of callers. */
export const FAR = 3;
/** beyond so many functions it is nowhere in particular */
const MOST = 40;
const NONE: Near = [0, ...Array.from({ length: FAR + 1 }, () => 0)] as unknown as Near;

const entriesOf = (reached: Reached): [EventKind, Near][] => Object.entries(reached) as [EventKind, Near][];

export function addReached(to: Reached, more: Reached): Reached {
  const out: Reached = { ...to };
  for (const [kind, near] of entriesOf(more))
    out[kind] = (out[kind] ?? NONE).map((n, i) => n + near[i]) as unknown as Near;
  return out;
}

/** One more event, which entered something so far from the series; FAR + 1: nothing. */
export function countReached(to: Record<string, number[]>, kind: EventKind, far: number): void {
  const counts = to[kind] ?? [...NONE];
  to[kind] = counts;
  counts[0]++;
  if (far <= FAR) counts[1 + far]++;
}

/** How near they came, in calls; FAR + 1: nowhere near. */
export function distanceOf(reached: Reached | undefined): number {
  const all = Object.values(reached ?? {}) as Near[];
  for (let far = 0; far <= FAR; far++) if (all.some((near) => near[1 + far] > 0)) return far;
  return FAR + 1;
}

/** What draws those kinds more often that get nearest; null where no kind does so more than another. */
export function steerBy(reached: Reached): Steer | null {
  const far = distanceOf(reached);
  return factorsOf(
    new Map(entriesOf(reached).map(([kind, near]) => [kind, { all: near[0], there: near[1 + far] ?? 0 }])),
  );
}

/** Told by a kernel's functions that they are entered. */
export interface Entered {
  kernel: Kernel;
  /** the nearest that was entered since it was asked last, in calls from the series */
  take(): number;
}

/** The functions, and by name how many calls they are from one of the named. Calls go through the table, so a source says them. */
function nearby(table: Kernel['table'], names: readonly string[]): Map<string, number> {
  const callers = new Map<string, string[]>();
  for (const [name, fn] of Object.entries(table))
    for (const [, callee] of fn.toString().matchAll(/\b(?:this|k)\.(\w+)\(/g))
      callers.set(callee, [...(callers.get(callee) ?? []), name]);
  const found = new Map(names.map((name) => [name, 0]));
  let level = [...names];
  for (let far = 1; far <= FAR; far++) {
    const next = [...new Set(level.flatMap((name) => callers.get(name) ?? []))].filter((name) => !found.has(name));
    if (found.size + next.length > MOST) break;
    for (const name of next) found.set(name, far);
    level = next;
  }
  return found;
}

/** The kernel, with those functions and their callers saying so. WHY one for all runs: to V8 each table is a kernel of a shape of its own. */
export function enteredKernel(kernel: Kernel, names: readonly string[]): Entered | null {
  const present = names.filter((name) => typeof kernel.table[name] === 'function');
  if (present.length === 0) return null;
  let nearest = FAR + 1;
  const told = (original: AnyFunction, far: number): AnyFunction =>
    function entered(...args: unknown[]) {
      if (far < nearest) nearest = far;
      return original.apply(this, args);
    };
  const funcs = Object.fromEntries(
    [...nearby(kernel.table, present)].map(([name, far]) => [name, told(kernel.table[name], far)]),
  );
  return {
    kernel: { ...kernel, table: Object.freeze({ ...kernel.table, ...funcs }) },
    take() {
      const was = nearest;
      nearest = FAR + 1;
      return was;
    },
  };
}

const steeredWorlds = new WeakMap<Property, Map<string, Property>>();

/** WHY remembered: a property that looks at tracepoints is known as itself. */
export function steeredOnce(property: Property, steer: Steer): Property {
  let known = steeredWorlds.get(property);
  if (known === undefined) {
    known = new Map();
    steeredWorlds.set(property, known);
  }
  const key = JSON.stringify(steer);
  const found = known.get(key) ?? steered(property, steer);
  known.set(key, found);
  return found;
}
