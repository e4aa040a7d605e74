// SPDX-License-Identifier: GPL-2.0-only
import { assert, bigInt, constantFrom, property } from 'fast-check';
import { expect, it } from 'vitest';
import { timeOfTsc, tscAt } from '../../src/lib/tsc.js';
import { toBigInt, u64 } from '../../src/lib/types.js';

const khz = constantFrom(1_000_000, 999_999, 2_400_000, 2_899_886, 3_400_001);
/** up to 29 years, whose cycles still fit */
const ns = bigInt(0n, 2n ** 60n);

it('the TSC at a time is the floor of the exact product', () => {
  assert(
    property(ns, khz, (t, f) => {
      expect(toBigInt(tscAt(u64(t), f))).toBe((t * BigInt(f)) / 1_000_000n);
    }),
  );
});

it('the time of a TSC is the first at which it shows that much', () => {
  assert(
    property(ns, khz, (tsc, f) => {
      const at = toBigInt(timeOfTsc(u64(tsc), f));
      const shown = (t: bigint): bigint => (t * BigInt(f)) / 1_000_000n;
      expect(shown(at)).toBeGreaterThanOrEqual(tsc);
      if (at > 0n) expect(shown(at - 1n)).toBeLessThan(tsc);
    }),
  );
});
