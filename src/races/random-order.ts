// SPDX-License-Identifier: GPL-2.0-only
/** Orders that chance chooses, for what has too many of them: with few switches between CPUs, or with many. */

import { drawBelow } from '../machine/rng.js';
import type { Broken } from './every-order.js';
import { OneOrder, type Setting } from './one-order.js';

/** One switch in so many steps, on average. */
const SWITCH_EVERY = [2, 3, 5, 8, 13, 30] as const;
/** Steps of one order; who comes so far goes round in circles. */
const STEPS_MAX = 4000;

export interface RandomOrder {
  /** it ended before its time at something that is not modelled */
  skipped: boolean;
  broken: Broken | null;
  steps: number;
}

/** Plays one order; `chance.rng` is a state of `seedRng`, and moves on. */
export function randomOrder(setting: Setting, chance: { rng: number }): RandomOrder {
  const order = new OneOrder(setting);
  const every = SWITCH_EVERY[drawBelow(chance, SWITCH_EVERY.length)];
  const moves: number[] = [];
  for (let of = order.moves(); of.length > 0; of = order.moves()) {
    if (moves.length === STEPS_MAX) {
      const message = `no end: ${STEPS_MAX} steps and no rest`;
      return { skipped: false, broken: { moves, steps: order.steps, message }, steps: moves.length };
    }
    const switches = of.length > 1 && drawBelow(chance, every) === 0;
    const move = of[switches ? 1 + drawBelow(chance, of.length - 1) : 0];
    moves.push(move);
    order.take(move);
  }
  const message = order.verdict();
  const skipped = order.ended !== null && !order.ended.modelled;
  return { skipped, broken: message === null ? null : { moves, steps: order.steps, message }, steps: moves.length };
}

/** Plays given moves, as far as they are possible where they come, and to the end without a switch that is not needed. */
export function playOrder(setting: Setting, moves: readonly number[]): RandomOrder & { moves: number[] } {
  const order = new OneOrder(setting);
  const made: number[] = [];
  const take = (move: number): void => {
    made.push(move);
    order.take(move);
  };
  for (const move of moves) if (order.moves().includes(move)) take(move);
  for (let of = order.moves(); of.length > 0 && made.length < STEPS_MAX; of = order.moves()) take(of[0]);
  const message = made.length < STEPS_MAX ? order.verdict() : `no end: ${STEPS_MAX} steps and no rest`;
  const skipped = order.ended !== null && !order.ended.modelled;
  const broken = message === null ? null : { moves: made, steps: order.steps, message };
  return { skipped, broken, steps: made.length, moves: made };
}

/** An order in short: `0x3,1,0x2` are three moves of CPU 0, one of CPU 1, two of CPU 0; see `OneOrder` for moves. */
export function orderName(moves: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const move of moves) {
    const last = runs[runs.length - 1];
    if (last?.[0] === move) last[1]++;
    else runs.push([move, 1]);
  }
  return runs.map(([move, times]) => (times === 1 ? `${move}` : `${move}x${times}`)).join(',');
}

/** The moves of an order in short, for so many CPUs; null when it is none. */
export function parseOrder(text: string, cpus: number): number[] | null {
  const moves: number[] = [];
  for (const run of text.split(',')) {
    const match = /^(\d)(?:x(\d{1,4}))?$/.exec(run);
    if (match === null || Number(match[1]) >= 2 * cpus) return null;
    for (let i = 0; i < Number(match[2] ?? 1); i++) moves.push(Number(match[1]));
  }
  return moves;
}
