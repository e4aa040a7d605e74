// SPDX-License-Identifier: GPL-2.0-only
/** v6.1 beside the C code of 6.1: no difference, and does a differential run notice a fault in what it overrides? */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareRuns,
  differential,
  type LockstepRun,
  modelLockstep,
  namedBy,
  nativeLockstep,
} from '../../src/conform/sched/differ.js';
import { generateSequence, KINDS, menuOf, xorshift32 } from '../../src/conform/sched/generate.js';
import { compareSingleFunctions } from '../../src/conform/sched/single-functions.js';
import { type NativeEngine, openNativeEngine } from '../../src/native/engine.js';
import type { Operation } from '../../src/operation/sched.js';
import { kernelByName, pin } from '../../src/series/registry.js';
import { becauseCfs, cfsTree, missingCfs } from '../native/tree.js';
import { cfsFaults } from './cfs-faults.js';
import { type Fault, withFault } from './faults.js';

const MINUTE = 60_000;
const v6_1 = kernelByName('v6.1');

describe.skipIf(missingCfs !== null)(`v6.1${becauseCfs}`, { timeout: 10 * MINUTE }, () => {
  const natives: NativeEngine[] = [];
  beforeAll(async () => {
    for (const cpus of [1, 2, 4]) natives.push(await openNativeEngine({ tree: cfsTree!, cpus }));
  }, 5 * MINUTE);
  afterAll(() => {
    for (const native of natives) native.close();
  });

  it('does what the C code does', () => {
    for (const native of natives) {
      const options = { cpus: native.cpus, length: 300, menu: menuOf(native.schema), seed: 400, operations: 2000 };
      const result = differential(modelLockstep(v6_1, native.cpus), nativeLockstep(native), namedBy(native), options);
      expect(result.finding).toBeNull();
    }
    const single = compareSingleFunctions(v6_1, natives[0]!, xorshift32(1), 200);
    expect(single).toMatchObject({ functions: 13, absent: [], differences: [] });
  });

  /** What the C code does on the sequence of a seed: the same for every fault. */
  const kept = new Map<number, { all: Operation[]; right: LockstepRun }>();
  function ofSeed(seed: number, native: NativeEngine) {
    const there = kept.get(seed);
    if (there !== undefined) return there;
    const options = { cpus: native.cpus, length: 200, menu: menuOf(native.schema) };
    const kind = KINDS[Math.floor(seed / natives.length) % KINDS.length]!;
    const { setup, ops } = generateSequence(xorshift32(seed), kind, options);
    const all = [...setup, ...ops];
    const made = { all, right: nativeLockstep(native).run(all) };
    if (kept.size < 40) kept.set(seed, made);
    return made;
  }

  function isFound(fault: Fault): boolean {
    const until = Date.now() + MINUTE;
    for (let seed = 0; Date.now() < until; seed++) {
      const native = natives[seed % natives.length]!;
      const { all, right } = ofSeed(seed, native);
      const left = modelLockstep(withFault(v6_1, fault), native.cpus).run(all);
      if (compareRuns(left, right, namedBy(native)) !== null) return true;
    }
    return false;
  }

  it('differs within a minute with each of the planted faults', () => {
    expect(cfsFaults.length).toBeGreaterThanOrEqual(30);
    // in what v6.1 has of its own
    expect(cfsFaults.filter((it) => v6_1.table[it.in] === pin.table[it.in])).toEqual([]);
    const missed = cfsFaults.filter((it) => !isFound(it)).map((it) => `${it.in}() ${it.what}`);
    expect(missed).toEqual([]);
  });
});
