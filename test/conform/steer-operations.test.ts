// SPDX-License-Identifier: GPL-2.0-only
/** Operations on the kernel's own C are spent where a patch is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPatch, type PatchCheckOptions } from '../../src/conform/sched/patch-check.js';
import { functionsAt, isSteered, weightsOf } from '../../src/conform/sched/steer-operations.js';
import { findTree } from '../../src/native/find-tree.js';
import { applySeries } from '../../src/native/patch.js';
import type { OpName } from '../../src/operation/sched.js';
import { because, missing } from '../native/tree.js';

const FAIR = 'kernel/sched/fair.c';
const tally = (op: OpName, all: number, moved: readonly (readonly [number, number])[]) =>
  [op, { all, moved: new Map(moved) }] as const;

describe('operations', () => {
  it('are weighted by the branches that they take, the rare ones as much as the common ones', () => {
    const weights = weightsOf(
      new Map([
        tally('TICK', 100, [[0, 100]]),
        tally('YIELD', 100, [
          [0, 100],
          [1, 5],
        ]),
        tally('WAKE', 100, []),
      ]),
    );
    expect(weights).toEqual({ TICK: 22, YIELD: 88 });
  });

  it('are drawn as ever where all lead there alike, or none does', () => {
    expect(weightsOf(new Map([tally('TICK', 10, [[0, 10]]), tally('YIELD', 50, [[0, 50]])]))).toEqual({});
    expect(weightsOf(new Map([tally('TICK', 10, []), tally('YIELD', 50, [])]))).toEqual({});
  });

  it('lead to the functions around the lines', () => {
    const functions = new Map([['a.c', new Map([['f', { calls: 0, from: 3, to: 9 }]])]]);
    expect(functionsAt({ lines: new Map(), functions }, [{ file: 'a.c', line: 9 }])).toEqual(new Set(['f']));
    expect(functionsAt({ lines: new Map(), functions }, [{ file: 'a.c', line: 10 }])).toEqual(new Set());
  });

  it('are steered in half of the sequences of each kind', () => {
    expect([1, 9, 10, 19, 20].map(isSteered)).toEqual([true, true, false, false, true]);
  });
});

describe.skipIf(missing !== null)(`a patch that the stock draw rarely reaches${because}`, { timeout: 300_000 }, () => {
  it('is found by steering, and by the same seed in the same way', async () => {
    const base = await findTree();
    const text = readFileSync(join(base.dir, FAIR), 'utf8').split('\n');
    const at = text.findIndex((line) => line.startsWith('int sched_group_set_idle('));
    const place = text.findIndex((line, i) => i > at && line.includes('idle_task_delta = grp_cfs_rq->h_nr_queued'));
    const added = ['\t\tif (se->on_rq && grp_cfs_rq->nr_running > 3)', '\t\t\tse->deadline += 1;'];
    const hunk = `@@ -${place + 1},1 +${place + 1},3 @@\n${added.map((line) => `+${line}\n`).join('')} ${text[place]}\n`;
    const [step] = await applySeries(base, [{ subject: 'x', diff: `--- a/${FAIR}\n+++ b/${FAIR}\n${hunk}` }]);
    const check = (more: Partial<PatchCheckOptions>) =>
      checkPatch(base, step!.tree, step!.added, { operations: 2_500, seed: 1, cpus: 2, ...more });
    const stock = await check({ parts: ['lock-step'], operations: 6_000, weights: {} });
    expect(stock.lockstep.finding).toBeNull();
    const parts = ['lock-step', 'added lines'] as const;
    const [steered, again] = [await check({ parts }), await check({ parts })];
    expect(steered.lockstep.finding?.ops.at(-1)?.op).toBe('GROUP_IDLE');
    expect(steered.added.every(({ count }) => (count ?? 0) > 0)).toBe(true);
    expect([again.lockstep, again.added]).toEqual([steered.lockstep, steered.added]);
  });
});
