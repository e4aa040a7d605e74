// SPDX-License-Identifier: GPL-2.0-only
/** What sched_yield() and yield_to() promise their callers: that somebody else runs, and what the answer means. */
import { ESRCH } from '../../src/lib/errno.js';
import { s64_diff, to_u64, toBigInt } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type rq, type sched_entity, type task_struct } from '../../src/sched/sched.js';
import { always, type Claim, leadsTo, type Monitor, type Step, stateless } from '../vocabulary.js';
import { hostTasks, YIELDING } from './host-worlds.js';
import { apart, isEligible, nameOf, pathOf, queuedOn } from './lag-of.js';

/** Virtual ns of one request. */
const requestOf = ({ kernel }: Step, se: sched_entity): bigint => toBigInt(kernel.calc_delta_fair(se.slice, se));

/**
 * How many sched_yield() in a row, without time passing, may leave an eligible task b waiting. Each takes the caller to its
 * deadline, and sets the next one a request further; b runs when its own is the earlier one, at the latest:
 *
 *   n = (deadline of b - deadline of the caller) / request + 1
 */
function yieldsToWait(step: Step, caller: sched_entity): number | null {
  const others = queuedOn(step.m, caller.cfs_rq).filter(
    (se) => se.id !== caller.id && se.sched_delayed === 0 && isEligible(step.m, step.kernel, se),
  );
  let least: number | null = null;
  for (const se of others) {
    const gap = apart(se.deadline, caller.deadline);
    const n = gap <= 0n ? 1 : Number(gap / requestOf(step, caller)) + 2;
    if (least === null || n < least) least = n;
  }
  return least;
}

/** sched_yield() by a task of the root's queue with eligible others. */
function lets(): Monitor {
  let caller: number = NULL;
  let left = 0;
  let bound = 0;
  return {
    before(step) {
      const { m, event } = step;
      const p = m.task[m.rq[0].curr];
      if (event.ev !== 'yield' || p.sched_class !== 'fair_sched_class') {
        caller = NULL;
        return;
      }
      if (caller === p.id) return;
      const n = yieldsToWait(step, m.se[p.se]);
      caller = n === null ? NULL : p.id;
      bound = n ?? 0;
      left = bound;
    },
    after(step) {
      if (caller === NULL) return;
      step.reach();
      if (step.m.rq[0].curr !== caller) caller = NULL;
      else if (--left <= 0) {
        const { comm } = step.m.task[caller];
        step.fail(
          `${comm} has called sched_yield() ${bound === 1 ? 'once' : `${bound} times in a row`} and runs on; others are eligible`,
        );
      }
    },
    notes: () => [caller, left],
  };
}

/** Nobody's deadline is further ahead than one request after it has yielded. */
function oneRequestAhead(): Monitor {
  let caller: number = NULL;
  return stateless({
    before({ m, event }) {
      caller = event.ev === 'yield' || event.ev === 'yield_to' ? m.task[m.rq[event.cpu].curr].se : NULL;
    },
    after(step) {
      if (caller === NULL) return;
      const se = step.m.se[caller];
      if (se.on_rq === 0 || queuedOn(step.m, se.cfs_rq).length < 2) return;
      step.reach();
      const ahead = apart(se.deadline, se.vruntime);
      const request = requestOf(step, se);
      if (ahead > request) {
        step.fail(`${nameOf(step.m, se)} has yielded: its deadline is ${ahead} ahead, a request is ${request}`);
      }
    },
  });
}

/** Whether the caller of sched_yield() pays: an eligible one has afterwards no lag, or a later deadline. */
function costs(): Monitor {
  let was: { se: sched_entity; deadline: sched_entity['deadline'] } | null = null;
  return stateless({
    probes: {
      yield_task_fair: {
        enter(step, [arg]) {
          const { m, kernel } = step;
          const rq = arg as rq;
          const se = m.se[m.task[rq.curr].se];
          const pays = rq.nr_running > 1 && isEligible(m, kernel, se) && queuedOn(m, se.cfs_rq).length > 1;
          was = pays ? { se, deadline: se.deadline } : null;
        },
        leave(step) {
          if (was === null) return;
          const { se, deadline } = was;
          was = null;
          // what it has run until now may have cost it its eligibility; then it pays nothing more
          const later = apart(se.deadline, deadline) > 0n;
          if (later) step.reach();
          else if (isEligible(step.m, step.kernel, se)) {
            step.fail(`${nameOf(step.m, se)} is eligible and yields, its deadline stays where it was`);
          }
        },
      },
    },
  });
}

/** A caller that is not eligible is charged for what it ran, and nothing else. */
function costsNothing(): Monitor {
  let was: { se: sched_entity; ran: bigint; vruntime: sched_entity['vruntime'] } | null = null;
  return stateless({
    probes: {
      yield_task_fair: {
        enter({ m, kernel }, [arg]) {
          const rq = arg as rq;
          const se = m.se[m.task[rq.curr].se];
          // the clock of the runqueue is read in there
          const ran = to_u64(s64_diff(m.sched_clock, se.exec_start));
          was = { se, ran: toBigInt(kernel.calc_delta_fair(ran, se)), vruntime: se.vruntime };
          if (isEligible(m, kernel, se) || rq.nr_running === 1) was = null;
        },
        leave(step) {
          if (was === null) return;
          const { se, ran, vruntime } = was;
          was = null;
          step.reach();
          const by = apart(se.vruntime, vruntime);
          if (by > ran) step.fail(`${nameOf(step.m, se)} is not eligible, yields and pays ${by - ran} of vruntime`);
        },
      },
    },
  });
}

const areAlone = (m: machine, caller: task_struct, p: task_struct): boolean =>
  m.rq[caller.cpu].nr_running === 1 && m.rq[p.cpu].nr_running === 1;

/** What yield_to() has to answer, from the state in which it is called, unless both are alone. */
function answerOf(m: machine, caller: task_struct, p: task_struct): number {
  if (caller.sched_class !== 'fair_sched_class' || p.sched_class !== 'fair_sched_class') return 0;
  if (p.on_cpu !== 0 || p.__state !== 0 || m.se[p.se].on_rq === 0) return 0;
  return 1;
}

const CLASSES = { policies: ['normal', 'normal', 'normal', 'fifo'] as const };

/** `alone`: both have their CPUs to themselves, so that there is nobody to yield to. */
function answers(alone: boolean): Monitor {
  let due: number | null = null;
  return stateless({
    probes: {
      yield_to: {
        enter({ m }, [p]) {
          const caller = m.task[m.rq[m.cpu].curr];
          due = null;
          if (areAlone(m, caller, p as task_struct) !== alone) return;
          due = alone ? -ESRCH : answerOf(m, caller, p as task_struct);
        },
        leave(step, result) {
          if (due === null) return;
          if (due !== 0) step.reach();
          if (result !== due) step.fail(`yield_to() returns ${String(result)}, must return ${due}`);
          due = null;
        },
      },
    },
  });
}

/**
 * A yield_to() that answers 1 to a task of the caller's CPU which is eligible all the way up, once the caller has paid,
 * hands the CPU to it; to a task of another CPU it makes that CPU reschedule.
 */
function handsOver(): Monitor {
  let target: task_struct | null = null;
  let eligible = false;
  let flagged = false;
  return stateless({
    before({ m, event }) {
      target = event.ev === 'yield_to' ? m.task[event.task] : null;
      eligible = false;
      flagged = target !== null && m.task[m.rq[target.cpu].curr].tif_need_resched !== 0;
    },
    after(step) {
      if (target === null || !eligible || step.event.ev !== 'yield_to') return;
      const { m } = step;
      const runs = m.task[m.rq[target.cpu].curr];
      step.reach();
      if (target.cpu === step.event.cpu) {
        if (runs.id !== target.id) step.fail(`yield_to() ${target.comm}: it is eligible, ${runs.comm} runs`);
      } else if (!flagged && runs.id !== target.id && runs.tif_need_resched === 0) {
        step.fail(`yield_to() ${target.comm} on CPU ${target.cpu}: ${runs.comm} there is not asked to reschedule`);
      }
    },
    probes: {
      yield_to_task_fair: {
        leave({ m, kernel }, yielded) {
          if (yielded !== true || target === null) return;
          const elsewhere = target.cpu !== m.cpu;
          eligible = elsewhere || pathOf(m, target.id).every((se) => isEligible(m, kernel, se));
        },
      },
    },
  });
}

const LAYOUTS = ['flat', 'flat', 'groups', 'nested', 'oneGroup'] as const;

export const yields: Claim = {
  id: 'yield',
  words: 'a yield lets somebody else run, and says whether it did',
  properties: [
    leadsTo(
      'an eligible task runs after at most (its deadline - that of the caller) / request + 2 calls of sched_yield()',
      {
        of: 'yield.1',
        about: 'vruntime_eligible',
        means: 'a yield forfeits what is left of a request, and a request each time after that',
        given: hostTasks({ layouts: ['flat'], weights: { ...YIELDING, yield: 40 }, weighted: true, events: 12_000 }),
        watch: lets,
        fault: { says: 'yield_task_fair() does nothing', funcs: { yield_task_fair(): void {} } },
      },
    ),
    always('after a yield, the deadline of the caller is at most one request ahead of its vruntime', {
      of: 'yield.2',
      about: 'update_deadline',
      means: 'a request: the slice of the entity in its virtual time',
      given: hostTasks({ layouts: LAYOUTS, weights: { ...YIELDING, yield: 20 }, weighted: true, events: 10_000 }),
      watch: oneRequestAhead,
      fault: {
        says: 'a yield moves the deadline and not the vruntime',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          yield_task_fair(this: any, rq: rq): void {
            const se = this.m.se[this.m.task[rq.curr].se];
            this.update_rq_clock(rq);
            se.deadline = se.deadline + 20_000_000;
          },
        },
      },
    }),
    always('an eligible caller of sched_yield() or yield_to() with others on its queue gets a later deadline', {
      of: 'yield.3',
      about: 'vruntime_eligible',
      given: hostTasks({ layouts: LAYOUTS, weights: YIELDING, weighted: true, events: 10_000 }),
      watch: costs,
      fault: { says: 'yield_task_fair() does nothing', funcs: { yield_task_fair(): void {} } },
    }),
    always('a caller that is not eligible pays nothing for a yield', {
      of: 'yield.6',
      about: 'vruntime_eligible',
      given: hostTasks({ layouts: LAYOUTS, weights: { ...YIELDING, yield: 24 }, weighted: true, events: 10_000 }),
      watch: costsNothing,
      fault: {
        says: 'every caller pays',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          yield_task_fair(this: any, rq: rq): void {
            const se = this.m.se[this.m.task[rq.curr].se];
            this.update_rq_clock(rq);
            this.update_curr(this.cfs_rq_of(se));
            this.rq_clock_skip_update(rq);
            se.vruntime = se.deadline;
            this.update_deadline(this.cfs_rq_of(se), se);
          },
        },
      },
    }),
    always('yield_to() returns 1 for a fair task that waits on its queue, and 0 for any other', {
      of: 'yield.4',
      about: 'yield_to_task_fair',
      given: hostTasks({ layouts: LAYOUTS, weights: YIELDING, cpus: [1, 2, 2], ...CLASSES, events: 10_000 }),
      watch: () => answers(false),
      fault: { says: 'yield_to_task_fair() says no', funcs: { yield_to_task_fair: () => false } },
    }),
    always('yield_to() returns -ESRCH when caller and target each have a CPU to themselves', {
      of: 'yield.7',
      since: 'v3.9',
      given: hostTasks({ layouts: LAYOUTS, weights: YIELDING, cpus: [2], tasks: { min: 2, max: 3 }, events: 4_000 }),
      watch: () => answers(true),
      fault: { says: 'yield_to() never finds a yield pointless', funcs: { yield_to: () => 0 } },
    }),
    always('after a yield_to() that returns 1, an eligible target runs at once; another CPU is asked to reschedule', {
      of: 'yield.5',
      about: 'vruntime_eligible',
      given: hostTasks({
        layouts: LAYOUTS,
        weights: { ...YIELDING, resched: 10, yield_to: 24 },
        cpus: [1, 1, 2],
        weighted: true,
        eager: false,
        events: 12_000,
      }),
      watch: handsOver,
      fault: { says: 'nobody is nominated', funcs: { set_next_buddy(): void {} } },
    }),
  ],
};
