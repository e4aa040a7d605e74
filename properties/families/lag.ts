// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a task is owed is owed to it after whatever happens to it: a new weight, a sleep, another queue.
 *
 *   w, w'   weight before and after, se.load.weight        l    lag before, see lag-of
 *   c       l within its limit (`lagLimit`)                s, S scaled weight of the entity and of its queue
 *
 * All divisions of the kernel round towards 0 and V is rounded down, so each step is off by less than one virtual ns of
 * what it divides; the bounds below add these up and nothing else.
 */

import { s64_toBigInt, toBigInt } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import {
  type cfs_rq,
  DEQUEUE_DELAYED,
  DEQUEUE_SLEEP,
  DEQUEUE_SPECIAL,
  ENQUEUE_INITIAL,
  NULL,
  type sched_entity,
} from '../../src/sched/sched.js';
import { always, type Claim, type Monitor, type Step, stateless } from '../vocabulary.js';
import { CUSTOM_SLICES, hostTasks, MANAGED, YIELDING } from './host-worlds.js';
import { abs, apart, clamped, floorOf, lagLimit, lagOf, nameOf, queuedOn, scaledWeight, uncharged } from './lag-of.js';

const weight = (se: sched_entity): bigint => toBigInt(se.load.weight);
const isAlone = (m: machine, se: sched_entity): boolean => queuedOn(m, se.cfs_rq).length < 2;

/** A queued entity whose weight changes. */
interface Before {
  w: bigint;
  /** w * c, and what the limit cut off: w * (l - c) */
  kept: bigint;
  cut: bigint;
  load: bigint;
}

function before(step: Step, se: sched_entity): Before {
  const { m, kernel } = step;
  const w = weight(se);
  const { num, den } = lagOf(m, kernel, se);
  const limit = lagLimit(m, kernel, se);
  const l = num / den;
  const c = clamped(l, limit);
  // where the limit does not bite the fraction is kept whole
  return c === l
    ? { w, kept: (w * num) / den, cut: 0n, load: den }
    : { w, kept: w * c, cut: (w * num) / den - w * c, load: den };
}

/**
 * w' * l' = w * c, and of what the limit cuts off the entity may keep its part of the queue, s' / S'. The rounding:
 * w for the limit and for V each, w' for the rescaled lag, 2 w' for the placement, w' * S / S' for V after it.
 */
function afterwards(step: Step, se: sched_entity, was: Before): void {
  const { m, kernel } = step;
  const w = weight(se);
  const { num, den } = lagOf(m, kernel, se);
  const is = (w * num) / den;
  const share = (was.cut * scaledWeight(se)) / den;
  const slack = 2n * was.w + 3n * w + (w * was.load) / den + 2n;
  const low = was.kept + (share < 0n ? share : 0n) - slack;
  const high = was.kept + (share > 0n ? share : 0n) + slack;
  step.near(Number(is - low < high - is ? is - low : high - is));
  if (is >= low && is <= high) return;
  step.fail(
    `weight of ${nameOf(m, se)} goes from ${was.w} to ${w}: weight * lag was ${was.kept + was.cut} ` +
      `(${was.kept} within the limit of lag) and is ${is}, must be ${low} to ${high}`,
  );
}

function reweighted(): Monitor {
  let was: Before | null = null;
  return stateless({
    probes: {
      reweight_entity: {
        enter(step, [, se]) {
          const entity = se as sched_entity;
          was = entity.on_rq === 0 ? null : before(step, entity);
        },
        leave(step, _result, [, se]) {
          if (was === null) return;
          // alone on its queue it has no lag, before as after
          if (!isAlone(step.m, se as sched_entity)) step.reach();
          afterwards(step, se as sched_entity, was);
          was = null;
        },
      },
    },
  });
}

/** What an entity takes with it when it leaves its queue. */
interface Left {
  w: bigint;
  vlag: bigint;
  /** what deadline - vruntime may be when it comes back; empty: a whole request */
  ahead: readonly bigint[];
  /** its task has been in another class since */
  elsewhere: boolean;
}

/** deadline - vruntime of an entity once curr has been charged: a request that is used up is followed by a new one. */
function aheadOf(step: Step, se: sched_entity): bigint {
  const { m, kernel } = step;
  const ahead = apart(se.deadline, se.vruntime) - uncharged(m, kernel, se);
  return ahead > 0n ? ahead : toBigInt(kernel.calc_delta_fair(se.slice, se));
}

/** Lag on leaving: exactly c, rounded down; of a sleeper that stayed to pay off its debt nothing above 0. */
function leaves(): Monitor {
  let expected: { vlag: bigint; w: bigint } | null = null;
  return stateless({
    probes: {
      dequeue_entity: {
        enter(step, args) {
          const [, se, flags] = args as [cfs_rq, sched_entity, number];
          const { m, kernel } = step;
          const c = clamped(floorOf(lagOf(m, kernel, se)), lagLimit(m, kernel, se));
          const paid = (flags & DEQUEUE_DELAYED) !== 0 && m.sched_feat.DELAY_ZERO && c > 0n;
          expected = { vlag: paid ? 0n : c, w: weight(se) };
        },
        leave(step, gone, [, entity]) {
          const se = entity as sched_entity;
          const was = expected;
          expected = null;
          if (gone !== true || was === null || weight(se) !== was.w) return;
          if (was.vlag !== 0n) step.reach();
          const vlag = s64_toBigInt(se.vlag);
          if (vlag !== was.vlag) step.fail(`${nameOf(step.m, se)} leaves with vlag ${vlag}, must be ${was.vlag}`);
        },
      },
    },
  });
}

/** A sleeper stays on its queue, delayed, exactly as long as it is not eligible. */
function staysWhileOwing(): Monitor {
  let owes: boolean | null = null;
  return stateless({
    probes: {
      dequeue_entity: {
        enter(step, args) {
          const [, se, flags] = args as [cfs_rq, sched_entity, number];
          const { m, kernel } = step;
          const sleeps = (flags & DEQUEUE_SLEEP) !== 0 && (flags & (DEQUEUE_SPECIAL | DEQUEUE_DELAYED)) === 0;
          owes = sleeps && m.sched_feat.DELAY_DEQUEUE ? lagOf(m, kernel, se).num < 0n : null;
        },
        leave(step, gone, [, entity]) {
          if (owes === null) return;
          const se = entity as sched_entity;
          if (owes) step.reach();
          if (owes === gone) {
            const what = owes ? 'not eligible and leaves' : 'eligible and stays';
            step.fail(`${nameOf(step.m, se)} goes to sleep, is ${what} the queue`);
          } else if ((se.sched_delayed !== 0) !== owes) {
            step.fail(`${nameOf(step.m, se)} goes to sleep, sched_delayed is ${se.sched_delayed}`);
          }
          owes = null;
        },
      },
    },
  });
}

/** Between leaving and coming back w * vlag stays; then V - v is that vlag, and the deadline as far ahead as it was. */
export function comesBack(): Monitor {
  const left = new Map<number, Left>();
  let rescaled: bigint | null = null;
  let enqueued: { vlag: bigint; alone: boolean; w: bigint } | null = null;
  const isRealTime = (m: machine, se: sched_entity): boolean =>
    se.task !== NULL && m.task[se.task].sched_class !== 'fair_sched_class';
  let ahead: readonly bigint[] = [];
  return {
    after({ m }) {
      for (const [id, note] of left) if (isRealTime(m, m.se[id])) note.elsewhere = true;
    },
    probes: {
      dequeue_entity: {
        enter(step, args) {
          const [, se, flags] = args as [cfs_rq, sched_entity, number];
          const survives = (flags & DEQUEUE_SLEEP) === 0 && step.m.sched_feat.PLACE_REL_DEADLINE;
          ahead = survives ? [aheadOf(step, se)] : [];
        },
        leave(_step, gone, [, entity]) {
          const se = entity as sched_entity;
          if (gone !== true) return;
          left.set(se.id, { w: weight(se), vlag: s64_toBigInt(se.vlag), ahead, elsewhere: false });
        },
      },
      reweight_entity: {
        enter(_step, [, entity]) {
          const se = entity as sched_entity;
          rescaled = se.on_rq === 0 ? weight(se) * s64_toBigInt(se.vlag) : null;
        },
        leave(step, _result, [, entity]) {
          if (rescaled === null) return;
          const se = entity as sched_entity;
          const w = weight(se);
          const is = w * s64_toBigInt(se.vlag);
          if (abs(is - rescaled) >= w) {
            step.fail(`${nameOf(step.m, se)} is off its queue: weight * vlag goes from ${rescaled} to ${is}`);
          }
          const note = left.get(se.id);
          if (note === undefined) return;
          // whether a relative deadline is rescaled depends on the release
          const scaled = note.ahead.map((it) => (it * note.w) / w);
          left.set(se.id, { ...note, w, vlag: s64_toBigInt(se.vlag), ahead: [...note.ahead, ...scaled] });
        },
      },
      enqueue_entity: {
        enter(step, args) {
          const [queue, se] = args as [cfs_rq, sched_entity];
          const note = left.get(se.id);
          const vlag = s64_toBigInt(se.vlag);
          if (note !== undefined && !note.elsewhere && (note.vlag !== vlag || note.w !== weight(se))) {
            step.fail(
              `${nameOf(step.m, se)} left with vlag ${note.vlag} and weight ${note.w}, ` +
                `comes back with vlag ${vlag} and weight ${weight(se)}`,
            );
          }
          enqueued = { vlag, alone: queue.nr_running === 0, w: weight(se) };
        },
        leave(step, _result, args) {
          const [, se, flags] = args as [cfs_rq, sched_entity, number];
          const was = enqueued;
          enqueued = null;
          const note = left.get(se.id);
          if (was !== null && note?.elsewhere !== true) placed(step, se, was, flags, note?.ahead ?? []);
          left.delete(se.id);
        },
      },
    },
  };
}

/** After enqueue_entity(). V is rounded down, and so is what lag is inflated to: off by less than 2 virtual ns. */
function placed(
  step: Step,
  se: sched_entity,
  was: { vlag: bigint; alone: boolean; w: bigint },
  flags: number,
  ahead: readonly bigint[],
): void {
  const { m, kernel } = step;
  if (weight(se) !== was.w) return;
  if (!was.alone && m.sched_feat.PLACE_LAG) {
    const { num, den } = lagOf(m, kernel, se);
    if (was.vlag !== 0n) step.reach();
    if (abs(num - was.vlag * den) >= 2n * den) {
      step.fail(`${nameOf(m, se)} comes with vlag ${was.vlag} and is placed at a lag of ${floorOf({ num, den })}`);
    }
  }
  const slice = toBigInt(kernel.calc_delta_fair(se.slice, se));
  const whole = (flags & ENQUEUE_INITIAL) !== 0 && m.sched_feat.PLACE_DEADLINE_INITIAL ? slice / 2n : slice;
  const due = ahead.length > 0 ? ahead : [whole];
  const is = apart(se.deadline, se.vruntime);
  if (!due.includes(is)) {
    step.fail(`${nameOf(m, se)} is placed with its deadline ${is} ahead of vruntime, must be ${due.join(' or ')}`);
  }
}

/** A sleeper that wakes while still queued: what it owes it owes, what it is owed it has forfeited (DELAY_ZERO). */
function wakesDelayed(): Monitor {
  let was: { lag: bigint; vruntime: sched_entity['vruntime'] } | null = null;
  return stateless({
    probes: {
      requeue_delayed_entity: {
        enter(step, [entity]) {
          const se = entity as sched_entity;
          // WHY as charged: nobody charges curr here, so V is as old as its last charge
          was = { lag: floorOf(lagOf(step.m, step.kernel, se, true)), vruntime: se.vruntime };
        },
        leave(step, _result, [entity]) {
          const se = entity as sched_entity;
          const { m, kernel } = step;
          if (was === null || !m.sched_feat.DELAY_ZERO) return;
          step.reach();
          if (se.sched_delayed !== 0) step.fail(`${nameOf(m, se)} wakes and stays delayed`);
          if (was.lag <= 0n) {
            if (se.vruntime !== was.vruntime) step.fail(`${nameOf(m, se)} wakes owing, and its vruntime moves`);
          } else if (m.cfs_rq[se.cfs_rq].nr_running > 1) {
            const { num, den } = lagOf(m, kernel, se, true);
            if (abs(num) >= 2n * den) {
              step.fail(
                `${nameOf(m, se)} was delayed and gained ${was.lag}; awake its lag is ${floorOf({ num, den })}`,
              );
            }
          }
          was = null;
        },
      },
    },
  });
}

const LAYOUTS = ['flat', 'groups', 'nested', 'oneGroup'] as const;
const managed = hostTasks({
  layouts: LAYOUTS,
  weights: MANAGED,
  weighted: true,
  policies: ['normal', 'normal', 'batch', 'idle'],
  slices: CUSTOM_SLICES,
  events: 12_000,
});
const sleepers = hostTasks({ layouts: LAYOUTS, weights: YIELDING, weighted: true, events: 12_000 });

export const lag: Claim = {
  id: 'lag',
  words: 'what a task is owed survives whatever happens to it',
  properties: [
    always('a new weight leaves weight * lag of a queued entity as it was, within the limit of lag', {
      of: 'lag.1',
      about: 'entity_lag',
      means: 'the limit: two slices or a tick, whichever is more, in virtual time of the entity',
      given: hostTasks({
        layouts: ['groups', 'nested'],
        weights: { advance: 20, tick: 6, shares: 20, block: 4, wake: 6, nice: 4 },
        weighted: true,
        events: 12_000,
      }),
      watch: reweighted,
      fault: {
        says: 'the new weight moves the deadline and leaves the vruntime where it was',
        funcs: { place_entity(): void {}, reweight_eevdf(): void {} },
      },
    }),
    always('an entity that leaves its queue takes its lag with it, rounded down and within its limit', {
      of: 'lag.2',
      about: 'entity_lag',
      means: 'the limit: two slices or a tick, whichever is more, in virtual time of the entity',
      given: managed,
      watch: leaves,
      fault: { says: 'update_entity_lag() does nothing', funcs: { update_entity_lag(): void {} } },
    }),
    always('an entity comes back with the weight * lag with which it left, and with the deadline that is due', {
      of: 'lag.3',
      about: 'entity_lag',
      given: managed,
      watch: comesBack,
      fault: {
        says: 'place_entity() forgets the lag',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          place_entity(this: any, queue: cfs_rq, se: sched_entity): void {
            se.vruntime = this.avg_vruntime(queue);
          },
        },
      },
    }),
    always('a sleeper stays on its queue exactly when it is not eligible', {
      of: 'lag.4',
      about: 'set_delayed',
      given: sleepers,
      watch: staysWhileOwing,
      fault: { says: 'everybody is eligible', funcs: { entity_eligible: () => true } },
    }),
    always('a sleeper that wakes while still queued still owes what it owed, and is owed nothing', {
      of: 'lag.5',
      about: 'set_delayed',
      given: sleepers,
      watch: wakesDelayed,
      fault: {
        says: 'what it gained asleep is kept',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          requeue_delayed_entity(this: any, se: sched_entity): void {
            this.clear_delayed(se);
          },
        },
      },
    }),
  ],
};
