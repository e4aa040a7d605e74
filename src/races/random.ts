// SPDX-License-Identifier: GPL-2.0-only
/** Larger cases at random, in random orders; the first that fails is shrunk. The same seed gives the same. */

import { mix32, seedRng } from '../machine/rng.js';
import { drawCase } from './draw.js';
import type { Setting } from './one-order.js';
import { randomOrder } from './random-order.js';
import { type Failing, SHRINK_LIMITS, type ShrinkLimits, shrinkCase } from './shrink.js';
import { caseText, type RaceCase } from './world.js';

const ORDERS = 10;

export interface RandomOptions {
  seed: number;
  /** whether to go on behind so many cases */
  more: (cases: number) => boolean;
  limits?: ShrinkLimits;
}

export interface FoundAtRandom {
  cases: number;
  orders: number;
  steps: number;
  /** orders that ended at something that is not modelled */
  skipped: number;
  /** shrunk; `drawn` is the case as chance drew it */
  failing: (Failing & { drawn: string }) | null;
}

/** `setting` makes a case into something whose orders can be tried. */
export function searchAtRandom(setting: (c: RaceCase) => Setting, options: RandomOptions): FoundAtRandom {
  const found: FoundAtRandom = { cases: 0, orders: 0, steps: 0, skipped: 0, failing: null };
  while (options.more(found.cases)) {
    const chance = { rng: seedRng(mix32(options.seed) + found.cases) };
    found.cases++;
    const race = drawCase(chance);
    const drawn = setting(race);
    for (let i = 0; i < ORDERS; i++) {
      const { broken, steps, skipped } = randomOrder(drawn, chance);
      found.orders++;
      found.steps += steps;
      if (skipped) found.skipped++;
      if (broken === null) continue;
      const shrunk = shrinkCase({ race, broken }, setting, options.limits ?? SHRINK_LIMITS);
      found.failing = { ...shrunk, drawn: caseText(race) };
      return found;
    }
  }
  return found;
}
