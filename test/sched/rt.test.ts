// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { KernelBug } from '../../src/lib/bug.js';
import { s64_toNumber, toNumber, u64 } from '../../src/lib/types.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { forkTask } from '../../src/sched/boot-sched.js';
import { Bench } from './harness.js';

const FIFO = 1;
const RR = 2;

describe('real-time tasks', () => {
  it('run before fair ones, the highest priority first, first come first served among equals', () => {
    const b = new Bench();
    const fair = b.fork();
    b.schedule();
    const [low, high, later] = [b.fork(), b.fork(), b.fork()];
    expect([b.policy(low, FIFO, 10), b.policy(high, FIFO, 20), b.policy(later, FIFO, 20)]).toEqual([0, 0, 0]);
    expect([low.prio, high.prio, low.sched_class]).toEqual([89, 79, 'rt_sched_class']);
    expect(fair.tif_need_resched).toBe(1);
    const order = [];
    for (let i = 0; i < 4; i++) {
      b.schedule();
      order.push(b.running());
      b.block();
    }
    expect(order).toEqual([high, later, low, fair]);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('counts them in nr_running of their CPU', () => {
    const b = new Bench();
    const p = b.fork();
    b.fork();
    b.schedule();
    b.policy(p, FIFO, 1);
    expect([b.m.rq[0].nr_running, b.m.cfs_rq[0].h_nr_queued, b.m.rq[0].rt.rt_nr_running]).toEqual([2, 1, 1]);
  });

  it('preempts on wake-up only what is lower', () => {
    const b = new Bench();
    const [a, c] = [b.fork(), b.fork()];
    b.policy(a, FIFO, 10);
    b.policy(c, FIFO, 10);
    b.schedule();
    expect(b.running()).toBe(a);
    b.block();
    expect(b.running()).toBe(c);
    b.wake(a);
    expect(c.tif_need_resched).toBe(0);
    b.policy(a, FIFO, 11);
    expect(c.tif_need_resched).toBe(1);
    b.resched();
    expect(b.running()).toBe(a);
  });

  it('takes turns among SCHED_RR equals every 100 ms, and not under SCHED_FIFO', () => {
    const b = new Bench({ HZ: 250 });
    const [a, c] = [b.fork(), b.fork()];
    b.policy(a, RR, 5);
    b.policy(c, RR, 5);
    b.schedule();
    const first = b.running();
    const ticks = () => {
      let n = 0;
      while (b.k.get_current().tif_need_resched === 0 && n < 1000) {
        b.pass(4_000_000);
        b.tick();
        n++;
      }
      b.resched();
      return n;
    };
    expect(ticks()).toBe(25);
    expect(b.running()).toBe(first === a ? c : a);
    expect(ticks()).toBe(25);
    expect(b.running()).toBe(first);
    b.policy(a, FIFO, 5);
    b.policy(c, FIFO, 5);
    b.resched();
    expect(ticks()).toBe(1000);
  });

  it('yields to its equals', () => {
    const b = new Bench();
    const [a, c] = [b.fork(), b.fork()];
    b.policy(a, FIFO, 7);
    b.policy(c, FIFO, 7);
    b.schedule();
    expect(b.running()).toBe(a);
    b.k.do_sched_yield();
    expect(b.running()).toBe(c);
    b.k.do_sched_yield();
    expect(b.running()).toBe(a);
  });

  it('keeps vlag and relative deadline while a fair task is real-time', () => {
    const b = new Bench();
    const [a, c] = [b.fork(), b.fork()];
    b.schedule();
    b.pass(3_000_000);
    b.tick();
    const other = b.running() === a ? c : a;
    b.policy(other, FIFO, 1);
    const se = b.se(other);
    expect([se.on_rq, se.rel_deadline]).toEqual([0, 1]);
    const lag = s64_toNumber(se.vlag);
    const relative = s64_toNumber(se.deadline as never);
    expect(lag).toBeGreaterThan(0);
    b.pass(10_000_000);
    expect(s64_toNumber(se.vlag)).toBe(lag);
    expect(toNumber(se.avg.last_update_time)).toBeGreaterThan(0);
    b.policy(other, 0);
    expect(s64_toNumber(se.deadline as never) - s64_toNumber(se.vruntime as never)).toBe(relative);
    expect(other.sched_class).toBe('fair_sched_class');
    expect(checkSched(b.m)).toEqual([]);
  });

  it('puts a delayed task to sleep for good when its class changes', () => {
    const b = new Bench();
    const [a] = [b.fork(), b.fork()];
    b.schedule();
    expect(b.running()).toBe(a);
    b.pass(5_000_000);
    b.block();
    expect([a.on_rq, b.se(a).sched_delayed]).toEqual([1, 1]);
    b.policy(a, FIFO, 3);
    expect([a.on_rq, b.se(a).sched_delayed, a.sched_class]).toEqual([0, 0, 'rt_sched_class']);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('refuses parameters that contradict each other', () => {
    const b = new Bench();
    const p = b.fork();
    expect(b.policy(p, FIFO, 0)).toBe(-22);
    expect(b.policy(p, 0, 1)).toBe(-22);
    expect(b.policy(p, FIFO, 100)).toBe(-22);
    expect(b.policy(p, 4)).toBe(-22);
    expect(() => b.policy(p, 6)).toThrow('not modelled');
  });

  it('cannot yield from the idle or the stop class', () => {
    const b = new Bench();
    expect(() => b.k.do_sched_yield()).toThrow(KernelBug);
  });
});

describe('set_user_nice', () => {
  it('only notes the value for a real-time task', () => {
    const b = new Bench();
    const p = b.fork();
    b.policy(p, FIFO, 5);
    const weight = b.se(p).load.weight;
    b.k.set_user_nice(p, 10);
    expect([p.static_prio, p.prio, b.se(p).load.weight]).toEqual([130, 94, weight]);
    b.policy(p, 0);
    expect([p.prio, toNumber(b.se(p).load.weight)]).toEqual([130, 110 * 1024]);
  });
});

describe('real-time tasks on several CPUs', () => {
  const all = [0, 1, 2];

  it('wake on a CPU that runs nothing as urgent', () => {
    const b = new Bench({ cpus: 3 });
    const p = b.fork(0, { cpu: 0, cpus: all });
    b.policy(p, FIFO, 5);
    b.schedule(0);
    b.block(0);
    const hog = b.fork(0, { cpu: 0 });
    b.policy(hog, FIFO, 9);
    b.schedule(0);
    b.wake(p, 0);
    b.deliver();
    expect(p.cpu).not.toBe(0);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('are pushed away when something more urgent comes to their CPU', () => {
    const b = new Bench({ cpus: 2 });
    const p = b.fork(0, { cpu: 0, cpus: [0, 1] });
    b.policy(p, FIFO, 5);
    b.schedule(0);
    expect(b.running(0)).toBe(p);
    const hog = b.fork(0, { cpu: 0 });
    b.policy(hog, FIFO, 9);
    b.resched(0);
    expect([b.running(0), p.cpu, p.on_rq]).toEqual([hog, 1, 1]);
    expect(b.m.task[b.m.rq[1].curr].tif_need_resched).toBe(1);
    b.resched(1);
    expect(b.running(1)).toBe(p);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('are pulled by a CPU that is about to run less urgent work', () => {
    const b = new Bench({ cpus: 2 });
    // Both CPUs run something more urgent, so that p waits on CPU 0.
    const hogs = [0, 1].map((cpu) => b.fork(0, { cpu }));
    for (const [cpu, hog] of hogs.entries()) {
      b.policy(hog, FIFO, 9);
      b.schedule(cpu);
    }
    const p = b.fork(0, { cpu: 0, cpus: [0, 1] });
    b.m.cpu = 0;
    b.policy(p, FIFO, 5);
    expect([p.cpu, b.m.rq[0].rt.pushable_tasks, b.m.rq[0].rt.overloaded]).toEqual([0, [p.id], 1]);
    b.block(1);
    expect([b.running(1), p.cpu, b.m.rq[0].rt.overloaded]).toEqual([p, 1, 0]);
    expect(checkSched(b.m)).toEqual([]);
  });

  it('are pushed by an interrupt with RT_PUSH_IPI, from every CPU that has some to spare, the lowest CPU first', () => {
    const b = new Bench({ cpus: 3 });
    b.m.sched_feat.RT_PUSH_IPI = true;
    for (const cpu of [0, 1, 2]) {
      b.policy(b.fork(0, { cpu }), FIFO, 9);
      b.schedule(cpu);
    }
    const spare = [1, 2].map((cpu) => {
      const p = b.fork(0, { cpu, cpus: all });
      b.m.cpu = cpu;
      b.policy(p, FIFO, 4 + cpu);
      return p;
    });
    expect([spare.map((p) => p.cpu), b.m.rd.rto_mask]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    b.block(0);
    // It pulls nothing itself: CPU 1 is told, and tells CPU 2.
    expect([b.running(0), b.m.rd.rto_push_work, b.m.host_irq[1]]).toEqual([null, 1, [0xfb]]);
    const deliver = (cpu: number) => {
      b.m.cpu = cpu;
      b.k.__flush_smp_call_function_queue();
    };
    deliver(1);
    expect([spare.map((p) => p.cpu), b.m.rd.rto_push_work]).toEqual([[0, 2], 2]);
    deliver(2);
    // What CPU 0 was given counts: CPU 2's is more urgent and follows, and CPU 0 has now one to spare.
    expect([spare.map((p) => p.cpu), b.m.rd.rto_mask]).toEqual([[0, 0], [0]]);
    b.resched(0);
    expect(b.running(0)).toBe(spare[1]);
    expect(checkSched(b.m)).toEqual([]);
  });
});

describe('sched_setscheduler() and its like', () => {
  it('keep nice value and slice', () => {
    const b = new Bench();
    const p = b.fork(7);
    b.se(p).custom_slice = 1;
    b.se(p).slice = u64(5_000_000);
    expect(b.k.sched_setscheduler_nocheck(p, FIFO, 30)).toBe(0);
    expect(b.k.sched_setscheduler(p, 0, 0)).toBe(0);
    expect([p.static_prio, toNumber(b.se(p).slice)]).toEqual([127, 5_000_000]);
  });

  it('are called from interrupts without priority inheritance alone', () => {
    const b = new Bench();
    const p = b.fork();
    b.m.hardirq = 1;
    expect(() => b.k.sched_setscheduler_nocheck(p, FIFO, 30)).toThrow('pi && in_interrupt()');
    const attr = { sched_policy: FIFO, sched_flags: 0, sched_nice: 0, sched_priority: 30, sched_runtime: u64(0) };
    expect(b.k.__sched_setscheduler(p, attr, false, false)).toBe(0);
    expect([p.prio, p.sched_class]).toEqual([69, 'rt_sched_class']);
  });

  it('put a task of the same priority behind its equals without priority inheritance, and leave it with', () => {
    const b = new Bench();
    const [a, c] = [b.fork(), b.fork()];
    b.policy(a, FIFO, 5);
    b.policy(c, FIFO, 5);
    expect(b.m.rq[0].rt.queue).toEqual([a.id, c.id]);
    b.policy(a, RR, 5);
    expect(b.m.rq[0].rt.queue).toEqual([a.id, c.id]);
    const attr = { sched_policy: FIFO, sched_flags: 0, sched_nice: 0, sched_priority: 5, sched_runtime: u64(0) };
    b.k.__sched_setscheduler(a, attr, false, false);
    expect(b.m.rq[0].rt.queue).toEqual([c.id, a.id]);
  });

  it('give what kernel threads ask for', () => {
    const b = new Bench();
    const p = b.fork();
    b.k.sched_set_fifo(p);
    expect([p.policy, p.rt_priority]).toEqual([FIFO, 50]);
    b.k.sched_set_fifo_low(p);
    expect([p.policy, p.rt_priority]).toEqual([FIFO, 1]);
    b.k.sched_set_normal(p, -3);
    expect([p.policy, p.static_prio, p.sched_class]).toEqual([0, 117, 'fair_sched_class']);
  });

  it('are passed on to children, unless the parent asked for a reset', () => {
    const b = new Bench();
    const p = b.fork(-5);
    b.policy(p, RR, 3);
    b.schedule();
    const child = () => forkTask(b.k, { comm: 'child', pid: 9, nice: 0, group: 0, cpus: [0], ofCurrent: true });
    const heir = child();
    expect([heir.policy, heir.prio, heir.sched_class]).toEqual([RR, 96, 'rt_sched_class']);
    b.k.sched_setscheduler_nocheck(p, RR | 0x4000_0000, 4);
    const reset = child();
    expect([reset.policy, reset.static_prio, reset.sched_class, reset.sched_reset_on_fork]).toEqual([
      ...[0, 120, 'fair_sched_class', 0],
    ]);
    expect(checkSched(b.m)).toEqual([]);
  });
});
