// SPDX-License-Identifier: GPL-2.0-only
/** How long it takes to notice what is wrong with a kernel, by each way of asking the standing properties. */
import type { Property } from '../../properties/vocabulary.js';
import { ASK_DEFAULTS, ask } from '../explore/ask.js';
import type { Engine } from '../explore/engine.js';
import { runExhaustive } from '../explore/exhaustive.js';
import { failureOf, type Kernels } from './finding.js';

/** The first thing that the kernel does and its base does not. */
export interface Noticed {
  property: string;
  /** events run until then */
  events: number;
  /** events of the counterexample */
  length: number;
}

export interface Score {
  noticed: Noticed | null;
  /** events run in all, where nothing was noticed */
  events: number;
}

/** Asks them one after the other as `check` does, until one tells the two kernels apart or so many events were run. */
export function scoreCheck(
  engine: Engine,
  kernels: Kernels,
  properties: readonly Property[],
  seed: number,
  most: number,
): Score {
  let events = 0;
  for (const property of properties) {
    if (events >= most) break;
    const left = Math.min(ASK_DEFAULTS.events, most - events);
    const { verdict, evidence, example } = ask(engine, kernels.own, property, { ...ASK_DEFAULTS, seed, events: left });
    events += evidence.events;
    if (verdict !== 'refuted') continue;
    // a kernel that dies at boot has no events
    const [scenario, list] = example === null ? [null, []] : [example.scenario, example.events];
    if (scenario !== null && onBase(engine, kernels, property, scenario, list)) continue;
    return { noticed: { property: property.id, events, length: list.length }, events };
  }
  return { noticed: null, events };
}

/** Searches what has a scope to be searched to its end. */
export function scoreExplore(engine: Engine, kernels: Kernels, properties: readonly Property[], states: number): Score {
  let events = 0;
  for (const property of properties) {
    const { scope } = property;
    if (scope === undefined) continue;
    const found = runExhaustive({ engine, kernel: kernels.own, property, scope, states, witness: true });
    events += found.transitions;
    const { failure } = found;
    if (failure === null || onBase(engine, kernels, property, failure.scenario, failure.events)) continue;
    return { noticed: { property: property.id, events, length: failure.events.length }, events };
  }
  return { noticed: null, events };
}

function onBase(
  engine: Engine,
  { base }: Kernels,
  property: Property,
  scenario: Parameters<typeof failureOf>[3],
  events: Parameters<typeof failureOf>[4],
): boolean {
  return base !== null && failureOf(engine, base, property, scenario, events) !== null;
}

/** Of an odd number the middle one; those that never came are the largest. */
export function medianOf(values: readonly (number | null)[]): number | null {
  const sorted = values.map((it) => it ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const middle = sorted[sorted.length >> 1];
  return middle === undefined || !Number.isFinite(middle) ? null : middle;
}
