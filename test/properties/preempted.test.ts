// SPDX-License-Identifier: GPL-2.0-only
/** The claims on arm64's vcpu_is_preempted(): recorded verdicts are found again, planted faults are noticed. */
import { describe, expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import { versions } from '../../properties/series/preempted/index.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { baseKernel, findSeries, seriesKernel } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';

const RFC = 'preempted-rfc-2020';
const claims = claimsOf(RFC);
const all = claims.flatMap((claim) => claim.properties);
// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee(claims);
const byId = (id: string): Property => all.find((p) => p.id === id)!;
const kernelOf = (id: string): Kernel => seriesKernel(findSeries(id)!);

function verdict(kernel: Kernel, property: Property): Verdict {
  const limits = property.given.whole === true ? { runs: 2, events: 5_000 } : { runs: 25, events: 1_300 };
  const found = runRandom({ engine: machineEngine, kernel, property, seed: 1, ...limits, unshrunk: true });
  if (found.failure !== null) return 'refuted';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

function instead(kernel: Kernel, funcs: Readonly<Record<string, AnyFunction>>): Kernel {
  const there = Object.fromEntries(Object.entries(funcs).filter(([name]) => kernel.table[name] !== undefined));
  return { ...kernel, name: `${kernel.name}, changed`, table: Object.freeze({ ...kernel.table, ...there }) };
}

it('each claim has properties, or a reason why no model can answer, and verdicts on every kernel', () => {
  for (const claim of claims) {
    expect(claim.words.length).toBeLessThanOrEqual(60);
    expect(claim.properties.length === 0).toBe(claim.unanswerable !== undefined);
    for (const [i, p] of claim.properties.entries()) expect(p.id).toBe(`${claim.id}.${i + 1}`);
  }
  for (const id of versions)
    for (const p of all) {
      const names = [baseKernel(findSeries(id)!).name, kernelOf(id).name];
      expect(Object.keys(recorded[p.id] ?? {}), p.id).toEqual(expect.arrayContaining(names));
    }
});

const ofEvents = all.filter(({ given }) => given.whole !== true);

describe('as recorded', () => {
  it.each(versions)('%s, in any order of events', (id) => {
    const kernel = kernelOf(id);
    for (const p of ofEvents) expect([p.id, verdict(kernel, p)]).toEqual([p.id, recorded[p.id]![kernel.name]]);
  });

  it.each(all.filter((p) => !ofEvents.includes(p)).map((p) => [p.id, p] as const))('%s of the RFC', (id, p) => {
    const kernel = kernelOf(RFC);
    expect(verdict(kernel, p)).toBe(recorded[id]![kernel.name]);
  });
});

describe('a planted fault is noticed', () => {
  // on a proposal on which the property holds
  const cases = all.flatMap((p) => {
    const id = versions.find((version) => recorded[p.id]?.[kernelOf(version).name] === 'holds');
    return id === undefined ? [] : [[p.id, p.fault.says, id, p] as const];
  });
  it('of every property', () => expect(cases.map(([id]) => id)).toEqual(all.map(({ id }) => id)));
  it.each(cases)('%s: %s (%s)', (_id, _says, id, p) => {
    expect(verdict(instead(kernelOf(id), p.fault.funcs), p)).toBe('refuted');
  });
});

it('E4.1 is of the flag that WFI sets: gated proposals lose nothing', () => {
  const p = byId('E4.1');
  expect(['preempted-2021', 'preempted-gated', 'preempted-not-blocking'].map((id) => verdict(kernelOf(id), p))).toEqual(
    [...['refuted', 'holds', 'holds']],
  );
});

it('ER1.1 goes away with its cause', () => {
  const p = byId('ER1.1');
  expect(
    ['preempted-rfc-2020', 'preempted-gated', 'preempted-not-blocking'].map((id) => verdict(kernelOf(id), p)),
  ).toEqual([...['refuted', 'holds', 'holds']]);
});
