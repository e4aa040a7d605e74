// SPDX-License-Identifier: GPL-2.0-only
/** The claims on the steal governor: recorded verdicts are found again, planted faults are noticed. */
import { describe, expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { kernelByName } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const claims = claimsOf('steal-governor');
const all = claims.flatMap((claim) => claim.properties);
// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee(claims);
const base = kernelByName('v6.19');
const series = kernelByName('steal-governor');

function verdict(kernel: Kernel, property: Property, runs: number): Verdict {
  const asked = { engine: machineEngine, kernel, property, seed: 1, runs, events: 40_000, unshrunk: true };
  const found = runRandom(asked);
  if (found.failure !== null) return 'refuted';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

it('each claim has properties, and a verdict on base and series', () => {
  expect(claims.map(({ id }) => id)).toEqual(['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7']);
  for (const claim of claims) {
    expect(claim.words.length).toBeLessThanOrEqual(60);
    for (const [i, p] of claim.properties.entries()) expect(p.id).toBe(`${claim.id}.${i + 1}`);
  }
  for (const { id } of all) expect(Object.keys(recorded[id] ?? {})).toEqual([base.name, series.name]);
});

it.each(all.map((p) => [p.id, p] as const))('%s is as recorded', (id, p) => {
  expect(verdict(series, p, id === 'F3.1' ? 4 : 1)).toBe(recorded[id]![series.name]);
  // on the others nobody runs a governor there
  if (id === 'F4.1') expect(verdict(base, p, 1)).toBe(recorded[id]![base.name]);
});

describe('a planted fault is noticed', () => {
  const good = all.flatMap((p) => {
    const name = [series.name, base.name].find((it) => recorded[p.id]![it] === 'holds');
    return name === undefined ? [] : [[p.id, p.fault.says, kernelByName(name), p] as const];
  });
  it.each(good)('%s: %s', (_id, _says, kernel, p) => {
    expect(verdict(overridden(kernel, 'with a fault', p.fault.funcs), p, 8)).toBe('refuted');
  });
});
