// SPDX-License-Identifier: GPL-2.0-only
/** Constants of a patch that may be times, and steps of the clock around them. */
import { describe, expect, it } from 'vitest';
import { generateSequence, xorshift32 } from '../../src/conform/sched/generate.js';
import { timesIn } from '../../src/conform/sched/patch-times.js';

const times = (...texts: string[]) => timesIn(texts.map((text) => ({ text })));

describe('times of a patch', () => {
  it.each([
    ['\tif (delta > 6 * NSEC_PER_MSEC)', [6e6, 12e6, 18e6]],
    ['\tu64 gap = NSEC_PER_USEC * 600;', [6e5, 12e5, 18e5]],
    ['#define GAP 6000000ULL', [6e6, 12e6, 18e6]],
    ['\tif (n > 3 || n == 1024)', [1024, 2048, 3072]],
    ['\t * 6000000 in a comment', []],
    ['\tx = 1; /* 6000000 */', []],
    ['\tpr_debug("5000000");', []],
    ['\tx = 100;', []],
  ])('of %j', (text, expected) => expect(times(text)).toEqual(expected));

  it('are drawn to the ns: one less, the time, one more', () => {
    const focus = { weights: {}, times: times('if (delta >= 6 * NSEC_PER_MSEC)') };
    const { ops } = generateSequence(xorshift32(3), 'flat-nice0', { cpus: 2, length: 2000, focus });
    const drawn = new Set(ops.filter((op) => op.op === 'ADVANCE').map((op) => op.a));
    for (const ns of [5_999_999, 6_000_000, 6_000_001, 11_999_999, 12_000_001, 18_000_000]) expect(drawn).toContain(ns);
  });
});
