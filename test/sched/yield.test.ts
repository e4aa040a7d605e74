// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { s64_toNumber, toNumber } from '../../src/lib/types.js';
import type { task_struct } from '../../src/sched/sched.js';
import { Bench } from './harness.js';

const MS = 1_000_000;
const ESRCH = -3;

describe('yield_to', () => {
  it('is -ESRCH only when both CPUs have one task each, counting all classes', () => {
    const b = new Bench({ cpus: 2 });
    b.fork(0, { cpu: 0 });
    const p = b.fork(0, { cpu: 1 });
    b.schedule(0);
    b.m.cpu = 0;
    expect(b.k.yield_to(p, true)).toBe(ESRCH);
    const other = b.fork(0, { cpu: 1 });
    b.m.cpu = 0;
    // p does not run: CPU 1 has not scheduled.
    expect(b.k.yield_to(p, true)).toBe(1);
    b.schedule(1);
    b.m.cpu = 0;
    const waiting = b.running(1) === p ? other : p;
    const on = b.running(1) as task_struct;
    expect(b.k.yield_to(on, true)).toBe(0);
    expect(b.k.yield_to(waiting, true)).toBe(1);
    expect(b.m.cfs_rq[b.m.rq[1].cfs].next).toBe(waiting.se);
    expect(on.tif_need_resched).toBe(1);
  });

  it('reschedules the other CPU only when it is told to', () => {
    const b = new Bench({ cpus: 2 });
    b.fork(0, { cpu: 0 });
    const tasks = [b.fork(0, { cpu: 1 }), b.fork(0, { cpu: 1 })];
    b.schedule(0);
    b.schedule(1);
    const waiting = tasks.find((p) => p !== b.running(1)) as task_struct;
    b.m.cpu = 0;
    expect(b.k.yield_to(waiting, false)).toBe(1);
    expect(b.running(1)?.tif_need_resched).toBe(0);
  });

  it('makes the target next on every level up to the root', () => {
    const b = new Bench();
    const root = b.m.task_group[0];
    const tg = b.k.sched_create_group(root);
    b.k.sched_online_group(tg, root);
    const p = b.fork(0, { group: tg.id });
    const me = b.fork();
    b.schedule();
    if (b.running() === p) {
      b.pass(5 * MS);
      b.tick();
      b.resched();
    }
    expect(b.running()).toBe(me);
    b.k.yield_to(p, true);
    // It was eligible, so it runs, and set_next_entity() has cleared the hint.
    expect([b.running(), b.m.cfs_rq[0].next, b.m.cfs_rq[tg.cfs_rq[0]].next]).toEqual([p, -1, -1]);
  });

  it('leaves the hint when the target is not eligible', () => {
    const b = new Bench();
    const [a, c] = [b.fork(), b.fork()];
    b.schedule();
    const me = b.running() as task_struct;
    const p = me === a ? c : a;
    // p is ahead of the average.
    b.pass(5 * MS);
    b.tick();
    b.resched();
    expect(b.running()).toBe(p);
    b.pass(12 * MS);
    b.tick();
    b.resched();
    expect(b.running()).toBe(me);
    expect(b.k.entity_eligible(b.m.cfs_rq[0], b.se(p))).toBe(false);
    b.k.yield_to(p, true);
    expect([b.running(), b.m.cfs_rq[0].next]).toEqual([me, p.se]);
  });

  it('does not boost a task of another class, one that sleeps, or a delayed one', () => {
    const b = new Bench();
    const me = b.fork();
    const p = b.fork();
    const third = b.fork();
    b.policy(p, 1, 1);
    b.schedule();
    expect(b.running()).toBe(p);
    // From the real-time class there is no directed yield at all.
    expect(b.k.yield_to(me, true)).toBe(0);
    b.block();
    expect(b.k.yield_to(p, true)).toBe(0);
    const on = b.running() as task_struct;
    const off = on === me ? third : me;
    b.pass(6 * MS);
    b.block();
    expect(b.se(on).sched_delayed).toBe(1);
    expect(b.running()).toBe(off);
    expect(b.k.yield_to(on, true)).toBe(0);
    expect(b.m.cfs_rq[0].next).toBe(-1);
  });

  it('clears the flags of both clocks even when it refuses', () => {
    const b = new Bench();
    const me = b.fork();
    b.fork();
    b.schedule();
    expect(b.m.rq[0].clock_update_flags).toBe(4);
    b.k.yield_to(me, true);
    expect(b.m.rq[0].clock_update_flags).toBe(0);
  });
});

describe('yield_task_fair', () => {
  it('forfeits up to the deadline when eligible, and nothing when not', () => {
    const b = new Bench();
    const me = b.fork();
    b.fork();
    b.schedule();
    const se = b.se(b.running() as task_struct);
    const deadline = s64_toNumber(se.deadline as never);
    b.k.yield_task_fair(b.m.rq[0]);
    expect(s64_toNumber(se.vruntime as never)).toBe(deadline);
    const v = se.vruntime;
    b.k.yield_task_fair(b.m.rq[0]);
    expect(se.vruntime).toBe(v);
    expect(me.on_rq).toBe(1);
  });

  it('returns early when it is alone on the CPU', () => {
    const b = new Bench();
    const p = b.fork();
    b.schedule();
    const before = b.se(p).vruntime;
    b.pass(MS);
    b.k.yield_task_fair(b.m.rq[0]);
    expect(b.se(p).vruntime).toBe(before);
  });

  it('lets the next schedule() use the clock of the yield, and no other', () => {
    const b = new Bench();
    b.fork();
    b.fork();
    b.schedule();
    b.k.rq_lock(b.m.rq[0]);
    b.k.yield_task_fair(b.m.rq[0]);
    expect(b.m.rq[0].clock_update_flags & 1).toBe(1);
    const at = toNumber(b.m.rq[0].clock);
    b.pass(3 * MS);
    b.schedule();
    expect(toNumber(b.m.rq[0].clock)).toBe(at);
    b.schedule();
    expect(toNumber(b.m.rq[0].clock)).toBe(at + 3 * MS);
  });
});

describe('the context switch', () => {
  it('fires the notifiers as prev before and as next after, with sched_switch first', () => {
    const order: string[] = [];
    const b = new Bench({
      overrides: {
        kvm_sched_out(vcpu: number, next: task_struct) {
          order.push(`out ${vcpu} current t${this.get_current().id} next t${next.id} on_cpu ${next.on_cpu}`);
        },
        kvm_sched_in(vcpu: number, cpu: number) {
          order.push(`in ${vcpu} current t${this.get_current().id} cpu ${cpu}`);
        },
        trace_sched_switch(_preempt: boolean, prev: task_struct, next: task_struct) {
          order.push(`sched_switch t${prev.id} t${next.id}`);
        },
      },
    });
    const a = b.fork();
    b.schedule();
    a.preempt_notifier = 7;
    const c = b.fork();
    c.preempt_notifier = 9;
    order.length = 0;
    b.block();
    expect(b.running()).toBe(c);
    expect(order).toEqual([
      `sched_switch t${a.id} t${c.id}`,
      `out 7 current t${a.id} next t${c.id} on_cpu 0`,
      `in 9 current t${c.id} cpu 0`,
    ]);
    expect([a.on_cpu, c.on_cpu]).toEqual([0, 1]);
  });

  it('prints the state as ftrace does', () => {
    const b = new Bench();
    b.fork();
    const c = b.fork();
    b.schedule();
    b.trace.length = 0;
    b.block(0, 2);
    b.m.cpu = 0;
    c.tif_need_resched = 1;
    b.fork();
    b.pass(20 * MS);
    b.tick();
    b.k.preempt_schedule_irq();
    const switches = b.trace.filter((e) => e.event === 'sched_switch').map((e) => e.fields['prev_state']);
    expect(switches).toEqual(['D', 'R+']);
    const first = b.trace.find((e) => e.event === 'sched_switch');
    expect(Object.keys(first?.fields ?? {})).toEqual([
      'prev_comm',
      'prev_pid',
      'prev_prio',
      'prev_state',
      'next_comm',
      'next_pid',
      'next_prio',
    ]);
    expect(first).toMatchObject({ system: 'sched', cpu: 0, ts: '1000000000' });
  });

  it('leaves a CPU with one task when the other sleeps', () => {
    const b = new Bench();
    const p = b.fork();
    b.schedule();
    b.fork();
    b.block();
    expect(b.running()).not.toBe(p);
    expect(b.k.single_task_running()).toBe(true);
  });
});

describe('tunable scaling', () => {
  it.each([
    [1, 700_000],
    [2, 1_400_000],
    [4, 2_100_000],
    [8, 2_800_000],
    [12, 2_800_000],
  ])('makes with %i CPUs a base slice of %i ns', (cpus, slice) => {
    expect(new Bench({ cpus }).m.sysctl_sched_base_slice).toBe(slice);
  });
});

describe('reset on fork', () => {
  it('takes away a real-time policy and negative nice values', () => {
    const b = new Bench();
    const p = b.k.sched_create_group(b.m.task_group[0]);
    expect(p.id).toBe(1);
    const child = b.fork(-5);
    child.sched_reset_on_fork = 1;
    b.k.sched_fork(0, child);
    expect([child.static_prio, child.prio, child.sched_reset_on_fork]).toEqual([120, 120, 0]);
    expect(toNumber(b.se(child).load.weight)).toBe(1 << 20);
  });
});
