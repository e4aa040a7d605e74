// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { xorshift32 } from '../../src/conform/sched/generate.js';
import { compareSingleFunctions, isMirrored, SINGLE_FUNCTIONS } from '../../src/conform/sched/single-functions.js';
import { add, u64 } from '../../src/lib/types.js';
import { openNativeEngine } from '../../src/native/engine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { because, missing } from '../native/tree.js';

describe.skipIf(missing !== null)(`single functions on extreme operands${because}`, { timeout: 300_000 }, () => {
  it('are the same in model and C code', async () => {
    const native = await openNativeEngine({});
    try {
      const result = compareSingleFunctions(linux_6_12, native, xorshift32(2026), 2000);
      const functions = SINGLE_FUNCTIONS.filter((name) => isMirrored(linux_6_12, name)).length;
      expect(functions).toBe(14);
      expect(result).toMatchObject({ functions, calls: 2000 * functions, absent: [], differences: [] });
    } finally {
      native.close();
    }
  });

  it('are not when one is wrong', async () => {
    const native = await openNativeEngine({});
    const right = linux_6_12.table['calc_delta_fair']!;
    const table = {
      ...linux_6_12.table,
      calc_delta_fair(this: unknown, ...args: unknown[]) {
        return add(right.apply(this, args), u64(1));
      },
    };
    try {
      const { differences } = compareSingleFunctions({ name: 'wrong', table }, native, xorshift32(1), 300);
      expect(differences.map((d) => d.name)).toEqual(
        expect.arrayContaining(['calc_delta_fair', 'entity_lag', 'update_deadline']),
      );
    } finally {
      native.close();
    }
  });
});
