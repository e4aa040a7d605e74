// SPDX-License-Identifier: GPL-2.0-only
/** What the scheduler keeps is what its entities add up to, and what somebody sets is what is set. */
import { s64, shl, toBigInt, toNumber, u64 } from '../../src/lib/types.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { type cfs_rq, NULL, SCHED_BATCH, SCHED_IDLE, SCHED_NORMAL, type sched_entity } from '../../src/sched/sched.js';
import { BIG_MACHINE_SLICE, MS, US } from '../arbitraries.js';
import { always, type Claim, type Monitor, type Step, stateless } from '../vocabulary.js';
import { CUSTOM_SLICES, EVERYDAY, hostTasks, MANAGED } from './host-worlds.js';
import { nameOf } from './lag-of.js';

function addsUp(): Monitor {
  return stateless({
    after(step) {
      step.reach();
      const faults = checkSched(step.m);
      if (faults.length > 0) step.fail(faults[0]);
    },
  });
}

const SLICE_MIN = 100_000;
const SLICE_MAX = 100_000_000;

/** 0.1 ms to 100 ms: what sched_setattr() takes; a group asks for the least of its members' slices. */
function slicesInRange(): Monitor {
  return stateless({
    after(step) {
      for (const se of step.m.se) {
        if (se.on_rq === 0) continue;
        if (se.task === NULL) step.reach();
        const slice = toBigInt(se.slice);
        if (slice < SLICE_MIN || slice > SLICE_MAX) {
          step.fail(`slice of ${nameOf(step.m, se)} is ${slice}, must be ${SLICE_MIN} to ${SLICE_MAX}`);
        }
      }
    },
  });
}

/** An empty group has no load to compute a weight from: it keeps the one that its lag is measured by. */
function emptyGroupsKeepWeight(): Monitor {
  let was: { se: number; weight: sched_entity['load']['weight'] }[] = [];
  return stateless({
    before({ m }) {
      was = m.se
        .filter((se) => se.my_q !== NULL && se.on_rq !== 0 && m.cfs_rq[se.my_q].nr_running === 0)
        .map((se) => ({ se: se.id, weight: se.load.weight }));
    },
    after(step) {
      const { m } = step;
      for (const { se: id, weight } of was) {
        const se = m.se[id];
        if (m.cfs_rq[se.my_q].nr_running > 0) continue;
        step.reach();
        if (se.load.weight !== weight) {
          step.fail(
            `weight of ${nameOf(m, se)}, which is empty, goes from ${toBigInt(weight)} to ${toBigInt(se.load.weight)}`,
          );
        }
      }
    },
  });
}

type Of<K extends MachineEvent['ev']> = Extract<MachineEvent, { ev: K }>;

const FAIR = [SCHED_NORMAL, SCHED_BATCH, SCHED_IDLE];

function setattr(step: Step, { task, policy, nice, slice, priority }: Of<'setattr'>): string | null {
  const { m, kernel } = step;
  const p = m.task[task];
  if (p.policy !== policy) return `policy is ${p.policy}, ${policy} was set`;
  if (!FAIR.includes(policy)) {
    // prio counts down from 99, rt_priority up
    if (p.sched_class === 'rt_sched_class' && p.prio === 99 - priority) return null;
    return `its class is ${p.sched_class} and its prio ${p.prio}, must be ${99 - priority}`;
  }
  if (p.sched_class !== 'fair_sched_class') return `its class is ${p.sched_class}`;
  // fair_policy() leaves out SCHED_IDLE: its nice value and slice stay
  if (policy === SCHED_IDLE) return null;
  if (p.static_prio !== 120 + nice) return `nice is ${p.static_prio - 120}, ${nice} was set`;
  // before EEVDF nobody has a slice of its own
  if (kernel.update_deadline === undefined) return null;
  const due = slice === 0 ? m.sysctl_sched_base_slice : Math.min(SLICE_MAX, Math.max(SLICE_MIN, slice));
  const is = toNumber(m.se[p.se].slice);
  return is === due ? null : `slice is ${is}, must be ${due}`;
}

/** scale_load() of cpu.shares, within MIN_SHARES and MAX_SHARES. */
const scaledShares = ({ kernel }: Step, shares: number): bigint =>
  toBigInt(kernel.scale_load(u64(Math.min(1 << 18, Math.max(2, shares)))));

function shares(step: Step, event: Of<'shares'>): string | null {
  const { m } = step;
  const tg = m.task_group[event.group];
  const due = scaledShares(step, event.shares);
  if (toBigInt(tg.shares) !== due) return `shares are ${toBigInt(tg.shares)}, must be ${due}`;
  const se = m.se[tg.se[0]];
  // on one CPU all of a group's load is there
  if (m.rq.length > 1 || m.cfs_rq[se.my_q].nr_running === 0 || toBigInt(se.load.weight) === due) return null;
  return `weight of ${nameOf(m, se)} is ${toBigInt(se.load.weight)}, must be ${due}`;
}

/** What an event that sets something has not set; null when all is as it says. */
function notSet(step: Step): string | null {
  const { event, m } = step;
  switch (event.ev) {
    case 'nice': {
      const is = m.task[event.task].static_prio - 120;
      return is === event.nice ? null : `nice is ${is}, ${event.nice} was set`;
    }
    case 'setattr':
      return setattr(step, event);
    case 'shares':
      return shares(step, event);
    case 'move':
      return m.task[event.task].sched_task_group === event.group ? null : 'it has not changed its group';
    default:
      return null;
  }
}

function isSet(): Monitor {
  return stateless({
    after(step) {
      const { event, m } = step;
      if (!['nice', 'setattr', 'shares', 'move'].includes(event.ev)) return;
      step.reach();
      const wrong = notSet(step);
      if (wrong === null) return;
      step.fail('task' in event ? `${m.task[event.task].comm}: ${wrong}` : wrong);
    },
  });
}

/** Whoever wakes without a slice of its own asks for base_slice_ns as it stands. */
function baseSlice(): Monitor {
  let sleeper: number = NULL;
  return stateless({
    before({ m, event }) {
      sleeper = event.ev === 'wake' && m.task[event.task].on_rq === 0 ? event.task : NULL;
    },
    after(step) {
      if (sleeper === NULL) return;
      const { m } = step;
      const se = m.se[m.task[sleeper].se];
      if (se.on_rq === 0 || se.custom_slice !== 0) return;
      step.reach();
      const slice = toNumber(se.slice);
      if (slice !== m.sysctl_sched_base_slice) {
        step.fail(`${nameOf(m, se)} wakes with slice ${slice}; base_slice_ns is ${m.sysctl_sched_base_slice}`);
      }
    },
  });
}

/** Tasks of a queue and below that are no delayed ones; h_nr_runnable, where that is kept. */
const waiting = (q: cfs_rq): number => q.h_nr_queued - q.h_nr_delayed;

/** A task that is woken is runnable and on a queue; one that goes to sleep does not run on. */
function sleepAndWake(): Monitor {
  let sleeper: number = NULL;
  return stateless({
    before({ m, event }) {
      sleeper = event.ev === 'block' ? m.rq[event.cpu].curr : NULL;
    },
    after(step) {
      const { m, event } = step;
      if (event.ev === 'wake') {
        step.reach();
        const p = m.task[event.task];
        if (p.__state !== 0) step.fail(`${p.comm} was woken, its state is ${p.__state}`);
        else if (p.on_rq !== 1) step.fail(`${p.comm} was woken, its on_rq is ${p.on_rq}`);
        else if (m.se[p.se].sched_delayed !== 0) step.fail(`${p.comm} was woken and is delayed`);
      }
      for (const rq of m.rq) {
        const p = m.task[rq.curr];
        if (p.id === sleeper || p.__state !== 0) step.fail(`${p.comm} sleeps, and CPU ${rq.cpu} runs it`);
        if (rq.curr === rq.idle && waiting(m.cfs_rq[rq.cfs]) + rq.rt.rt_nr_running > 0) {
          step.fail(`CPU ${rq.cpu} is idle, and somebody there is runnable`);
        }
      }
    },
  });
}

const LAYOUTS = ['flat', 'groups', 'nested', 'oneGroup'] as const;
const GROUPS = ['groups', 'nested', 'oneGroup'] as const;
const sleepers = { ...EVERYDAY, block: 16, wake: 20 };

export const accounts: Claim = {
  id: 'accounts',
  words: 'what is kept adds up, and what is set is set',
  properties: [
    always('every sum, count and cached minimum of a queue is what its entities add up to', {
      of: 'accounts.1',
      given: hostTasks({ layouts: LAYOUTS, weights: MANAGED, weighted: true, cpus: [1, 1, 2], events: 10_000 }),
      watch: addsUp,
      fault: {
        says: 'a delayed task is not counted as one',
        funcs: {
          set_delayed(se: sched_entity): void {
            se.sched_delayed = 1;
          },
        },
      },
    }),
    always('the slice of whatever is queued is 0.1 ms to 100 ms', {
      of: 'accounts.2',
      about: 'update_deadline',
      means: 'the range that sched_setattr() clamps a slice to',
      given: hostTasks({
        layouts: GROUPS,
        weights: { ...sleepers, setattr: 8 },
        // what is asked for beyond the range is brought into it
        slices: [...CUSTOM_SLICES, 50 * US, 200 * MS],
        events: 14_000,
      }),
      watch: slicesInRange,
      fault: {
        says: 'the least slice of a queue is that of an empty one',
        funcs: { cfs_rq_min_slice: () => s64(-1) },
      },
    }),
    always('the weight of a group that is empty and still queued does not change', {
      of: 'accounts.3',
      about: 'set_delayed',
      given: hostTasks({ layouts: GROUPS, weights: { ...sleepers, shares: 6 }, cpus: [1, 2], events: 14_000 }),
      watch: emptyGroupsKeepWeight,
      fault: {
        says: 'every write to cpu.shares reaches the entity',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          update_cfs_group(this: any, se: sched_entity): void {
            if (se.my_q !== NULL)
              this.reweight_entity(this.cfs_rq_of(se), se, this.m.task_group[this.m.cfs_rq[se.my_q].tg].shares);
          },
        },
      },
    }),
    always('after a change, nice value, policy, slice, shares and group are what was asked for', {
      of: 'accounts.4',
      given: hostTasks({ layouts: LAYOUTS, weights: { ...MANAGED, setattr: 14, nice: 14 }, events: 10_000 }),
      watch: isSet,
      fault: {
        says: 'a nice value of 19 is out of range',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          set_user_nice(this: any, p: { static_prio: number; se: number }, nice: number): void {
            if (nice >= 19) return;
            p.static_prio = 120 + nice;
            this.m.se[p.se].load.weight = shl(u64(1024), 10);
          },
        },
      },
    }),
    always('a task that wakes without a slice of its own gets base_slice_ns', {
      of: 'accounts.5',
      about: 'update_deadline',
      given: {
        ...hostTasks({ layouts: ['flat', 'groups'], weights: { ...sleepers, knob: 10 }, events: 8_000 }),
        knobs: { base_slice_ns: [700 * US, BIG_MACHINE_SLICE, 1_500 * US] },
      },
      watch: baseSlice,
      fault: { says: 'place_entity() does nothing', funcs: { place_entity(): void {} } },
    }),
    always(
      'a woken task is runnable and queued, a sleeping one does not run, and no CPU is idle with work of its own',
      {
        of: 'accounts.6',
        given: hostTasks({
          layouts: LAYOUTS,
          weights: { ...MANAGED, block: 14, wake: 20 },
          cpus: [1, 2, 3],
          events: 10_000,
        }),
        watch: sleepAndWake,
        fault: { says: 'a wake-up leaves the state as it was', funcs: { ttwu_do_wakeup(): void {} } },
      },
    ),
  ],
};
