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

const has = ({ table }: Kernel, name: string | undefined): boolean => name === undefined || table[name] !== undefined;

/** Where the fault can be planted: the kernel has its functions, or, of several series asked the same, some of them. */
function ableOf(property: Property, kernels: readonly Kernel[]): readonly Kernel[] {
  const names = Object.keys(property.fault.funcs);
  const right = kernels.filter((kernel) => has(kernel, property.about));
  const whole = right.filter((kernel) => names.every((name) => has(kernel, name)));
  return whole.length > 0 ? whole : right.filter((kernel) => names.some((name) => has(kernel, name)));
}

/** A kernel on which the property holds without the fault: where it is refuted anyway a fault shows nothing. */
function goodKernel(property: Property, kernels: readonly Kernel[]): Kernel | undefined {
  const verdicts = recorded[property.id] ?? {};
  const elsewhere = Object.keys(verdicts).filter((name) => verdicts[name] === 'holds');
  return [kernels, elsewhere.map(kernelByName)]
    .flatMap((some) => ableOf(property, some))
    .find(({ name }) => verdicts[name] === 'holds');
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

const every = [...asked, ...general].filter(({ p }) => p.int64 === undefined);
const planted = every.flatMap(({ p, kernels }) => {
  const good = goodKernel(p, kernels);
  return good === undefined ? [] : [{ p, good }];
});

describe.each(planted)('$p.id $p.says', ({ p, good }) => {
  it(`sees: ${p.fault.says}`, () => {
    const there = Object.entries(p.fault.funcs).filter(([name]) => has(good, name));
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

  it('are left out only where the kernel itself is what shows that the property can fail', () => {
    const left = every.filter(({ p }) => planted.every((it) => it.p !== p));
    const shown = (p: Property): boolean => {
      const verdicts = Object.values(recorded[p.id] ?? {});
      return verdicts.includes(p.word === 'sometimes' ? 'unreachable' : 'refuted') && !verdicts.includes('holds');
    };
    expect(left.filter(({ p }) => !shown(p)).map(({ p }) => p.id)).toEqual([]);
  });
});
