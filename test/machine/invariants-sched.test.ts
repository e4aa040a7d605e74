// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { generateSequence, KINDS, xorshift32 } from '../../src/conform/sched/generate.js';
import { type ModelEngine, modelEngine } from '../../src/conform/sched/model-engine.js';
import { add, ONE, s64, s64_add, u64 } from '../../src/lib/types.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { operation } from '../../src/operation/sched.js';
import type { cfs_rq, sched_state } from '../../src/sched/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';

describe('checkSched', () => {
  it.each(['v6.12.117', 'v6.19', 'v6.1', 'v2.6.39'])(
    'finds nothing after any operation of random sequences on %s',
    (name) => {
      const kernel = kernelByName(name);
      let checks = 0;
      for (let seed = 0; seed < 24; seed++) {
        const cpus = 1 + (seed % 3);
        const { setup, ops } = generateSequence(xorshift32(seed), KINDS[seed % KINDS.length], { cpus, length: 120 });
        const engine = modelEngine(kernel, cpus);
        for (const [i, op] of [...setup, ...ops].entries()) {
          // the operation asks the classes, which have no yield_to_task() there
          if (op.op === 'YIELD_TO_RAW' && kernel.table['classHasYieldToTask'] === undefined) continue;
          engine.execute(op);
          expect(checkSched(engine.kernel.m), `seed ${seed} step ${i} ${op.op}`).toEqual([]);
          checks++;
        }
      }
      expect(checks).toBeGreaterThan(24 * 120);
    },
  );
});

/** Six tasks in two groups, one of them delayed, one running, the tree three deep. */
function busy(): ModelEngine {
  const engine = modelEngine(linux_6_12, 2);
  const run = (op: Parameters<typeof operation>[0], members: object = {}) =>
    engine.execute({ ...operation(op), ...members });
  run('GROUP');
  run('GROUP', { a: 1 });
  for (let i = 0; i < 8; i++) run('FORK', { a: i - 4, b: i < 5 ? 0 : 2 });
  run('FORK', { cpu: 1 });
  run('SCHEDULE');
  run('SCHEDULE', { cpu: 1 });
  run('ADVANCE', { a: 3_000_000 });
  run('TICK');
  run('BLOCK', { a: 2 });
  return engine;
}

/** Writes a member, readonly or not. */
function set<T, K extends keyof T>(record: T, member: K, value: T[K]): void {
  record[member] = value;
}

const root = (m: sched_state): cfs_rq => m.cfs_rq[m.rq[0].cfs];
/** An entity in the middle of the root tree: it has children. */
const inner = (m: sched_state) => m.se[root(m).tasks_timeline.rb_node];
const running = (m: sched_state) => m.task[m.rq[0].curr];

const planted: [string, (m: sched_state) => unknown][] = [
  ['nr_running', (m) => void m.rq[0].nr_running++],
  ['cfs_rq 0 .*nr_running', (m) => void root(m).nr_running++],
  ['h_nr_queued', (m) => void root(m).h_nr_queued--],
  ['h_nr_runnable', (m) => void root(m).h_nr_runnable++],
  ['h_nr_delayed', (m) => void root(m).h_nr_delayed++],
  ['idle_nr_running', (m) => void root(m).idle_nr_running++],
  ['idle_h_nr_running', (m) => void root(m).idle_h_nr_running++],
  ['load.weight', (m) => set(root(m).load, 'weight', add(root(m).load.weight, ONE))],
  ['avg_vruntime', (m) => set(root(m), 'avg_vruntime', s64_add(root(m).avg_vruntime, s64(1)))],
  ['avg_load', (m) => set(root(m), 'avg_load', add(root(m).avg_load, ONE))],
  ['avg_vruntime', (m) => set(root(m), 'zero_vruntime', add(root(m).zero_vruntime, ONE))],
  ['min_vruntime', (m) => set(inner(m), 'min_vruntime', add(inner(m).min_vruntime, ONE))],
  ['its deadline before', (m) => set(inner(m), 'deadline', add(inner(m).deadline, u64(10 ** 12)))],
  ['leftmost', (m) => set(root(m).tasks_timeline, 'rb_leftmost', root(m).tasks_timeline.rb_node)],
  ['is red', (m) => set(inner(m).run_node, 'color', 0)],
  [
    'black nodes',
    (m) => set(m.se[inner(m).run_node.rb_left].run_node, 'color', 1 - m.se[inner(m).run_node.rb_left].run_node.color),
  ],
  [
    'has the parent',
    (m) => set(m.se[inner(m).run_node.rb_right].run_node, 'parent', root(m).tasks_timeline.rb_leftmost),
  ],
  ['not in the tree', (m) => set(inner(m).run_node, 'rb_left', -1)],
  ['in the tree twice', (m) => set(inner(m).run_node, 'rb_right', inner(m).run_node.rb_left)],
  ['not queued', (m) => set(inner(m), 'on_rq', 0)],
  ['belongs to cfs_rq', (m) => set(inner(m), 'cfs_rq', m.rq[1].cfs)],
  ['curr of cfs_rq 0', (m) => set(root(m), 'curr', -1)],
  [
    'next is entity .*not queued',
    (m) =>
      set(
        root(m),
        'next',
        m.se.findIndex((se) => se.on_rq === 0 && se.cfs_rq === 0),
      ),
  ],
  ['next is entity .*on cfs_rq', (m) => set(root(m), 'next', m.task[m.rq[1].curr].se)],
  ['on_cpu', (m) => set(running(m), 'on_cpu', 0)],
  ['has on_rq', (m) => set(running(m), 'on_rq', 0)],
  ['on_cpu, and CPU', (m) => set(m.task.find((p) => p.on_cpu === 0 && p.on_rq === 1)!, 'on_cpu', 1)],
  ['allowed on', (m) => set(running(m), 'cpus_ptr', [1])],
  ['nr_cpus_allowed', (m) => set(running(m), 'nr_cpus_allowed', 2)],
  ['depth', (m) => void m.se[running(m).se].depth++],
  ['parent is', (m) => set(m.se[running(m).se], 'parent', m.se[m.task[2].se].id)],
  ['delayed with', (m) => set(m.task[m.se.find((se) => se.sched_delayed === 1)!.task], '__state', 0)],
  ['weight is', (m) => set(m.se[running(m).se].load, 'weight', u64(1024))],
  ['load_avg of group', (m) => set(m.task_group[1], 'load_avg', s64(1))],
  ['nr_uninterruptible', (m) => void m.rq[0].nr_uninterruptible++],
  ['dl_nr_running', (m) => void m.rq[0].dl.dl_nr_running++],
  ['ttwu_pending', (m) => set(m.rq[0], 'ttwu_pending', 1)],
  ['waits to be activated', (m) => void m.rq[1].wake_list.push(running(m).id)],
  ['rt.rt_nr_running', (m) => void m.rq[0].rt.rt_nr_running++],
  ['rt.overloaded', (m) => set(m.rq[0].rt, 'overloaded', 1)],
  ['rt.highest_prio.next', (m) => set(m.rq[0].rt.highest_prio, 'next', 7)],
  ['is pushable and cannot', (m) => m.rq[0].rt.pushable_tasks.push(3)],
  ['balance callbacks', (m) => m.rq[0].balance_callback.push('push_rt_tasks')],
  ['rt.highest_prio.curr', (m) => set(m.rq[0].rt.highest_prio, 'curr', 5)],
  ['group: not queued', (m) => set(m.se.find((se) => se.task === -1 && se.on_rq === 1)!, 'on_rq', 0)],
  ['its entity', (m) => set(running(m), 'se', m.task[1].se)],
];

describe('planted faults', () => {
  it('starts from a consistent state', () => {
    const m = busy().kernel.m;
    expect(checkSched(m)).toEqual([]);
    expect(inner(m).run_node.rb_left).toBeGreaterThanOrEqual(0);
    expect(inner(m).run_node.rb_right).toBeGreaterThanOrEqual(0);
  });

  it.each(planted)('reports %s', (name, plant) => {
    const m = busy().kernel.m;
    plant(m);
    expect(checkSched(m).join('\n')).toMatch(new RegExp(name));
  });
});
