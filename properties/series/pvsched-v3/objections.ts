// SPDX-License-Identifier: GPL-2.0-only
/** What reviewers of v1 and v2 objected to, asked of pvsched-v3. */
import type { pvsched_v3 } from '../../../src/series/pvsched-v3/adds.js';
import { MS, US } from '../../arbitraries.js';
import { always, type Claim, leadsTo, type Monitor, type Property, type Step } from '../../vocabulary.js';
import { guestState, inGuest, lastOne, nameOf, now, ranOf, sliceOf } from '../pvsched-v1/monitors.js';
import { waker } from '../pvsched-v1/worlds.js';
import { isBoosted, runnerOf, Since } from './monitors.js';
import { guests, rogue } from './worlds.js';

const uncharged = { says: 'nothing is charged', funcs: { pvsched_budget_charge() {} } };
const BUDGETS = { cs_budget_us: 2_000, generic_budget_us: 10_000 };

const BR1: Property[] = [
  always('an interrupt of a guest that has only tasks of nice 19 does not make its vCPU real-time', {
    of: 'BR1.2',
    given: guests({ tasks: ({ sleep, work }) => [waker('low', sleep, work, { nice: 19 }), { comm: 'hog', nice: 19 }] }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of step.m.vcpu) {
          const state = guestState(step.m, v);
          if (state === null || !inGuest(step.m, v) || runnerOf(v) === null) continue;
          const handles = state.os.cpu[v.vcpu_idx].contexts.length > 0;
          if (handles) step.reach();
          if (handles && isBoosted(step.m, v))
            step.fail(`${nameOf(step.m, v)} is real-time for an interrupt of a guest that has nothing above nice 19`);
        }
      },
    }),
    fault: {
      says: 'every task is urgent',
      funcs: { pvsched_default_policy_select: () => ({ sched_policy: 1, nice: 0, rt_prio: 50 }) },
    },
  }),
];

function boostEnds(bound: number): Monitor {
  const since = new Since();
  return {
    notes: () => [...since.at],
    after(step) {
      for (const v of step.m.vcpu) {
        const boosted = runnerOf(v) !== null && inGuest(step.m, v) && isBoosted(step.m, v);
        if (boosted) step.reach();
        const ns = since.look(step, v, boosted);
        if (ns > bound) step.fail(`${nameOf(step.m, v)} has been real-time for ${ns} ns, and nothing ends it`);
      }
    },
  };
}

const BR4: Property[] = [
  leadsTo('a boost ends within 10 ms, whatever the guest does or leaves undone', {
    of: 'BR4.3',
    means: 'while the vCPU runs its guest; with the budgets that the module has by itself',
    given: rogue(60),
    watch: () => boostEnds(10 * MS),
    fault: uncharged,
  }),
  leadsTo('a boost ends within the generic budget, whatever the guest does or leaves undone', {
    of: 'BR4.4',
    means: 'of 10 ms, and 10 us; while the vCPU runs its guest',
    given: rogue(60, BUDGETS),
    watch: () => boostEnds(10 * MS + 10 * US),
    fault: uncharged,
  }),
];

function hostGets(due: (step: Step, at: number) => number, from: number): Monitor {
  return {
    notes: () => null,
    after(step) {
      const { m } = step;
      const at = now(m);
      const host = m.task.find((p) => p.comm === 'host');
      if (at < from || step.event.ev !== 'tick' || host === undefined) return;
      step.reach();
      const had = ranOf(m, host.id);
      if (had < due(step, at))
        step.fail(`the host task has had ${had} ns of ${at} ns, ${Math.round(due(step, at))} ns are due`);
    },
  };
}

const less = ({ m }: Step): number => 2e9 / m.HZ + 2 * sliceOf(m);

const BR11: Property[] = [
  always('a host task gets its fair half beside a guest that always asks to be boosted', {
    of: 'BR11.8',
    means: 'of CPU time since boot, less two slices and two ticks; generic budget 10 ms',
    given: rogue(120, BUDGETS),
    watch: () => hostGets((step, at) => at / 2 - less(step), 20 * MS),
    fault: { says: 'whoever was made last runs', funcs: lastOne },
  }),
  always('a host task gets a quarter beside a guest that always asks to be boosted', {
    of: 'BR11.9',
    means: 'as BR11.8, less one budget, two slices and two ticks: half of the time in which the debt is recovered',
    given: rogue(120, BUDGETS),
    watch: () => hostGets((step, at) => at / 4 - 10 * MS - less(step), 60 * MS),
    fault: uncharged,
  }),
  always('a host task gets its fair half beside a guest that interrupts itself 100,000 times a second', {
    of: 'BR11.10',
    means: 'of CPU time since boot, less two slices and two ticks',
    given: guests({ tasks: () => [waker('spam', 9 * US, 1 * US), { comm: 'hog' }], until: 30, length: 16_000 }),
    watch: () => hostGets((step, at) => at / 2 - less(step), 16 * MS),
    fault: {
      says: 'every task is urgent and nothing is charged',
      funcs: {
        pvsched_budget_charge() {},
        pvsched_default_policy_select(this: pvsched_v3) {
          return { sched_policy: 1, nice: 0, rt_prio: 50 };
        },
      },
    },
  }),
];

export const objections: Claim[] = [
  { id: 'BR1', words: 'events are too coarse a sign of urgency', properties: BR1 },
  { id: 'BR4', words: 'who does not unboost stays boosted', properties: BR4 },
  { id: 'BR11', words: 'misuse', properties: BR11 },
];
