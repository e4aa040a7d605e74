// SPDX-License-Identifier: GPL-2.0-only
/** Does the differential run notice? Faults are planted one by one in mirrored functions. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareRuns,
  type LockstepEngine,
  modelLockstep,
  namedBy,
  nativeLockstep,
  shrinkDifference,
} from '../../src/conform/sched/differ.js';
import { generateSequence, KINDS, xorshift32 } from '../../src/conform/sched/generate.js';
import { suspectsOf } from '../../src/conform/sched/suspects.js';
import { type NativeEngine, openNativeEngine } from '../../src/native/engine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { because, missing } from '../native/tree.js';
import { type Fault, faults, withFault } from './faults.js';

const MINUTE = 60_000;

describe.skipIf(missing !== null)(`a planted fault${because}`, { timeout: 10 * MINUTE }, () => {
  const natives: NativeEngine[] = [];
  beforeAll(async () => {
    for (const cpus of [1, 2]) natives.push(await openNativeEngine({ cpus }));
  }, 5 * MINUTE);
  afterAll(() => {
    for (const native of natives) native.close();
  });

  /** Operations until the fault shows, or null after a minute. */
  function found(
    fault: Fault,
  ): { operations: number; native: NativeEngine; left: LockstepEngine; seed: number } | null {
    const until = Date.now() + MINUTE;
    let operations = 0;
    for (let seed = 0; Date.now() < until; seed++) {
      const native = natives[seed % natives.length]!;
      const left = modelLockstep(withFault(linux_6_12, fault), native.cpus);
      const ops = sequence(seed, native.cpus);
      const difference = compareRuns(left.run(ops), nativeLockstep(native).run(ops), namedBy(native));
      operations += ops.length;
      if (difference !== null) return { operations, native, left, seed };
    }
    return null;
  }

  const sequence = (seed: number, cpus: number) => {
    const kind = KINDS[(seed >> 1) % KINDS.length]!;
    const { setup, ops } = generateSequence(xorshift32(seed), kind, { cpus, length: 300, wraps: true, features: true });
    return [...setup, ...ops];
  };

  it('is found within a minute, each of them', () => {
    expect(faults.length).toBeGreaterThanOrEqual(30);
    const missed = faults.filter((fault) => found(fault) === null).map((fault) => `${fault.in}() ${fault.what}`);
    expect(missed).toEqual([]);
  });

  it('is shrunk to a few operations, and its function is suspected', () => {
    const fault = faults.find((f) => f.in === 'set_protect_slice')!;
    const { native, left, seed } = found(fault)!;
    const ops = sequence(seed, native.cpus);
    const small = shrinkDifference(left, nativeLockstep(native), ops, namedBy(native));
    expect(small.ops.length).toBeLessThan(8);
    expect(small.difference.op).toBe(small.ops.length - 1);
    expect(small.difference.field).toMatch(/\.vlag$/);
    const suspects = suspectsOf(linux_6_12, native.cpus, null, small.ops, small.difference);
    expect(suspects).toContain('set_protect_slice');
  });
});
