// SPDX-License-Identifier: GPL-2.0-only
/** The runner on the machine itself. */
import { constant } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { always, type Monitor, type Property, sometimes, type World } from '../../properties/vocabulary.js';
import { freshMachine } from '../../src/explore/boot-cache.js';
import { runCase } from '../../src/explore/case.js';
import { Decoder } from '../../src/explore/decode.js';
import { runExhaustive } from '../../src/explore/exhaustive.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { measure } from '../../src/explore/measures.js';
import { runRandom } from '../../src/explore/random.js';
import { transcriptOf } from '../../src/explore/transcript.js';
import { cloneMachine } from '../../src/machine/clone.js';
import { fingerprint } from '../../src/machine/fingerprint.js';
import { nextRng } from '../../src/machine/rng.js';
import { catalogue } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName, pin } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const base = kernelByName('v6.19-rc1');
const patched = kernelByName('v6.19-rc1+semantics-aware-v2');
const host: Scenario = { cpus: 1, tasks: [{ comm: 'A' }, { comm: 'B' }, { comm: 'C', nice: 5 }] };
const guests: Scenario = {
  cpus: 2,
  groups: [{ name: 'vm' }],
  tasks: [{ comm: 'A' }],
  vms: [{ name: 'vm', vcpus: 3, group: 'vm' }],
};
const weights: World['weights'] = {
  ...{ advance: 20, tick: 10, yield: 3, yield_to: 6, block: 4, wake: 6, nice: 2, shares: 1, schedule: 2 },
  ...{ pause: 8, hlt: 2, ipi: 4, eoi: 4, cpl: 2, intr: 2, if: 1 },
};
const fault = { says: '', funcs: {} };
const given = { scenario: constant(guests), weights, length: 80 };
const property = (word: typeof always, watch: () => Monitor, more: Partial<World> = {}): Property =>
  word('a test', { of: 'T1.1', given: { ...given, ...more }, watch, fault });

describe('random runs of the machine', () => {
  it('keep every invariant, on three kernels', () => {
    for (const kernel of [pin, base, patched]) {
      const p = property(always, () => ({ after: (step) => step.reach() }));
      const { failure, events } = runRandom({ engine, kernel, property: p, seed: 3, runs: 20, witness: true });
      expect(failure).toBeNull();
      expect(events).toBeGreaterThan(1000);
    }
  });

  it('see a machine whose sums are wrong', () => {
    const faulty = overridden(base, 'faulty', { avg_vruntime_sub() {}, sum_w_vruntime_sub() {} });
    const p = property(always, () => ({}), { scenario: constant(host) });
    const { failure } = runRandom({ engine, kernel: faulty, property: p, seed: 3, runs: 40, witness: true });
    expect(failure?.message).toMatch(/^machine: /);
  });

  it('come to every kind of event that the world weighs', () => {
    const m = engine.boot(patched, guests);
    const k = bind(patched, m);
    const decoder = new Decoder(given, engine, m);
    const seen = new Set<string>();
    for (let i = 0, x = 1; i < 4000; i++) {
      x = nextRng(x);
      const event = decoder.event(m, x);
      expect(engine.legal(m, event), JSON.stringify(event)).toBe(true);
      seen.add(event.ev);
      engine.apply(k, event);
    }
    seen.delete('pollEnd'); // comes by itself where a halting vCPU polls, which takes a short block before
    expect([...seen].sort()).toEqual(Object.keys(weights).sort());
  });

  it('give the same machine, copied or booted', () => {
    const copies = [0, 1, 2].map(() => freshMachine(engine, base, guests));
    expect(copies[2]).toEqual(engine.boot(base, guests));
    expect(fingerprint(copies[1])).toEqual(fingerprint(copies[2]));
    copies[1].task[3].comm = 'changed';
    expect(freshMachine(engine, base, guests)).toEqual(copies[2]);
  });

  it('find the same, seed for seed, whoever else was asked before', () => {
    const p = property(always, () => ({
      after(step) {
        step.reach();
        if (step.m.rq[0].yld_count > 2) step.fail(`${step.m.rq[0].yld_count} yields`);
      },
    }));
    const once = JSON.stringify(runRandom({ engine, kernel: base, property: p, seed: 5, runs: 50 }));
    runRandom({ engine, kernel: patched, property: p, seed: 6, runs: 50 });
    expect(JSON.stringify(runRandom({ engine, kernel: base, property: p, seed: 5, runs: 50 }))).toBe(once);
  });
});

describe('the shortest example', () => {
  const p = property(sometimes, () => ({
    after(step) {
      if (step.traces.some((t) => t.event === 'sched_switch' && t.fields['next_comm'] === 'vm/2'))
        step.reach('vm/2 runs');
    },
  }));
  const { witness } = runRandom({ engine, kernel: base, property: p, seed: 1, runs: 50 });

  it('has nothing in it that it does not need', () => {
    expect(witness?.message).toBe('vm/2 runs');
    expect(witness?.events.length).toBeLessThanOrEqual(3);
    const { scenario, events } = witness as NonNullable<typeof witness>;
    for (let i = 0; i < events.length; i++) {
      const course = { events: [...events.slice(0, i), ...events.slice(i + 1)] };
      expect(runCase({ engine, kernel: base, property: p, scenario, course }).reached).toBe(0);
    }
  });

  it('is told in kernel names, kernel beside kernel', () => {
    const { scenario, events } = witness as NonNullable<typeof witness>;
    const told = transcriptOf(engine, pin, [base, patched], scenario, events);
    expect(told).toHaveLength(events.length);
    const last = told[told.length - 1].did;
    expect(Object.keys(last)).toEqual([base.name, patched.name]);
    expect(last[base.name].join('\n')).toContain('==> vm/2');
  });
});

describe('exhaustive search of the machine', () => {
  const scenario: Scenario = { cpus: 1, vruntime_offset: '2000000000000', tasks: [{ comm: 'A' }, { comm: 'B' }] };
  const menu = [
    { ev: 'advance', ns: 1_000_000 },
    { ev: 'tick', cpu: 0 },
    { ev: 'yield', cpu: 0 },
    { ev: 'block', cpu: 0 },
    { ev: 'wake', cpu: 0, task: 1 },
    { ev: 'wake', cpu: 0, task: 2 },
  ] as const;
  const input = { engine, kernel: base, states: 20_000 };

  it('reaches the same states, merged or path by path', () => {
    const states = (merge: boolean, depth: number): number => {
      const seen = new Set<string>();
      const watch = (): Monitor => ({
        after: (step) => {
          seen.add(JSON.stringify(fingerprint(step.m)));
        },
        ...(merge ? { notes: () => null } : {}),
      });
      const found = runExhaustive({ ...input, property: property(always, watch), scope: { scenario, menu, depth } });
      expect(found.complete).toBe(true);
      return seen.size;
    };
    expect(states(true, 4)).toBe(states(false, 4));
  });

  it('comes back to states that it knows, however much time has passed', () => {
    const small = { scenario, menu: menu.slice(0, 2), depth: 12 };
    const alone = { ...scenario, tasks: [{ comm: 'A' }] };
    const p = property(always, () => ({ notes: () => null }));
    const found = runExhaustive({ ...input, property: p, scope: { ...small, scenario: alone } });
    expect(found.states).toBeLessThan(200);
  });
});

describe('measures', () => {
  const few = catalogue.filter((s) => ['two-spinners', 'ping-pong'].includes(s.name));

  it('are the same for the same kernel, and leave no trace', () => {
    const once = measure(engine, base, few);
    measure(engine, patched, few);
    expect(measure(engine, base, few)).toEqual(once);
    expect(once.yields).toBeGreaterThan(0);
    expect(once.yieldsMissed).toBeLessThanOrEqual(once.yields);
    expect(once.boostsWrong).toBeLessThanOrEqual(once.boosts);
    expect(once.longestWaitVcpu).toBeGreaterThan(0);
  });

  it('see what a patch does: every yield misses, none costs, when the hint is dropped', () => {
    const deaf = overridden(base, 'deaf', { set_next_buddy() {}, yield_task_fair() {} });
    const measured = measure(engine, deaf, few);
    expect(measured.yieldCost.max).toBe(0);
    expect(measured.yieldsMissed).toBeGreaterThan(0.5 * measured.yields);
  });
});

it('a copied machine goes on as the original does', () => {
  const m = engine.boot(patched, guests);
  const decoder = new Decoder(given, engine, m);
  const k = bind(patched, m);
  for (let i = 0, x = 9; i < 200; i++) {
    x = nextRng(x);
    const n = cloneMachine(m);
    expect(n).toEqual(m);
    const event = decoder.event(m, x);
    engine.apply(k, event);
    engine.apply(bind(patched, n), event);
    expect(fingerprint(n)).toEqual(fingerprint(m));
  }
});
