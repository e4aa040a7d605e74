// SPDX-License-Identifier: GPL-2.0-only
/** A property that cannot fail is worth nothing: each has a planted fault, and must see it. */
import { describe, expect, it } from 'vitest';
import { claimsOf, families, recorded } from '../../properties/claims.js';
import type { Property } from '../../properties/vocabulary.js';
import { type AskOptions, ask } from '../../src/explore/ask.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { baseKernel, findSeries, kernelByName, seriesIds, seriesKernel } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const options: AskOptions = { seed: 1, runs: 200, events: 40_000, states: 2_000, unshrunk: true };

/** Where the fault can be planted and the property says something: best where it is recorded to hold. */
function goodKernel(property: Property, kernels: readonly Kernel[]): Kernel | undefined {
  const verdicts = recorded[property.id] ?? {};
  const has = ({ table }: Kernel, name: string | undefined): boolean => name === undefined || table[name] !== undefined;
  const names = Object.keys(property.fault.funcs);
  const right = kernels.filter((kernel) => has(kernel, property.about));
  const whole = right.filter((kernel) => names.every((name) => has(kernel, name)));
  // of several series that are asked the same, each may have a function of its own for the fault
  const able = whole.length > 0 ? whole : right.filter((kernel) => names.some((name) => has(kernel, name)));
  return able.find((kernel) => verdicts[kernel.name] === 'holds') ?? able[0];
}

/** Of a property that several versions of a series share, the kernels of all of them. */
function together(list: readonly Asked[]): Asked[] {
  const byId = new Map<string, Asked>();
  for (const { p, kernels } of list) byId.set(p.id, { p, kernels: [...(byId.get(p.id)?.kernels ?? []), ...kernels] });
  return [...byId.values()];
}

interface Asked {
  p: Property;
  kernels: Kernel[];
}

const all = seriesIds().flatMap((id) => {
  const series = findSeries(id);
  const claims = claimsOf(id);
  if (series === null || claims.length === 0) return [];
  return claims.flatMap((claim) =>
    claim.properties.map((p) => ({ p, kernels: [seriesKernel(series), baseKernel(series)] })),
  );
});
const asked = together(all);
const own = findSeries('semantics-aware-v2');
const newest = own === null ? [] : [seriesKernel(own), baseKernel(own)];
const cfs = [kernelByName('v6.1')];
const general = families.flatMap((claim) =>
  // what is about CFS alone fails there
  claim.properties.map((p) => ({
    p,
    kernels: newest.some(({ table }) => p.about === undefined || p.about in table) ? newest : cfs,
  })),
);

describe.each([...asked, ...general].filter(({ p }) => p.int64 === undefined))('$p.id $p.says', ({ p, kernels }) => {
  it(`sees: ${p.fault.says}`, () => {
    const good = goodKernel(p, kernels);
    expect(good, 'a kernel that has the functions which the fault replaces').toBeDefined();
    if (good === undefined) return;
    const there = Object.entries(p.fault.funcs).filter(([name]) => good.table[name] !== undefined);
    const faulty = overridden(good, `${good.name} with a fault`, Object.fromEntries(there));
    const { verdict } = ask(engine, faulty, p, options);
    expect(verdict).toBe(p.word === 'sometimes' ? 'unreachable' : 'refuted');
  });
});

describe('planted faults', () => {
  it('are planted in every property', () => {
    const without = [...asked, ...general].filter(({ p }) => Object.keys(p.fault.funcs).length === 0);
    expect(without.map(({ p }) => p.id)).toEqual([]);
  });
});
