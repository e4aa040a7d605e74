// SPDX-License-Identifier: GPL-2.0-only
/** Objection AR14 on s390, and the family of its kernels: recorded verdicts are found again, planted faults are noticed. */
import { describe, expect, it } from 'vitest';
import { claimsOf, familiesOfS390, recorded } from '../../properties/claims.js';
import { BASE, SERIES } from '../../properties/series/semantics-aware-v2-s390/index.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { kernelByName } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';

function verdict(kernel: Kernel, property: Property): Verdict {
  const whole = property.given.whole === true;
  const limits = whole ? { runs: 12, events: 60_000 } : { runs: 150, events: 9_000 };
  const found = runRandom({ engine: machineEngine, kernel, property, seed: 1, ...limits, unshrunk: true });
  if (found.failure !== null) return 'refuted';
  if (property.word === 'sometimes') return found.witness === null ? 'unreachable' : 'holds';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

function instead(kernel: Kernel, funcs: Readonly<Record<string, AnyFunction>>): Kernel {
  const there = Object.fromEntries(Object.entries(funcs).filter(([name]) => kernel.table[name] !== undefined));
  return { ...kernel, name: `${kernel.name}, changed`, table: Object.freeze({ ...kernel.table, ...there }) };
}

const propertiesOf = (claims: ReturnType<typeof claimsOf>): [string, Property][] =>
  claims.flatMap((claim) => claim.properties).map((p) => [p.id, p]);

describe('objection AR14 on s390', () => {
  it.each(propertiesOf(claimsOf('semantics-aware-v2-s390')))('%s: as recorded, and notices its fault', (id, p) => {
    for (const name of [BASE, SERIES]) expect(verdict(kernelByName(name), p), name).toBe(recorded[id]![name]);
    const faulty = instead(kernelByName(p.word === 'sometimes' ? SERIES : BASE), p.fault.funcs);
    expect(verdict(faulty, p)).toBe(p.word === 'sometimes' ? 'unreachable' : 'refuted');
  });
});

describe('the family of s390', () => {
  const pin = kernelByName('v6.12.117-s390');
  it.each(propertiesOf(familiesOfS390))('%s: as recorded, and notices its fault', (id, p) => {
    expect(verdict(pin, p)).toBe(recorded[id]![pin.name]);
    expect(verdict(instead(pin, p.fault.funcs), p)).toBe('refuted');
  });
});
