// SPDX-License-Identifier: GPL-2.0-only
/**
 * v2.6.38, the directed yield and v2.6.39 in single traces. Each expected value is worked out from the functions of that time, by hand,
 * as the comment beside it says; none was taken from a run.
 */
import { describe, expect, it } from 'vitest';
import { toNumber, type u64 as U64, u64 } from '../../src/lib/types.js';
import { NULL, type sched_entity, TASK_INTERRUPTIBLE, type task_struct } from '../../src/sched/sched.js';
import type { directed_yield } from '../../src/series/directed-yield-v7/adds.js';
import { kernelByName, nearestRelease } from '../../src/series/registry.js';
import { testMachine } from '../kvm/machine.js';
import { type Bench, bench } from './harness.js';

const OLD = kernelByName('v2.6.38');
const SERIES = kernelByName('directed-yield-v7');
const NEW = kernelByName('v2.6.39');
const US = 1_000;
const MS = 1_000_000;

const at = (b: Bench): directed_yield => b.k as unknown as directed_yield;
const set = (se: sched_entity, ns: number): U64 => (se.vruntime = u64(1_000 * MS + ns));
const slice = (b: Bench, p: task_struct): number => toNumber(at(b).sched_slice(at(b).cfs_rq_of(b.se(p)), b.se(p)));

/** `n` equal tasks on CPU 0 with vruntime 1 s, the first of them running. */
function tasks(kernel = OLD, n = 3, cpus = 1): { b: Bench; t: task_struct[] } {
  const b = bench(kernel, cpus);
  const t = [...Array(n).keys()].map(() => b.fork());
  b.schedule();
  for (const p of t) {
    const queued = b.curr().id !== p.id;
    if (queued) at(b).__dequeue_entity(b.cfs(), b.se(p));
    set(b.se(p), 0);
    if (queued) at(b).__enqueue_entity(b.cfs(), b.se(p));
  }
  b.cfs().min_vruntime = u64(1_000 * MS);
  return { b, t: [b.curr(), ...t.filter((p) => p.id !== b.curr().id)] };
}

/** Puts a queued task elsewhere in the tree. */
function move(b: Bench, p: task_struct, ns: number): void {
  at(b).__dequeue_entity(at(b).cfs_rq_of(b.se(p)), b.se(p));
  set(b.se(p), ns);
  at(b).__enqueue_entity(at(b).cfs_rq_of(b.se(p)), b.se(p));
}

describe('calc_delta_mine()', () => {
  const calc = (d: number, w: number, load: number): number =>
    toNumber(at(bench(OLD, 1)).__calc_delta(u64(d), u64(w), { weight: u64(load), inv_weight: 0 }));

  // 1 + (2^32 - 512) / 1025 = 4190212 is the inverse of 1024
  it('is not exact at equal weights', () => {
    // 1024 * 1024 = 2^20; (2^20 * 4190212 + 2^31) >> 32 = 1023
    expect(calc(1024, 1024, 1024)).toBe(1023);
  });
  it('halves for a load of twice the weight', () => {
    // inverse: 1 + (2^32 - 1024) / 2049 = 2096129; 6000000 * 1024 > 2^32: SRR 16 = 93750; * 2096129 = 196512093750; SRR 16 = 2998537
    expect(calc(6 * MS, 1024, 2048)).toBe(2_998_537);
  });
  it('takes 1 for the inverse of a load beyond 32 bits', () => {
    // (1024 * 1024 * 1 + 2^31) >> 32 = 0
    expect(calc(1024, 1024, 2 ** 33)).toBe(0);
  });
  it('rounds to nearest', () => {
    // inverse of 3: 1 + (2^32 - 1) / 4 = 1073741824 = 2^30; 2 * 1 * 2^30 = 2^31, + 2^31 = 2^32: 1
    expect(calc(2, 1, 3)).toBe(1);
    expect(calc(1, 1, 3)).toBe(0);
  });
});

describe('tunables', () => {
  it.each([
    [1, 6, 0.75, 1],
    [2, 12, 1.5, 2],
    [4, 18, 2.25, 3],
    [8, 24, 3, 4],
    [16, 24, 3, 4],
  ])('of %i CPUs: latency %f ms, granularities %f and %f ms', (cpus, latency, least, wakeup) => {
    const { m } = bench(OLD, cpus).k;
    expect([m.sysctl_sched_latency, m.sysctl_sched_min_granularity, m.sysctl_sched_wakeup_granularity]).toEqual(
      [latency, least, wakeup].map((ms) => ms * MS),
    );
    expect(m.sched_nr_latency).toBe(8);
  });
  it('weights are not scaled up', () => {
    const { b, t } = tasks();
    expect(toNumber(b.se(t[0]).load.weight)).toBe(1024);
    expect(toNumber(b.cfs().load.weight)).toBe(3 * 1024);
  });
});

describe('sched_slice()', () => {
  it('of one task alone is not quite the latency', () => {
    const { b, t } = tasks(OLD, 1);
    // 93750 * 4190212 = 392832375000; SRR 16 = 5994146
    expect(slice(b, t[0])).toBe(5_994_146);
  });
  it('of two is half', () => {
    const { b, t } = tasks(OLD, 2);
    expect(slice(b, t[0])).toBe(2_998_537);
  });
  it('grows the period beyond eight', () => {
    const { b, t } = tasks(OLD, 9);
    // 9 * 750000 = 6750000; * 1024, SRR 16 = 105469; inverse of 9216: 1 + (2^32 - 4608) / 9217 = 465983; 105469 * 465983 = 49146761027; SRR 16 = 749920
    expect(slice(b, t[0])).toBe(749_920);
  });
});

describe('place_entity()', () => {
  const placed = (vr: number, initial: number, feature = true): number => {
    const { b, t } = tasks(OLD, 2);
    b.k.m.sched_feat['GENTLE_FAIR_SLEEPERS' as never] = feature as never;
    set(b.se(t[1]), vr);
    at(b).place_entity(b.cfs(), b.se(t[1]), initial);
    return toNumber(b.se(t[1]).vruntime) - 1_000 * MS;
  };
  it('gives a sleeper half a latency', () => expect(placed(-500 * MS, 0)).toBe(-3 * MS));
  it('gives it a whole one without GENTLE_FAIR_SLEEPERS', () => expect(placed(-500 * MS, 0, false)).toBe(-6 * MS));
  it('takes nobody back', () => expect(placed(1 * MS, 0)).toBe(1 * MS));
  // two on the queue, which the newcomer is one of
  it('puts a newcomer a slice behind', () => expect(placed(-500 * MS, 1)).toBe(2_998_537));
});

describe('check_preempt_tick()', () => {
  const asked = (ran: number, behind: number): boolean => {
    const { b, t } = tasks(OLD, 2);
    const curr = b.se(t[0]);
    curr.sum_exec_runtime = u64(toNumber(curr.prev_sum_exec_runtime) + ran);
    set(curr, behind);
    at(b).check_preempt_tick(b.cfs(), curr);
    return t[0].tif_need_resched === 1;
  };
  it('lets it run to its slice', () => expect(asked(2_998_537, 0)).toBe(false));
  it('and not beyond', () => expect(asked(2_998_538, 0)).toBe(true));
  it('ends it earlier when it is a slice ahead', () => expect(asked(750_000, 2_998_538)).toBe(true));
  it('but not before the least granularity', () => expect(asked(749_999, 2_998_538)).toBe(false));
  it('nor when the leftmost is behind it', () => expect(asked(750_000, -4 * MS)).toBe(false));
});

describe('check_preempt_wakeup()', () => {
  const preempts = (ahead: number): boolean => {
    const { b, t } = tasks(OLD, 2);
    move(b, t[1], -ahead);
    b.k.wakeup_preempt(b.k.m.rq[0], t[1], 0);
    return t[0].tif_need_resched === 1;
  };
  it('does nothing within the wakeup granularity', () => expect(preempts(1 * MS)).toBe(false));
  it('preempts beyond it', () => expect(preempts(1 * MS + 1)).toBe(true));

  it('names last buddy from eight tasks on', () => {
    for (const [n, last] of [
      [7, false],
      [8, true],
    ] as const) {
      const { b, t } = tasks(OLD, n);
      move(b, t[1], -2 * MS);
      b.k.wakeup_preempt(b.k.m.rq[0], t[1], 0);
      expect(b.cfs().last).toBe(last ? t[0].se : NULL);
    }
  });
});

describe('pick_next_entity()', () => {
  const picked = (
    kernel: typeof OLD,
    buddies: Partial<Record<'next' | 'last' | 'skip', number>>,
    vr: number[],
  ): number => {
    const { b, t } = tasks(kernel, 4);
    vr.forEach((ns, i) => void move(b, t[i + 1], ns));
    for (const [kind, i] of Object.entries(buddies)) b.cfs()[kind as 'next'] = t[i].se;
    const { id } = at(b).pick_next_entity(b.cfs(), null)!;
    return t.findIndex((p) => p.se === id);
  };
  it('takes the leftmost', () => expect(picked(OLD, {}, [2, 1, 3])).toBe(2));
  it('takes next if it is near', () => expect(picked(OLD, { next: 3 }, [0, 0, 1 * MS])).toBe(3));
  it('and not if it is farther', () => expect(picked(OLD, { next: 3 }, [0, 0, 1 * MS + 1])).toBe(1));
  it('lets last win in v2.6.38', () => expect(picked(OLD, { next: 3, last: 2 }, [0, 1, 2])).toBe(2));
  it('lets next win with the series', () => expect(picked(SERIES, { next: 3, last: 2 }, [0, 1, 2])).toBe(3));
  it('passes over skip with the series', () => expect(picked(SERIES, { skip: 1 }, [0, 1, 2])).toBe(2));
  it('which v2.6.38 knows nothing of', () => expect(picked(OLD, { skip: 1 }, [0, 1, 2])).toBe(1));
  it('but not for one too far behind', () => expect(picked(SERIES, { skip: 1 }, [0, 1 * MS + 1, 2 * MS])).toBe(1));
  it('and only while it is the leftmost', () => expect(picked(SERIES, { skip: 2 }, [0, 1, 2])).toBe(1));
});

describe('sched_yield()', () => {
  /** Who runs after a yield of t[0], which is 10 us ahead of t[1]. */
  const runsAfter = (kernel: typeof OLD, knob = 0): number => {
    const { b, t } = tasks(kernel, 2);
    move(b, t[1], 10 * US);
    if (knob) b.k.m.knobs = { sched_compat_yield: knob };
    b.k.do_sched_yield();
    return t.findIndex((p) => p.id === b.curr().id);
  };
  it('changes nothing in v2.6.38', () => expect(runsAfter(OLD)).toBe(0));
  it('goes to the end with sched_compat_yield', () => expect(runsAfter(OLD, 1)).toBe(1));
  it('lets the second run with the series', () => expect(runsAfter(SERIES)).toBe(1));
});

describe('yield_to()', () => {
  const two = (kernel: typeof OLD): { b: Bench; asked: number[]; answer: number } => {
    const b = bench(kernel, 2);
    const [caller, , theirs, target] = [b.fork(0), b.fork(0), b.fork(1), b.fork(1)];
    b.schedule(0);
    b.schedule(1);
    const me = b.curr(0);
    expect([caller.cpu, theirs.cpu]).toEqual([0, 1]);
    const other = b.curr(1).id === target.id ? theirs : target;
    b.k.m.cpu = 0;
    const answer = b.k.yield_to(other, true);
    void me;
    return { b, answer, asked: [b.curr(1).tif_need_resched] };
  };
  it('is not there in v2.6.38', () => expect(two(OLD)).toMatchObject({ answer: 0, asked: [0] }));
  it('leaves the CPU of the target alone with the series', () =>
    expect(two(SERIES)).toMatchObject({ answer: 1, asked: [0] }));
  it('makes it reschedule in v2.6.39', () => expect(two(NEW)).toMatchObject({ answer: 1, asked: [1] }));
  it('says yes, alone on its CPU, and yields nothing', () => {
    const b = bench(NEW, 2);
    b.fork(0);
    b.fork(1);
    const target = b.fork(1);
    b.schedule(0);
    b.schedule(1);
    const other = b.curr(1).id === target.id ? b.k.m.task.find((p) => p.cpu === 1 && p.comm === 't101')! : target;
    b.k.m.cpu = 0;
    expect(b.k.yield_to(other, true)).toBe(1);
    expect(b.cfs(0).skip).toBe(NULL);
  });
});

describe('shares of a group', () => {
  it('are all of them where the group runs on one CPU', () => {
    const b = bench(OLD, 2);
    const g = b.group();
    const p = b.fork(0, g);
    b.schedule(0);
    // load 1024, nothing elsewhere: 1024 * 1024 / 1024
    expect(toNumber(b.k.m.se[b.k.m.task_group[g].se[0]].load.weight)).toBe(1024);
    // without a task a group has no weight
    expect(toNumber(b.k.m.se[b.k.m.task_group[g].se[1]].load.weight)).toBe(0);
    expect(p.cpu).toBe(0);
  });
  it('are two at least', () => {
    const b = bench(OLD, 1);
    const g = b.group();
    b.fork(0, g);
    b.k.m.task_group[g].load_weight = 10_000_000;
    at(b).update_cfs_shares(b.k.m.cfs_rq[b.k.m.task_group[g].cfs_rq[0]]);
    expect(toNumber(b.k.m.se[b.k.m.task_group[g].se[0]].load.weight)).toBe(2);
  });
});

describe('kvm_vcpu_on_spin()', () => {
  it('sleeps 100 us in v2.6.38, and is woken by its timer', () => {
    const t = testMachine(1, { vcpus: 1, vendor: 'vmx' } as never, [[0]], OLD);
    t.settle();
    const now = toNumber(t.m.sched_clock);
    t.k.exitPause(0);
    t.settle();
    expect(t.t(0).__state).toBe(TASK_INTERRUPTIBLE);
    const timer = t.m.hrtimer[t.v(0).spin_timer!];
    expect([timer.queued, toNumber(timer.expires) - now]).toEqual([1, 100 * US]);
    t.advance(100 * US);
    t.k.hrtimerExpire(timer.id);
    t.settle();
    expect([t.t(0).__state, t.v(0).wait, timer.queued]).toEqual([0, NULL, 0]);
  });
  it('is woken earlier by whatever wakes the vCPU', () => {
    const t = testMachine(1, { vcpus: 1, vendor: 'vmx' } as never, [[0]], OLD);
    t.settle();
    t.k.exitPause(0);
    t.settle();
    expect(t.k.kvm_vcpu_wake_up(t.v(0))).toBe(true);
    t.settle();
    expect([t.t(0).__state, t.m.hrtimer[t.v(0).spin_timer!].queued]).toEqual([0, 0]);
  });
  it('leaves the window alone', () => {
    const t = testMachine(1, { vcpus: 1, vendor: 'vmx' } as never, [[0]], NEW);
    t.settle();
    for (let i = 0; i < 3; i++) t.k.exitPause(0);
    expect(t.v(0).arch.ple_window).toBe(4096);
  });
});

it('stands for no tree: older ones than 6.1 are nearest to v6.1', () => {
  expect(nearestRelease('5.10.0').name).toBe('v6.1');
});
