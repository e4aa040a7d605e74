// SPDX-License-Identifier: GPL-2.0-only
/** A1, A5, A6, A7, A15: how much a yield_to() may cost, and how often. */
import { add, toNumber, u64 } from '../../../src/lib/types.js';
import type { rq, sched_entity, task_struct } from '../../../src/sched/sched.js';
import { always, type Claim, type Monitor, type Property, type Step, sometimes, stateless } from '../../vocabulary.js';
import { costs } from './costly-yields.js';
import {
  beyondExecuted,
  cap,
  DEBOUNCE,
  diff,
  entityName,
  granularity,
  nameOf,
  now,
  RATE_LIMIT,
  runnable,
  sayYield,
  ticking,
  type YieldTo,
  yieldProbes,
} from './monitors.js';
import { capOfCompetitors, limitOfThePair, sumWithinCap } from './sched-limits.js';
import { pairOfYielders, waiterAndHolder, yielders, youngYielders } from './worlds.js';

/** Replaces the penalty's size by `times` granularities. */
const penaltyOf = (times: number) =>
  function yield_deboost_calculate_penalty(
    this: { m: { sysctl_sched_base_slice: number } },
    _rq: unknown,
    y: sched_entity,
  ): ReturnType<typeof u64> {
    return u64(Math.floor((this.m.sysctl_sched_base_slice * times * 1_048_576) / toNumber(y.load.weight)));
  };

const A1: Property[] = [
  always('the penalty of one yield_to() stays within the cap for its queue', {
    of: 'A1.1',
    means:
      'cap: 6, 4, 2.5, 2, 1.5, 1 base slices for 2, 3, up to 6, 8, 12, and more tasks, in virtual time of the yielder; 1 ns is rounding',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested'], { tasks: [2, 14] }),
    scope: pairOfYielders(5),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            const { y } = it.where!;
            step.reach();
            const most = cap(it.tasks) * granularity(step.m, y) + 1;
            if (it.penalty > most || it.penalty < 0) {
              step.fail(
                `${sayYield(step.m, it)}: ${entityName(step.m, y)} pays ${it.penalty} ns of virtual time, the cap for ` +
                  `${it.tasks} queued tasks is ${most} ns`,
              );
            }
          },
        }),
      }),
    fault: { says: 'the cap is seven granularities', funcs: { yield_deboost_calculate_penalty: penaltyOf(7) } },
  }),
  always('all of a yield_to() costs no more than the cap and the one slice that any yield forfeits', {
    of: 'A1.2',
    means:
      'cap: 6, 4, 2.5, 2, 1.5, 1 base slices for 2, 3, up to 6, 8, 12, and more tasks, in virtual time of the yielder; 2 ns are rounding',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested'], { tasks: [2, 14] }),
    watch: () =>
      stateless({
        probes: yieldProbes({
          leave(step, it) {
            for (const before of it.before) {
              const se = step.m.se[before.se];
              const paid = beyondExecuted(step.m, before);
              if (paid !== 0) step.reach();
              const most = (cap(it.tasks) + 1) * granularity(step.m, se) + 2;
              if (paid > most) {
                step.fail(
                  `${sayYield(step.m, it)}: ${entityName(step.m, se)} went on by ${paid} ns of virtual time beyond what ` +
                    `it executed, at most ${most} ns were promised`,
                );
              }
            }
          },
        }),
      }),
    fault: { says: 'a yield costs 30 ms on top', funcs: { yield_to_task_fair: costs(30_000_000) } },
  }),
  sumWithinCap,
];

/** The penalty for this state, were `tasks` queued. The copy of rq takes the notes that the function leaves. */
function penaltyFor(step: Step, args: readonly unknown[], tasks: number): number {
  const [rq, y, t, p] = args as [rq, sched_entity, sched_entity, task_struct];
  const kernel = step.kernel as unknown as {
    yield_deboost_calculate_penalty(...a: unknown[]): ReturnType<typeof u64>;
  };
  return toNumber(kernel.yield_deboost_calculate_penalty({ ...rq }, y, t, p, tasks));
}

const A5: Property[] = [
  always('the longer the queue, the smaller the penalty: from 6 granularities down to one', {
    of: 'A5.1',
    means: 'asked of the function itself, for 2 to 16 tasks from one state',
    given: yielders(['flat', 'groups']),
    watch(): Monitor {
      let asking = false;
      return stateless({
        probes: {
          yield_deboost_calculate_penalty: {
            enter(step, args) {
              if (asking) return;
              asking = true;
              const y = args[1] as sched_entity;
              const gran = granularity(step.m, y);
              let last = Number.POSITIVE_INFINITY;
              for (let tasks = 2; tasks <= 16; tasks++) {
                const penalty = penaltyFor(step, args, tasks);
                if (penalty > last || penalty > cap(tasks) * gran + 1) {
                  step.fail(`a penalty of ${penalty} ns with ${tasks} tasks queued, ${last} ns with one task less`);
                }
                last = penalty;
              }
              if (last !== gran)
                step.fail(`with 16 tasks queued the penalty is ${last} ns, one granularity is ${gran} ns`);
              step.reach();
              asking = false;
            },
          },
        },
      });
    },
    fault: {
      says: 'the penalty grows with the queue',
      funcs: {
        yield_deboost_calculate_penalty(_rq, _y, _t, _p, tasks: number) {
          return u64(1_000_000 * tasks);
        },
      },
    },
  }),
  always(
    'with up to two others on the CPU, a yielder runs again before each of the rest has had its cap, three slices and two ticks',
    {
      of: 'A5.2',
      means:
        'the cap is that of its queue, in slices; the gap to the target is added, for the yielder waits until that is made up',
      given: waiterAndHolder(['flat', 'groups'], { others: 2, ms: 120 }),
      watch: () => waits(),
      fault: { says: 'a yield costs a second', funcs: { yield_to_task_fair: costs(1_000_000_000) } },
    },
  ),
  sometimes('without a gap the penalty is smaller than one granularity, as its baselines say', {
    of: 'A5.3',
    means:
      'a granularity is a base slice in virtual time of the yielder; the gap is what the target has had more on the common queue',
    given: yielders(['flat', 'groups'], { tasks: [3, 14] }),
    scope: pairOfYielders(4, 3),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            const gran = granularity(step.m, it.where!.y);
            if (it.gap <= 0 && it.penalty < gran - 1)
              step.reach(`${sayYield(step.m, it)}: ${it.penalty} ns of ${gran} ns`);
          },
        }),
      }),
    fault: { says: 'no penalty at all', funcs: { yield_to_deboost() {} } },
  }),
  capOfCompetitors,
];

/** A yielder that stays runnable is back on its CPU within a bound in real time. */
function waits(): Monitor {
  let open: (YieldTo & { until: number }) | null = null;
  return ticking({
    notes: () => open && { yielder: open.yielder, until: open.until },
    probes: yieldProbes({
      leave(step, it) {
        if (it.where === null || open !== null) return;
        const { m } = step;
        const slice = m.sysctl_sched_base_slice;
        const each = (cap(it.tasks) + 3) * slice + 2 * toNumber(m.TICK_NSEC) + Math.max(0, it.gap);
        open = { ...it, until: it.at + (it.tasks - 1) * each };
      },
    }),
    after(step) {
      if (open === null) return;
      const { m } = step;
      if (m.rq[open.cpu].curr === open.yielder || !runnable(m, open.yielder)) {
        step.reach();
        open = null;
      } else if (now(m) > open.until) {
        step.fail(`${nameOf(m, open.yielder)} yielded at ${open.at} ns and waits still at ${now(m)} ns`);
      }
    },
  });
}

/** The last yield_to() of each CPU that cost something. */
interface Pair {
  yielder: number;
  target: number;
  at: number;
}

const A6: Property[] = [
  sometimes('a yield straight back within 600 us is penalised, but less', {
    of: 'A6.1',
    means:
      'a granularity is a base slice in virtual time of the yielder; the gap is what the target has had more on the common queue; less: than without the yield before it',
    given: yielders(['flat', 'groups'], { tasks: [2, 3] }),
    scope: pairOfYielders(6),
    watch: () => reverse((step, it) => step.reach(`${sayYield(step.m, it)}: ${it.penalty} ns`)),
    fault: { says: 'no penalty at all', funcs: { yield_to_deboost() {} } },
  }),
  always('a yield straight back within 600 us undoes no more than the gap or one granularity', {
    of: 'A6.2',
    means:
      'a granularity is a base slice in virtual time of the yielder; the gap is what the target has had more on the common queue',
    given: yielders(['flat', 'groups'], { tasks: [2, 3] }),
    scope: pairOfYielders(5),
    watch: () =>
      reverse(
        () => {},
        (step, it) => {
          step.reach();
          const most = Math.max(it.gap, granularity(step.m, it.where!.y)) + 1;
          if (it.penalty > most) {
            step.fail(`${sayYield(step.m, it)}, straight back: ${it.penalty} ns of virtual time, at most ${most} ns`);
          }
        },
      ),
    fault: {
      says: 'no rate limit, and no debounce',
      funcs: {
        yield_deboost_rate_limit: () => false,
        yield_deboost_calculate_penalty: penaltyOf(6),
      },
    },
  }),
];

function reverse(paid: (step: Step, it: YieldTo) => void, seen?: (step: Step, it: YieldTo) => void): Monitor {
  let last: Pair | null = null;
  return {
    notes: () => last,
    probes: yieldProbes({
      leave(step, it) {
        if (it.where === null) return;
        const back = last !== null && last.yielder === it.target && last.target === it.yielder;
        if (back && it.at - last!.at <= DEBOUNCE) {
          seen?.(step, it);
          if (it.penalty > 0) paid(step, it);
        }
        if (it.penalty > 0) last = { yielder: it.yielder, target: it.target, at: it.at };
      },
    }),
  };
}

const A7: Property[] = [
  always('two penalties on one CPU are more than 6 ms apart', {
    of: 'A7.1',
    means: 'of any two pairs: the limit is one for each runqueue',
    given: yielders(['flat', 'groups'], { cpus: [1, 2] }),
    scope: pairOfYielders(5),
    watch() {
      const last = new Map<number, number>();
      return {
        notes: () => [...last],
        probes: yieldProbes({
          penalised(step, it) {
            const before = last.get(it.cpu);
            if (before !== undefined) {
              step.reach();
              if (it.at - before <= RATE_LIMIT) {
                step.fail(`${sayYield(step.m, it)} and pays, ${it.at - before} ns after the last penalty on the CPU`);
              }
            }
            last.set(it.cpu, it.at);
          },
        }),
      };
    },
    fault: { says: 'no rate limit', funcs: { yield_deboost_rate_limit: () => false } },
  }),
  always('a penalty is held back only when one was applied in the last 6 ms', {
    of: 'A7.2',
    means: 'applied on the same CPU, to whichever pair',
    given: yielders(['flat', 'groups'], { cpus: [2, 1] }),
    watch() {
      const last = new Map<number, number>();
      let limited = false;
      const notes = () => [...last];
      return {
        notes,
        probes: {
          yield_deboost_rate_limit: {
            leave(step, result, args) {
              limited = result === true;
              if (!limited) return;
              const { id } = args[0] as rq;
              step.reach();
              const before = last.get(id);
              if (before !== undefined && now(step.m) - before <= RATE_LIMIT) return;
              step.fail(
                `the penalty of a yield_to() on CPU ${id} at ${now(step.m)} ns is held back; the last that was applied ` +
                  `there was ${before === undefined ? 'never' : `at ${before} ns`}`,
              );
            },
          },
          ...yieldProbes({
            penalised(step, it) {
              last.set(it.cpu, now(step.m));
            },
          }),
        },
      };
    },
    fault: { says: 'every penalty is held back', funcs: { yield_deboost_rate_limit: () => true } },
  }),
  limitOfThePair,
];

const A15: Property[] = [
  always('no guard against overflow drops a penalty: virtual time may be anything mod 2^64', {
    of: 'A15.1',
    given: youngYielders(['flat', 'groups']),
    watch() {
      let vruntime: sched_entity['vruntime'] = u64(0);
      return stateless({
        probes: {
          yield_deboost_apply_penalty: {
            enter(step, args) {
              vruntime = (args[0] as sched_entity).vruntime;
              step.reach();
            },
            leave(step, _result, args) {
              const [se, , penalty] = args as [sched_entity, unknown, ReturnType<typeof u64>];
              if (se.vruntime === add(vruntime, penalty)) return;
              step.fail(
                `a penalty of ${toNumber(penalty)} ns is dropped: the vruntime of ${entityName(step.m, se)} is ` +
                  `${diff(u64(0), vruntime)} ns below 2^64, a legal value like any other`,
              );
            },
          },
        },
      });
    },
    fault: { says: 'no penalty is ever applied', funcs: { yield_deboost_apply_penalty() {} } },
  }),
  always('the gap that a penalty is made of is the signed difference of the two vruntimes', {
    of: 'A15.2',
    means: 'due: a base slice and 1.1 times the gap, up to the cap of the queue, to 2 ns',
    given: youngYielders(['flat', 'groups']),
    watch: () =>
      stateless({
        probes: {
          yield_deboost_calculate_penalty: {
            leave(step, result, args) {
              const [, y, t, , tasks] = args as [rq, sched_entity, sched_entity, task_struct, number];
              step.reach();
              const gap = diff(t.vruntime, y.vruntime);
              const gran = granularity(step.m, y);
              const wanted = Math.min(gran + (gap > 0 ? gap + Math.floor(gap / 10) : 0), Math.floor(cap(tasks) * gran));
              const got = toNumber(result as ReturnType<typeof u64>);
              if (Math.abs(got - wanted) > 2) {
                step.fail(
                  `${entityName(step.m, t)} is ${gap} ns ahead of ${entityName(step.m, y)} and ${tasks} tasks are queued: ` +
                    `a penalty of ${wanted} ns is due, it is ${got} ns`,
                );
              }
            },
          },
        },
      }),
    fault: {
      says: 'the penalty is 6 granularities, whatever the gap',
      funcs: { yield_deboost_calculate_penalty: penaltyOf(6) },
    },
  }),
];

export const bounds: Claim[] = [
  { id: 'A1', words: 'bounded vruntime penalties', properties: A1 },
  { id: 'A5', words: 'from 6.0x for 2 tasks to 1.0x for >12, without starvation', properties: A5 },
  { id: 'A6', words: 'reverse pairs within ~600us are debounced', properties: A6 },
  { id: 'A7', words: 'rate limit of 6 ms, yet timely boosting', properties: A7 },
  { id: 'A15', words: 'integer arithmetic with overflow protection', properties: A15 },
];
