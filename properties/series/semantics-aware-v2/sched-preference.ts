// SPDX-License-Identifier: GPL-2.0-only
/** A2, A4, A8, A19, A20, A25: what the target gets of it, and whether the queue stays consistent. */
import { constantFrom } from 'fast-check';
import { add, s64_toNumber, toNumber, type u64 } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { type cfs_rq, NULL, type rq, type sched_entity, type task_struct } from '../../../src/sched/sched.js';
import { always, type Claim, type Monitor, type Property, sometimes, stateless } from '../../vocabulary.js';
import {
  averageKey,
  type Common,
  diff,
  entityName,
  granularity,
  nameOf,
  RATE_LIMIT,
  runnable,
  sayYield,
  service,
  taskEntity,
  ticking,
  virtual,
  type YieldTo,
  yieldProbes,
} from './monitors.js';
import { A25 } from './sched-credit.js';
import { pairOfYielders, waiterAndHolder, yielders } from './worlds.js';

/** Yields that a monitor looks at. */
type Filter = (it: YieldTo) => boolean;

/**
 * After a yield_to(), the target has run for one base slice before the yielder runs again. A target that goes to
 * sleep has had what it wanted.
 */
export function targetFirst(wanted: Filter = () => true): Monitor {
  let open: (YieldTo & { had: number }) | null = null;
  let fresh = false;
  return ticking({
    notes: () => open,
    probes: yieldProbes({
      leave(step, it) {
        if (it.where === null || !wanted(it)) return;
        open = { ...it, had: service(step.m, taskEntity(step.m, it.target)) };
        fresh = true;
      },
    }),
    after(step) {
      if (open === null) return;
      const { m } = step;
      const got = service(m, taskEntity(m, open.target)) - open.had;
      if (m.rq[open.cpu].curr === open.yielder && runnable(m, open.target) && got < m.sysctl_sched_base_slice) {
        const before = fresh ? 'is picked again at once' : `runs again when it has had ${got} ns`;
        step.fail(
          `${sayYield(m, open)} (which has ${gapWords(open.gap)}) and ${before}, a base slice is ` +
            `${m.sysctl_sched_base_slice} ns`,
        );
      }
      fresh = false;
      if (got >= m.sysctl_sched_base_slice) step.reach();
      if (got >= m.sysctl_sched_base_slice || !runnable(m, open.target)) open = null;
    },
  });
}

const gapWords = (gap: number): string => (gap > 0 ? `${gap} ns more virtual time` : `${-gap} ns less virtual time`);

/** Only the first yield_to() of a CPU after more than 6 ms without one: no rate limit can hold it back. */
export function unhurried(): Filter {
  const last = new Map<number, number>();
  return (it) => {
    const before = last.get(it.cpu);
    last.set(it.cpu, it.at);
    return before === undefined || it.at - before > RATE_LIMIT;
  };
}

/** The next task to run after the yield_to(), already in the same event, is the target. */
export function handsOver(wanted: Filter = () => true): Monitor {
  let open: YieldTo | null = null;
  return ticking(
    stateless({
      probes: yieldProbes({
        leave(_step, it) {
          if (it.where !== null && wanted(it)) open = it;
        },
      }),
      after(step) {
        if (open === null) return;
        const it = open;
        open = null;
        step.reach();
        const runs = step.m.rq[it.cpu].curr;
        if (runs === it.target) return;
        const who = runs === it.yielder ? 'itself' : nameOf(step.m, runs);
        step.fail(`${sayYield(step.m, it)} (which has ${gapWords(it.gap)}) and ${who} runs next`);
      },
    }),
  );
}

const noPenalty = { says: 'no penalty at all', funcs: { yield_to_deboost() {} } };
const noBuddy = { says: 'no buddy', funcs: { set_next_buddy() {} } };

const A2: Property[] = [
  always(
    'with two tasks on the CPU, a yield_to() that no rate limit holds back gives its target a base slice before the yielder runs again',
    {
      of: 'A2.1',
      means:
        'not held back: the first yield_to() on its CPU for more than 6 ms; a base slice is 2.8 ms, a target that goes to sleep has had enough',
      given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested']),
      watch: () => targetFirst(unhurried()),
      fault: noPenalty,
    },
  ),
  always(
    'with up to six others on the CPU, at HZ=250 and HZ=1000, a yield_to() that no rate limit holds back gives its target a base slice before the yielder runs again',
    {
      of: 'A2.2',
      means:
        'not held back: the first yield_to() on its CPU for more than 6 ms; a base slice is 2.8 ms, a target that goes to sleep has had enough',
      given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested'], {
        others: 6,
        ms: 100,
        ticks: constantFrom(250, 1000),
      }),
      watch: () => targetFirst(unhurried()),
      fault: noPenalty,
    },
  ),
  sometimes('the cap is below the gap that one tick of HZ=100 makes, and the yielder stays behind its target', {
    of: 'A2.3',
    means:
      'cap: 6, 4, 2.5, 2, 1.5, 1 base slices for 2, 3, up to 6, 8, 12, and more tasks; gap: virtual time by which the target is ahead',
    given: waiterAndHolder(['flat', 'groups'], { others: 6, ms: 100, ticks: constantFrom(100) }),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            if (it.gap <= it.penalty) return;
            step.reach(`${sayYield(step.m, it)}, which has ${it.gap} ns more, for a penalty of ${it.penalty} ns`);
          },
        }),
      }),
    fault: noPenalty,
  }),
  always('with two tasks, both in one group, every yield_to() hands the CPU to its target at once', {
    of: 'A2.4',
    means: 'at HZ=100 to 1000, so that a gap is a tick at most, and whatever was yielded before',
    given: waiterAndHolder(['flat', 'oneGroup']),
    watch: () => handsOver((it) => it.where!.height === 0),
    fault: { says: 'a yield does nothing', funcs: { yield_to_task_fair: () => true } },
  }),
  always(
    'with up to 12 others on the CPU, at HZ=100, a yield_to() that no rate limit holds back gives its target a base slice before the yielder runs again',
    {
      of: 'A2.5',
      means:
        'not held back: the first yield_to() on its CPU for more than 6 ms; a base slice is 2.8 ms, a target that goes to sleep has had enough',
      given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested'], {
        others: 12,
        ms: 200,
        ticks: constantFrom(100),
      }),
      watch: () => targetFirst(unhurried()),
      fault: noPenalty,
    },
  ),
];

const A4: Property[] = [
  always('after a penalty the deadline is one request past the new vruntime', {
    of: 'A4.1',
    means: 'one request: the slice of the entity in its virtual time, to 1 ns',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested']),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            const { y } = it.where!;
            step.reach();
            const request = diff(y.deadline, y.vruntime);
            const wanted = virtual(toNumber(y.slice), y);
            if (Math.abs(request - wanted) > 1) {
              step.fail(
                `${sayYield(step.m, it)}: the deadline of ${entityName(step.m, y)} is ${request} ns ahead, not ${wanted}`,
              );
            }
          },
        }),
      }),
    fault: {
      says: 'the deadline stays behind',
      funcs: {
        yield_deboost_apply_penalty(se: sched_entity, _q: cfs_rq, penalty: ReturnType<typeof u64>) {
          se.vruntime = add(se.vruntime, penalty);
        },
      },
    },
  }),
  always('the penalty is added to accounts that are up to date: update_curr() comes first', {
    of: 'A4.2',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested']),
    watch: () =>
      stateless({
        probes: {
          yield_deboost_apply_penalty: {
            enter(step, args) {
              const [y, queue] = args as [sched_entity, cfs_rq];
              const { m, kernel } = step;
              step.reach();
              if (queue.curr === NULL) return;
              const curr = m.se[queue.curr];
              const owed = diff(kernel.rq_clock_task(m.rq[queue.rq]), curr.exec_start);
              if (owed <= 0) return;
              step.fail(
                `${entityName(m, y)} is penalised while ${entityName(m, curr)} has run ${owed} ns that are not in its ` +
                  `vruntime yet, so the gap to the target is ${virtual(owed, curr)} ns too large`,
              );
            },
          },
        },
      }),
    fault: { says: 'update_curr() does nothing', funcs: { update_curr() {} } },
  }),
  always('a penalty changes nobody else, nor what the queue knows of its tree', {
    of: 'A4.3',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested']),
    watch() {
      let before = '';
      return stateless({
        probes: {
          yield_deboost_apply_penalty: {
            enter(step, args) {
              before = others(step.m, args[0] as sched_entity);
            },
            leave(step, _result, args) {
              step.reach();
              const after = others(step.m, args[0] as sched_entity);
              if (after !== before) step.fail(`a penalty moved more than its entity: ${before} became ${after}`);
            },
          },
        },
      });
    },
    fault: {
      says: 'the penalty moves v0 as well',
      funcs: {
        yield_deboost_apply_penalty(se: sched_entity, queue: cfs_rq, penalty: ReturnType<typeof u64>) {
          se.vruntime = add(se.vruntime, penalty);
          queue.zero_vruntime = add(queue.zero_vruntime, penalty);
        },
      },
    },
  }),
  always('vlag is right without being touched: at the next dequeue it is V - v, clamped', {
    of: 'A4.4',
    means: 'clamped to two slices or a tick, whichever is more, to 1 ns',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested']),
    watch() {
      const penalised = new Set<number>();
      return {
        notes: () => [...penalised].sort(),
        probes: {
          ...yieldProbes({
            penalised(_step, it) {
              penalised.add(it.where!.y.id);
            },
          }),
          update_entity_lag: {
            leave(step, _result, args) {
              const [queue, se] = args as [cfs_rq, sched_entity];
              if (!penalised.delete(se.id)) return;
              step.reach();
              const lag = lagOf(step.m, queue, se);
              const limit = virtual(Math.max(2 * toNumber(se.slice), toNumber(step.m.TICK_NSEC)), se);
              const wanted = Math.max(-limit, Math.min(limit, lag));
              const got = s64_toNumber(se.vlag);
              if (Math.abs(got - wanted) > 1) {
                step.fail(`${entityName(step.m, se)} leaves its queue with a vlag of ${got} ns, V - v is ${lag} ns`);
              }
            },
          },
        },
      };
    },
    fault: { says: 'vlag is never brought up to date', funcs: { update_entity_lag() {} } },
  }),
];

/** V - v of an entity in virtual ns, rounded down. */
function lagOf(m: machine, queue: cfs_rq, se: sched_entity): number {
  const { sum, weight } = averageKey(m, queue);
  if (weight === 0n) return 0;
  let average = sum / weight;
  if (sum < 0n && sum % weight !== 0n) average -= 1n;
  return Number(average) - diff(se.vruntime, queue.zero_vruntime);
}

/** All virtual times but those of one entity, as text. */
function others(m: machine, but: sched_entity): string {
  const entities = m.se.filter((se) => se.id !== but.id).map((se) => `${se.vruntime as never}/${se.deadline as never}`);
  const queues = m.cfs_rq.map((q) => `${q.avg_vruntime as never}/${q.avg_load as never}/${q.zero_vruntime as never}`);
  return [...entities, ...queues, String(but.vlag as never)].join(' ');
}

/** The two compete above their own entities: in different groups. */
export const apart = (it: YieldTo): boolean => it.where !== null && it.where.height > 0;

const A8: Property[] = [
  always('the nomination as buddy stands after the penalty, at the level where the two compete', {
    of: 'A8.1',
    given: yielders(['flat', 'groups', 'nested']),
    watch: () =>
      stateless({
        probes: yieldProbes({
          leave(step, it) {
            if (it.penalty === 0 || it.where === null) return;
            step.reach();
            const { t, queue } = it.where;
            if (queue.next === t.id) return;
            step.fail(
              `${sayYield(step.m, it)}: cfs_rq->next is not ${entityName(step.m, t)} when yield_task_fair() is through`,
            );
          },
        }),
      }),
    fault: noBuddy,
  }),
  always(
    'with two tasks in different groups, a yield_to() that no rate limit holds back hands the CPU to its target at once',
    {
      of: 'A8.2',
      means: 'not held back: the first yield_to() on its CPU for more than 6 ms',
      given: waiterAndHolder(['groups', 'nested']),
      watch() {
        const first = unhurried();
        return handsOver((it) => first(it) && apart(it));
      },
      fault: noPenalty,
    },
  ),
];

const A19: Property[] = [
  always('the penalty answers the gap: a target that is ahead costs its yielder more than one granularity', {
    of: 'A19.1',
    means:
      'a granularity is a base slice in virtual time of the yielder; ahead: by 20 ns, or the tenth that is added is nothing',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested'], { tasks: [2, 3] }),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            const gran = granularity(step.m, it.where!.y);
            if (it.gap < 20) return;
            step.reach();
            if (it.penalty <= gran + 1) {
              step.fail(
                `${sayYield(step.m, it)}, which has ${it.gap} ns more virtual time: the penalty is ${it.penalty} ns, the ` +
                  'least there is',
              );
            }
          },
        }),
      }),
    fault: {
      says: 'deboost after the forfeit',
      funcs: {
        yield_to_task_fair(
          this: {
            m: machine;
            set_next_buddy(se: sched_entity): void;
            yield_task_fair(rq: rq): void;
            yield_to_deboost(rq: rq, p: task_struct): void;
          },
          rq: rq,
          p: task_struct,
        ) {
          const se = this.m.se[p.se];
          if (se.on_rq === 0) return false;
          this.set_next_buddy(se);
          this.yield_task_fair(rq);
          this.yield_to_deboost(rq, p);
          return true;
        },
      },
    },
  }),
  sometimes('a forfeit before the penalty would leave no gap to see', {
    of: 'A19.2',
    means: 'gap: virtual time by which the target is ahead on the common queue',
    given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested']),
    watch: () =>
      stateless({
        probes: yieldProbes({
          enter(step, it) {
            if (it.where === null || it.gap <= 0) return;
            const { y, t, height } = it.where;
            // only the task's own entity forfeits, and up to its deadline
            const left = height > 0 ? it.gap : diff(t.vruntime, y.deadline);
            if (left <= 0) step.reach(`${sayYield(step.m, it)}: ${it.gap} ns, and none after a forfeit`);
          },
        }),
      }),
    fault: { says: 'nobody yields', funcs: { yield_to: () => 0 } },
  }),
];

const A20: Property[] = [
  always('the entity that is penalised is curr of its queue, and not in the tree', {
    of: 'A20.1',
    given: yielders(['flat', 'oneGroup', 'groups', 'nested'], { tasks: [2, 5], cpus: [1, 2] }),
    scope: pairOfYielders(5),
    watch: () =>
      stateless({
        probes: {
          yield_deboost_apply_penalty: {
            enter(step, args) {
              const [y, queue] = args as [sched_entity, cfs_rq];
              step.reach();
              if (queue.curr !== y.id) step.fail(`${entityName(step.m, y)} is penalised and is not curr of its queue`);
              if (inTree(step.m, queue, y.id)) step.fail(`${entityName(step.m, y)} is penalised in the tree`);
            },
          },
        },
      }),
    fault: {
      says: 'the target is penalised',
      funcs: {
        yield_deboost_find_lca(
          this: {
            cfs_rq_of(se: sched_entity): cfs_rq;
            find_matching_se(a: sched_entity, b: sched_entity): Common['y'][];
          },
          y: sched_entity,
          t: sched_entity,
        ) {
          const [se_y_lca, se_t_lca] = this.find_matching_se(t, y);
          return { se_y_lca, se_t_lca, cfs_rq: this.cfs_rq_of(se_y_lca) };
        },
      },
    },
  }),
];

function inTree(m: machine, queue: cfs_rq, id: number): boolean {
  const open: number[] = [queue.tasks_timeline.rb_node];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === NULL) continue;
    if (node === id) return true;
    open.push(m.se[node].run_node.rb_left, m.se[node].run_node.rb_right);
  }
  return false;
}

export const preference: Claim[] = [
  { id: 'A2', words: 'sustained preference beyond the buddy', properties: A2 },
  { id: 'A4', words: 'vruntime and deadline consistent; vlag need not be set', properties: A4 },
  { id: 'A8', words: 'works with the buddy, in nested cgroups too', properties: A8 },
  { id: 'A19', words: 'deboost must come before the forfeit', properties: A19 },
  { id: 'A20', words: 'the yielding entity is always cfs_rq->curr', properties: A20 },
  { id: 'A25', words: 'penalising the yielder beats crediting the target', properties: A25 },
];
