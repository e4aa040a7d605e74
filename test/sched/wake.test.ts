// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { NotModelled } from '../../src/lib/bug.js';
import { toNumber } from '../../src/lib/types.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { Bench } from './harness.js';

const MS = 1_000_000;

describe('try_to_wake_up', () => {
  it('says whether the task slept', () => {
    const b = new Bench();
    const p = b.fork();
    b.schedule();
    expect(b.wake(p)).toBe(0);
    b.block();
    expect([b.wake(p), b.wake(p)]).toEqual([1, 0]);
    expect(b.events().filter((e) => e === 'sched_waking' || e === 'sched_wakeup')).toEqual([
      'sched_waking',
      'sched_wakeup',
    ]);
  });

  it('only puts back the state of current', () => {
    const b = new Bench();
    const p = b.fork();
    b.schedule();
    p.__state = 1;
    expect(b.wake(p)).toBe(1);
    expect([p.__state, p.on_rq, b.running()]).toEqual([0, 1, p]);
  });

  it('heeds the states that are asked for', () => {
    const b = new Bench();
    const p = b.fork();
    b.schedule();
    b.block(0, 2);
    expect(b.m.rq[0].nr_uninterruptible).toBe(1);
    expect([b.k.try_to_wake_up(p, 1, 0), b.k.try_to_wake_up(p, 2, 0)]).toEqual([0, 1]);
    expect(b.m.rq[0].nr_uninterruptible).toBe(0);
  });

  it('hands a task for an idle CPU over to that CPU', () => {
    const b = new Bench({ cpus: 2 });
    const p = b.fork(0, { cpu: 1 });
    b.schedule(1);
    b.block(1);
    b.trace.length = 0;
    expect(b.wake(p, 0)).toBe(1);
    expect([p.__state, p.on_rq, b.m.rq[1].ttwu_pending, b.m.rq[1].wake_list]).toEqual([0x200, 0, 1, [p.id]]);
    expect(b.trace.at(-1)).toMatchObject({
      event: 'ipi_send_cpu',
      fields: { cpu: 1, callback: 'generic_smp_call_function_single_interrupt' },
    });
    expect(b.k.idle_cpu(1)).toBe(false);
    b.deliver();
    expect([p.__state, p.on_rq, b.m.rq[1].ttwu_pending]).toEqual([0, 1, 0]);
    expect(b.m.task[b.m.rq[1].curr].tif_need_resched).toBe(1);
    b.resched(1);
    expect(b.running(1)).toBe(p);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('takes the lock of a busy CPU that shares the cache', () => {
    const b = new Bench({ cpus: 2 });
    const p = b.fork(0, { cpu: 1 });
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    expect(b.running(1)).toBe(p);
    b.block(1);
    b.wake(p, 0);
    expect([p.on_rq, b.m.rq[1].wake_list.length]).toEqual([1, 0]);
  });

  it('queues for any CPU of another cache', () => {
    const b = new Bench({ cpus: 2, llc: [[0], [1]] });
    const p = b.fork(0, { cpu: 1 });
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    b.block(1);
    b.wake(p, 0);
    expect(b.m.rq[1].wake_list).toEqual([p.id]);
  });

  it('keeps wake-ups in their order', () => {
    const b = new Bench({ cpus: 2, llc: [[0], [1]] });
    const tasks = [b.fork(0, { cpu: 1 }), b.fork(0, { cpu: 1 }), b.fork(0, { cpu: 1 })];
    for (let i = 0; i < 3; i++) {
      b.schedule(1);
      b.block(1);
    }
    for (const p of tasks) b.wake(p, 0);
    expect(b.m.rq[1].wake_list).toEqual(tasks.map((p) => p.id));
    b.trace.length = 0;
    b.deliver();
    expect(b.trace.filter((e) => e.event === 'sched_wakeup').map((e) => e.fields['pid'])).toEqual(
      tasks.map((p) => p.pid),
    );
  });
});

describe('select_task_rq_fair', () => {
  /** p slept on CPU 1; CPU 0 wakes it while it runs `waker`. */
  function sleeper(llc: number[][], cpus = 4) {
    const b = new Bench({ cpus, llc });
    const all = Array.from({ length: cpus }, (_, i) => i);
    const waker = b.fork(0, { cpu: 0 });
    b.schedule(0);
    const p = b.fork(0, { cpu: 1, cpus: all });
    b.schedule(1);
    b.pass(20 * MS);
    b.block(1);
    b.resched(0);
    return { b, p, waker };
  }

  it('goes back to an idle previous CPU', () => {
    const { b, p } = sleeper([[0, 1, 2, 3]]);
    b.wake(p, 0);
    expect(p.cpu).toBe(1);
  });

  it('looks for an idle CPU of the cache when the previous one is busy', () => {
    const { b, p } = sleeper([[0, 1, 2, 3]]);
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    b.trace.length = 0;
    b.wake(p, 0);
    b.deliver();
    expect(p.cpu).toBe(2);
    expect(b.trace.find((e) => e.event === 'sched_migrate_task')?.fields).toMatchObject({ orig_cpu: 1, dest_cpu: 2 });
    expect(toNumber(b.se(p).nr_migrations)).toBe(1);
    expect(b.m.cfs_rq[1].removed.nr).toBe(1);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('keeps to the allowed CPUs', () => {
    const { b, p } = sleeper([[0, 1, 2, 3]]);
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    b.k.set_cpus_allowed_ptr(p, [1, 3]);
    b.wake(p, 0);
    expect(p.cpu).toBe(3);
  });

  it('stays where it was without scheduling domains', () => {
    const { b, p } = sleeper([]);
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    b.wake(p, 0);
    expect(p.cpu).toBe(1);
  });

  it('comes to the waker when the waker is about to sleep, and the previous CPU is not idle', () => {
    const { b, p } = sleeper([[0, 1]], 2);
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    b.m.cpu = 0;
    b.k.try_to_wake_up(p, 3, 0x10);
    expect(p.cpu).toBe(0);
  });

  it('remembers whom a task wakes', () => {
    const { b, p, waker } = sleeper([[0, 1, 2, 3]]);
    b.wake(p, 0);
    expect([waker.last_wakee, waker.wakee_flips]).toEqual([p.id, 1]);
  });

  it('moves load with the task', () => {
    const { b, p } = sleeper([[0, 1, 2, 3]]);
    b.fork(0, { cpu: 1 });
    b.schedule(1);
    const before = toNumber(b.m.cfs_rq[2].avg.load_avg);
    b.wake(p, 0);
    b.deliver();
    expect(toNumber(b.m.cfs_rq[2].avg.load_avg)).toBeGreaterThan(before);
  });
});

describe('load that leaves an idle CPU', () => {
  /** load_avg of a task right after it has left a CPU that was idle for 100 ms. */
  function loadAfter(NO_HZ_COMMON: boolean): number {
    const b = new Bench({ cpus: 2, NO_HZ_COMMON });
    const p = b.fork(0, { cpu: 1, cpus: [0, 1] });
    b.schedule(1);
    b.pass(50 * MS);
    b.tick(1);
    b.block(1);
    b.pass(100 * MS);
    b.k.set_cpus_allowed_ptr(p, [0]);
    b.k.set_task_cpu(Object.assign(p, { __state: 0x200 }), 0);
    return toNumber(b.se(p).avg.load_avg);
  }

  it('has decayed with CONFIG_NO_HZ_COMMON, to a little more than an eighth', () => {
    const kept = loadAfter(false);
    const decayed = loadAfter(true);
    expect(kept).toBeGreaterThan(600);
    // 100 ms are 97 periods: y^97 = 2^(-97/32)
    expect(decayed / kept).toBeCloseTo(2 ** (-97 / 32), 1);
  });
});

describe('set_cpus_allowed_ptr', () => {
  it('moves a queued task, leaves a running one to what is not modelled', () => {
    const b = new Bench({ cpus: 2 });
    const a = b.fork(0, { cpu: 0 });
    const c = b.fork(0, { cpu: 0 });
    b.schedule(0);
    const [on, off] = b.running(0) === a ? [a, c] : [c, a];
    b.m.cpu = 1;
    expect(b.k.set_cpus_allowed_ptr(off, [1])).toBe(0);
    expect([off.cpu, off.on_rq]).toEqual([1, 1]);
    expect(checkSched(b.m)).toEqual([]);
    expect(() => b.k.set_cpus_allowed_ptr(on, [1])).toThrow(NotModelled);
    expect(b.k.set_cpus_allowed_ptr(off, [7])).toBe(-22);
  });
});
