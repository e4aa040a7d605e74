// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import type { Claim } from '../../properties/vocabulary.js';
import { bisectClaim } from '../../src/explore/bisect.js';
import { type CheckTools, runCheck } from '../../src/explore/check.js';
import { type Subject, selected } from '../../src/explore/subject.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import { localAsker } from './local-asker.js';
import { toyEngine, toyKernel, toyOf, toyProperty, toyWorld } from './toy.js';

/** A series of two patches: the second makes countB skip 3. */
const skipping: AnyFunction = function (this: { m: never }) {
  const toy = toyOf(this.m);
  toy.b = (toy.b + 1) % 3;
  return toy.b;
};
const patched = (name: string, funcs: Record<string, AnyFunction>): Kernel => ({
  name,
  table: Object.freeze({ ...toyKernel.table, ...funcs }),
});
const one = patched('toy+skip~1', {});
const two = patched('toy+skip', { countB: skipping });

const notes = (): null => null;
const scope = {
  scenario: { cpus: 1 },
  menu: [
    { ev: 'step', cpu: 0 },
    { ev: 'yield', cpu: 0 },
  ] as const,
  depth: 20,
};

const claims: Claim[] = [
  {
    id: 'T1',
    words: 'b is never 3',
    properties: [
      toyProperty(
        'always',
        () => ({
          notes,
          after(step) {
            step.reach();
            if (toyOf(step.m).b === 3) step.fail('b = 3');
          },
        }),
        { id: 'T1.1', claim: 'T1' },
      ),
    ],
  },
  {
    id: 'T2',
    words: 'b gets to 3',
    properties: [
      toyProperty(
        'sometimes',
        () => ({
          notes,
          after(step) {
            if (toyOf(step.m).b === 3) step.reach('b = 3');
          },
        }),
        { id: 'T2.1', claim: 'T2', scope },
      ),
      toyProperty('always', () => ({ notes }), { id: 'T2.2', claim: 'T2' }),
    ],
  },
  { id: 'T3', words: 'it is fast', properties: [], unanswerable: 'no model has caches' },
  {
    id: 'T4',
    words: 'ends the interrupt',
    properties: [
      toyProperty('always', () => ({}), { id: 'T4.1', claim: 'T4', given: { ...toyWorld, weights: { eoi: 1 } } }),
    ],
  },
];

const subject: Subject = {
  series: 'skip',
  title: 'skips',
  pin: toyKernel,
  kernels: [toyKernel, one, two],
  claims,
  difference: null,
  recorded: { 'T1.1': { toy: 'holds', 'toy+skip': 'holds' } },
};

const tools = (): CheckTools => ({
  engine: toyEngine,
  asker: localAsker(toyEngine, subject),
  version: 'test',
  replayCommand: ({ property }) => `kvmodel replay ${property}`,
});

const settings = { runs: 20, seed: 7, verdictsOnly: true };

describe('a check', () => {
  it('gives a verdict of each kind, for each kernel', async () => {
    const report = await runCheck(subject, settings, tools());
    const verdicts = Object.fromEntries(report.claims.flatMap((c) => c.properties.map((p) => [p.id, p.verdicts])));
    expect(verdicts).toEqual({
      'T1.1': { toy: 'refuted', 'toy+skip~1': 'refuted', 'toy+skip': 'holds' },
      'T2.1': { toy: 'holds', 'toy+skip~1': 'holds', 'toy+skip': 'unreachable' },
      'T2.2': { toy: 'vacuous', 'toy+skip~1': 'vacuous', 'toy+skip': 'vacuous' },
      'T4.1': { toy: 'skipped', 'toy+skip~1': 'skipped', 'toy+skip': 'skipped' },
    });
    const [, t2, t3, t4] = report.claims;
    expect(t2.verdicts['toy']).toBe('vacuous');
    expect(t2.verdicts['toy+skip']).toBe('unreachable');
    expect(t2.evidence).toBe('T2.1: never in all 9 states to depth 4, 20 runs');
    expect(t3).toMatchObject({ verdicts: {}, unanswerable: 'no model has caches' });
    expect(t4.evidence).toBe('20 of 20 runs ended at what is not modelled: toy: eoi');
  });

  it('shows the shortest counterexample beside the other kernel, with the command that replays it', async () => {
    const { claims: results } = await runCheck(subject, settings, tools());
    const found = results[0].properties[0].counterexample;
    expect(found).toMatchObject({
      message: 'b = 3',
      replay: 'kvmodel replay T1.1',
      kernel: 'toy+skip~1',
      against: 'toy',
    });
    expect(found?.events).toEqual(Array(3).fill({ ev: 'yield', cpu: 0 }));
    expect(found?.transcript).toHaveLength(3);
  });

  it('says which verdict is not the recorded one', async () => {
    const { changed } = await runCheck(subject, settings, tools());
    expect(changed).toEqual([{ property: 'T1.1', kernel: 'toy', recorded: 'holds', found: 'refuted' }]);
  });

  it('does not call a promise broken on a kernel that nobody promised it of', async () => {
    const own = claims.map((claim) => (claim.id === 'T1' ? { ...claim, promisedBy: 'skip' } : claim));
    const { claims: found, changed } = await runCheck(
      { ...subject, claims: own, recorded: { 'T1.1': { toy: 'refuted' } } },
      settings,
      tools(),
    );
    expect(found[0].verdicts).toEqual({ toy: 'unpromised', 'toy+skip~1': 'refuted', 'toy+skip': 'holds' });
    expect(changed).toEqual([]);
    // what the base never promised is no less broken by the first patch, which changes nothing
    expect((await bisectClaim({ ...subject, claims: own }, 'T1', settings, tools())).changesAt).toEqual([2]);
  });

  it('takes what fewer runs did not see for no change', async () => {
    const seen = { ...subject, recorded: { 'T2.2': { toy: 'holds' }, 'T1.1': { 'toy+skip': 'refuted' } } } as const;
    expect((await runCheck(seen, { ...settings, runs: 20 }, tools())).changed).toEqual([]);
    const { changed } = await runCheck(seen, { ...settings, runs: 200 }, tools());
    expect(changed.map((c) => [c.property, c.found])).toEqual([
      ['T1.1', 'holds'],
      ['T2.2', 'vacuous'],
    ]);
  });

  it('gives the same bytes twice', async () => {
    const once = JSON.stringify(await runCheck(subject, settings, tools()));
    expect(JSON.stringify(await runCheck(subject, settings, tools()))).toBe(once);
  });

  it('asks only what is asked for', async () => {
    const { claims: some } = await runCheck(subject, { ...settings, only: ['T2.2', 'T1'] }, tools());
    expect(some.flatMap((c) => c.properties.map((p) => p.id))).toEqual(['T1.1', 'T2.2']);
    expect(selected(claims, ['T9'])).toEqual([]);
  });

  it('goes on with new seeds while there is time, and adds up what was seen', async () => {
    let second = 0;
    const clocked = { ...tools(), now: () => second++ };
    const report = await runCheck(subject, { ...settings, only: ['T2.2'], timeSeconds: 3 }, clocked);
    expect(report.claims[0].properties[0].evidence['toy'].runs).toBeGreaterThan(20);
  });

  it('tells its progress', async () => {
    const seen: number[] = [];
    await runCheck(subject, settings, { ...tools(), progress: ({ done, total }) => seen.push(done / total) });
    expect(seen[seen.length - 1]).toBe(1);
    expect(seen).toHaveLength(12);
  });
});

describe('bisect', () => {
  it('names the number of patches at which the verdict changes', async () => {
    const result = await bisectClaim(subject, 'T1', settings, tools());
    expect(result.steps.map((s) => s.verdict)).toEqual(['refuted', 'refuted', 'holds']);
    expect(result.changesAt).toEqual([2]);
  });
});
