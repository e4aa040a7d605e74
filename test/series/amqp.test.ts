// SPDX-License-Identifier: GPL-2.0-only
/**
 * The benchmark of directed-yield-v7 in shape: nothing is lost without overcommit, and beside two and four loops the guest that shares
 * a lock does more than on a kernel without pause exits. Laps of programs, not messages per second; only the signs are held, and
 * these only for how long a lock is held here.
 */
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';
import { simulate } from '../bench/simulate.js';

/** Laps of the guest that shares a lock, in 100 ms. */
function laps(name: string, loops: number, knobs: Record<string, number>): number {
  const kernel = kernelByName(name);
  const m = boot(kernel, { ...(namedScenario(`amqp-${loops}`) as Scenario), knobs });
  simulate(bind(kernel, m), 100_000_000, 100_000);
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
