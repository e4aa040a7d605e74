// SPDX-License-Identifier: GPL-2.0-only
/** Numbers from the functions of 6.12.117, compiled and called one by one. */
import { describe, expect, it } from 'vitest';
import { ONE, s64_toNumber, toNumber, u64 } from '../../src/lib/types.js';
import { sched_prio_to_weight, sched_prio_to_wmult } from '../../src/sched/core.js';
import { newSchedAvg, newSchedEntity } from '../../src/sched/records.js';
import { Bench } from './harness.js';

const { k } = new Bench();

/** An entity of a weight, as a task has it (inverse from the table) or as a group does (inverse 0). */
function entity(weight: number, inverse = 0) {
  const se = newSchedEntity(0, -1);
  se.load.weight = u64(weight);
  se.load.inv_weight = inverse;
  return se;
}
const delta = (ns: number, weight: number, inverse = 0) =>
  toNumber(k.calc_delta_fair(u64(ns), entity(weight, inverse)));
const byNice = (nice: number) => [sched_prio_to_weight[nice + 20] * 1024, sched_prio_to_wmult[nice + 20]] as const;

describe('calc_delta_fair', () => {
  it.each([
    [-20, 32302],
    [-15, 98346],
    [-10, 300293],
    [-5, 918679],
    [-3, 1440080],
    [-1, 2245262],
    [0, 2800000],
    [1, 3496585],
    [5, 8558806],
    [9, 20928466],
    [10, 26065454],
    [13, 51199999],
    [15, 79644444],
    [19, 191146666],
  ])('makes of 2.8 ms at nice %i %i ns', (nice, expected) => {
    expect(delta(2_800_000, ...byNice(nice))).toBe(expected);
  });

  it.each([
    [-1, 2245261],
    [1, 3496584],
    [5, 8558805],
  ])('is one less at nice %i with a computed inverse: %i ns', (nice, expected) => {
    expect(delta(2_800_000, byNice(nice)[0])).toBe(expected);
  });

  it('treats weights below 3 * 1024 as 2', () => {
    expect(delta(2_800_000, 3072, 1431655765)).toBe(955733333);
    expect([2, 2048, 3071].map((weight) => delta(2_800_000, weight))).toEqual([1433599999, 1433599999, 1433599999]);
    expect(delta(2_800_000, 3072)).toBe(955733333);
  });

  it('lets nice -20 run 86 ns for nothing', () => {
    expect([86, 87].map((ns) => delta(ns, ...byNice(-20)))).toEqual([0, 1]);
  });
});

describe('PELT', () => {
  it('decays', () => {
    const decay = (n: number) => toNumber(k.decay_load(u64(47742), u64(n)));
    expect([1, 32, 2016, 2017].map(decay)).toEqual([46718, 23870, 0, 0]);
  });

  it('grows by milliseconds of running', () => {
    const sa = newSchedAvg();
    const at = (ms: number, load: number, running: number) => {
      const r = k.___update_load_sum(u64(ms * 1_000_000), sa, load ? ONE : u64(0), load ? ONE : u64(0), running);
      if (r) k.___update_load_avg(sa, u64(1024));
      return r;
    };
    const seen = () => [toNumber(sa.load_sum), sa.util_sum, sa.period_contrib, toNumber(sa.util_avg)];
    expect(at(1, 1, 1)).toBe(0);
    expect([toNumber(sa.load_sum), sa.period_contrib, toNumber(sa.last_update_time)]).toEqual([976, 976, 999424]);
    const expected = [
      [1930, 1976408, 929, 41],
      [2861, 2930409, 881, 61],
      [3772, 3863968, 834, 81],
      [4662, 4775475, 786, 100],
    ];
    for (const [i, row] of expected.entries()) {
      expect(at(i + 2, 1, 1)).toBe(1);
      expect(seen()).toEqual(row);
    }
    for (let ms = 6; ms <= 1005; ms++) at(ms, 1, 1);
    expect(seen()).toEqual([47170, 48325447, 453, 1024]);
    expect(toNumber(sa.load_avg)).toBe(1023);
    // after 32 idle periods, half is left
    k.___update_load_sum(u64(toNumber(sa.last_update_time) + 32 * 1024 * 1024), sa, u64(0), u64(0), 0);
    k.___update_load_avg(sa, u64(1024));
    expect([toNumber(sa.load_sum), sa.util_sum, toNumber(sa.load_avg), toNumber(sa.util_avg)]).toEqual([
      23584, 24162722, 511, 512,
    ]);
  });
});

describe('one queue at HZ 250, step by step', () => {
  it('has the vruntimes and deadlines of the compiled functions', () => {
    const b = new Bench({ HZ: 250 });
    b.m.sysctl_sched_base_slice = 2_800_000;
    const q = b.m.cfs_rq[0];
    const V = (p: { se: number }) => s64_toNumber(b.m.se[p.se].vruntime as never);
    const D = (p: { se: number }) => s64_toNumber(b.m.se[p.se].deadline as never);
    const sums = () => [s64_toNumber(q.zero_vruntime as never), s64_toNumber(q.avg_vruntime), toNumber(q.avg_load)];

    const t1 = b.fork(0);
    b.schedule();
    expect([V(t1), D(t1), ...sums()]).toEqual([-1048576, 351424, -1048576, 0, 0]);
    b.pass(1_000_000);
    const t2 = b.fork(5);
    expect([V(t1), D(t1), V(t2), D(t2), ...sums()]).toEqual([-48576, 351424, -48576, 4230827, -48576, 0, 335]);
    b.pass(1_000_000);
    const t3 = b.fork(-5);
    expect([V(t1), D(t1), V(t3), D(t3)]).toEqual([951424, 3751424, 704919, 1164258]);
    expect(sums()).toEqual([704919, -252420825, 3456]);
    expect(t1.tif_need_resched).toBe(1);
    b.schedule();
    expect([b.running(), ...sums()]).toEqual([t3, 704919, 295, 1359]);
    const rounds: [number, number[], number[]][] = [
      [3, [2017318, 2935997], [1619204, 683807494, 3456]],
      [1, [4951424, 7751424], [2533489, 1610973665, 1359]],
      [3, [3329717, 4248396], [3447774, 1171281703, 4145]],
      [2, [12178289, 20737095], [4362060, 3221945451, 1359]],
      [3, [4642116, 5560795], [5276345, 1979432136, 1359]],
      [3, [5954515, 6873194], [6190630, 736918821, 1359]],
    ];
    const tasks = [t1, t2, t3];
    for (const [who, expected, after] of rounds) {
      const curr = tasks[who - 1];
      expect(b.running()).toBe(curr);
      b.pass(4_000_000);
      b.tick();
      expect([V(curr), D(curr)]).toEqual(expected);
      b.schedule();
      expect(sums()).toEqual(after);
    }
    // sched_yield() of an eligible task: it forfeits up to its deadline.
    b.pass(500_000);
    expect(b.running()).toBe(t3);
    b.k.do_sched_yield();
    expect([V(t3), D(t3), b.running(), ...sums()]).toEqual([6873194, 7791873, t1, 6830630, 1924308009, 3456]);
    b.pass(500_000);
    b.k.do_sched_yield();
    expect([V(t1), D(t1), b.running(), ...sums()]).toEqual([7751424, 10551424, t3, 7470630, 1864598821, 1359]);
    // yield_to() an ineligible task: the hint stays, and the caller is picked again.
    b.pass(300_000);
    expect(b.k.yield_to(t2, true)).toBe(1);
    expect([V(t3), D(t3), b.running(), q.next, ...sums()]).toEqual([
      7791873,
      8710552,
      t3,
      t2.se,
      8110629,
      994840180,
      1359,
    ]);
    // A sleep with a lag, and the wake-up that places it.
    b.pass(3_000_000);
    b.block();
    expect([V(t3), s64_toNumber(b.se(t3).vlag), b.running(), ...sums()]).toEqual([
      8776172,
      20171,
      t1,
      8796343,
      1132951910,
      335,
    ]);
    b.pass(2_000_000);
    expect(b.wake(t3)).toBe(1);
    expect([V(t3), D(t3), ...sums()]).toEqual([10283163, 11201842, 10349657, 405063946, 3456]);
  });
});
