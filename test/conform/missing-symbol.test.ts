// SPDX-License-Identifier: GPL-2.0-only
/** A function that a patch calls and nothing provides ends a sequence; it never refutes. */
import { describe, expect, it } from 'vitest';
import { compareRuns, type LockstepEnding, type LockstepEngine } from '../../src/conform/sched/differ.js';
import { askOrSkip, missingIn, upToMissing } from '../../src/conform/sched/missing-symbol.js';
import type { Batch, NativeEngine } from '../../src/native/engine.js';
import { type Operation, operation } from '../../src/operation/sched.js';

const ops: readonly Operation[] = [operation('FORK'), operation('SCHEDULE'), operation('YIELD'), operation('TICK')];

/** Answers its number to each operation, and ends at `ending`. */
const engine = (ending: LockstepEnding | null, from = 0): LockstepEngine => ({
  name: 'fake',
  run: (given) => ({
    answers: given.slice(0, ending?.op ?? given.length).map((_, i) => ({ r: i < 3 ? i : i + from, words: [] })),
    ending,
  }),
});

const compare = (base: LockstepEngine, patched: LockstepEngine) => {
  const sides = upToMissing(base, patched);
  const difference = compareRuns(sides.base.run(ops), sides.patched.run(ops), () => null);
  return { difference, missing: [...sides.missing] };
};

describe('a missing function', () => {
  const trap = { op: 2, kind: 'trap', what: 'schedule_timeout' };

  it('ends the comparison where it is called, and is named', () => {
    expect(compare(engine(null), engine(trap))).toEqual({ difference: null, missing: ['schedule_timeout'] });
  });

  it('hides neither a difference before it nor a death of another kind', () => {
    const early: LockstepEngine = {
      name: 'early',
      run: () => ({
        answers: [
          { r: 9, words: [] },
          { r: 1, words: [] },
        ],
        ending: trap,
      }),
    };
    expect(compare(engine(null), early).difference).toMatchObject({ op: 0, field: 'r', left: '0', right: '9' });
    const oops = compare(engine(null), engine({ op: 2, kind: 'oops', what: '0x0' }));
    expect(oops).toMatchObject({ difference: { op: 2, field: 'end', right: 'oops: 0x0' }, missing: [] });
    expect(compare(engine(null), engine(null, 1)).difference).toMatchObject({ op: 3, field: 'r' });
  });

  it('leaves a question skipped', () => {
    const batch = (kind: string) => ({ results: [], warnings: [], ending: { kind, what: 'schedule_timeout' } });
    const native = (kind: string) =>
      ({ name: 'x', run: () => batch(kind) as unknown as Batch }) as unknown as NativeEngine;
    const ask = (asked: NativeEngine) =>
      ({ verdict: 'refuted', evidence: String(asked.run([]).ending?.kind) }) as const;
    expect(askOrSkip(native('trap'), ask)).toEqual({
      verdict: 'skipped',
      evidence: 'schedule_timeout() is called, which is not provided here',
    });
    expect(askOrSkip(native('bug'), ask)).toEqual({ verdict: 'refuted', evidence: 'bug' });
    expect(missingIn(null)).toBeNull();
  });
});
