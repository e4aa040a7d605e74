// SPDX-License-Identifier: GPL-2.0-only
/** Of A1, A5, A7: what is limited: the sum of penalty and forfeit, by how many compete, and each pair or the whole CPU. */
import { toNumber, u64 } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import type { cfs_rq, rq, sched_entity } from '../../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import { always, type Monitor, type Property, type Step, stateless } from '../../vocabulary.js';
import { costs } from './costly-yields.js';
import {
  beyondExecuted,
  cap,
  entityName,
  granularity,
  nameOf,
  now,
  RATE_LIMIT,
  sayYield,
  type YieldTo,
  yieldProbes,
} from './monitors.js';
import { twoGroups, waiterAndHolder, yielders } from './worlds.js';

export const sumWithinCap: Property = always(
  'penalty and forfeit of one yield_to() together cost an entity no more than the cap that the cover letter names for its queue',
  {
    of: 'A1.3',
    means:
      'cap: 6, 4, 2.5, 2, 1.5, 1 base slices for 2, 3, up to 6, 8, 12, and more tasks, in virtual time of the yielder',
    given: waiterAndHolder(['flat', 'oneGroup', 'groups'], { others: 12, ms: 100 }),
    watch: () =>
      stateless({
        probes: yieldProbes({
          leave(step, it) {
            for (const before of it.before) {
              const se = step.m.se[before.se];
              const paid = beyondExecuted(step.m, before);
              if (paid !== 0) step.reach();
              const most = cap(it.tasks) * granularity(step.m, se) + 2;
              if (paid <= most) continue;
              const forfeit = se.id === it.where?.y.id ? paid - it.penalty : paid;
              step.fail(
                `${sayYield(step.m, it)}: ${entityName(step.m, se)} goes on by ${paid} ns of virtual time beyond what it ` +
                  `executed, ${forfeit} ns of that by forfeit; the cap for ${it.tasks} queued tasks is ${most} ns`,
              );
            }
          },
        }),
      }),
    fault: { says: 'a yield costs 30 ms on top', funcs: { yield_to_task_fair: costs(30_000_000) } },
  },
);

/** Entities that are on the queue and not about to leave it. */
const competitors = (m: machine, queue: cfs_rq): number =>
  m.se.filter((se) => se.cfs_rq === queue.id && se.on_rq !== 0 && se.sched_delayed === 0).length;

export const capOfCompetitors: Property = always(
  'the cap of a penalty is the one for as many as compete with the yielder: the entities that are runnable on the common queue',
  {
    of: 'A5.4',
    means:
      'due: a base slice and 1.1 times the gap, at most 6, 4, 2.5, 2, 1.5 or 1 base slices for 2, 3, up to 6, 8, 12, and more entities',
    given: twoGroups(),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            const { y, queue } = it.where!;
            const gran = granularity(step.m, y);
            const n = competitors(step.m, queue);
            if (n < 2 || it.gap <= 0) return;
            step.reach();
            // the gap is in whole ns, a tenth of it and the cap are rounded down
            const due = Math.min(gran + it.gap + Math.floor(it.gap / 10), Math.floor(cap(n) * gran));
            if (Math.abs(it.penalty - due) <= 2) return;
            step.fail(
              `${sayYield(step.m, it)}, which has ${it.gap} ns more virtual time: the penalty is ${it.penalty} ns and not ` +
                `${due} ns, for ${it.tasks} tasks are counted where ${n} entities compete`,
            );
          },
        }),
      }),
    fault: {
      says: 'the penalty is one granularity',
      funcs: {
        yield_deboost_calculate_penalty(this: { m: machine }, _rq: unknown, y: sched_entity) {
          return u64(Math.floor((this.m.sysctl_sched_base_slice * 1_048_576) / toNumber(y.load.weight)));
        },
      },
    },
  },
);

export const limitOfThePair: Property = always(
  'a penalty is held back only when the same yielder has paid one for the same target in the last 6 ms',
  {
    of: 'A7.3',
    means: 'the rate limit is 6 ms; held back by another pair, not by a yield that no penalty could follow (A7.2)',
    given: yielders(['flat', 'groups'], { tasks: [4, 6] }),
    watch: perPair,
    fault: {
      says: 'one limit for all pairs of a CPU, ten times as long',
      funcs: {
        yield_deboost_rate_limit(this: vmlinux_x86, rq: rq & { yield_deboost_last_time_ns?: ReturnType<typeof u64> }) {
          const clock = this.rq_clock(rq);
          const last = rq.yield_deboost_last_time_ns;
          if (last !== undefined && last !== u64(0) && toNumber(clock) - toNumber(last) <= 10 * RATE_LIMIT) return true;
          rq.yield_deboost_last_time_ns = clock;
          return false;
        },
      },
    },
  },
);

/** Two pairs that have nothing to do with each other share the limit of their CPU. */
function perPair(): Monitor {
  const last = new Map<string, number>();
  let it: YieldTo | null = null;
  const keyOf = ({ yielder, target }: YieldTo): string => `${yielder} ${target}`;
  const heldBack = (step: Step, yielded: YieldTo): void => {
    step.reach();
    const before = last.get(keyOf(yielded));
    if (before !== undefined && yielded.at - before <= RATE_LIMIT) return;
    const others = [...last].filter(([, at]) => yielded.at - at <= RATE_LIMIT);
    if (others.length === 0) return; // A7.2
    const [yielder, target] = others[0][0].split(' ').map((task) => nameOf(step.m, Number(task)));
    step.fail(
      `${sayYield(step.m, yielded)}, and its penalty is held back by that of ${yielder} for ${target} at ${others[0][1]} ns`,
    );
  };
  return {
    notes: () => [...last],
    probes: {
      ...yieldProbes({
        enter(_step, yielded) {
          it = yielded;
        },
        penalised(step, yielded) {
          last.set(keyOf(yielded), now(step.m));
        },
        leave() {
          it = null;
        },
      }),
      yield_deboost_rate_limit: {
        leave(step, result) {
          if (result === true && it?.where != null) heldBack(step, it);
        },
      },
    },
  };
}
