// SPDX-License-Identifier: GPL-2.0-only
/**
 * Spends operations where a patch is: pilot runs of the patched kernel tell which operations take which branches of the
 * functions that it touches, and half of the sequences draw those more often. The other half are drawn as for any patch.
 */
import type { LineCoverage } from '../../native/coverage.js';
import type { NativeEngine } from '../../native/engine.js';
import type { OpName } from '../../operation/sched.js';
import { type Focus, generateSequence, KINDS, xorshift32 } from './generate.js';

/** A line in the patched tree. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

type Weights = Focus['weights'];

/** Pilots draw these as well, whatever their kind, so that all that there is gets its chance to lead there. */
const RARE: Weights = {
  ...{ YIELD: 6, YIELD_TO: 6, NICE: 6, SETATTR: 6, SETSCHED: 6, RR_SLICE: 4, SHARES: 6, MOVE: 6, GROUP: 2 },
  ...{ GROUP_IDLE: 6, AFFINITY: 6, FEATURE: 2, SERVER_TIMER: 6, FORK: 3, BLOCK: 6, WAKE: 6, CPU_DOWN: 3, CPU_UP: 3 },
};
/** operations after setup, in each of as many pilots as there are kinds */
const PILOT_LENGTH = 120;
/** what steering adds to the draw: about as much as a kind draws from */
const ADDED = 110;
/** where operations differ by less in what they lead to, all lead there alike */
const TELLING = 0.1;

/** Functions around the lines. */
export function functionsAt({ functions }: LineCoverage, places: readonly Place[]): Set<string> {
  const names = new Set<string>();
  for (const { file, line } of places)
    for (const [name, { from, to }] of functions.get(file) ?? []) if (line >= from && line <= to) names.add(name);
  return names;
}

/** Which sequences are steered: every second one of each kind. */
export const isSteered = (seed: number): boolean => Math.floor(seed / KINDS.length) % 2 === 0;

/** How often each operation is to be drawn; empty where no pilot gets to the functions, or every operation does alike. */
export function weightsTo(engine: NativeEngine, places: readonly Place[], seed: number): Weights {
  if (places.length === 0) return {};
  const functions = functionsAt(engine.coverage(), places);
  if (functions.size === 0) return {};
  engine.watch(functions);
  const tallies = new Map<OpName, { all: number; moved: Map<number, number> }>();
  for (const [i, kind] of KINDS.entries()) {
    const focus = { weights: RARE, times: [] };
    const { setup, ops } = generateSequence(xorshift32(seed + i), kind, {
      ...{ cpus: engine.cpus, length: PILOT_LENGTH, maxTasks: 12, focus },
    });
    engine.reset();
    const all = [...setup, ...ops];
    for (const [at, counters] of engine.moved(all).entries()) {
      if (at < setup.length) continue;
      const { op } = all[at]!;
      const tally = tallies.get(op) ?? { all: 0, moved: new Map<number, number>() };
      tally.all++;
      for (const counter of counters) tally.moved.set(counter, (tally.moved.get(counter) ?? 0) + 1);
      tallies.set(op, tally);
    }
  }
  return weightsOf(tallies);
}

/**
 * An operation counts for each branch by how often it takes it, beside the operation that takes it most often: so a branch that
 * few operations take says as much as one that many do.
 */
export function weightsOf(tallies: ReadonlyMap<OpName, { all: number; moved: ReadonlyMap<number, number> }>): Weights {
  const most = new Map<number, number>();
  for (const { all, moved } of tallies.values())
    for (const [counter, n] of moved) most.set(counter, Math.max(most.get(counter) ?? 0, n / all));
  const leads = [...tallies].map(([op, { all, moved }]): [OpName, number] => {
    let sum = 0;
    for (const [counter, n] of moved) sum += n / all / most.get(counter)!;
    return [op, sum / most.size];
  });
  const best = Math.max(0, ...leads.map(([, lead]) => lead));
  const least = Math.min(1, ...leads.flatMap(([op, lead]) => (op === 'ADVANCE' ? [] : [lead])));
  if (most.size === 0 || best - least < TELLING) return {};
  // squared: what leads there half as often is drawn a quarter as often
  const total = leads.reduce((sum, [, lead]) => sum + lead ** 2, 0);
  const drawn = leads.map(([op, lead]): [OpName, number] => [op, Math.round((ADDED * lead ** 2) / total)]);
  return Object.fromEntries(drawn.filter(([, n]) => n > 0));
}
