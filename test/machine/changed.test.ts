// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { applyPatches, enablePatches } from 'immer';
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { changedIn } from '../../src/machine/changed.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { reduce } from '../../src/machine/reduce.js';
import type { machine } from '../../src/machine/state.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

enablePatches();

describe('what changed', () => {
  it('is nothing between two that are alike, and something between two that are not', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(0, 1, -1, 'x', null, true),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any')),
      ),
    })).any;
    const record = fc.dictionary(fc.constantFrom('p', 'q', 'r'), value);
    fc.assert(
      fc.property(record, record, (was, is) => {
        expect(changedIn(was, structuredClone(was))).toBe(null);
        expect(changedIn(was, is) === null).toBe(JSON.stringify(sorted(was)) === JSON.stringify(sorted(is)));
      }),
    );
  });

  it('are patches that lead from each machine to the next and back', () => {
    const scenario = namedScenario('ipi-to-halted') as Scenario;
    let m: machine = boot(linux_6_12, scenario);
    for (let i = 0; i < 60; i++) {
      const before = m;
      const { machine, patches, inversePatches } = reduce(linux_6_12, before, nextEvent(before) as MachineEvent);
      m = machine;
      expect(applyPatches(before, patches)).toEqual(m);
      expect(applyPatches(m, inversePatches)).toEqual(before);
      expect(patches.every(({ path }) => path.length > 0)).toBe(true);
    }
  });

  it('is found by who goes back and on another way as well', () => {
    const scenario = namedScenario('two-spinners') as Scenario;
    const start = boot(linux_6_12, scenario);
    const one = reduce(linux_6_12, start, { ev: 'step', cpu: 0 });
    reduce(linux_6_12, one.machine, { ev: 'advance', ns: 5 });
    expect(reduce(linux_6_12, start, { ev: 'step', cpu: 0 })).toEqual(one);
  });
});

/** The order of members is no difference. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
