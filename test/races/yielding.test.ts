// SPDX-License-Identifier: GPL-2.0-only
/** Two corrections of the directed yield that no event by itself can show: before and after, in every order. */
import { describe, expect, it } from 'vitest';
import { yieldingTests } from '../../properties/races/yielding.js';
import { settle } from '../../src/machine/settle.js';
import type { Interleaved } from '../../src/races/every-order.js';
import { steppedTableOf } from '../../src/races/series-modules.js';
import { kernelByName } from '../../src/series/registry.js';
import { interleave } from './interleave.js';

async function found(name: string, test: string, storeBuffers: boolean): Promise<Interleaved> {
  const kernel = kernelByName(name);
  const litmus = yieldingTests(kernel).find((it) => it.name.includes(test));
  if (litmus === undefined) throw new Error(`${name} is not asked about ${test}`);
  const table = await steppedTableOf(kernel, litmus.stops);
  return interleave(table, kernel, litmus, (k, m) => settle(k, m as never), { storeBuffers });
}

describe.each([false, true])('store buffers %s', (storeBuffers) => {
  describe('5d808c78d972: a wake-up of the target waits for its pi_lock', () => {
    it.each(['directed-yield-v7', 'v2.6.39', 'v6.1', 'revert-5d808c78d972'])('%s: refuted', async (name) => {
      const { broken, complete } = await found(name, 'woken meanwhile', storeBuffers);
      expect(complete).toBe(true);
      expect(broken?.message).toBe('CPU 0 names target next on CPU 2, whose lock it does not hold');
      expect(broken?.steps.some(({ until }) => until.startsWith('yield_to(): a wake-up on a third CPU'))).toBe(true);
    });

    it.each(['v6.12.117', 'v6.19'])('%s: holds, the yield being stopped at the same place', async (name) => {
      const { broken, complete, ends } = await found(name, 'woken meanwhile', storeBuffers);
      expect({ broken, complete }).toEqual({ broken: null, complete: true });
      expect(ends).toBeGreaterThan(1);
    });
  });

  describe('49f683b41f28: last_boosted_vcpu is read once', () => {
    it('revert-49f683b41f28: refuted', async () => {
      const { broken } = await found('revert-49f683b41f28', 'a scan', storeBuffers);
      expect(broken?.message).toMatch(/^vCPU 0 asks .* in one scan of vCPUs 1, 2, 3, 4$/);
    });

    it.each(['v6.1', 'v6.12.117', 'v6.19'])('%s: holds', async (name) => {
      const { broken, complete, ends, stops } = await found(name, 'a scan', storeBuffers);
      expect({ broken, complete }).toEqual({ broken: null, complete: true });
      expect(ends).toBeGreaterThan(0);
      expect(stops).toBeGreaterThan(5);
    });
  });
});

it('is asked of no kernel without directed yield', () => {
  expect(yieldingTests(kernelByName('v2.6.38'))).toEqual([]);
});
