// SPDX-License-Identifier: GPL-2.0-only
/**
 * Who is picked, when somebody who runs may be taken off, and what a tick and a wake-up may ask for.
 *
 * `request`: what an entity asks for at a time, its slice; it is served when vruntime has come to the deadline, and a new
 * deadline is set then. RUN_TO_PARITY lets who was picked run until that happens, as long as it is eligible.
 */
import { s64_diff, s64_lt, toBigInt, type u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import {
  type cfs_rq,
  NULL,
  type rq,
  SCHED_IDLE,
  SCHED_NORMAL,
  type sched_entity,
  type task_struct,
} from '../../src/sched/sched.js';
import { always, type Claim, type Monitor, type Step, stateless } from '../vocabulary.js';
import { CUSTOM_SLICES, EVERYDAY, hostTasks, MANAGED } from './host-worlds.js';
import { isEligible, nameOf, pathOf, queuedOn } from './lag-of.js';

const isBefore = (a: sched_entity, b: sched_entity): boolean => s64_lt(s64_diff(a.deadline, b.deadline), 0 as never);

/** The eligible entities of a queue, earliest deadline first: V and who is eligible are computed anew. */
function eligibleOn(step: Step, queue: number): sched_entity[] {
  const { m, kernel } = step;
  return queuedOn(m, queue)
    .filter((se) => isEligible(m, kernel, se))
    .sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
}

/** pick_eevdf(): of the eligible the earliest deadline; who runs may be left to run, and a buddy may be preferred. */
function earliest(): Monitor {
  return stateless({
    probes: {
      pick_eevdf: {
        leave(step, result, [arg]) {
          const { m } = step;
          const queue = arg as cfs_rq;
          const picked = result as sched_entity | null;
          const all = queuedOn(m, queue.id);
          if (all.length === 0) return;
          if (picked === null) return step.fail(`cfs_rq ${queue.id} has ${all.length} entities, the pick is NULL`);
          if (all.length === 1) return;
          const best = eligibleOn(step, queue.id);
          const at = best.findIndex((se) => se.id === picked.id);
          if (at < 0) return step.fail(`${nameOf(m, picked)} is picked and is not eligible`);
          if (best.length < all.length && best.length > 1) step.reach();
          if (picked.id === queue.curr || picked.id === queue.next || !isBefore(best[0], picked)) return;
          step.fail(`${nameOf(m, picked)} is picked, ${nameOf(m, best[0])} is eligible and has an earlier deadline`);
        },
      },
    },
  });
}

/** The deadline with which an entity was last picked to run, by entity. */
class Picked {
  private readonly deadlines: u64[] = [];

  readonly probe = {
    leave: (_step: Step, _result: unknown, [, se]: readonly unknown[]): void => {
      const entity = se as sched_entity;
      this.deadlines[entity.id] = entity.deadline;
    },
  };

  /** Who runs after boot was picked before anybody watched. */
  begin({ index, m }: Step): void {
    if (index > 0) return;
    for (const queue of m.cfs_rq) if (queue.curr !== NULL) this.deadlines[queue.curr] = m.se[queue.curr].deadline;
  }

  /** Its request is not served yet. */
  isProtected(se: sched_entity): boolean {
    return this.deadlines[se.id] === se.deadline;
  }

  notes(): unknown {
    return this.deadlines;
  }
}

const currentSe = (m: machine, cpu: number): sched_entity => m.se[m.task[m.rq[cpu].curr].se];

/** On one queue with equal slices: a tick or a wake-up takes off nobody whose request is not served, or who is owed. */
function parity(): Monitor {
  const picked = new Picked();
  let ran: number = NULL;
  let wronged: string | null = null;
  return {
    before(step) {
      const { m, event } = step;
      picked.begin(step);
      ran = event.ev === 'tick' || event.ev === 'wake' ? currentSe(m, 0).id : NULL;
      wronged = null;
    },
    after(step) {
      if (wronged !== null) step.fail(wronged);
      if (ran === NULL || step.m.cfs_rq[0].curr !== ran) return;
      const se = step.m.se[ran];
      // somebody else would be first, and it goes on all the same
      if (isEligible(step.m, step.kernel, se) && isBefore(eligibleOn(step, se.cfs_rq)[0], se)) step.reach();
    },
    probes: {
      set_next_entity: picked.probe,
      put_prev_entity: {
        enter(step, [, entity]) {
          const se = entity as sched_entity;
          if (se.id !== ran || se.on_rq === 0 || se.sched_delayed !== 0 || !step.m.sched_feat.RUN_TO_PARITY) return;
          if (!picked.isProtected(se) || !isEligible(step.m, step.kernel, se)) return;
          wronged = `${nameOf(step.m, se)} is eligible and its request not served, a ${step.event.ev} takes it off its CPU`;
        },
      },
    },
    notes: () => picked.notes(),
  };
}

const flagOf = (p: task_struct & { tif_need_resched_lazy?: number }): boolean =>
  p.tif_need_resched !== 0 || (p.tif_need_resched_lazy ?? 0) !== 0;

/**
 * With equal slices, a tick asks for a reschedule exactly when a request ends on a queue where somebody waits; and it
 * may when who runs there is not eligible and its request is served.
 */
function ticksThatAsk(): Monitor {
  const picked = new Picked();
  let path: { se: number; deadline: u64; served: boolean }[] | null = null;
  let ran: number = NULL;
  return {
    before(step) {
      const { m, event } = step;
      picked.begin(step);
      path = null;
      if (event.ev !== 'tick') return;
      const p = m.task[m.rq[event.cpu].curr];
      if (p.sched_class !== 'fair_sched_class' || flagOf(p)) return;
      ran = p.id;
      path = pathOf(m, p.id).map((se) => ({ se: se.id, deadline: se.deadline, served: !picked.isProtected(se) }));
    },
    after(step) {
      if (path === null) return;
      const { m, kernel } = step;
      const p = m.task[ran];
      const contended = path.filter(({ se }) => m.cfs_rq[m.se[se].cfs_rq].nr_running > 1);
      const ended = contended.filter(({ se, deadline }) => m.se[se].deadline !== deadline);
      const may = contended.filter(({ se, served }) => served && !isEligible(m, kernel, m.se[se]));
      if (contended.length > 0) step.reach();
      const asks = flagOf(p);
      if (asks && ended.length + may.length === 0) {
        step.fail(`a tick asks ${p.comm} to reschedule; nowhere where somebody waits has its request ended`);
      }
      if (!asks && ended.length > 0) {
        step.fail(
          `the request of ${nameOf(m, m.se[ended[0].se])} has ended, others wait, and the tick asks for nothing`,
        );
      }
    },
    probes: { set_next_entity: picked.probe },
    notes: () => picked.notes(),
  };
}

/** Who runs and is given a lower priority than it had, while others wait, is asked to reschedule. */
function lowered(): Monitor {
  let ran: { task: number; prio: number } | null = null;
  return stateless({
    before({ m, event }) {
      ran = null;
      if (event.ev !== 'nice' || m.rq[m.task[event.task].cpu].curr !== event.task) return;
      const p = m.task[event.task];
      if (p.sched_class === 'fair_sched_class' && !flagOf(p)) ran = { task: p.id, prio: p.prio };
    },
    after(step) {
      if (ran === null) return;
      const { m } = step;
      const p = m.task[ran.task];
      if (p.prio <= ran.prio || m.cfs_rq[m.rq[p.cpu].cfs].nr_running < 2) return;
      step.reach();
      if (!flagOf(p)) step.fail(`${p.comm} runs, its prio goes from ${ran.prio} to ${p.prio}; need_resched is not set`);
    },
  });
}

/** A wake-up on a flat queue, at the moment when it has been decided whether to preempt. */
interface WakeUp {
  curr: sched_entity;
  wakee: sched_entity;
  /** first in the order of EEVDF among all that are queued; curr's protection is not looked at */
  best: sched_entity | null;
  /** curr's request is served, or it has no claim to run on */
  open: boolean;
}

/** Sees every wake-up that finds a fair task running, and what runs after the event. */
function wakeUps(judge: (step: Step, w: WakeUp, runs: sched_entity) => void): Monitor {
  const picked = new Picked();
  let seen: WakeUp | null = null;
  let flagged = false;
  return {
    before(step) {
      const { m, event } = step;
      picked.begin(step);
      seen = null;
      flagged = event.ev !== 'wake' || flagOf(m.task[m.rq[0].curr]);
    },
    after(step) {
      if (seen !== null && !flagged) judge(step, seen, currentSe(step.m, 0));
    },
    probes: {
      set_next_entity: picked.probe,
      wakeup_preempt: {
        leave(step, _result, args) {
          const [rq, p] = args as [rq, task_struct];
          const { m, kernel } = step;
          const curr = m.task[rq.curr];
          if (curr.sched_class !== 'fair_sched_class' || p.sched_class !== 'fair_sched_class') return;
          const [a, b] = [m.se[curr.se], m.se[p.se]];
          if (a.cfs_rq !== b.cfs_rq || a.id === b.id) return;
          const best = eligibleOn(step, a.cfs_rq);
          const first = best.length > 1 && !isBefore(best[0], best[1]) ? null : (best[0] ?? null);
          seen = { curr: a, wakee: b, best: first, open: !picked.isProtected(a) || !isEligible(m, kernel, a) };
        },
      },
    },
    notes: () => picked.notes(),
  };
}

const policyOf = (m: machine, se: sched_entity): number => m.task[se.task].policy;
const slice = (se: sched_entity): bigint => toBigInt(se.slice);

const nobody = { says: 'no wake-up preempts', funcs: { check_preempt_wakeup_fair(): void {} } };
const flat = { layouts: ['flat'] as const, events: 12_000 };

export const pick: Claim = {
  id: 'pick',
  words: 'the pick is the eligible entity with the earliest deadline',
  properties: [
    always('the pick is eligible, and has the earliest deadline of the eligible unless it is curr or a buddy', {
      of: 'pick.1',
      about: 'pick_eevdf',
      given: hostTasks({
        layouts: ['flat', 'flat', 'groups', 'nested'],
        weights: MANAGED,
        weighted: true,
        slices: CUSTOM_SLICES,
        tasks: { min: 3, max: 8 },
        events: 14_000,
      }),
      watch: earliest,
      fault: {
        says: 'everybody is eligible',
        funcs: { entity_eligible: () => true },
      },
    }),
    always('with equal slices, neither tick nor wake-up preempts an eligible task before its request is served', {
      of: 'pick.2',
      about: 'pick_eevdf',
      means: 'served: vruntime has reached the deadline of the request',
      given: hostTasks({ ...flat, weights: EVERYDAY, weighted: true }),
      watch: parity,
      fault: { says: 'nothing is protected', funcs: { protect_slice: () => false } },
    }),
    always(
      'with equal slices, a tick asks for a reschedule where others wait and a request has ended, and only there',
      {
        of: 'pick.3',
        about: 'pick_eevdf',
        means: 'ended: vruntime has reached the deadline, which then moves on by a slice',
        given: hostTasks({
          layouts: ['flat', 'groups', 'nested'],
          weights: { ...EVERYDAY, resched: 14, tick: 24 },
          weighted: true,
          eager: false,
          events: 12_000,
        }),
        watch: ticksThatAsk,
        fault: {
          says: 'each tick asks for a reschedule',
          funcs: {
            // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
            entity_tick(this: any, queue: cfs_rq): void {
              this.update_curr(queue);
              this.resched_curr(this.rq_of(queue));
            },
          },
        },
      },
    ),
    always('a running task whose priority is lowered while others wait is asked to reschedule', {
      of: 'pick.7',
      given: hostTasks({
        layouts: ['flat', 'groups'],
        weights: { ...EVERYDAY, nice: 20, resched: 14 },
        eager: false,
        events: 8_000,
      }),
      watch: lowered,
      fault: { says: 'a new priority changes nothing', funcs: { prio_changed_fair(): void {} } },
    }),
    always('a SCHED_IDLE task is preempted when a task of another policy wakes and is first in the order', {
      of: 'pick.4',
      given: hostTasks({ ...flat, weights: EVERYDAY, policies: ['idle', 'normal', 'normal'] }),
      watch: () =>
        wakeUps((step, { curr, wakee, best }, runs) => {
          const { m } = step;
          if (policyOf(m, curr) !== SCHED_IDLE || policyOf(m, wakee) === SCHED_IDLE) return;
          if (best === null || best.id === curr.id) return;
          step.reach();
          if (runs.id === curr.id) {
            step.fail(`${nameOf(m, curr)} is SCHED_IDLE and runs on, ${nameOf(m, best)} comes first`);
          }
        }),
      fault: nobody,
    }),
    always('a wakee that is first in the order runs at once if its slice is shorter, or if nothing protects curr', {
      of: 'pick.5',
      about: 'pick_eevdf',
      given: hostTasks({ ...flat, weights: EVERYDAY, weighted: true, slices: CUSTOM_SLICES }),
      watch: () =>
        wakeUps((step, { curr, wakee, best, open }, runs) => {
          const { m } = step;
          if (!m.sched_feat.WAKEUP_PREEMPTION || !m.sched_feat.PREEMPT_SHORT) return;
          if (best?.id !== wakee.id || (!open && slice(wakee) >= slice(curr))) return;
          step.reach();
          if (runs.id !== wakee.id) step.fail(`${nameOf(m, wakee)} wakes and comes first, ${nameOf(m, runs)} runs`);
        }),
      fault: nobody,
    }),
    always('a SCHED_BATCH or SCHED_IDLE wakee does not take the CPU from a task whose request is not served', {
      of: 'pick.6',
      about: 'pick_eevdf',
      means: 'served: vruntime has reached the deadline of the request',
      given: hostTasks({ ...flat, weights: EVERYDAY, policies: ['normal', 'batch', 'idle'] }),
      watch: () =>
        wakeUps((step, { curr, wakee, open, best }, runs) => {
          const { m } = step;
          if (policyOf(m, wakee) === SCHED_NORMAL || policyOf(m, curr) === SCHED_IDLE || open) return;
          if (best?.id === wakee.id) step.reach();
          if (runs.id === wakee.id) step.fail(`${nameOf(m, wakee)} wakes and takes the CPU from ${nameOf(m, curr)}`);
        }),
      fault: {
        says: 'every wakee preempts',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          check_preempt_wakeup_fair(this: any, rq: rq): void {
            this.cancel_protect_slice(this.m.se[this.m.task[rq.curr].se]);
            this.resched_curr(rq);
          },
        },
      },
    }),
  ],
};
