// SPDX-License-Identifier: GPL-2.0-only
/** What a guest lacks of its share and how long a lock lies free, on machines whose every step is written down here. */
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/explore/engine.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { measure } from '../../src/explore/measures.js';
import { SPIN_NONE } from '../../src/guest/actor.js';
import { add, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import type { Measures } from '../../src/report/check-report.js';
import { measuresTable } from '../../src/report/measures-table.js';
import type { Scenario, VmSpec } from '../../src/scenario/scenario.js';
import { WHEN_BACK } from '../../src/sched/kernel-stack.js';
import { NULL } from '../../src/sched/sched.js';
import { kernelByName, pin } from '../../src/series/registry.js';
import { exampleReport } from '../report/fixture.js';

/** ns of spinning that make a PAUSE exit: 4096 cycles of 2 GHz. */
const WINDOW = 2048;

/** What has changed by the end of so many ns. */
interface Turn {
  ns: number;
  /** CPU time of threads by vCPU */
  ran?: Record<number, number>;
  change?: (m: machine) => void;
}

/** Measures a machine that does what is written, in place of what its kernel would do. */
function measured(scenario: Scenario, turns: readonly Turn[]): Measures {
  let at = 0;
  const engine: Engine = {
    ...machineEngine,
    next: (m) => (at < turns.length ? { ev: 'tick', cpu: m.rq.length - 1 } : null),
    apply: (bound) => {
      const m = bound.m as machine;
      const { ns, ran = {}, change } = turns[at++];
      m.sched_clock = add(m.sched_clock, u64(ns));
      for (const [vcpu, time] of Object.entries(ran)) {
        const se = m.se[m.task[m.vcpuOfTask.indexOf(Number(vcpu))].se];
        se.sum_exec_runtime = add(se.sum_exec_runtime, u64(time));
      }
      change?.(m);
    },
  };
  return measure(engine, pin, [{ ...scenario, until: 1_000_000 }]);
}

const guest = (name: string, cpus: number[][]): VmSpec => ({ name, vcpus: cpus.length, cpus });
const sleeps = (m: machine, vcpu: number, fn?: string): void => {
  const p = m.task[m.vcpuOfTask.indexOf(vcpu)];
  m.vcpu[vcpu].pid = p.id;
  const rq = m.rq[p.cpu];
  if (rq.curr === p.id) rq.curr = rq.idle;
  m.vcpu[vcpu].wants_to_run = true;
  m.vcpu[vcpu].preempted = false;
  p.__state = 1;
  if (fn !== undefined) p.kernel_stack.push({ fn, args: [], waits: WHEN_BACK });
};

describe('what a guest lacks of its fair share', () => {
  const two: Scenario = { cpus: 1, vms: [guest('a', [[0]]), guest('b', [[0]])] };
  const start: Turn = { ns: 0 };

  it('is the part of its half that another has had: 200 of 500 ns', () => {
    expect(measured(two, [start, { ns: 1000, ran: { 0: 700, 1: 300 } }]).guestShort).toBe(400);
    expect(measured(two, [start, { ns: 1000, ran: { 0: 500, 1: 500 } }]).guestShort).toBe(0);
  });

  it('is all of it for one that never ran, and whose vCPU has no pid yet', () => {
    const late: Turn = { ns: 1000, ran: { 0: 1000 }, change: (m) => expect(m.vcpu[1].pid).toBe(NULL) };
    expect(measured(two, [start, late]).guestShort).toBe(1000);
  });

  it('does not grow while it sleeps for something to do', () => {
    const blocks: Turn = { ns: 0, change: (m) => sleeps(m, 1) };
    // due: 500 each, then all 1000 to the other
    expect(
      measured(two, [start, { ns: 1000, ran: { 0: 500, 1: 500 } }, blocks, { ns: 1000, ran: { 0: 1000 } }]).guestShort,
    ).toBe(0);
    // a is due 1500 and has 1200
    expect(
      measured(two, [start, { ns: 1000, ran: { 0: 500, 1: 500 } }, blocks, { ns: 1000, ran: { 0: 700 } }]).guestShort,
    ).toBe(200);
  });

  it('grows while a PAUSE exit has put it to sleep: 500 of 1000 ns', () => {
    const dozes: Turn = { ns: 0, change: (m) => sleeps(m, 1, 'kvm_vcpu_on_spinSlept') };
    expect(
      measured(two, [start, { ns: 1000, ran: { 0: 500, 1: 500 } }, dozes, { ns: 1000, ran: { 0: 1000 } }]).guestShort,
    ).toBe(500);
  });

  it('is counted CPU by CPU: alone on one and of two on the other, a is due 1500, b 500', () => {
    const wide: Scenario = { cpus: 2, vms: [guest('a', [[0], [1]]), guest('b', [[1]])] };
    expect(measured(wide, [start, { ns: 1000, ran: { 0: 1000, 1: 400, 2: 500 } }]).guestShort).toBe(67);
    expect(measured(wide, [start, { ns: 1000, ran: { 0: 1000, 1: 500, 2: 100 } }]).guestShort).toBe(800);
  });

  it.each<[string, Scenario]>([
    ['a guest alone', { cpus: 1, vms: [guest('a', [[0]])] }],
    ['beside host tasks', { ...two, tasks: [{ comm: 'A' }] }],
    [
      'of vCPUs that are not bound',
      {
        cpus: 1,
        vms: [
          { name: 'a', vcpus: 1 },
          { name: 'b', vcpus: 1 },
        ],
      },
    ],
    ['of real-time vCPUs', { cpus: 1, vms: [{ ...guest('a', [[0]]), policy: 'rr' }, guest('b', [[0]])] }],
  ])('is not said of %s', (_, scenario) => {
    expect(measured(scenario, [start, { ns: 1000, ran: { 0: 100 } }]).guestShort).toBe(0);
  });
});

it('a thread that never came to KVM_RUN waits as a vCPU', () => {
  const { longestWaitTask, longestWaitVcpu } = measured({ cpus: 1, vms: [guest('a', [[0]]), guest('b', [[0]])] }, [
    { ns: 0 },
    { ns: 700 },
    { ns: 300 },
  ]);
  expect({ longestWaitTask, longestWaitVcpu }).toEqual({ longestWaitTask: 0, longestWaitVcpu: 1000 });
});

describe('from release to acquisition of a lock', () => {
  const pair: Scenario = { cpus: 2, vms: [guest('a', [[0], [1]])] };
  const lock = (ns: number, holder: number, ...spinning: number[]): Turn => ({
    ns,
    change: (m) => {
      m.guest[0].locks = [{ holder, queue: [] }];
      for (const { pid, vcpu_idx } of m.vcpu) m.actor[pid].spinning = spinning.includes(vcpu_idx) ? 0 : SPIN_NONE;
    },
  });
  const handOver = (...turns: Turn[]): Measures['lockHandOver'] => measured(pair, turns).lockHandOver;
  const none = { min: 0, median: 0, max: 0 };
  const once = (ns: number): Measures['lockHandOver'] => ({ min: ns, median: ns, max: ns });

  it('lies all the time until the waiter that a ticket lock names has seen so', () => {
    expect(handOver(lock(0, 0), lock(100, 0, 1), lock(100, 1, 1), lock(150, 1, 1), lock(100, 1))).toEqual(once(250));
  });

  it("lies the time for which a lock that goes to whoever comes is nobody's", () => {
    expect(handOver(lock(0, 0, 1), lock(100, -1, 1), lock(40, -1, 1), lock(2, 1))).toEqual(once(42));
  });

  it('is not counted where nobody waited', () => {
    expect(handOver(lock(0, 0), lock(100, -1), lock(50, -1), lock(50, 1))).toEqual(none);
    // the wait that began after the release was not for the holder
    expect(handOver(lock(0, 0), lock(100, -1), lock(50, -1, 1), lock(50, 1))).toEqual(none);
  });

  it('is nothing from one to the other within an event, and counted as such', () => {
    const slow = [lock(100, 1, 0), lock(100, 0, 0), lock(80, 0)];
    const quick = [lock(10, 1), lock(10, 0)];
    expect(handOver(lock(0, 0, 1), ...quick, ...slow)).toEqual({ min: 0, median: 0, max: 80 });
  });

  it('has the upper median', () => {
    const held = (ns: number): Turn[] => [lock(10, 0, 1), lock(10, 1, 1), lock(ns, 1), lock(10, -1), lock(10, 0)];
    expect(handOver(lock(0, 0), ...held(300), ...held(5), ...held(70), ...held(20))).toEqual({
      min: 5,
      median: 70,
      max: 300,
    });
  });
});

describe('programs on kernels of 2011', () => {
  /** vCPU 0 holds the lock for 150 us from the start on; vCPU 1 wants it from 10 us on. */
  const scenario: Scenario = {
    cpus: 2,
    hz: 1000,
    vms: [
      {
        ...guest('a', [[0], [1]]),
        lockKind: 'ticket',
        programs: [
          [
            { op: 'lock', lock: 0 },
            { op: 'compute', ns: 150_000 },
            { op: 'unlock', lock: 0 },
            { op: 'compute', ns: 9_000_000 },
          ],
          [
            { op: 'compute', ns: 10_000 },
            { op: 'lock', lock: 0 },
            { op: 'compute', ns: 9_000_000 },
          ],
        ],
      },
    ],
    until: 400_000,
  };
  const of = (kernel: string): Measures['lockHandOver'] =>
    measure(machineEngine, kernelByName(kernel), [scenario]).lockHandOver;

  it('v2.6.38: the lock is taken when the second sleep of 100 us is over', () => {
    // spins WINDOW, sleeps to 110 us + WINDOW, spins WINDOW, sleeps to 210 us + 2 WINDOW; released at 150 us
    expect(of('v2.6.38')).toEqual({ min: 60_000 + 2 * WINDOW, median: 60_000 + 2 * WINDOW, max: 60_000 + 2 * WINDOW });
  });

  it('v2.6.39: it is taken at once by a vCPU that has nobody to yield to and spins on', () => {
    expect(of('v2.6.39')).toEqual({ min: 0, median: 0, max: 0 });
  });
});

it('are told in rows of their own, longer is worse', () => {
  const report = exampleReport();
  const [base, patched] = report.kernels;
  const before = { ...report.measures[base], guestShort: 40, lockHandOver: { min: 1, median: 20, max: 300 } };
  const after = { ...before, guestShort: 50, lockHandOver: { min: 2, median: 22, max: 150 } };
  const lines = measuresTable({ ...report, measures: { [base]: before, [patched]: after }, variations: {} });
  const at = lines.findIndex((line) => line.startsWith('what a guest lacks'));
  expect(lines.slice(at, at + 3).map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['what a guest lacks of its fair share, 1/1000', '40', '50', '+25 % worse'],
    ['from release to acquisition of a lock, ns: median', '20', '22', '+10 % worse'],
    ['max', '300', '150', '-50 % better'],
  ]);
});
