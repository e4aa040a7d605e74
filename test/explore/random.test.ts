// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import type { Monitor } from '../../properties/vocabulary.js';
import { runCase } from '../../src/explore/case.js';
import { runRandom } from '../../src/explore/random.js';
import { toyEngine, toyKernel, toyOf, toyProperty, toyScenario, toyWorld } from './toy.js';

const input = { engine: toyEngine, kernel: toyKernel, seed: 1, runs: 50 };

/** The counters are never (2, 3): false, and the shortest way there is five events. */
const neverTwoThree = toyProperty('always', () => ({
  after(step) {
    step.reach();
    const { a, b } = toyOf(step.m);
    if (a === 2 && b === 3) step.fail(`a = ${a}, b = ${b}`);
  },
}));

describe('a property asked at random', () => {
  it('finds the shortest way to what refutes it', () => {
    const { failure } = runRandom({ ...input, property: neverTwoThree });
    expect(failure?.message).toBe('a = 2, b = 3');
    expect(failure?.events.map((e) => e.ev).sort()).toEqual(['step', 'step', 'yield', 'yield', 'yield']);
    expect(failure?.foundAt).toBeGreaterThanOrEqual(5);
  });

  it('gives the same bytes for the same seed, and other runs for another', () => {
    const once = runRandom({ ...input, property: neverTwoThree, unshrunk: true });
    const again = runRandom({ ...input, property: neverTwoThree, unshrunk: true });
    const other = runRandom({ ...input, property: neverTwoThree, unshrunk: true, seed: 2 });
    expect(JSON.stringify(again)).toBe(JSON.stringify(once));
    expect(JSON.stringify(other)).not.toBe(JSON.stringify(once));
  });

  it('replays from its events alone', () => {
    const { failure } = runRandom({ ...input, property: neverTwoThree });
    const course = { events: failure?.events ?? [] };
    const again = runCase({ ...input, scenario: toyScenario, course, property: neverTwoThree });
    expect(again.failure?.message).toBe('a = 2, b = 3');
    expect(again.failure?.index).toBe(4);
  });

  it('counts runs, events and reaches when nothing fails', () => {
    const property = toyProperty('always', () => ({ after: (step) => step.reach() }));
    const result = runRandom({ ...input, property });
    expect(result).toMatchObject({ runs: 50, failure: null, witness: null, notModelled: 0 });
    expect(result.reached).toBe(result.events);
  });

  it('finds the shortest witness of what sometimes happens', () => {
    const property = toyProperty('sometimes', () => ({
      after: (step) => {
        if (toyOf(step.m).halted === 1) step.reach('halted');
      },
    }));
    const { witness, failure } = runRandom({ ...input, property });
    expect(failure).toBeNull();
    expect(witness?.events.map((e) => e.ev).sort()).toEqual(['hlt', 'step', 'step', 'yield', 'yield']);
    expect(witness?.message).toBe('halted');
  });

  it('fails every property where the kernel dies, unless its monitor asks for it', () => {
    const given = { ...toyWorld, weights: { ...toyWorld.weights, intr: 1 } };
    const silent = toyProperty('always', () => ({}), { given });
    const { failure } = runRandom({ ...input, property: silent });
    expect(failure?.message).toBe('kernel BUG (BUG_ON) in toy');
    expect(failure?.events.map((e) => e.ev)).toEqual(['step', 'step', 'intr']);

    const asking = toyProperty('always', () => ({ bug: (step) => step.reach('died') }), { given });
    const asked = runRandom({ ...input, property: asking });
    expect(asked.failure).toBeNull();
    expect(asked.reached).toBeGreaterThan(0);
  });

  it('fails every property where the kernel warns, unless its monitor asks for it', () => {
    const given = { ...toyWorld, weights: { ...toyWorld.weights, tick: 1 } };
    const silent = toyProperty('always', () => ({}), { given });
    const { failure } = runRandom({ ...input, property: silent });
    expect(failure?.message).toMatch(/^WARN_ON\(\)/);
    expect(failure?.events).toEqual([{ ev: 'tick', cpu: 0 }]);
    const asking = toyProperty('always', () => ({ warn: (step) => step.reach() }), { given });
    expect(runRandom({ ...input, property: asking }).failure).toBeNull();
  });

  it('counts runs that came to what is not modelled', () => {
    const given = { ...toyWorld, weights: { eoi: 1 } };
    const result = runRandom({ ...input, property: toyProperty('always', () => ({}), { given }) });
    expect(result).toMatchObject({ notModelled: 50, notModelledWhat: 'toy: eoi', failure: null });
  });

  it('asks the witness after each event when told to', () => {
    const broken = { ...toyEngine, witness: () => ['a sum is wrong'] };
    const property = toyProperty('always', () => ({}));
    const { failure } = runRandom({ ...input, engine: broken, property, witness: true });
    expect(failure).toMatchObject({ message: 'machine: a sum is wrong' });
    expect(failure?.events).toHaveLength(1);
  });
});

describe('probes', () => {
  it('see arguments and results of the functions they name, and nothing once the run is over', () => {
    const seen: string[] = [];
    const monitor: Monitor = {
      probes: {
        countA: {
          enter: (_, args) => seen.push(`enter ${args.join()}`),
          leave: (_, result) => seen.push(`leave ${result}`),
        },
        nowhere: { enter: () => seen.push('never') },
      },
    };
    const property = toyProperty('always', () => monitor);
    const events = [{ ev: 'step', cpu: 0 } as const, { ev: 'yield', cpu: 0 } as const, { ev: 'step', cpu: 0 } as const];
    runCase({ ...input, scenario: toyScenario, course: { events }, property });
    expect(seen).toEqual(['enter 1', 'leave 1', 'enter 1', 'leave 2']);
  });
});
