// SPDX-License-Identifier: GPL-2.0-only
/** CPU time: what is charged is what was used, and who gets how much of it. */
import type { Arbitrary } from 'fast-check';
import { array, constantFrom, record } from 'fast-check';
import { s64_diff, s64_toNumber, toNumber, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { sched_prio_to_weight } from '../../src/sched/core.js';
import { type cfs_rq, NULL, type rq, SCHED_IDLE, type sched_entity, type task_struct } from '../../src/sched/sched.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, hz, inGroup, layoutGroups, MS, worker } from '../arbitraries.js';
import { always, type Claim, leadsTo, type Monitor, type Step, stateless, type World } from '../vocabulary.js';
import { CUSTOM_SLICES, EVERYDAY, hostTasks, MANAGED } from './host-worlds.js';
import { nameOf, pathOf, queuedOn } from './lag-of.js';
import { mixedTasks } from './worlds.js';

const since = (m: machine, t: machine['sched_clock']): number => s64_toNumber(s64_diff(m.sched_clock, t));
const now = (m: machine): number => since(m, m.bootClock);

/** sum_exec_runtime and what current has run since: to the nanosecond the time between its switches in and out. */
function chargedAsUsed(): Monitor {
  /** by task: ns that it has been current, without its present turn */
  const used: number[] = [];
  /** by CPU: since when its current is */
  const began: number[] = [];
  return {
    before({ index, m }) {
      if (index > 0) return;
      for (const p of m.task) used[p.id] = toNumber(m.se[p.se].sum_exec_runtime);
      for (const rq of m.rq) began[rq.cpu] = now(m);
    },
    after(step) {
      const { m } = step;
      for (const p of m.task) {
        const rq = m.rq[p.cpu];
        if (rq.idle === p.id) continue;
        const se = m.se[p.se];
        const runs = rq.curr === p.id;
        const due = (used[p.id] ?? 0) + (runs ? now(m) - began[rq.cpu] : 0);
        const is = toNumber(se.sum_exec_runtime) + (runs ? since(m, se.exec_start) : 0);
        if (due > 0) step.reach();
        if (is !== due) step.fail(`${p.comm} has had the CPU for ${due} ns and is charged ${is} ns`);
      }
    },
    probes: {
      context_switch: {
        enter({ m }, args) {
          const [rq, prev] = args as [rq, task_struct];
          used[prev.id] = (used[prev.id] ?? 0) + now(m) - (began[rq.cpu] ?? 0);
          began[rq.cpu] = now(m);
        },
      },
    },
  };
}

/** NICE_0_LOAD: 1024 before v4.7 and its ten more bits. */
const nice0 = ({ kernel }: Step): number => toNumber(kernel.scale_load(u64(1024)));

/**
 * update_curr(): vruntime grows by what was run, times NICE_0_LOAD, over the weight. The kernel multiplies by 2^32 / weight
 * instead, rounded to 32 bits, so that the result is off by d * 2^-21 at most, and cuts the factor to 32 bits: 2^-31 of
 * the result; and it rounds down.
 *
 * calc_delta_mine(), before v3.11, cuts 16 bits off a long product first, 2^-17 of the result, and takes 2^32 / (weight + 1) for
 * the weight of a group.
 */
function roundingOf(step: Step, se: sched_entity, ran: number, due: number): number {
  if (nice0(step) > 1024) return 1 + ran * 2 ** -21 + due * 2 ** -31;
  const group = se.task === NULL ? due / (toNumber(se.load.weight) + 1) : 0;
  return 1 + due * 2 ** -17 + group;
}

function scaledByWeight(): Monitor {
  let was: { vruntime: sched_entity['vruntime']; ran: number } | null = null;
  return stateless({
    probes: {
      update_curr: {
        enter({ m }, [arg]) {
          const queue = arg as cfs_rq;
          was = null;
          if (queue.curr === NULL) return;
          const se = m.se[queue.curr];
          const ran = s64_toNumber(s64_diff(m.rq[queue.rq].clock_task, se.exec_start));
          was = { vruntime: se.vruntime, ran: Math.max(0, ran) };
        },
        leave(step, _result, [arg]) {
          if (was === null) return;
          const { m } = step;
          const se = m.se[(arg as cfs_rq).curr];
          const due = (was.ran * nice0(step)) / toNumber(se.load.weight);
          const is = s64_toNumber(s64_diff(se.vruntime, was.vruntime));
          if (was.ran > 0 && due !== was.ran) step.reach();
          if (Math.abs(is - due) > roundingOf(step, se, was.ran, due)) {
            step.fail(`${nameOf(m, se)} ran ${was.ran} ns: vruntime grows by ${is}, must by ${Math.floor(due)}`);
          }
          was = null;
        },
      },
    },
  });
}

/** Weight as nice value, SCHED_IDLE or cpu.shares have it, whatever the entity says. */
function dueWeight(step: Step, se: sched_entity): number {
  const { m } = step;
  if (se.task === NULL) return toNumber(m.task_group[m.cfs_rq[se.my_q].tg].shares);
  const p = m.task[se.task];
  return (nice0(step) / 1024) * (p.policy === SCHED_IDLE ? 3 : sched_prio_to_weight[p.static_prio - 100]);
}

/**
 * Tasks that always want the CPU, each with its own nice value and group: as `leastService` in bounds.ts, by the weights
 * that nice values and shares stand for. Where all have at least their share, nobody has more.
 */
function followsWeights(): Monitor {
  return stateless({
    after(step) {
      if (step.event.ev !== 'tick') return;
      const { m } = step;
      const tick = toNumber(m.TICK_NSEC);
      const E = 2 * (m.sysctl_sched_base_slice + tick);
      for (const p of m.task) {
        if (m.rq[p.cpu].idle === p.id) continue;
        let f = 1;
        let less = 0;
        for (const se of pathOf(m, p.id)) {
          less += f * E;
          const all = queuedOn(m, se.cfs_rq).reduce((sum, other) => sum + dueWeight(step, other), 0);
          f *= dueWeight(step, se) / all;
        }
        const share = f * now(m);
        if (share > less) step.reach();
        const se = m.se[p.se];
        const runs = m.rq[p.cpu].curr === p.id;
        const had = toNumber(se.sum_exec_runtime) + (runs ? since(m, se.exec_start) : 0);
        if (had < share - less) {
          step.fail(
            `${p.comm}, nice ${p.static_prio - 120}, has had ${had} ns; ` +
              `its share is ${Math.round(share)} ns, ${Math.round(less)} ns less are allowed for`,
          );
        }
      }
    },
  });
}

const nices = constantFrom(0, 0, -3, 3, 5, -10);

/** Three or four tasks that never stop, by programs and ticks. */
const steady: World = {
  scenario: record({
    n: constantFrom(3, 4),
    layout: constantFrom('flat' as const, 'groups' as const, 'nested' as const),
    nice: array(nices, { minLength: 4, maxLength: 4 }),
    shares: array(constantFrom(1024, 512, 2048, 3072), { minLength: 5, maxLength: 5 }),
    hz: constantFrom(1000, 250),
  }).map((draw): Scenario => {
    const { groups, of } = layoutGroups(draw.layout, draw.n);
    const tasks = [...Array(draw.n).keys()].map((i) => inGroup({ comm: `T${i}`, nice: draw.nice[i] }, of(i)));
    return {
      cpus: 1,
      hz: draw.hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      ...(groups.length > 0 ? { groups: groups.map((g, i) => ({ ...g, shares: draw.shares[i] })) } : {}),
      tasks,
      until: 600 * MS,
    };
  }),
  weights: {},
  length: 2_500,
  events: 16_000,
  keep: (s) => (s.tasks ?? []).length > 1 && s.vruntime_offset === FAR_FROM_WRAP,
};

const SERVER_RUNTIME = 50 * MS;
const SERVER_PERIOD = 1_000 * MS;

/**
 * Beside a real-time task that never stops, fair tasks have 50 ms of each second by the fair server. The first period
 * begins when they are queued, and the server may wait to the end of each: n of them are over after n + 1 seconds.
 */
function servedBesideFifo(): Monitor {
  return stateless({
    after(step) {
      const { m } = step;
      const periods = Math.floor(now(m) / SERVER_PERIOD) - 1;
      if (periods < 1) return;
      step.reach();
      let had = 0;
      for (const p of m.task) if (p.comm.startsWith('fair')) had += toNumber(m.se[p.se].sum_exec_runtime);
      const due = periods * SERVER_RUNTIME;
      if (had < due) step.fail(`fair tasks beside a FIFO task have had ${had} ns in ${now(m)} ns, must have ${due} ns`);
    },
  });
}

const others: Arbitrary<TaskSpec['program']> = worker;

const besideFifo: World = {
  scenario: record({ hz, n: constantFrom(0, 1, 2), program: others }).map((draw): Scenario => {
    const rest = [...Array(draw.n).keys()].map((i): TaskSpec => {
      const task = { comm: `fair${i + 1}` };
      return draw.program === undefined ? task : { ...task, program: draw.program };
    });
    return {
      cpus: 1,
      hz: draw.hz,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      tasks: [{ comm: 'fair0' }, ...rest, { comm: 'hog', policy: 'fifo', rt_priority: 1 }],
      until: 3_200 * MS,
    };
  }),
  weights: {},
  length: 9_000,
  events: 24_000,
  keep: (s) => {
    const names = (s.tasks ?? []).map((t) => t.comm);
    const steadyOne = s.tasks?.some((t) => t.comm === 'fair0' && t.program === undefined) === true;
    return steadyOne && names.includes('hog') && s.vruntime_offset === FAR_FROM_WRAP;
  },
};

/**
 * zero_vruntime follows V, so that keys stay small: |v - v0| is at most two bounds of lag, as the comment above
 * entity_key() has it, a bound being a slice and a tick in virtual time of the lightest that is queued.
 */
function keysStaySmall(): Monitor {
  return stateless({
    after(step) {
      const { m } = step;
      for (const queue of m.cfs_rq) {
        const all = queuedOn(m, queue.id);
        let bound = 0;
        for (const se of all) {
          const real = toNumber(se.slice) + toNumber(m.TICK_NSEC);
          bound = Math.max(bound, (2 * real * nice0(step)) / toNumber(se.load.weight));
        }
        for (const se of all) {
          const key = s64_toNumber(s64_diff(se.vruntime, queue.zero_vruntime));
          if (now(m) > bound) step.reach();
          if (Math.abs(key) > bound) {
            step.fail(`${nameOf(m, se)}: vruntime - zero_vruntime is ${key}, two bounds of lag are ${bound}`);
          }
        }
      }
    },
  });
}

/** y^n, and what the divider of a PELT average varies by within a period: LOAD_AVG_MAX / (LOAD_AVG_MAX - 1024). */
const HALF_LIFE = 32 * 1024 * 1024;
const DIVIDERS = 47_742 / (47_742 - 1024);

/** The averages of a CPU's queue halve with each 32 periods of 1024 * 1024 ns that it is idle. */
function decays(): Monitor {
  const idleSince: { at: number; util: number }[] = [];
  let was: { cpu: number; util: number; halves: number } | null = null;
  const utilOf = (m: machine, cpu: number): number => toNumber(m.cfs_rq[m.rq[cpu].cfs].avg.util_avg);
  return {
    before({ m, event }) {
      was = null;
      if (event.ev !== 'wake' || m.rq.length > 1) return;
      const note = idleSince[0];
      if (note === undefined || m.rq[0].curr !== m.rq[0].idle) return;
      was = { cpu: 0, util: note.util, halves: Math.floor((now(m) - note.at) / HALF_LIFE) };
    },
    after(step) {
      const { m } = step;
      if (was !== null && was.halves > 0) {
        if (was.util > 16) step.reach();
        const most = ((was.util + 1) * DIVIDERS) / 2 ** was.halves + 1;
        const is = utilOf(m, 0);
        if (is > most) {
          step.fail(`util_avg of an idle queue was ${was.util}, ${was.halves} half-lives later it is ${is}`);
        }
      }
      for (const rq of m.rq) {
        if (rq.curr !== rq.idle) delete idleSince[rq.cpu];
        else idleSince[rq.cpu] ??= { at: now(m), util: utilOf(m, rq.cpu) };
      }
    },
  };
}

const LAYOUTS = ['flat', 'groups', 'nested', 'oneGroup'] as const;

export const time: Claim = {
  id: 'time',
  words: 'CPU time is charged as used and given by weight',
  properties: [
    always('a task is charged exactly the time that it was current', {
      of: 'time.1',
      given: hostTasks({
        layouts: LAYOUTS,
        weights: MANAGED,
        cpus: [1, 2],
        policies: ['normal', 'normal', 'normal', 'fifo'],
        events: 10_000,
      }),
      watch: chargedAsUsed,
      fault: {
        says: 'the time before a switch is not charged',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          put_prev_entity(this: any, queue: cfs_rq, prev: sched_entity): void {
            if (prev.on_rq !== 0) this.__enqueue_entity(queue, prev);
            queue.curr = NULL;
          },
        },
      },
    }),
    always('vruntime grows by what was run, times NICE_0_LOAD, over the weight', {
      of: 'time.2',
      means:
        'to d * 2^-21 of d ns, and a nanosecond: the kernel multiplies by a rounded inverse; before v3.11 to 2^-17 of the result, and for a group of weight w to 1 / (w + 1)',
      given: hostTasks({ layouts: LAYOUTS, weights: MANAGED, weighted: true, slices: CUSTOM_SLICES, events: 8_000 }),
      watch: scaledByWeight,
      fault: {
        says: 'weights do not count',
        funcs: { calc_delta_fair: (delta: unknown) => delta },
      },
    }),
    always('tasks that always want the CPU get it in proportion to their nice values and the shares of their groups', {
      of: 'time.3',
      means: 'to within E on each level, by its part of the level above; E is two requests and two ticks',
      given: steady,
      watch: followsWeights,
      fault: { says: 'weights do not count', funcs: { calc_delta_fair: (delta: unknown) => delta } },
    }),
    leadsTo('beside a FIFO task that never stops, fair tasks get 50 ms of each second', {
      of: 'time.4',
      means: 'the fair server: dl_server with a runtime of 50 ms and a period of 1 s',
      given: besideFifo,
      watch: servedBesideFifo,
      fault: { says: 'the fair server is never started', funcs: { dl_server_start(): void {} } },
    }),
    always('vruntime - zero_vruntime stays within two bounds of lag', {
      of: 'time.5',
      about: 'update_zero_vruntime',
      means: 'a bound of lag: a slice and a tick in virtual time of the lightest entity on the queue',
      given: { ...mixedTasks(1, 160), events: 12_000 },
      watch: keysStaySmall,
      fault: { says: 'zero_vruntime stays where it was', funcs: { update_zero_vruntime(): void {} } },
    }),
    always('util_avg of a queue halves with each 32 ms that its CPU is idle', {
      of: 'time.6',
      means: '32 periods of 1024 * 1024 ns',
      given: hostTasks({
        layouts: ['flat', 'oneGroup'],
        weights: { ...EVERYDAY, block: 20 },
        tasks: { min: 1, max: 3 },
        events: 12_000,
      }),
      watch: decays,
      fault: { says: 'nothing decays', funcs: { decay_load: (value: unknown) => value } },
    }),
  ],
};
