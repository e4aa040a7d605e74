// SPDX-License-Identifier: GPL-2.0-only
/** IPI tracking of semantics-aware-v2, in steps of its own, in every order: what holds and what does not. */
import { beforeAll, describe, expect, it } from 'vitest';
import { trackingTests } from '../../properties/races/tracking.js';
import { settle } from '../../src/machine/settle.js';
import type { StepTable } from '../../src/races/one-order.js';
import { steppedTableOf } from '../../src/races/series-modules.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import { interleave } from './interleave.js';

const kernel = kernelByName('semantics-aware-v2');
/** null: it holds */
const recorded: Record<string, RegExp | null> = {
  'an answer against its question': /^stale: vCPU 0 still awaits vCPU 1/,
  'two questions at once': /^stale: vCPU [02] still awaits vCPU 1/,
  'an answer against a question of somebody else': /^lost: vCPU 1 forgets/,
  'an answer against the next question to somebody else': /^clobbered: vCPU 0 does not await vCPU 2/,
  'an answer against the next question': /^clobbered: vCPU 0 does not await vCPU 1/,
  'a question against an EOI of nothing that was tracked': null,
};

describe.each([false, true])('store buffers %s', (storeBuffers) => {
  let table: StepTable;
  beforeAll(async () => {
    table = await steppedTableOf(kernel);
  });

  it.each(trackingTests(kernel))('$name: as recorded', (litmus) => {
    const found = interleave(table, kernel, litmus, (k, m) => settle(k, m as never), { storeBuffers });
    const expected = recorded[litmus.name.replace('tracking: ', '')];
    expect(found.complete).toBe(true);
    if (expected === null) expect(found.broken).toBeNull();
    else expect(found.broken?.message).toMatch(expected);
  });

  it("stops in the series' own functions", () => {
    const [litmus] = trackingTests(kernel);
    const { broken } = interleave(table, kernel, litmus, (k, m) => settle(k, m as never), { storeBuffers });
    const stops = broken?.steps.map((step) => step.until.replace(/\(\).*/, '')) ?? [];
    expect(stops).toContain('kvm_track_ipi_communication');
    expect(stops).toContain('kvm_clear_ipi_on_eoi');
  });
});

it('is asked of a kernel only that has it', () => {
  expect(trackingTests(linux_6_12)).toEqual([]);
  expect(trackingTests(kernelByName('semantics-aware-v2~5'))).toEqual([]);
});

it('needs the race: where each call goes in one step, nothing is stale and nothing clobbered', async () => {
  // the answer to its question, and the one against the next question to somebody else
  const table = await steppedTableOf(kernel);
  for (const at of [0, 2]) {
    const litmus = trackingTests(kernel)[at];
    const whole = Object.fromEntries(
      Object.keys(table).map((name) => [
        name,
        // biome-ignore lint/correctness/useYield: a generator that never stops
        function* (this: { plain: Record<string, (...args: unknown[]) => unknown> }, ...args: unknown[]) {
          return this.plain[name](...args);
        },
      ]),
    );
    const found = interleave(whole as unknown as StepTable, kernel, litmus, (k, m) => settle(k, m as never));
    expect(found.complete).toBe(true);
    expect(found.broken).toBeNull();
  }
});
