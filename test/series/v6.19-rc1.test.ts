// SPDX-License-Identifier: GPL-2.0-only
/** Where v6.19-rc1 differs from the pin, and that its scheduler holds together. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, s64_diff, s64_toBigInt, s64_toNumber, sub, to_s64, to_u64, toBigInt, u64 } from '../../src/lib/types.js';
import { type cfs_rq, NULL, type sched_entity, type task_struct, WF_TTWU } from '../../src/sched/sched.js';
import type { vmlinux_6_19 } from '../../src/series/linux-v6.19-rc1/adds.js';
import { vprot } from '../../src/series/linux-v6.19-rc1/eevdf.js';
import { kernelByName } from '../../src/series/registry.js';
import { type Bench, bench, ns } from './harness.js';

const kernel = kernelByName('v6.19-rc1');
const k19 = (b: Bench): vmlinux_6_19 => b.k as vmlinux_6_19;

/** n fair tasks on CPU 0 of eight, after 40 ms; the first is current. */
function queue(n: number, on = kernel): { b: Bench; tasks: task_struct[] } {
  const b = bench(on);
  const tasks = Array.from({ length: n }, () => b.fork());
  b.warm(40);
  b.run(tasks[0]);
  return { b, tasks };
}

/** Entities in the tree of a queue, in no order. */
function tree(b: Bench, cfs_rq: cfs_rq): sched_entity[] {
  return b.k.m.se.filter((se) => se.cfs_rq === cfs_rq.id && se.on_rq !== 0 && cfs_rq.curr !== se.id);
}

/** V of a queue by the definition, exactly: floor of the weighted mean. */
function averageByDefinition(b: Bench, cfs_rq: cfs_rq): bigint {
  const v0 = cfs_rq.zero_vruntime;
  let sum = 0n;
  let weight = 0n;
  const all = tree(b, cfs_rq);
  if (cfs_rq.curr !== NULL && b.k.m.se[cfs_rq.curr].on_rq !== 0) all.push(b.k.m.se[cfs_rq.curr]);
  for (const se of all) {
    const w = toBigInt(b.k.scale_load_down(se.load.weight));
    sum += s64_toBigInt(s64_diff(se.vruntime, v0)) * w;
    weight += w;
  }
  if (weight === 0n) return toBigInt(v0);
  let mean = sum / weight;
  if (sum < 0n && mean * weight !== sum) mean -= 1n;
  return BigInt.asUintN(64, toBigInt(v0) + mean);
}

describe('virtual time', () => {
  it('avg_vruntime() writes nothing', () => {
    const { b } = queue(3);
    b.advance(500_000);
    b.k.update_rq_clock(b.k.m.rq[0]);
    b.k.update_curr(b.cfs());
    const before = structuredClone(b.cfs());
    const v = b.k.avg_vruntime(b.cfs());
    expect(b.cfs()).toEqual(before);
    expect(toBigInt(v)).toBe(averageByDefinition(b, b.cfs()));
  });

  it('does at the pin', () => {
    const { b } = queue(3, kernelByName('v6.12.117'));
    b.advance(500_000);
    b.k.update_rq_clock(b.k.m.rq[0]);
    b.k.update_curr(b.cfs());
    const before = structuredClone(b.cfs());
    b.k.avg_vruntime(b.cfs());
    expect(b.cfs()).not.toEqual(before);
  });

  it('zero_vruntime stays behind a task that runs alone', () => {
    const { b } = queue(1);
    const { zero_vruntime } = b.cfs();
    b.warm(100);
    expect(b.cfs().zero_vruntime).toBe(zero_vruntime);
    expect(s64_toNumber(s64_diff(b.se(b.curr()).vruntime, zero_vruntime))).toBeGreaterThan(99_000_000);
  });

  it('counts curr twice when it is put back, and moves zero_vruntime by that', () => {
    const { b, tasks } = queue(2);
    const cfs = b.cfs();
    b.advance(1_000_000);
    b.k.update_rq_clock(b.k.m.rq[0]);
    b.k.update_curr(cfs);
    const [a, c] = [b.se(tasks[0]), b.se(tasks[1])];
    expect(cfs.curr).toBe(a.id);
    const gap = s64_toNumber(s64_diff(a.vruntime, c.vruntime));
    b.k.__enqueue_entity(cfs, a);
    // of three thirds a has two
    expect(s64_toNumber(s64_diff(cfs.zero_vruntime, c.vruntime))).toBe(Math.floor((2 * gap) / 3));
  });
});

describe('slice protection', () => {
  it('shares its word with the lag', () => {
    const { b, tasks } = queue(2);
    const se = b.se(tasks[0]);
    b.k.set_protect_slice(se);
    expect(to_u64(se.vlag)).toBe(vprot(se));
    expect(vprot(se)).toBe(se.deadline);
    b.k.update_entity_lag(b.cfs(), se);
    expect(vprot(se)).toBe(to_u64(se.vlag));
    expect(vprot(se)).not.toBe(se.deadline);
  });

  it('lasts for the shortest slice that waits, and ends where vruntime reaches it', () => {
    const { b, tasks } = queue(2);
    const [se, other] = tasks.map(b.se);
    other.slice = ns(1_000_000);
    other.custom_slice = 1;
    other.min_slice = ns(1_000_000);
    b.k.set_protect_slice(se);
    expect(vprot(se)).toBe(add(se.vruntime, u64(1_000_000)));
    expect(b.k.protect_slice(se)).toBe(true);
    se.vruntime = sub(vprot(se), u64(1));
    expect(b.k.protect_slice(se)).toBe(true);
    se.vruntime = vprot(se);
    expect(b.k.protect_slice(se)).toBe(false);
  });

  it('never passes the deadline, nor with RUN_TO_PARITY off the normalized base slice', () => {
    const { b, tasks } = queue(2);
    const se = b.se(tasks[0]);
    se.deadline = add(se.vruntime, u64(300_000));
    b.k.m.sched_feat.RUN_TO_PARITY = false;
    b.k.set_protect_slice(se);
    expect(vprot(se)).toBe(se.deadline);
    se.deadline = add(se.vruntime, u64(2_000_000));
    b.k.set_protect_slice(se);
    expect(vprot(se)).toBe(add(se.vruntime, u64(700_000)));
  });

  it('is shortened by update_protect_slice(), and ended by cancel_protect_slice()', () => {
    const { b, tasks } = queue(2);
    const [se, other] = tasks.map(b.se);
    b.k.set_protect_slice(se);
    other.min_slice = ns(400_000);
    k19(b).update_protect_slice(b.cfs(), se);
    expect(vprot(se)).toBe(add(se.vruntime, u64(400_000)));
    other.min_slice = ns(900_000);
    k19(b).update_protect_slice(b.cfs(), se);
    expect(vprot(se)).toBe(add(se.vruntime, u64(400_000)));
    b.k.cancel_protect_slice(se);
    expect(vprot(se)).toBe(se.vruntime);
  });

  it('of the running entity is destroyed by its reweight', () => {
    const b = bench(kernel);
    const g = b.group();
    const a = b.fork(0, g);
    b.fork();
    b.warm(40);
    b.run(a);
    const gse = b.k.m.se[b.k.m.task_group[g].se[0]];
    expect(b.cfs().curr).toBe(gse.id);
    b.k.set_protect_slice(gse);
    const until = vprot(gse);
    b.k.reweight_entity(b.cfs(), gse, u64(2 << 20));
    expect(vprot(gse)).not.toBe(until);
  });
});

describe('__pick_eevdf()', () => {
  it('takes an eligible buddy before curr, protected or not', () => {
    const { b, tasks } = queue(3);
    const cfs = b.cfs();
    const [a, c] = [b.se(tasks[0]), b.se(tasks[1])];
    b.k.set_protect_slice(a);
    a.vruntime = b.k.avg_vruntime(cfs);
    expect(b.k.protect_slice(a)).toBe(true);
    cfs.next = NULL;
    expect(k19(b).__pick_eevdf(cfs, true)?.id).toBe(a.id);
    cfs.next = c.id;
    const eligible = b.k.entity_eligible(cfs, c);
    expect(k19(b).__pick_eevdf(cfs, true)?.id).toBe(eligible ? c.id : a.id);
    expect(eligible).toBe(true);
    b.k.m.sched_feat.PICK_BUDDY = false;
    expect(k19(b).__pick_eevdf(cfs, true)?.id).toBe(a.id);
  });

  it('does without curr that is not protected any more when another deadline is earlier', () => {
    const { b, tasks } = queue(2);
    const [a, c] = tasks.map(b.se);
    b.cfs().next = NULL;
    c.vruntime = a.vruntime;
    a.deadline = add(c.deadline, u64(1));
    b.k.set_protect_slice(a);
    expect(k19(b).__pick_eevdf(b.cfs(), true)?.id).toBe(a.id);
    expect(k19(b).__pick_eevdf(b.cfs(), false)?.id).toBe(c.id);
  });
});

describe('the lazy resched bit', () => {
  it('is not used with the preemption model full', () => {
    const { b } = queue(2);
    k19(b).resched_curr_lazy(b.k.m.rq[0]);
    expect(b.curr().tif_need_resched).toBe(1);
    expect(b.curr().tif_need_resched_lazy).toBeUndefined();
  });

  it('waits for the tick, and no interrupt is sent for it', () => {
    const { b } = queue(2);
    b.fork(1);
    b.fork(1);
    b.k.m.cpu = 1;
    b.k.schedule();
    b.k.m.knobs = { preempt: 3 };
    b.k.m.cpu = 0;
    b.events.length = 0;
    k19(b).resched_curr_lazy(b.k.m.rq[1]);
    expect(b.curr(1).tif_need_resched_lazy).toBe(1);
    expect(b.curr(1).tif_need_resched).toBe(0);
    expect(b.events).toEqual([]);
    b.k.m.cpu = 1;
    b.advance(1000);
    b.k.sched_tick();
    expect(b.curr(1).tif_need_resched).toBe(1);
    const prev = b.curr(1);
    b.k.schedule();
    expect([prev.tif_need_resched, prev.tif_need_resched_lazy]).toEqual([0, 0]);
  });

  it('is never given to the idle task', () => {
    const b = bench(kernel);
    b.k.m.knobs = { preempt: 3 };
    k19(b).resched_curr_lazy(b.k.m.rq[2]);
    expect(b.curr(2).tif_need_resched).toBe(1);
  });
});

describe('check_preempt_wakeup_fair()', () => {
  /** curr ineligible, and a task that has just been queued beside it. */
  function ineligibleWaker(): { b: Bench; wakee: task_struct } {
    const { b, tasks } = queue(3);
    const se = b.se(tasks[0]);
    b.k.update_rq_clock(b.k.m.rq[0]);
    b.k.update_curr(b.cfs());
    se.vruntime = add(b.k.avg_vruntime(b.cfs()), u64(5_000_000));
    b.k.set_protect_slice(se);
    se.vlag = to_s64(add(se.vruntime, u64(1_000_000)));
    tasks[0].tif_need_resched = 0;
    b.cfs().next = NULL;
    expect(b.k.entity_eligible(b.cfs(), se)).toBe(false);
    return { b, wakee: tasks[1] };
  }

  it('reschedules an ineligible waker, but not from an interrupt', () => {
    const inTask = ineligibleWaker();
    // the tree's leftmost is somebody else
    inTask.b.se(inTask.wakee).deadline = add(inTask.b.se(inTask.wakee).deadline, u64(100_000_000));
    inTask.b.k.check_preempt_wakeup_fair(inTask.b.k.m.rq[0], inTask.wakee, WF_TTWU);
    expect(inTask.b.curr().tif_need_resched).toBe(1);
    expect(inTask.b.cfs().next).toBe(NULL);

    const inIrq = ineligibleWaker();
    inIrq.b.k.m.hardirq = 1;
    inIrq.b.k.check_preempt_wakeup_fair(inIrq.b.k.m.rq[0], inIrq.wakee, WF_TTWU);
    expect(inIrq.b.cfs().next).toBe(inIrq.b.se(inIrq.wakee).id);
  });

  it('nominates the wakee, and keeps a buddy with an earlier deadline', () => {
    const { b, tasks } = queue(3);
    b.k.m.hardirq = 1;
    const [, x, y] = tasks.map(b.se);
    x.deadline = add(y.deadline, u64(1));
    b.cfs().next = y.id;
    expect(k19(b).set_preempt_buddy(b.cfs(), WF_TTWU, x, b.se(tasks[0]))).toBe(false);
    expect(b.cfs().next).toBe(y.id);
    b.cfs().next = x.id;
    expect(k19(b).set_preempt_buddy(b.cfs(), WF_TTWU, y, b.se(tasks[0]))).toBe(true);
    expect(b.cfs().next).toBe(y.id);
  });
});

describe('yielding', () => {
  it('forfeits without moving zero_vruntime', () => {
    const { b, tasks } = queue(2);
    const se = b.se(tasks[0]);
    se.vruntime = sub(b.k.avg_vruntime(b.cfs()), u64(100_000));
    const { zero_vruntime } = b.cfs();
    const { deadline } = se;
    b.k.update_rq_clock(b.k.m.rq[0]);
    b.k.yield_task_fair(b.k.m.rq[0]);
    expect(se.vruntime).toBe(deadline);
    expect(se.deadline).toBe(add(deadline, u64(2_800_000)));
    expect(b.cfs().zero_vruntime).toBe(zero_vruntime);
  });

  it('does not look at the server in nr_running', () => {
    const b = bench(kernel);
    b.fork();
    b.k.m.cpu = 0;
    b.schedule();
    const { fair_server, nr_running } = b.k.m.rq[0];
    expect(nr_running).toBe(1);
    b.k.inc_dl_tasks(fair_server);
    expect(b.k.m.rq[0].nr_running).toBe(1);
  });
});

describe('under random operations', () => {
  const operation = fc.record({
    what: fc.constantFrom('tick', 'tick', 'yield', 'yield_to', 'block', 'wake', 'wake', 'nice', 'shares', 'schedule'),
    who: fc.nat(8),
    ns: fc.integer({ min: 1000, max: 3_000_000 }),
    nice: fc.integer({ min: -10, max: 10 }),
  });

  it('S, W, min_vruntime and the queue lengths equal what the tree says, and somebody is eligible', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 20, maxLength: 120 }), (operations) => {
        const b = bench(kernel);
        const groups = [0, b.group(), b.group()];
        const tasks = Array.from({ length: 9 }, (_, i) => b.fork(0, groups[i % 3], (i % 4) - 1));
        for (const op of operations) {
          b.k.m.cpu = 0;
          b.advance(op.ns);
          const p = tasks[op.who];
          const idle = b.curr().id === b.k.m.rq[0].idle;
          if (op.what === 'tick') b.k.sched_tick();
          else if (op.what === 'yield' && !idle) b.k.do_sched_yield();
          else if (op.what === 'yield_to' && !idle && p.id !== b.curr().id) b.k.yield_to(p, true);
          else if (op.what === 'block' && !idle) {
            b.curr().__state = 1;
            b.k.schedule();
          } else if (op.what === 'wake') b.k.wake_up_process(p);
          else if (op.what === 'nice') b.k.set_user_nice(p, op.nice);
          else if (op.what === 'shares')
            b.k.sched_group_set_shares(b.k.m.task_group[1 + (op.who % 2)], b.k.scale_load(u64(op.ns >> 10)));
          if (b.k.need_resched() || op.what === 'schedule') b.k.schedule();
          check(b);
        }
        expect(b.k.m.warns).toBe(0);
      }),
      { numRuns: 40, seed: 619 },
    );
  });

  function check(b: Bench): void {
    for (const cfs_rq of b.k.m.cfs_rq) {
      if (cfs_rq.rq !== 0) continue;
      const queued = tree(b, cfs_rq);
      let sum = 0n;
      let weight = 0n;
      for (const se of queued) {
        const w = toBigInt(b.k.scale_load_down(se.load.weight));
        sum += s64_toBigInt(s64_diff(se.vruntime, cfs_rq.zero_vruntime)) * w;
        weight += w;
      }
      expect(s64_toBigInt(cfs_rq.avg_vruntime)).toBe(sum);
      expect(toBigInt(cfs_rq.avg_load)).toBe(weight);
      const running = cfs_rq.curr !== NULL && b.k.m.se[cfs_rq.curr].on_rq !== 0 ? 1 : 0;
      expect(cfs_rq.nr_running).toBe(queued.length + running);
      expect(toBigInt(b.k.avg_vruntime(cfs_rq))).toBe(averageByDefinition(b, cfs_rq));
      const all = running ? [...queued, b.k.m.se[cfs_rq.curr]] : queued;
      if (all.length > 0) expect(all.some((se) => b.k.entity_eligible(cfs_rq, se))).toBe(true);
      if (cfs_rq.next !== NULL) expect(b.k.m.se[cfs_rq.next].on_rq).toBe(1);
    }
  }
});
