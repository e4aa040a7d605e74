// SPDX-License-Identifier: GPL-2.0-only
/** The laws that are asked of every kernel: bugs that Linux had break the one that they broke, and nothing else needs to. */
import { describe, expect, it } from 'vitest';
import { families, recorded } from '../../properties/claims.js';
import { floorOf, lagOf } from '../../properties/families/lag-of.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { propertyOf } from '../../src/explore/subject.js';
import { s64_toBigInt } from '../../src/lib/types.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { kernelByName } from '../../src/series/registry.js';

/** By the series that puts a bug back: the law that has to notice. */
const NOTICES = {
  'revert-17e433b54393': 'kvm.17',
  'revert-bbce3de72be5': 'accounts.2',
  'revert-b3d99f43c72b': 'time.5',
  'revert-79104becf42b': 'yield.2',
  'revert-66951e4860d3': 'accounts.3',
  'revert-3429dd57f0de': 'accounts.1',
  'revert-1560d1f6eb6b': 'lag.1',
  'revert-d4ac164bde7a': 'pick.3',
  'revert-f553741ac8c0': 'pick.4',
  'revert-493afbd187c4': 'pick.1',
  'revert-11b1b8bc2b98': 'lag.1',
  'revert-afae8002b4fd': 'lag.1',
  'revert-eab03c23c2a1': 'lag.1',
  'revert-d32960528702': 'lag.3',
  'revert-2f2fc17bab00': 'accounts.5',
  'mutant-forfeit-always': 'yield.6',
  'revert-7b270f609982': 'yield.7',
  'revert-6d1cafd8b56e': 'yield.5',
  'mutant-no-delay-zero': 'lag.2',
} as const;

describe('a bug of Linux put back', () => {
  it.each(Object.entries(NOTICES))('%s breaks %s', (series, id) => {
    const property = propertyOf(families, id);
    if (property === undefined) throw new Error(`no property ${id}`);
    expect(recorded[id]?.['v6.12.117']).toBe('holds');
    expect(ask(engine, kernelByName(series), property, { ...ASK_DEFAULTS, unshrunk: true }).verdict).toBe('refuted');
  });
});

describe('weight * lag over writes to cpu.shares', () => {
  /** Group g, 2 ms of which have run beside h, at each 512 of 512, 1024, 512, 1024, 512: its lag, and its vlag; ms. */
  function at512(name: string): { lag: number[]; vlag: number[] } {
    const kernel = kernelByName(name);
    const m = boot(kernel, {
      cpus: 1,
      hz: 250,
      base_slice: 2_800_000,
      vruntime_offset: '1000000000',
      groups: [{ name: 'g' }, { name: 'h' }],
      tasks: [
        { comm: 'inG', group: 'g' },
        { comm: 'inH', group: 'h' },
      ],
    });
    const k = drive(kernel, m, [{ ev: 'advance', ns: 2_000_000 }]);
    const g = m.se[m.task_group[1].se[0]];
    const seen = { lag: [] as number[], vlag: [] as number[] };
    const ms = (ns: bigint): number => Number((Number(ns) / 1e6).toFixed(2));
    for (const shares of [512, 1024, 512, 1024, 512]) {
      const event: MachineEvent = { ev: 'shares', cpu: 0, group: 1, shares };
      drive(kernel, m, [event]);
      if (shares !== 512) continue;
      seen.lag.push(ms(floorOf(lagOf(m, k, g))));
      seen.vlag.push(ms(s64_toBigInt(g.vlag)));
    }
    return seen;
  }

  it('comes back exactly on 6.12.117', () => {
    expect(at512('v6.12.117').lag).toEqual([-2, -2, -2]);
  });

  it('drifts on v6.19, where the entity is placed among others of which it is one', () => {
    expect(at512('v6.19').vlag).toEqual([-2, -3.33, -5.56]);
  });
});

describe('the record of the families', () => {
  it.each([
    'v2.6.38',
    'v2.6.38+directed-yield-v7',
    'v2.6.39',
    'v6.1',
    'v6.5',
    'v6.12.117',
    'v6.19-rc1',
    'v6.19',
    'v6.19-rc1+semantics-aware-v2',
  ])('has every property on %s', (kernel) => {
    const missing = families.flatMap((claim) => claim.properties.filter((p) => recorded[p.id]?.[kernel] === undefined));
    expect(missing.map((p) => p.id)).toEqual([]);
  });

  it('has as vacuous on v6.1 what is about functions that it lacks, and nothing else', () => {
    const all = families.flatMap((claim) => claim.properties);
    const lacking = all.filter(({ about }) => about !== undefined && kernelByName('v6.1').table[about] === undefined);
    const vacuous = all.filter(({ id }) => recorded[id]?.['v6.1'] === 'vacuous');
    expect(vacuous.map((p) => p.id)).toEqual(lacking.map((p) => p.id));
    expect(lacking.length).toBeGreaterThan(20);
    const { verdict, evidence } = ask(engine, kernelByName('v6.1'), propertyOf(families, 'pick.1')!, {
      ...ASK_DEFAULTS,
      unshrunk: true,
    });
    expect([verdict, evidence.note]).toEqual(['vacuous', 'about pick_eevdf(), which v6.1 lacks']);
  });

  // The same sentences, kept by another scheduler: throttling in the place of the fair server, buddies in that of eligibility.
  it.each(['fairness.4', 'time.2', 'time.4', 'yield.4', 'accounts.1'])('has %s as on v6.1', (id) => {
    expect(
      ask(engine, kernelByName('v6.1'), propertyOf(families, id)!, { ...ASK_DEFAULTS, unshrunk: true }).verdict,
    ).toBe(recorded[id]['v6.1']);
  });

  it.each(
    families
      .flatMap((claim) => claim.properties)
      .filter(
        (p) => p.int64 === undefined && recorded[p.id]?.['v6.19'] === 'refuted' && p.id.startsWith('lapic') === false,
      ),
  )('$id is refuted on v6.19', (property) => {
    expect(ask(engine, kernelByName('v6.19'), property, { ...ASK_DEFAULTS, unshrunk: true }).verdict).toBe('refuted');
  });
});
