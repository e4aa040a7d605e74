// SPDX-License-Identifier: GPL-2.0-only
/** v2.6.38 and v2.6.39 beside a second implementation of CFS, over random runs: every field after every event. */
import { describe, expect, it } from 'vitest';
import { toBigInt, u64, ZERO } from '../../src/lib/types.js';
import { NULL, TASK_INTERRUPTIBLE } from '../../src/sched/sched.js';
import { kernelByName } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import { type Ent, type Plain, type Queue, schedule, tick, wake, yields, yieldsTo } from './cfs-2011.js';
import { type Bench, bench } from './harness.js';
import { overridden } from './overridden.js';

/** A generator of its own: the same runs everywhere. */
function dice(seed: number): (n: number) => number {
  let x = seed * 2_654_435_761 + 1;
  return (n) => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((x / 2 ** 32) * n);
  };
}

/** The plain machine as the mirror is now. */
function copyOf(b: Bench, directed: boolean): { plain: Plain; ents: Map<number, Ent>; queues: Map<number, Queue> } {
  const { m } = b.k;
  const queues = new Map<number, Queue>();
  const ents = new Map<number, Ent>();
  const groups = m.task_group.map((tg) => ({ shares: toBigInt(tg.shares), load: BigInt(tg.load_weight ?? 0) }));
  for (const q of m.cfs_rq) {
    queues.set(q.id, {
      ...{ name: `cfs_rq ${q.id}`, above: null, group: q.tg === 0 ? null : groups[q.tg], tree: [] },
      ...{ weight: toBigInt(q.load.weight), nr: BigInt(q.nr_running), min: toBigInt(q.min_vruntime!) },
      ...{
        curr: null,
        next: null,
        last: null,
        skip: null,
        avg: toBigInt(q.load_avg!),
        period: toBigInt(q.load_period!),
      },
      ...{ stamp: toBigInt(q.load_stamp!), lastLoad: toBigInt(q.load_last!) },
      ...{ unaccounted: toBigInt(q.load_unacc_exec_time!), contribution: toBigInt(q.load_contribution!) },
    });
  }
  for (const se of m.se) {
    if (se.task !== NULL && m.task[se.task].sched_class !== 'fair_sched_class') continue;
    const own = se.task === NULL ? queues.get(se.my_q)! : null;
    const e: Ent = {
      ...{ name: `se ${se.id}`, on: queues.get(se.cfs_rq)!, own, weight: toBigInt(se.load.weight) },
      ...{ inverse: own === null ? BigInt(se.load.inv_weight) : null, vr: toBigInt(se.vruntime) },
      ...{ sum: toBigInt(se.sum_exec_runtime), sumAtPick: toBigInt(se.prev_sum_exec_runtime) },
      ...{ start: toBigInt(se.exec_start), queued: se.on_rq !== 0 },
    };
    ents.set(se.id, e);
    if (own !== null) own.above = e;
  }
  for (const q of m.cfs_rq) {
    const plain = queues.get(q.id)!;
    plain.curr = ents.get(q.curr) ?? null;
    for (let id = q.tasks_timeline.rb_leftmost; id !== NULL; id = b.k.rb_next(id)) plain.tree.push(ents.get(id)!);
    for (const kind of ['next', 'last', 'skip'] as const) plain[kind] = ents.get(q[kind]!) ?? null;
  }
  const running = ents.get(b.curr().se) ?? null;
  const plain = { now: toBigInt(m.sched_clock), root: queues.get(m.rq[0].cfs)!, running, resched: false, directed };
  return { plain, ents, queues };
}

/** Every field of both, by name. */
function views(
  b: Bench,
  { ents, queues }: ReturnType<typeof copyOf>,
): [Record<string, unknown>, Record<string, unknown>] {
  const [mirror, plain]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}];
  const { m } = b.k;
  for (const [id, e] of ents) {
    const se = m.se[id];
    mirror[e.name] = [se.vruntime, se.sum_exec_runtime, se.prev_sum_exec_runtime, se.load.weight].map(toBigInt);
    plain[e.name] = [e.vr, e.sum, e.sumAtPick, e.weight];
    mirror[`${e.name} queued`] = se.on_rq !== 0;
    plain[`${e.name} queued`] = e.queued;
  }
  for (const [id, q] of queues) {
    const it = m.cfs_rq[id];
    const words = [it.load.weight, it.min_vruntime!, it.load_avg!, it.load_period!, it.load_stamp!, it.load_last!];
    mirror[q.name] = [...words, it.load_unacc_exec_time!, it.load_contribution!].map(toBigInt);
    plain[q.name] = [q.weight, q.min, q.avg, q.period, q.stamp, q.lastLoad, q.unaccounted, q.contribution];
    const who = [it.curr, it.next, it.last!, it.skip!];
    mirror[`${q.name} who`] = [it.nr_running, ...who.map((se) => ents.get(se)?.name ?? null)];
    plain[`${q.name} who`] = [Number(q.nr), ...[q.curr, q.next, q.last, q.skip].map((e) => e?.name ?? null)];
  }
  return [mirror, plain];
}

const NICE = [0, 0, 0, -5, 5, 10, 19];

/** The first event after which they differ; null when none does. */
function firstDifference(kernel: Kernel, directed: boolean, seed: number, events: number): string | null {
  const roll = dice(seed);
  const b = bench(kernel, 1);
  const { m } = b.k;
  const one = b.group();
  const groups = seed % 2 === 0 ? [0] : [0, one, b.group(), b.group(one)];
  const tasks = [...Array(2 + roll(16)).keys()].map(() =>
    b.fork(0, groups[roll(groups.length)], NICE[roll(NICE.length)]),
  );
  b.advance(1_000_000);
  b.schedule();
  const both = copyOf(b, directed);
  const { plain, ents } = both;

  for (let i = 0; i < events; i++) {
    const ns = [0, 1_000, 40_000, 300_000, 1_000_000, 1_000_000, 2_500_000, 9_000_000, 60_000_000][roll(9)];
    b.advance(ns);
    plain.now += BigInt(ns);
    m.cpu = 0;
    const task = tasks[roll(tasks.length)];
    const e = ents.get(task.se)!;
    const isIdle = plain.running === null;
    const what = ['tick', 'tick', 'tick', 'wake', 'wake', 'block', 'yield', 'yield_to', 'yield_to'][roll(9)];
    if (what === 'tick') {
      b.tick();
      if (!isIdle) tick(plain);
    } else if (what === 'wake' && !e.queued) {
      b.k.wake_up_process(task);
      wake(plain, e);
      if (b.k.need_resched()) b.schedule();
      if (plain.resched) schedule(plain);
    } else if (what === 'block' && !isIdle) {
      b.curr().__state = TASK_INTERRUPTIBLE;
      b.schedule();
      schedule(plain, true);
    } else if (what === 'yield' && !isIdle) {
      b.k.do_sched_yield();
      yields(plain);
    } else if (what === 'yield_to' && !isIdle && b.curr().id !== task.id) {
      const yes = b.k.yield_to(task, true);
      if (Number(yieldsTo(plain, e)) !== yes) return `event ${i}, yield_to(): the mirror says ${yes}`;
    }
    const [mirror, second] = views(b, both);
    for (const [name, value] of Object.entries(mirror)) {
      const other = second[name];
      if (String(value) !== String(other)) return `event ${i}, ${what}: ${name} is ${value}, computed ${other}`;
    }
  }
  return null;
}

const KERNELS = [
  ['v2.6.38', false],
  ['v2.6.39', true],
] as const;

describe.each(KERNELS)('%s beside a second implementation', (name, directed) => {
  it('agrees in every field, event by event', () => {
    for (let seed = 1; seed <= 14; seed++) {
      expect(firstDifference(kernelByName(name), directed, seed, 150), `seed ${seed}`).toBeNull();
    }
  });
});

const latency = u64(6_000_000);
const s1024 = u64(1024) as unknown as ReturnType<typeof u64>;

/** Each is found by the comparison. */
const FAULTS: Record<string, Record<string, AnyFunction>> = {
  'a slice is the whole period': { sched_slice: () => latency },
  'arithmetic is that of v6.1': { __calc_delta: kernelByName('v6.1').table.__calc_delta },
  'placement gives no bonus': { place_entity(): void {} },
  'shares are never refreshed': { update_cfs_load(): void {} },
  'the tick leaves shares alone': { update_entity_shares_tick(): void {} },
  'buddies are never cleared': { clear_buddies(): void {} },
  'nobody is skipped': { set_skip_buddy(): void {} },
  'nobody is next': { set_next_buddy(): void {} },
  'nobody is last': { set_last_buddy(): void {} },
  'a group gets all of its shares': { calc_cfs_shares: () => s1024 },
  'a wake-up preempts whatever is behind': { wakeup_gran: () => ZERO },
  'the minimum stays': { update_min_vruntime(): void {} },
};
describe('the comparison', () => {
  it.each(Object.keys(FAULTS))('finds that %s', (fault) => {
    const kernel = overridden(kernelByName('v2.6.39'), fault, FAULTS[fault]);
    const found = [...Array(14).keys()].some((seed) => {
      try {
        return firstDifference(kernel, true, seed + 1, 150) !== null;
      } catch {
        return true;
      }
    });
    expect(found).toBe(true);
  });
});
