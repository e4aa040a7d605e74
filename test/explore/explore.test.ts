// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { runExhaustive } from '../../src/explore/exhaustive.js';
import { explore, type Visit } from '../../src/explore/explore.js';
import { mix32 } from '../../src/machine/rng.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { toyEngine, toyKernel, toyOf, toyProperty, toyScenario } from './toy.js';

const at = (x: number): Visit['at'] => ({ lo: mix32(x), hi: mix32(x + 1) });

/** A counter modulo n that can go up or down. */
const ring = (n: number, goal = -1) => ({
  moves: 2,
  states: 10_000,
  merge: true,
  play(path: readonly number[]): Visit {
    const where = path.reduce((x, move) => (x + (move === 0 ? 1 : n - 1)) % n, 0);
    return { at: at(where), hit: where === goal, idle: false };
  },
});

describe('explore', () => {
  it('counts the states of models whose number of states is known', () => {
    expect(explore({ ...ring(7), depth: 10 })).toMatchObject({ states: 7, complete: true, closed: true, depth: 3 });
    expect(explore({ ...ring(100), depth: 10 })).toMatchObject({
      states: 21,
      complete: true,
      closed: false,
      depth: 10,
    });
  });

  it('finds a shortest path', () => {
    expect(explore({ ...ring(10, 8), depth: 5 }).hit).toEqual([1, 1]);
    expect(explore({ ...ring(10, 0), depth: 5 }).hit).toEqual([]);
  });

  it('looks at every path when it may not merge', () => {
    expect(explore({ ...ring(7), merge: false, depth: 4 }).transitions).toBe(2 + 4 + 8 + 16);
    expect(explore({ ...ring(7), merge: true, depth: 4 }).transitions).toBe(2 * 7);
  });

  it('says when it is not complete', () => {
    expect(explore({ ...ring(1000), depth: 500, states: 50 })).toMatchObject({ complete: false, closed: false });
    let calls = 0;
    expect(explore({ ...ring(1000), depth: 500, stop: () => ++calls > 5 }).complete).toBe(false);
  });
});

const menu: MachineEvent[] = [
  { ev: 'step', cpu: 0 },
  { ev: 'yield', cpu: 0 },
  { ev: 'hlt', cpu: 0 },
  { ev: 'advance', ns: 1000 },
];
const scope = { scenario: toyScenario, menu, depth: 20 };
const input = { engine: toyEngine, kernel: toyKernel, scope, states: 5_000 };

describe('a property asked exhaustively', () => {
  it('sees every state once: time that nobody looks at adds none', () => {
    const property = toyProperty('always', () => ({ notes: () => null }));
    // 3 x 4 counters, halted or not
    expect(runExhaustive({ ...input, property })).toMatchObject({
      states: 24,
      closed: true,
      complete: true,
      failure: null,
    });
  });

  it('counts what the monitor remembers as part of the state', () => {
    const property = toyProperty('always', () => {
      let odd = false;
      return {
        after(step) {
          if (step.event.ev === 'advance') odd = !odd;
        },
        notes: () => odd,
      };
    });
    expect(runExhaustive({ ...input, property }).states).toBe(48);
  });

  it('merges nothing for a monitor that does not show what it remembers', () => {
    const property = toyProperty('always', () => {
      let steps = 0;
      return {
        after(step) {
          if (step.event.ev === 'step') steps++;
          // only a path that is not the shortest to its state can show this
          if (steps === 4 && toyOf(step.m).a === 1 && toyOf(step.m).b === 0) step.fail('four steps');
        },
      };
    });
    const result = runExhaustive({ ...input, property });
    expect(result.failure?.events.map((e) => e.ev)).toEqual(['step', 'step', 'step', 'step']);
  });

  it('finds a shortest refutation and a shortest witness', () => {
    const refuted = toyProperty('always', () => ({
      after: (step) => {
        if (toyOf(step.m).halted === 1) step.fail('halted');
      },
      notes: () => null,
    }));
    expect(runExhaustive({ ...input, property: refuted }).failure?.events).toHaveLength(5);
    const reached = toyProperty('sometimes', () => ({
      after: (step) => {
        if (toyOf(step.m).b === 3) step.reach('three');
      },
      notes: () => null,
    }));
    const { witness, failure } = runExhaustive({ ...input, property: reached });
    expect(failure).toBeNull();
    expect(witness).toMatchObject({ message: 'three', foundAt: 3 });
  });

  it('says unreachable only with all states seen', () => {
    const never = toyProperty('sometimes', () => ({ notes: () => null }));
    expect(runExhaustive({ ...input, property: never })).toMatchObject({ states: 24, closed: true, witness: null });
  });
});
