// SPDX-License-Identifier: GPL-2.0-only
/** The claims of the directed yield: recorded verdicts are found again, planted faults are noticed, refutations have a cause. */
import { describe, expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { kernelByName } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const SERIES = 'v2.6.38+directed-yield-v7';
const claims = claimsOf('directed-yield-v7');
const properties = claims.flatMap((claim) => claim.properties);
// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee(claims);

function verdict(kernel: Kernel, property: Property): Verdict {
  if (property.about !== undefined && kernel.table[property.about] === undefined) return 'vacuous';
  const whole = property.given.whole === true;
  const runs = whole ? 2 : 60;
  const events = whole ? 20_000 : 2_500;
  const found = runRandom({ engine: machineEngine, kernel, property, seed: 1, runs, events, unshrunk: true });
  if (found.failure !== null) return 'refuted';
  if (property.word === 'sometimes') return found.witness === null ? 'unreachable' : 'holds';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

describe('claims on directed-yield-v7', () => {
  it('are all there: each has properties, or a reason why no model can answer', () => {
    expect(claims.map(({ id }) => id)).toEqual([
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `C${n}`),
      'CR1',
      'CR2',
      'CR3',
    ]);
    for (const claim of claims) {
      expect(claim.words.length).toBeLessThanOrEqual(60);
      expect(claim.properties.length === 0).toBe(claim.unanswerable !== undefined);
      for (const [i, p] of claim.properties.entries()) expect(p.id).toBe(`${claim.id}.${i + 1}`);
    }
  });

  const kernels = ['v2.6.38', `${SERIES}~2`, SERIES, 'v2.6.39'];
  const cases = properties.flatMap((p) =>
    kernels.filter((name) => p.given.whole !== true || name !== `${SERIES}~2`).map((name) => [p.id, name, p] as const),
  );
  it.each(cases)('%s on %s: as recorded', (_id, name, p) => {
    expect(verdict(kernelByName(name), p)).toBe(recorded[p.id][name]);
  });

  // the others are planted in the series or its base, with those of all series (test/explore)
  const heldLater = properties.filter((p) => ['v2.6.38', SERIES].every((name) => recorded[p.id][name] !== 'holds'));
  it.each(heldLater.map((p) => [p.id, p.fault.says, p] as const))('%s notices that %s', (_id, _says, p) => {
    const kernel = overridden(kernelByName('v2.6.39'), 'faulty', p.fault.funcs);
    expect(verdict(kernel, p)).toBe(p.word === 'sometimes' ? 'unreachable' : 'refuted');
  });
});
