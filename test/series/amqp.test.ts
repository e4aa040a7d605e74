// SPDX-License-Identifier: GPL-2.0-only
/**
 * The benchmark of directed-yield-v7 in shape: nothing is lost without overcommit, and beside two and four loops the guest that shares
 * a lock does more than on a kernel without pause exits. Laps of programs, not messages per second; only the signs are held, and
 * these only for how long a lock is held here.
 */
import { describe, expect, it } from 'vitest';
import { toNumber } from '../../src/lib/types.js';
import { boot } from '../../src/machine/boot.js';
import type { machine } from '../../src/machine/state.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';
import { simulate } from '../bench/simulate.js';

/** What measures allow a scenario. */
const EVENTS_MAX = 400_000;

/** A scenario of the catalogue to its end. */
function ran(name: string, scenario: string, knobs?: Record<string, number>): machine {
  const kernel = kernelByName(name);
  const named = namedScenario(scenario) as Scenario;
  const m = boot(kernel, knobs === undefined ? named : { ...named, knobs });
  // a run that is cut off says nothing: pause exits that get nowhere make events by the hundred thousand
  const n = simulate(bind(kernel, m), named.until ?? 0, EVENTS_MAX);
  expect(n).toBeLessThan(EVENTS_MAX);
  return m;
}

/** Laps of the guest that shares a lock. */
function laps(name: string, loops: number, knobs: Record<string, number>): number {
  const m = ran(name, `amqp-${loops}`, knobs);
  return m.vcpu.filter((vcpu) => vcpu.kvm === 0).reduce((sum, { pid }) => sum + m.actor[pid].laps, 0);
}

const table = [0, 2, 4].map((loops) => ({
  loops,
  without: laps('v2.6.38', loops, { ple_gap: 0 }),
  sleeping: laps('v2.6.38', loops, {}),
  yielding: laps('v2.6.39', loops, {}),
}));

describe('amqp-0, amqp-2, amqp-4', () => {
  it('lose nothing alone', () => {
    expect(table[0].yielding).toBe(table[0].without);
  });
  it('lose to the sleep of v2.6.38 even alone, which no table shows', () => {
    expect(table[0].sleeping).toBeLessThan(table[0].without);
  });
  it.each(table.slice(1))('gain beside $loops loops', ({ without, yielding }) => {
    expect(yielding).toBeGreaterThan(without);
  });
  it('go down with every two loops', () => {
    const each = table.map(({ yielding }) => yielding);
    expect([...each].sort((a, b) => b - a)).toEqual(each);
  });
});

describe('scenarios of the directed yield', () => {
  /** ms that each guest ran */
  const times = (m: machine): number[] =>
    m.kvm.map(({ vcpus }) =>
      vcpus.reduce((sum, v) => sum + toNumber(m.se[m.task[m.vcpu[v].pid].se].sum_exec_runtime) / 1e6, 0),
    );
  const lapsOf = (m: machine): number => m.vcpu.reduce((sum, { pid }) => sum + (m.actor[pid]?.laps ?? 0), 0);
  const share = (m: machine): number => times(m)[0] / (times(m)[0] + times(m)[1]);

  it('boot-64 gets further when nobody sleeps on the lock', () => {
    expect(lapsOf(ran('v2.6.39', 'boot-64'))).toBeGreaterThan(lapsOf(ran('v2.6.38', 'boot-64')));
  });

  it.each(['spin-beside-compute', 'spin-nested'])('%s: no guest gives its time away', (scenario) => {
    expect(Math.abs(share(ran('v2.6.38', scenario)) - 0.5)).toBeGreaterThan(0.05);
    expect(Math.abs(share(ran('v2.6.39', scenario)) - 0.5)).toBeLessThan(0.03);
  });

  it('amqp-2 comes to its end on the series as posted, too', () => {
    expect(lapsOf(ran('directed-yield-v7', 'amqp-2'))).toBeGreaterThan(0);
  });
});
