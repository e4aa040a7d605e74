// SPDX-License-Identifier: GPL-2.0-only
/** The fair server: 50 ms in each second for fair tasks, when a real-time task would leave them none. */
import { describe, expect, it } from 'vitest';
import { s64_toNumber, toNumber } from '../../src/lib/types.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { Bench } from './harness.js';

const MS = 1_000_000;

/** Spans in which `p` ran, in ms from the start, seen at a tick of 1 ms. */
function spans(b: Bench, p: { id: number }, ms: number): [number, number][] {
  const out: [number, number][] = [];
  const start = toNumber(b.m.sched_clock);
  for (let i = 0; i < ms; i++) {
    b.pass(MS);
    b.tick();
    b.resched();
    const now = (toNumber(b.m.sched_clock) - start) / MS;
    if (b.running()?.id === p.id) {
      const last = out.at(-1);
      if (last !== undefined && last[1] === now - 1) last[1] = now;
      else out.push([now, now]);
    }
  }
  return out;
}

describe('a real-time task that never sleeps', () => {
  it('leaves fair tasks 50 ms after 950 ms, and then 50 ms each second', () => {
    const b = new Bench({ HZ: 1000 });
    const fair = b.fork();
    const hog = b.fork();
    b.policy(hog, 1, 50);
    b.schedule();
    expect(b.running()).toBe(hog);
    const seen = spans(b, fair, 3200);
    // When it gets to run, its deadline is only as far away as its runtime is long: it overflows the bandwidth, and
    // a new period begins there and then. So the periods start at 950 ms.
    expect(seen.map(([from, to]) => [from, to + 1])).toEqual([
      [950, 1000],
      [1950, 2000],
      [2950, 3000],
    ]);
    expect(checkSched(b.m)).toEqual([]);
    expect(b.m.warns).toBe(0);
  });

  it('counts the server as a runnable task while it is queued', () => {
    const b = new Bench({ HZ: 1000 });
    b.fork();
    const hog = b.fork();
    b.policy(hog, 1, 50);
    b.schedule();
    const rq = b.m.rq[0];
    expect([rq.nr_running, rq.fair_server.dl_server_active, rq.dl.dl_nr_running]).toEqual([2, 1, 0]);
    spans(b, hog, 960);
    expect([rq.nr_running, rq.dl.dl_nr_running]).toEqual([3, 1]);
    expect(b.running()?.dl_server).toBe(0);
  });

  it('is put off while fair tasks get their share by themselves', () => {
    const b = new Bench({ HZ: 1000 });
    const fair = b.fork();
    b.schedule();
    const server = b.m.rq[0].fair_server;
    const armed = toNumber(b.m.hrtimer[server.dl_timer].expires);
    expect(armed - 1_000_000_000).toBe(950 * MS);
    spans(b, fair, 51);
    expect(toNumber(b.m.hrtimer[server.dl_timer].expires)).toBeGreaterThan(armed);
    expect(b.m.rq[0].dl.dl_nr_running).toBe(0);
    for (const [from] of spans(b, fair, 3000)) expect(from).toBe(1);
    expect(b.m.rq[0].dl.dl_nr_running).toBe(0);
  });

  it('stops only when it is picked and finds nobody', () => {
    const b = new Bench({ HZ: 1000 });
    const fair = b.fork();
    const hog = b.fork();
    b.policy(hog, 1, 50);
    b.schedule();
    const server = b.m.rq[0].fair_server;
    spans(b, fair, 955);
    expect(b.running()).toBe(fair);
    // The fair task goes to sleep inside its server's time.
    b.block();
    expect(b.running()).toBe(hog);
    expect([server.dl_server_active, server.on_rq]).toEqual([0, 0]);
    b.wake(fair);
    expect([server.dl_server_active, s64_toNumber(server.runtime) > 0]).toEqual([1, true]);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('loses idle time from its budget', () => {
    const b = new Bench({ HZ: 1000 });
    const p = b.fork();
    b.schedule();
    b.pass(1 * MS);
    b.block();
    expect(b.running()).toBe(null);
    const server = b.m.rq[0].fair_server;
    const before = s64_toNumber(server.runtime);
    b.pass(10 * MS);
    b.wake(p);
    b.resched();
    expect(before - s64_toNumber(server.runtime)).toBe(10 * MS);
  });
});
