// SPDX-License-Identifier: GPL-2.0-only
/** Patches 1 to 5 of semantics-aware-v2, function by function, as posted. */
import { describe, expect, it } from 'vitest';
import { add, sub, toBigInt, U64_MAX, u64 } from '../../src/lib/types.js';
import type { sched_entity, task_struct } from '../../src/sched/sched.js';
import { kernelByName, prefixes } from '../../src/series/registry.js';
import type { semantics_aware } from '../../src/series/semantics-aware-v2/adds.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import { type Bench, bench, ns, replacing } from './harness.js';
import { seriesOf } from './series-of.js';

const kernel = kernelByName('v6.19-rc1+semantics-aware-v2~5');
const v2 = (b: Bench): semantics_aware => b.k as semantics_aware;

const GRAN = 2_800_000n;

/** Two fair tasks on CPU 0, past the wrap of their virtual time, the first of them current. */
function pair(on: Kernel = kernel): { b: Bench; y: task_struct; t: task_struct } {
  const b = bench(on);
  const y = b.fork();
  const t = b.fork();
  b.warm(40);
  b.run(y);
  b.k.update_rq_clock(b.k.m.rq[0]);
  return { b, y, t };
}

/** The penalty for an entity at `vy` that yields to one at `vt`, with h tasks queued. */
function penalty(b: Bench, y: task_struct, t: task_struct, vy: bigint, vt: bigint, h: number): bigint {
  b.se(y).vruntime = u64(vy);
  b.se(t).vruntime = u64(vt);
  return toBigInt(v2(b).yield_deboost_calculate_penalty(b.k.m.rq[0], b.se(y), b.se(t), t, h));
}

describe('yield_deboost_calculate_penalty()', () => {
  it('is the granularity plus 1.1 times the gap, truncated', () => {
    const { b, y, t } = pair();
    expect(b.k.m.sysctl_sched_base_slice).toBe(2_800_000);
    expect(penalty(b, y, t, 1000n, 1105n, 2)).toBe(GRAN + 105n + 10n);
    expect(penalty(b, y, t, 1000n, 1009n, 2)).toBe(GRAN + 9n);
  });

  it.each([
    [2, 16_800_000n],
    [3, 11_200_000n],
    [4, 7_000_000n],
    [6, 7_000_000n],
    [7, 5_600_000n],
    [8, 5_600_000n],
    [9, 4_200_000n],
    [12, 4_200_000n],
    [13, 2_800_000n],
    [100, 2_800_000n],
  ])('has a cap for %i tasks of %i ns', (h, cap) => {
    const { b, y, t } = pair();
    expect(penalty(b, y, t, 0n, 1_000_000_000n, h)).toBe(cap);
  });

  it('takes the cap of four to six tasks when fewer than two are counted', () => {
    const { b, y, t } = pair();
    for (const h of [1, 0, -1]) expect(penalty(b, y, t, 0n, 1_000_000_000n, h)).toBe(7_000_000n);
  });

  it('is in virtual time: heavier tasks pay less of it', () => {
    const b = bench(kernel);
    const y = b.fork(0, 0, 5);
    const t = b.fork();
    b.run(y);
    b.k.update_rq_clock(b.k.m.rq[0]);
    expect(penalty(b, y, t, 1000n, 1000n, 2)).toBe(8_558_806n);
  });

  it('never uses a baseline: without a gap it is the granularity, whatever the queue', () => {
    const { b, y, t } = pair();
    for (let h = 1; h <= 20; h++) expect(penalty(b, y, t, 5000n, 5000n, h), `${h} tasks`).toBe(GRAN);
    expect(penalty(b, y, t, 5000n, 4000n, 3)).toBe(GRAN);
  });

  it('compares vruntimes unsigned: past 2^64 the gap is not seen, or seen where there is none', () => {
    const { b, y, t } = pair();
    const before = 2n ** 64n - 1000n;
    // the target is 6000 ahead
    expect(penalty(b, y, t, before, 5000n, 2)).toBe(GRAN);
    // the target is 6000 behind
    expect(penalty(b, y, t, 5000n, before, 2)).toBe(16_800_000n);
  });

  it('wraps in need + need / 10 before its guard looks, so that the largest gaps count for little', () => {
    const { b, y, t } = pair();
    // the least need whose weighting wraps to 0: penalty is back at the granularity
    const need = (2n ** 64n * 10n) / 11n + 1n;
    const wrapped = (need + need / 10n) % 2n ** 64n;
    expect(wrapped).toBeLessThan(10n);
    expect(penalty(b, y, t, 0n, need, 2)).toBe(GRAN + wrapped);
    expect(penalty(b, y, t, 0n, need - 2n, 2)).toBe(16_800_000n);
  });
});

describe('yield_deboost_apply_debounce()', () => {
  const reverse = (after: number): { first: bigint; second: bigint } => {
    const { b, y, t } = pair();
    const k = v2(b);
    const rq = k.m.rq[0];
    const first = toBigInt(k.yield_deboost_apply_debounce(rq, t, ns(9_000_000), ns(4_000_000), ns(2_800_000)));
    b.advance(after);
    rq.donor = t.id;
    rq.curr = t.id;
    k.update_rq_clock(rq);
    const second = toBigInt(k.yield_deboost_apply_debounce(rq, y, ns(9_000_000), ns(4_000_000), ns(2_800_000)));
    expect(rq.yield_deboost_last_src_pid).toBe(t.pid);
    expect(rq.yield_deboost_last_dst_pid).toBe(y.pid);
    return { first, second };
  };

  it('lowers the penalty of a yield straight back to the larger of gap and granularity', () => {
    expect(reverse(600_000)).toEqual({ first: 9_000_000n, second: 4_000_000n });
  });

  it('does not after more than 600 us', () => {
    expect(reverse(600_001)).toEqual({ first: 9_000_000n, second: 9_000_000n });
  });

  it('never raises it, and minds the order of the pair', () => {
    const { b, t } = pair();
    const k = v2(b);
    const rq = k.m.rq[0];
    k.yield_deboost_apply_debounce(rq, t, ns(9_000_000), ns(0), ns(2_800_000));
    // the same direction again is no yield back
    expect(toBigInt(k.yield_deboost_apply_debounce(rq, t, ns(9_000_000), ns(0), ns(2_800_000)))).toBe(9_000_000n);
    expect(toBigInt(k.yield_deboost_apply_debounce(rq, null, ns(7), ns(0), ns(2_800_000)))).toBe(7n);
  });
});

describe('yield_deboost_apply_penalty()', () => {
  it('moves vruntime, and the deadline to one slice behind it', () => {
    const { b, y } = pair();
    const se = b.se(y);
    se.vruntime = ns(1_000_000);
    const lag = se.vlag;
    const { zero_vruntime } = b.cfs();
    v2(b).yield_deboost_apply_penalty(se, b.cfs(), ns(16_800_000));
    expect(toBigInt(se.vruntime)).toBe(17_800_000n);
    expect(toBigInt(se.deadline)).toBe(20_600_000n);
    expect(se.vlag).toBe(lag);
    expect(b.cfs().zero_vruntime).toBe(zero_vruntime);
  });

  it('does nothing when the sum would pass 2^64, where a vruntime is as good as anywhere', () => {
    const { b, y } = pair();
    const se = b.se(y);
    const penalty = ns(16_800_000);
    const last = sub(U64_MAX, penalty);
    se.vruntime = add(last, u64(1));
    const { deadline } = se;
    v2(b).yield_deboost_apply_penalty(se, b.cfs(), penalty);
    expect(se.vruntime).toBe(add(last, u64(1)));
    expect(se.deadline).toBe(deadline);

    se.vruntime = last;
    v2(b).yield_deboost_apply_penalty(se, b.cfs(), penalty);
    expect(se.vruntime).toBe(U64_MAX);
  });

  it('does nothing for a penalty of 0', () => {
    const { b, y } = pair();
    const se = b.se(y);
    const { vruntime, deadline } = se;
    v2(b).yield_deboost_apply_penalty(se, b.cfs(), ns(0));
    expect([se.vruntime, se.deadline]).toEqual([vruntime, deadline]);
  });
});

describe('yield_deboost_rate_limit()', () => {
  const limited = (b: Bench): boolean => {
    b.k.update_rq_clock(b.k.m.rq[0]);
    return v2(b).yield_deboost_rate_limit(b.k.m.rq[0]);
  };

  it('lets one through in more than 6 ms, and counts from the last that passed', () => {
    const { b } = pair();
    expect(limited(b)).toBe(false);
    b.advance(5_000_000);
    expect(limited(b)).toBe(true);
    b.advance(1_000_000);
    expect(limited(b)).toBe(true);
    b.advance(1);
    expect(limited(b)).toBe(false);
  });
});

describe('yield_deboost_validate_tasks()', () => {
  it('accepts two queued fair tasks of the runqueue', () => {
    const { b, y, t } = pair();
    expect(v2(b).yield_deboost_validate_tasks(b.k.m.rq[0], t)?.id).toBe(y.id);
  });

  it('uses the limit up for a pair that it then refuses', () => {
    const { b, t } = pair();
    const elsewhere = b.fork(1);
    b.k.m.cpu = 0;
    const rq = b.k.m.rq[0];
    expect(v2(b).yield_deboost_validate_tasks(rq, elsewhere)).toBeNull();
    expect(v2(b).yield_deboost_validate_tasks(rq, t)).toBeNull();
  });

  it('refuses the yielder itself, another class, and tasks off the queue', () => {
    for (const spoil of [
      (_b: Bench, y: task_struct): task_struct => y,
      (_b: Bench, _y: task_struct, t: task_struct): task_struct => Object.assign(t, { sched_class: 'rt_sched_class' }),
      (b: Bench, _y: task_struct, t: task_struct): task_struct => {
        b.se(t).on_rq = 0;
        return t;
      },
      (b: Bench, y: task_struct, t: task_struct): task_struct => {
        b.se(y).on_rq = 0;
        return t;
      },
    ]) {
      const { b, y, t } = pair();
      expect(v2(b).yield_deboost_validate_tasks(b.k.m.rq[0], spoil(b, y, t))).toBeNull();
    }
  });
});

describe('yield_to_task_fair()', () => {
  /** yield_to(t) by y, without the schedule() at its end. */
  const yieldTo = (b: Bench, t: task_struct): boolean => b.k.yield_to_task_fair(b.k.m.rq[0], t);

  it('penalises before it forfeits', () => {
    const order: string[] = [];
    const noted = (name: string) => (was: AnyFunction) =>
      function (this: unknown, ...args: unknown[]) {
        order.push(name);
        return was.apply(this, args);
      };
    const names = ['set_next_buddy', 'yield_to_deboost', 'yield_task_fair'];
    const { b, y, t } = pair(replacing(kernel, Object.fromEntries(names.map((name) => [name, noted(name)]))));
    order.length = 0;
    const before = toBigInt(b.se(y).vruntime);
    expect(yieldTo(b, t)).toBe(true);
    expect(order).toEqual(names);
    expect(toBigInt(b.se(y).vruntime)).toBeGreaterThanOrEqual(before + GRAN);
  });

  it('does nothing to vruntime within the rate limit but for the forfeit', () => {
    const { b, y, t } = pair();
    yieldTo(b, t);
    b.advance(1000);
    const deadline = b.se(y).deadline;
    yieldTo(b, t);
    // no longer eligible: no forfeit either
    expect(b.se(y).deadline).toBe(deadline);
  });

  it('is as before with vcpu_debooster_enabled 0', () => {
    const { b, y, t } = pair();
    const { b: base, y: by, t: bt } = pair(kernelByName('v6.19-rc1'));
    b.k.m.knobs = { vcpu_debooster_enabled: 0 };
    yieldTo(b, t);
    base.k.update_rq_clock(base.k.m.rq[0]);
    base.k.yield_to_task_fair(base.k.m.rq[0], bt);
    expect(b.se(y)).toEqual(base.se(by));
    expect(b.cfs()).toEqual(base.cfs());
    expect(b.k.m.rq[0].yield_deboost_last_time_ns).toBeUndefined();
  });

  it('updates nothing at the common level: what the yielder has run since is added after the penalty', () => {
    const { b, y, t } = pair();
    const se = b.se(y);
    const vruntime = toBigInt(se.vruntime);
    se.vruntime = u64(vruntime);
    b.se(t).vruntime = se.vruntime;
    b.advance(500_000);
    yieldTo(b, t);
    // 2.8 ms for a gap of 0; the 0.5 ms that ran are not in the gap, and come on top
    expect(toBigInt(se.vruntime)).toBe(vruntime + GRAN + 500_000n);
  });

  it('moves the sibling below the lowest common ancestor, and leaves the task to the forfeit', () => {
    const b = bench(kernel);
    const [g0, g1] = [b.group(), b.group()];
    const a = b.fork(0, g0);
    b.fork(0, g0);
    const target = b.fork(0, g1);
    b.warm(60);
    b.run(a);
    const group = b.k.m.se[b.k.m.task_group[g0].se[0]];
    const before = { group: toBigInt(group.vruntime), task: toBigInt(b.se(a).vruntime) };
    b.k.update_rq_clock(b.k.m.rq[0]);
    yieldTo(b, target);
    expect(toBigInt(group.vruntime) - before.group).toBeGreaterThanOrEqual(GRAN);
    expect(toBigInt(b.se(a).vruntime) - before.task).toBeLessThanOrEqual(GRAN);
  });

  it('counts sleepers of a delayed dequeue in the queue length, so that the cap falls from 6 to 4', () => {
    const seen: number[] = [];
    const b = bench(
      replacing(kernel, {
        yield_deboost_calculate_penalty: (was) =>
          function (this: unknown, ...args: unknown[]) {
            seen.push(args[4] as number);
            return was.apply(this, args);
          },
      }),
    );
    const y = b.fork();
    const t = b.fork();
    const sleeper = b.fork();
    b.warm(40);
    b.run(sleeper);
    // it has run: not eligible, so that it stays queued, delayed
    b.advance(9_000_000);
    sleeper.__state = 1;
    b.schedule();
    expect(b.se(sleeper).sched_delayed).toBe(1);
    expect(b.cfs().h_nr_queued).toBe(3);
    expect(b.cfs().h_nr_runnable).toBe(2);
    yieldTo(b, b.curr().id === y.id ? t : y);
    expect(seen).toEqual([3]);
  });

  it('applies no penalty while vruntime is within one of 2^64, as it is after boot', () => {
    const moved: boolean[] = [];
    const b = bench(
      replacing(kernel, {
        yield_deboost_apply_penalty: (was) =>
          function (this: unknown, se: sched_entity, ...args: unknown[]) {
            const before = se.vruntime;
            was.call(this, se, ...args);
            moved.push(se.vruntime !== before);
          },
      }),
    );
    b.fork();
    const t = b.fork();
    b.k.m.cpu = 0;
    b.schedule();
    expect(toBigInt(b.se(b.curr()).vruntime)).toBeGreaterThan(2n ** 64n - GRAN);
    const other = b.curr().id === t.id ? b.k.m.task[t.id - 1] : t;
    yieldTo(b, other);
    expect(moved).toEqual([false]);
  });

  it('never debounces: penalties of one runqueue are more than 6 ms apart, the window is 600 us', () => {
    const { b, y, t } = pair();
    const k = v2(b);
    let last = -1n;
    for (let i = 0; i < 400; i++) {
      b.advance(100_000);
      const [from, to] = b.curr().id === y.id ? [y, t] : [t, y];
      expect(b.curr().id).toBe(from.id);
      const at = k.m.rq[0].yield_deboost_last_pair_time_ns;
      k.m.cpu = 0;
      k.yield_to(to, true);
      const now = k.m.rq[0].yield_deboost_last_pair_time_ns;
      if (now !== undefined && now !== at) {
        if (last >= 0n) expect(toBigInt(now) - last).toBeGreaterThan(6_000_000n);
        last = toBigInt(now);
      }
    }
    expect(last).toBeGreaterThan(0n);
  });
});

describe('patches 1 to 4', () => {
  it('change nothing', () => {
    const [base, ...rest] = prefixes(seriesOf('semantics-aware-v2'));
    const run = (name: string): unknown => {
      const b = bench(kernelByName(name));
      const tasks = [b.fork(), b.fork(), b.fork()];
      for (let i = 0; i < 60; i++) {
        b.advance(700_000);
        b.k.m.cpu = 0;
        const other = tasks.find((p) => p.id !== b.curr().id) as task_struct;
        if (i % 3 === 0) b.k.yield_to(other, true);
        else b.tick();
      }
      return b.k.m;
    };
    const before = run(base.name);
    for (const prefix of rest.slice(0, 4)) expect(run(prefix.name), prefix.name).toEqual(before);
    expect(run(rest[4].name)).not.toEqual(before);
  });
});
