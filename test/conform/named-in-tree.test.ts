// SPDX-License-Identifier: GPL-2.0-only
import { expect, it } from 'vitest';
import { namedBy, namedInTree } from '../../src/conform/sched/differ.js';
import type { NativeEngine } from '../../src/native/engine.js';
import type { Schema } from '../../src/native/format.js';

const nothing = { rq_more: [], cfs_more: [], task: [], task_more: [], se: [], se_more: [], pelt: [], tg_more: [] };
const schema = (other_names: string[], absent: string[] = []) =>
  ({
    ...nothing,
    ...{ head: ['now', 'w', 'cpus', 'tasks', 'groups'], rq: ['nr_queued'], cfs: ['sum_w_vruntime', 'load'] },
    ...{ other_names, absent },
  }) as unknown as Schema;
const engine = (...names: Parameters<typeof schema>) => ({ schema: schema(...names) }) as NativeEngine;

/** one CPU, no task, one group: head, nr_queued of the CPU, sum_w_vruntime and load of its queue */
const WORDS = [0n, 0n, 1, 0, 1, 2, 3n, 4n];

it("a difference between two trees has the name that the patched tree's member has", () => {
  const old = engine(['sum_w_vruntime', 'avg_vruntime', 'nr_queued', 'nr_running']);
  const name = namedInTree(old, old);
  expect([5, 6, 7].map((i) => name(WORDS, i))).toEqual([
    'cpu[0].rq.nr_queued',
    'cpu[0].cfs[0].avg_vruntime',
    'cpu[0].cfs[0].load',
  ]);
  expect(namedBy(old)(WORDS, 6)).toBe('cpu[0].cfs[0].sum_w_vruntime');
  expect(namedInTree(engine([]), old)(WORDS, 6)).toBe('cpu[0].cfs[0].sum_w_vruntime');
});

it('has none where one of the trees lacks the member', () => {
  expect(namedInTree(engine([]), engine([], ['load']))(WORDS, 7)).toBeNull();
});
