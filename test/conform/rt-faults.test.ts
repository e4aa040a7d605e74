// SPDX-License-Identifier: GPL-2.0-only
/** Does the differential run notice faults of the real-time class? */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareRuns, modelLockstep, namedBy, nativeLockstep } from '../../src/conform/sched/differ.js';
import { generateSequence, xorshift32 } from '../../src/conform/sched/generate.js';
import { type NativeEngine, openNativeEngine } from '../../src/native/engine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { because, missing } from '../native/tree.js';
import { type Fault, withFault } from './faults.js';
import { rtFaults } from './rt-faults.js';

const MINUTE = 60_000;
/** sequences for each */
const ENOUGH = 1000;

describe.skipIf(missing !== null)(`a fault planted in the real-time class${because}`, { timeout: 10 * MINUTE }, () => {
  const natives: NativeEngine[] = [];
  beforeAll(async () => {
    for (const cpus of [2, 4]) natives.push(await openNativeEngine({ cpus }));
  }, 5 * MINUTE);
  afterAll(() => {
    for (const native of natives) native.close();
  });

  const sequences = new Map<number, ReturnType<typeof made>>();
  const made = (seed: number) => {
    const native = natives[seed % natives.length]!;
    const { setup, ops } = generateSequence(xorshift32(seed), 'realtime-storm', { cpus: native.cpus, length: 300 });
    const all = [...setup, ...ops];
    return { native, ops: all, right: nativeLockstep(native).run(all) };
  };

  /** The seed that shows the fault; -1 for none. */
  function found(fault: Fault): number {
    const kernel = withFault(linux_6_12, fault);
    for (let seed = 0; seed < ENOUGH; seed++) {
      const it = sequences.get(seed) ?? made(seed);
      sequences.set(seed, it);
      const left = modelLockstep(kernel, it.native.cpus).run(it.ops);
      if (compareRuns(left, it.right, namedBy(it.native)) !== null) return seed;
    }
    return -1;
  }

  it('is found, each of them', () => {
    expect(rtFaults.length).toBeGreaterThanOrEqual(30);
    const missed = rtFaults.filter((fault) => found(fault) < 0).map((fault) => `${fault.in}() ${fault.what}`);
    expect(missed).toEqual([]);
  });
});
