// SPDX-License-Identifier: GPL-2.0-only
/** The kernel before the forfeit, and the reviewer's two diffs, beside v6.19-rc1. */
import { describe, expect, it } from 'vitest';
import { add, sub, toBigInt, u64 } from '../../src/lib/types.js';
import type { sched_entity, task_struct } from '../../src/sched/sched.js';
import { kernelByName } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { type Bench, bench } from './harness.js';

const base = kernelByName('v6.19-rc1');
const preForfeit = kernelByName('pre-forfeit');
const first = kernelByName('yield-hierarchy');
const second = kernelByName('yield-hierarchy-weighted');
const SLICE = 2_800_000n;

interface Tree {
  b: Bench;
  /** the yielder, current */
  a: task_struct;
  target: task_struct;
  /** the entity of the yielder's group */
  cg0: sched_entity;
}

/** root { CG0 { a, and c when asked for }, CG1 { target } }, a current and its entities eligible. */
function tree(kernel: Kernel, withC = false): Tree {
  const b = bench(kernel);
  const [g0, g1] = [b.group(), b.group()];
  const a = b.fork(0, g0);
  const target = b.fork(0, g1);
  if (withC) b.fork(0, g0);
  b.warm(60);
  b.run(a);
  b.k.update_rq_clock(b.k.m.rq[0]);
  const cg0 = b.k.m.se[b.k.m.task_group[g0].se[0]];
  for (const se of [b.se(a), cg0]) {
    b.k.update_curr(b.k.cfs_rq_of(se));
    se.vruntime = sub(b.k.avg_vruntime(b.k.cfs_rq_of(se)), u64(500_000));
    se.deadline = add(se.vruntime, u64(1_000_000));
  }
  return { b, a, target, cg0 };
}

const moved = (se: sched_entity, run: () => void): bigint => {
  const before = toBigInt(se.vruntime);
  run();
  return BigInt.asIntN(64, toBigInt(se.vruntime) - before);
};

describe('pre-forfeit', () => {
  it('moves the deadline of a yielder by a slice, eligible or not, and no vruntime', () => {
    for (const ahead of [-500_000, 5_000_000]) {
      const { b, a } = tree(preForfeit, true);
      const se = b.se(a);
      se.vruntime = add(b.k.avg_vruntime(b.k.cfs_rq_of(se)), u64(ahead));
      se.deadline = add(se.vruntime, u64(2_000_000));
      const { vruntime, deadline } = se;
      b.k.yield_task_fair(b.k.m.rq[0]);
      expect(se.vruntime).toBe(vruntime);
      expect(toBigInt(sub(se.deadline, deadline))).toBe(SLICE);
    }
  });

  it('lets the deadline of a yield loop run away, which v6.19-rc1 bounds', () => {
    const spread = (kernel: Kernel): bigint => {
      const b = bench(kernel);
      const y = b.fork();
      b.fork();
      b.warm(40);
      let worst = 0n;
      for (let i = 0; i < 4000; i++) {
        b.advance(20_000);
        if (i % 50 === 49) b.tick();
        b.k.m.cpu = 0;
        if (b.curr().id === y.id) b.k.do_sched_yield();
        const se = b.se(y);
        const gap = BigInt.asIntN(64, toBigInt(se.deadline) - toBigInt(se.vruntime));
        if (gap > worst) worst = gap;
      }
      return worst;
    };
    expect(spread(base)).toBeLessThanOrEqual(SLICE);
    expect(spread(preForfeit)).toBeGreaterThan(4n * SLICE);
  });
});

describe('yield-hierarchy', () => {
  it('forfeits up to where somebody else is runnable', () => {
    const alone = tree(first);
    expect(moved(alone.cg0, () => alone.b.k.yield_task_fair(alone.b.k.m.rq[0]))).toBe(1_000_000n);
    const before = tree(base);
    expect(moved(before.cg0, () => before.b.k.yield_task_fair(before.b.k.m.rq[0]))).toBe(0n);
  });

  it('stops in the group when that has another runnable task', () => {
    const { b, a, cg0 } = tree(first, true);
    const task = b.se(a);
    let leaf = 0n;
    expect(
      moved(cg0, () => {
        leaf = moved(task, () => b.k.yield_task_fair(b.k.m.rq[0]));
      }),
    ).toBe(0n);
    expect(leaf).toBe(1_000_000n);
  });

  it('stops at an ineligible entity', () => {
    const { b, a, cg0 } = tree(first, true);
    const task = b.se(a);
    task.vruntime = add(b.k.avg_vruntime(b.k.cfs_rq_of(task)), u64(9_000_000));
    expect(moved(task, () => b.k.yield_task_fair(b.k.m.rq[0]))).toBe(0n);
    expect(moved(cg0, () => b.k.yield_task_fair(b.k.m.rq[0]))).toBe(0n);
  });
});

describe('yield-hierarchy-weighted', () => {
  /** What the group's entity pays when a yields to the target. */
  const paid = (t: Tree): bigint => moved(t.cg0, () => t.b.k.yield_to_task_fair(t.b.k.m.rq[0], t.target));

  it('moves the group by a virtual slice when the yielder is all of it', () => {
    const t = tree(second);
    const vslice = toBigInt(t.b.k.calc_delta_fair(t.cg0.slice, t.cg0));
    expect(paid(t)).toBe(vslice);
  });

  it('by the share of the yielder when others are in it', () => {
    const t = tree(second, true);
    const vslice = toBigInt(t.b.k.calc_delta_fair(t.cg0.slice, t.cg0));
    const queue = t.b.k.m.cfs_rq[t.cg0.my_q];
    const weight = toBigInt(t.b.se(t.a).load.weight);
    expect(toBigInt(queue.load.weight)).toBe(2n * weight);
    expect(paid(t)).toBe(vslice / 2n);
  });

  it('not at all when the group is ineligible, and nothing in a flat hierarchy', () => {
    const t = tree(second);
    t.cg0.vruntime = add(t.b.k.avg_vruntime(t.b.cfs()), u64(20_000_000));
    expect(paid(t)).toBe(0n);

    const flat = (kernel: Kernel): unknown => {
      const b = bench(kernel);
      const [y, p] = [b.fork(), b.fork()];
      b.warm(40);
      b.run(y);
      b.k.yield_to_task_fair(b.k.m.rq[0], p);
      return b.k.m;
    };
    expect(flat(second)).toEqual(flat(base));
  });

  it('refuses a target that is not queued', () => {
    const { b, target } = tree(second);
    b.se(target).on_rq = 0;
    expect(b.k.yield_to_task_fair(b.k.m.rq[0], target)).toBe(false);
  });
});
