// SPDX-License-Identifier: GPL-2.0-only
/** How many yield_to() it takes to hand a CPU over, kernel by kernel: the table in docs/properties.md. */
import { describe, expect, it } from 'vitest';
import { type YieldTo, yieldProbes } from '../../properties/series/semantics-aware-v2/monitors.js';
import { pingPong, waiterAndHolder } from '../../properties/series/semantics-aware-v2/worlds.js';
import { always, type World } from '../../properties/vocabulary.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { kernelByName } from '../../src/series/registry.js';

const BASE = 'v6.19-rc1';
const SERIES = `${BASE}+semantics-aware-v2`;
const BEFORE = `${BASE}+pre-forfeit`;
const FIRST = `${BASE}+yield-hierarchy`;
const SECOND = `${BASE}+yield-hierarchy-weighted`;

/** Yields for each hand-over to the target. */
function ratio(given: World, kernel: string): number {
  let yields = 0;
  let handed = 0;
  const property = always('counts', {
    of: 'count.1',
    given,
    fault: { says: 'none', funcs: {} },
    watch() {
      let made: YieldTo | null = null;
      return {
        probes: yieldProbes({
          leave(_step, it) {
            made = it;
          },
        }),
        after(step) {
          if (made === null) return;
          const it: YieldTo = made;
          made = null;
          yields++;
          if (step.m.rq[it.cpu].curr === it.target) handed++;
        },
      };
    },
  });
  runRandom({ engine: machineEngine, kernel: kernelByName(kernel), property, seed: 5, runs: 40, events: 15_000 });
  expect(handed).toBeGreaterThan(50);
  return yields / handed;
}

describe('yields for each hand-over', () => {
  it('within one group: forfeit has nearly solved it, the penalty does the rest', () => {
    const world = waiterAndHolder(['oneGroup']);
    expect(ratio(world, BEFORE)).toBeGreaterThan(10);
    expect(ratio(world, BASE)).toBeLessThan(2);
    expect(ratio(world, SERIES)).toBe(1);
  });

  it('between groups: forfeit is no help, the penalty is, the alternatives more so', () => {
    const world = waiterAndHolder(['groups']);
    const [base, series, first, second] = [BASE, SERIES, FIRST, SECOND].map((kernel) => ratio(world, kernel));
    expect(base).toBe(ratio(world, BEFORE));
    expect(series).toBeLessThan(base / 3);
    expect(first).toBeLessThan(series / 2);
    expect(second).toBeLessThan(series / 2);
  });

  it('in a perfect ping-pong: one, but with the penalty', () => {
    for (const layout of ['oneGroup', 'groups'] as const) {
      const world = pingPong([layout]);
      expect(ratio(world, BASE)).toBe(1);
      expect(ratio(world, SERIES)).toBeGreaterThan(layout === 'groups' ? 1.8 : 1);
    }
  });
});
