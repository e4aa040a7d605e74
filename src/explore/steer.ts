// SPDX-License-Identifier: GPL-2.0-only
/**
 * Spends events where a patch is: a few runs of the patched kernel tell which kinds of events get to the functions that it
 * replaces, and half of a property's runs draw those more often. The other half are drawn as for any kernel.
 */
import { sample, tuple } from 'fast-check';
import type { Property, Weights, World } from '../../properties/vocabulary.js';
import type { EventKind } from '../scenario/events.js';
import type { Kernel } from '../vmlinux/bind.js';
import { runCase } from './case.js';
import type { Engine } from './engine.js';
import { packedRun } from './packed.js';
import { seedOf } from './random.js';

/** How much more often than in the property's own world each kind of event is drawn; 1 where a kind is missing. */
export type Steer = Partial<Record<EventKind, number>>;

/** runs of the pilot, and events in them after which it begins no other */
const PILOT = { runs: 8, events: 600 };
/** what the kind that gets there most often is multiplied by */
const MOST = 5;
/** kinds whose shares differ by less all lead there alike */
const TELLING = 0.05;

/** Where runs of the property get to the functions; null where its programs decide, or no kind does so more than another. */
export function steerOf(
  engine: Engine,
  kernel: Kernel,
  property: Property,
  functions: readonly string[],
  seed: number,
): Steer | null {
  const { given } = property;
  if (given.apics === undefined && sumOf(given.weights) === 0) return null;
  const applied = new Map<EventKind, { all: number; there: number }>();
  let isThere = false;
  let events = 0;
  const enter = (): void => {
    isThere = true;
  };
  const watch: Property['watch'] = () => ({
    probes: Object.fromEntries(functions.map((name) => [name, { enter }])),
    before() {
      isThere = false;
    },
    after({ event }) {
      const known = applied.get(event.ev) ?? { all: 0, there: 0 };
      applied.set(event.ev, { all: known.all + 1, there: known.there + (isThere ? 1 : 0) });
      events++;
    },
    bug() {},
    warn() {},
  });
  const { int64: _, ...rest } = property;
  const pilot: Property = { ...rest, word: 'always', watch };
  const drawn = sample(tuple(given.scenario, packedRun(given.length)), {
    seed: seedOf(seed, property),
    numRuns: PILOT.runs,
  });
  for (const [scenario, numbers] of drawn) {
    if (events >= PILOT.events) break;
    try {
      runCase({ engine, kernel, scenario, course: { numbers }, property: pilot });
    } catch {
      return null; // the question itself will tell
    }
  }
  return factorsOf(applied);
}

/** From how often each kind of event got there. */
export function factorsOf(applied: ReadonlyMap<EventKind, { all: number; there: number }>): Steer | null {
  const shares = [...applied].map(([kind, { all, there }]): [EventKind, number] => [kind, there / all]);
  const most = Math.max(0, ...shares.map(([, share]) => share));
  const least = Math.min(1, ...shares.map(([, share]) => share));
  if (most - least < TELLING) return null;
  return Object.fromEntries(shares.map(([kind, share]) => [kind, 1 + ((MOST - 1) * share) / most]));
}

/** The property in a world whose events are drawn so. */
export function steered(property: Property, steer: Steer): Property {
  const { given } = property;
  const world: World = { ...given, weights: weighted(given.weights, steer) };
  const { apics } = given;
  if (apics !== undefined)
    world.apics = (scenario) => {
      const menu = apics(scenario);
      return { ...menu, weights: weighted(menu.weights, steer) };
    };
  return { ...property, given: world };
}

/** Whole numbers, as draws need them. */
const weighted = (weights: Weights, steer: Steer): Weights =>
  Object.fromEntries(
    Object.entries(weights).map(([kind, weight]) => [
      kind,
      Math.max(weight > 0 ? 1 : 0, Math.round(weight * 4 * (steer[kind as EventKind] ?? 1))),
    ]),
  );

const sumOf = (weights: Weights): number => Object.values(weights).reduce((sum, w) => sum + w, 0);
