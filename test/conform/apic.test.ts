// SPDX-License-Identifier: GPL-2.0-only
/** The local APICs beside the tree's own lapic.c: they agree, and a planted fault is noticed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApicPair, apicDifferential, apicSequenceOf, shrinkApic } from '../../src/conform/apic/differ.js';
import { apicCalls, apicSuspects } from '../../src/conform/apic/held.js';
import { type LapicEngine, openLapicEngine } from '../../src/native/lapic-engine.js';
import type { ApicOperation } from '../../src/operation/apic.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { because, missing } from '../native/tree.js';
import { apicFaults } from './apic-faults.js';
import { type Fault, withFault } from './faults.js';

const MINUTE = 60_000;

describe.skipIf(missing !== null)(`local APICs beside C${because}`, { timeout: 10 * MINUTE }, () => {
  let native: LapicEngine;
  beforeAll(async () => {
    native = await openLapicEngine();
  }, 5 * MINUTE);
  afterAll(() => native?.close());

  /** Operations until the fault shows, or null when it has not within a minute. */
  function found(fault: Fault): { operations: number; pair: ApicPair; ops: readonly ApicOperation[] } | null {
    const pair = new ApicPair(withFault(linux_6_12, fault), native);
    const until = Date.now() + MINUTE;
    for (let [operations, seed] = [0, 0]; Date.now() < until; seed++) {
      const { ops } = apicSequenceOf(seed);
      const { difference, done } = pair.compare(ops);
      operations += done;
      if (difference !== null) return { operations, pair, ops: ops.slice(0, difference.op + 1) };
    }
    return null;
  }

  it('agree in every word and in every call out of them', () => {
    const { finding, operations } = apicDifferential(new ApicPair(linux_6_12, native), { operations: 20_000, seed: 1 });
    expect(finding).toBe(null);
    expect(operations).toBeGreaterThanOrEqual(20_000);
  });

  it('show each planted fault within a minute', () => {
    expect(apicFaults.length).toBeGreaterThanOrEqual(60);
    const missed = apicFaults.filter((fault) => found(fault) === null).map((fault) => `${fault.in}() ${fault.what}`);
    expect(missed).toEqual([]);
  });

  it('shrink what shows a fault, and suspect its function', () => {
    const { pair, ops } = found(apicFaults.find((f) => f.in === 'apic_clear_irr')!)!;
    const small = shrinkApic(ops, (candidate) => {
      const { difference } = pair.compare(candidate);
      return difference === null ? null : candidate.slice(0, difference.op + 1);
    });
    const { difference } = pair.compare(small);
    expect(small.length).toBeLessThan(8);
    expect(difference).toMatchObject({ op: small.length - 1, field: expect.stringMatching(/^c\d irr_pending$/) });
    expect(apicSuspects(linux_6_12, native, null, small, difference!).slice(0, 3)).toContain('apic_clear_irr');
  });

  it('are called alike: as often each function of lapic.c, and nearly all of its lines', async () => {
    const counting = await openLapicEngine({ variant: 'cov' });
    const { calls, coverage } = apicCalls(linux_6_12, native, counting, { operations: 20_000, seed: 5 });
    counting.close();
    const functions = coverage.functions.get('arch/x86/kvm/lapic.c')!;
    const mirrored = [...functions].filter(([name]) => calls.has(name));
    expect(mirrored.length).toBeGreaterThan(110);
    const uneven = mirrored.filter(([name, c]) => c.calls !== calls.get(name)).map(([name]) => name);
    expect(uneven).toEqual([]);
    const lines = [...coverage.lines.get('arch/x86/kvm/lapic.c')!.values()];
    expect(lines.filter((n) => n > 0).length / lines.length).toBeGreaterThan(0.93);
  });
});
