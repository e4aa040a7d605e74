// SPDX-License-Identifier: GPL-2.0-only
/** A campaign finds what is broken, once each, and the same whoever works. */
import {
  array,
  constantFrom,
  dictionary,
  assert as fcAssert,
  integer,
  property,
  record,
  sample,
  shuffledSubarray,
  string,
} from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driversClaim } from '../../properties/drivers.js';
import { structure } from '../../properties/structure.js';
import { ask } from '../../src/explore/ask.js';
import { Draws } from '../../src/explore/draws.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { type Plan, runCampaign, type Summary } from '../../src/fuzz/campaign.js';
import { causeOf, rawKey } from '../../src/fuzz/cause.js';
import { distanceOf, enteredKernel, FAR, steerBy } from '../../src/fuzz/focus.js';
import { type CorpusImage, mergedImages } from '../../src/fuzz/merge.js';
import { smallCover } from '../../src/fuzz/minimize.js';
import { mutated } from '../../src/fuzz/mutate.js';
import { checkScenario } from '../../src/scenario/read-scenario.js';
import { pin } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';
import { localCrew, subjectOf } from './local-crew.js';

async function campaign(target: string, only: string[], plan: Partial<Plan> = {}, members = 1): Promise<Summary> {
  const subject = await subjectOf(target, only);
  const properties = subject.properties.filter((p) => p.int64 !== 'checked').map((p) => p.id);
  return runCampaign({ properties, seed: 1, events: 1500, guided: true, ...plan }, localCrew(subject, members));
}

const told = ({ findings, events, runs }: Summary) => ({
  events,
  runs,
  findings: findings.map(({ cause, events: list, scenario, seen }) => ({ cause, list, scenario, seen })),
});

describe('a campaign', () => {
  it('finds a bug that Linux once had, shrinks it, counts it again, and knows that the base is without it', async () => {
    const { findings, stopped } = await campaign('revert-44d527170731', ['lapic.9']);
    expect(stopped).toBe('events');
    expect(findings).toHaveLength(1);
    const [found] = findings;
    expect(found.property).toBe('lapic.9');
    expect(found.message).toContain('APIC with this id is');
    expect(found.onBase).toBe(false);
    expect(found.events.length).toBeLessThan(found.foundAt);
    expect(found.seen).toBeGreaterThan(1);
  });

  it('is the same for the same seed, whoever works', async () => {
    const [target, only, plan] = ['revert-44d527170731', ['lapic.9', 'lapic.10', 'pick.1'], { events: 3000 }] as const;
    const once = told(await campaign(target, [...only], plan));
    expect(told(await campaign(target, [...only], plan, 3))).toEqual(once);
    expect(once.findings.length).toBeGreaterThan(0);
  });

  it('marks what the base shows as well', async () => {
    const { findings } = await campaign('revert-f210f7572bed', ['realtime.4']);
    expect(findings.map(({ onBase }) => onBase)).toEqual([true]);
  });

  it('in parts finds what it finds as a whole, where it goes by nothing', async () => {
    const only = ['lapic.6', 'lapic.9', 'pick.1', 'lag.1'];
    const plan = { guided: false, events: 3000 };
    const whole = await campaign('revert-f210f7572bed', only, plan);
    const parts = await Promise.all(
      [0, 1].map((index) => campaign('revert-f210f7572bed', only, { ...plan, shard: { index, of: 2 } })),
    );
    const causes = (all: readonly Summary[]) => [...new Set(all.flatMap((s) => s.findings.map((f) => f.cause)))].sort();
    expect(causes(parts)).toEqual(causes([whole]));
    expect(parts[0].events + parts[1].events).toBe(whole.events);
    expect(parts.every((it) => it.runs > 0)).toBe(true);
  });

  it('begins with what an earlier one kept, and says what of it does not run', async () => {
    const [{ property, scenario, events }] = (await campaign('revert-44d527170731', ['lapic.9'])).findings;
    const corpus = [
      { property, scenario, events },
      { property: 'gone.1', scenario, events },
    ];
    const again = await campaign('revert-44d527170731', ['lapic.9'], { corpus, events: 1, seed: 99 });
    expect(again.findings.map((f) => f.property)).toEqual(['lapic.9']);
    expect(again.findings[0].after).toBe(0);
    expect(again.refused.map(({ why }) => why)).toEqual([expect.stringContaining('gone.1 is not asked')]);
  });

  it('ends when it is interrupted, with what is known by then', async () => {
    const subject = await subjectOf('v6.12.117', ['structure']);
    const summary = await runCampaign({ properties: ['structure.1'], seed: 1, guided: true }, localCrew(subject), {
      interrupted: Promise.resolve(),
    });
    expect(summary.stopped).toBe('interrupted');
  });
});

describe('where a series is', () => {
  it('is told by calls: the function itself, its callers, and theirs', async () => {
    const { own, brought } = await subjectOf('revert-17e433b54393');
    const entered = enteredKernel(own, brought);
    const m = machineEngine.boot(entered?.kernel ?? own, { cpus: 1, tasks: [{ comm: 'a' }] });
    expect(entered?.take()).toBe(FAR + 1);
    const k = bind(entered?.kernel ?? own, m, null);
    machineEngine.apply(k, { ev: 'tick', cpu: 0 });
    expect(entered?.take()).toBe(FAR + 1);
    const far = ['kvm_arch_dy_runnable', 'vcpu_dy_runnable', 'kvm_vcpu_on_spin'].map((name) => {
      try {
        (k as unknown as Record<string, (...args: unknown[]) => unknown>)[name]({});
      } catch {
        // it is entered, and there is no vCPU
      }
      return entered?.take();
    });
    expect(far).toEqual([0, 0, 2]);
  });

  it('is where events go: most of them in worlds that get there, by the kinds that do', async () => {
    const near = await campaign('revert-17e433b54393', ['kvm.17', 'lag.1', 'pick.1', 'yield.1'], { events: 4000 });
    const of = (id: string): number => near.asked.get(id)?.runs ?? 0;
    expect(of('kvm.17')).toBeGreaterThan(2 * (of('lag.1') + of('pick.1') + of('yield.1')));
    expect(distanceOf({ pause: [4, 1, 0, 0, 0], tick: [9, 0, 3, 0, 0] })).toBe(0);
    expect(distanceOf({ pause: [4, 0, 0, 0, 0] })).toBe(FAR + 1);
    const steer = steerBy({ pause: [4, 2, 0, 0, 0], tick: [8, 0, 8, 0, 0] });
    expect(steer?.pause).toBeGreaterThan(steer?.tick ?? 9);
  });
});

describe('structure', () => {
  it.each(structure.properties.map((p) => [p.id, p] as const))(
    '%s holds on the pin, and fails with its fault',
    (_, p) => {
      const options = { seed: 1, runs: 12, events: 600, states: 1, unshrunk: true };
      const { verdict, example } = ask(machineEngine, pin, p, options);
      expect([verdict, example?.message]).toEqual(['holds', undefined]);
      expect(ask(machineEngine, overridden(pin, 'faulty', p.fault.funcs), p, options).verdict).toBe('refuted');
    },
  );
});

describe('drivers', () => {
  it('do the same on the pin, and not where a kernel keeps something outside of its machine', () => {
    const options = { seed: 1, runs: 6, events: 150, states: 1, unshrunk: true };
    const [{ fault }] = driversClaim(pin).properties;
    const faulty = overridden(pin, 'faulty', fault.funcs);
    const asked = [pin, faulty].map((kernel) =>
      ask(machineEngine, kernel, driversClaim(kernel).properties[0], options),
    );
    expect(asked.map(({ verdict }) => verdict)).toEqual(['holds', 'refuted']);
  });
});

describe('scenarios of structure', () => {
  it('are such as a file may have', () => {
    for (const { given } of structure.properties)
      for (const scenario of sample(given.scenario, { numRuns: 60, seed: 1 }))
        expect(checkScenario(JSON.parse(JSON.stringify(scenario)), 'test')).toBeDefined();
  });
});

describe('one finding', () => {
  const s = { cpus: 1, tasks: [{ comm: 'hog' }, { comm: 'T3' }] };
  const [tick, yields] = [{ ev: 'tick', cpu: 0 } as const, { ev: 'yield', cpu: 0 } as const];

  it('is one property, one function and one kind of message, whatever the numbers and names', () => {
    expect(rawKey('lag.1', 'T3 lags by -17 ns', s, tick)).toBe(rawKey('lag.1', 'hog lags by 4 ns', s, tick));
    expect(rawKey('lag.1', 'T3 lags', s, tick)).not.toBe(rawKey('lag.1', 'T3 lags', s, yields));
    expect(rawKey('lag.1', 'T3 lags', s, tick)).not.toBe(rawKey('lag.1', 'T3 leads', s, tick));
    const bug = 'kernel BUG (oops) in pick_eevdf: no entity';
    expect(causeOf('lag.1', bug, s, 'tick')).toBe(causeOf('pick.1', bug, s, 'wake'));
    expect(causeOf('lag.1', 'T3 lags', s, 'tick')).not.toBe(causeOf('lag.2', 'T3 lags', s, 'tick'));
  });
});

describe('mutation', () => {
  const entry = {
    property: 'lag.1',
    scenario: { cpus: 1 },
    events: [
      { ev: 'advance', ns: 5 },
      { ev: 'tick', cpu: 0 },
      { ev: 'yield', cpu: 0 },
    ] as const,
  };
  const around = {
    advances: [7, 9],
    other: { ...entry, events: [...entry.events] },
    scenarios: [{ cpus: 2 }],
    length: 10,
  };

  it('is the same for the same draws, within the length, and leaves the run alone', () => {
    const before = JSON.stringify(entry);
    const made = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const once = mutated({ ...entry, events: [...entry.events] }, new Draws(i), around);
      expect(mutated({ ...entry, events: [...entry.events] }, new Draws(i), around)).toEqual(once);
      expect(once.items?.length).toBeLessThanOrEqual(10);
      made.add(JSON.stringify(once));
    }
    expect(JSON.stringify(entry)).toBe(before);
    expect(made.size).toBeGreaterThan(200);
    const all = [...made].join();
    for (const sign of ['"ns":7', '"ns":9', '"cpu":1', '"cpus":2']) expect(all).toContain(sign);
  });
});

describe('a small cover', () => {
  const items = array(record({ features: array(integer({ min: 0, max: 30 })), cost: integer({ min: 0, max: 9 }) }), {
    maxLength: 20,
  });

  it('shows all that the whole shows, and nothing in it is idle', () => {
    fcAssert(
      property(items, (all) => {
        const kept = smallCover(all);
        const of = (places: readonly number[]) => new Set(places.flatMap((i) => all[i].features));
        expect(of(kept)).toEqual(of([...all.keys()]));
        expect(kept.length).toBeLessThanOrEqual(of(kept).size);
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe('merging', () => {
  const short = string({ maxLength: 3 });
  const named = dictionary(constantFrom('a', 'b', 'c', 'd'), short);
  const image = record({
    entries: named,
    campaigns: named,
    findings: dictionary(constantFrom('x', 'y', 'z'), record({ json: short, text: short, token: short })),
  }).map(
    ({ entries, campaigns, findings }): CorpusImage => ({
      entries: new Map(Object.entries(entries)),
      campaigns: new Map(Object.entries(campaigns)),
      findings: new Map(Object.entries(findings)),
    }),
  );
  const flat = (it: CorpusImage) => JSON.stringify([[...it.entries], [...it.findings], [...it.campaigns]]);

  it('does not depend on the order, nor on how often, nor on what was merged before', () => {
    const several = array(image, { minLength: 1, maxLength: 4 }).chain((all) =>
      shuffledSubarray(all, { minLength: all.length }).map((other) => ({ all, other })),
    );
    fcAssert(
      property(several, ({ all, other }) => {
        const whole = flat(mergedImages(all));
        expect(flat(mergedImages(other))).toBe(whole);
        expect(flat(mergedImages([...all, ...all]))).toBe(whole);
        expect(flat(mergedImages([mergedImages(all), all[0]]))).toBe(whole);
        expect(flat(mergedImages([mergedImages(all.slice(0, 1)), mergedImages(all.slice(1))]))).toBe(whole);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
