// SPDX-License-Identifier: GPL-2.0-only
/** B9, B10, B16: what a boost costs, whose the thread is, and what a guest with hooks does elsewhere. */
import { toNumber, ZERO } from '../../../src/lib/types.js';
import type { task_struct } from '../../../src/sched/sched.js';
import type { pvsched_runner } from '../../../src/series/pvsched-v3/0004-pvsched-runner-runtime.js';
import { MSR_PVSCHED_KICK } from '../../../src/series/pvsched-v3/0006-pvsched-attach-a-page-of-a-guest.js';
import type { pvsched_v3 } from '../../../src/series/pvsched-v3/adds.js';
import { MS, US } from '../../arbitraries.js';
import { always, type Claim, type Monitor, type Property, type Step } from '../../vocabulary.js';
import { nameOf, now, threadOf } from '../pvsched-v1/monitors.js';
import { Outcome, outcomeOn } from '../pvsched-v1/outcome.js';
import { REALTIME, section, softirqs, waker } from '../pvsched-v1/worlds.js';
import { afterEvents, BASE, BASELINE, CS, isBoosted, overdrawn, runnerOf } from './monitors.js';
import { eventful, guests, rogue, SMALL } from './worlds.js';

const us = (ns: number): string => `${Math.round(ns / 1000)} us`;

const forEver = {
  says: 'who was boosted stays so',
  funcs: {
    pvsched_default_ops_hold: (): boolean => false,
    pvsched_default_policy_class: (): number => BASELINE,
    pvsched_default_policy_select: () => ({ sched_policy: 1, nice: 0, rt_prio: 60 }),
  },
};
/** A guest that is urgent for everything that there is, with small budgets. */
export const mixed = guests(
  {
    tasks: ({ sleep, work }) => [
      waker('rt', sleep, work, REALTIME),
      { comm: 'off', program: section(work) },
      { comm: 'soft', program: softirqs(work) },
      { comm: 'hog' },
    ],
  },
  SMALL,
);
export const keepsIt = {
  says: 'who is to have its baseline keeps its boost',
  funcs: {
    pvsched_apply(this: pvsched_v3, r: pvsched_runner, params: pvsched_runner['applied'], boost: number) {
      if (boost === BASELINE && r.applied_class !== BASELINE) return 0;
      if (this.pvsched_default_ops_apply(this.m.task[r.task], params) === 0) r.applied = params;
      r.applied_class = boost;
      return 0;
    },
  },
};

/** Softirqs most of the time. */
const softirqsMostly = guests(
  {
    tasks: ({ work }) => [
      {
        comm: 'soft',
        program: [
          { op: 'compute', ns: work },
          { op: 'softirq', ns: 2 * MS },
        ],
      },
      { comm: 'hog' },
    ],
  },
  SMALL,
);

/** ns: as long as a halt is polled for, which nothing interrupts, and the wait for an early timer */
const SLACK = 205 * US;

/** Boosted CPU time of each vCPU in any window: at most its budget, and as much again as it recovers beside it. */
function windows(budget_us: number, of: (r: pvsched_runner) => boolean): Monitor {
  const bound = budget_us * 1000 + SLACK;
  const seen = new Map<number, { at: number; f: number; least: number; most: boolean }>();
  return {
    notes: () => [...seen],
    after(step) {
      const { m } = step;
      for (const v of m.vcpu) {
        const r = v.pvsched;
        if (r === undefined) continue;
        const at = now(m);
        const last = seen.get(v.id) ?? { at, f: 0, least: 0, most: false };
        // twice the boosted time less all time: over a window it is what was charged less what was recovered
        const f = last.f + (last.most ? 1 : -1) * (at - last.at);
        const runs = m.rq.some((rq) => rq.curr === r.task);
        const least = Math.min(last.least, f);
        if (last.most && !runs) step.reach();
        seen.set(v.id, { at, f, least, most: runs && of(r) && isBoosted(m, v) });
        if (f - least > bound) step.fail(`${nameOf(m, v)} was boosted for ${us(f - least)} more than it recovered`);
      }
    },
  };
}

const B9: Property[] = [
  always('no budget is overdrawn by more than a halt poll', {
    of: 'B9.1',
    means: 'halt_poll_ns, 200 us: the cutoff timer runs in the guest only; and 5 us for an early timer',
    given: mixed,
    watch: () =>
      afterEvents((step, v, r) => {
        const { cs, generic } = r.accounting;
        if (cs.throttled || generic.throttled) step.reach();
        for (const [name, budget] of [['cs', cs] as const, ['generic', generic] as const])
          if (overdrawn(budget) > SLACK)
            step.fail(`the ${name} budget of ${nameOf(step.m, v)} is overdrawn by ${overdrawn(budget)} ns`);
      }),
    fault: { says: 'there is no cutoff timer', funcs: { pvsched_arm_cutoff_locked() {} } },
  }),
  always('a throttled budget pays for nothing until all of its debt is recovered', {
    of: 'B9.2',
    given: mixed,
    watch() {
      const debts = new Map<number, boolean>();
      const look = afterEvents((step, v, r) => {
        const { cs, generic } = r.accounting;
        if (cs.throttled || generic.throttled) step.reach();
        if (isBoosted(step.m, v) && (generic.throttled || (cs.throttled && r.applied_class === CS)))
          step.fail(`${nameOf(step.m, v)} is boosted by a budget that is throttled`);
        for (const [i, budget] of [cs, generic].entries()) {
          const key = 2 * v.id + i;
          if (debts.get(key) === true && !budget.throttled && budget.debt_ns !== ZERO)
            step.fail(`${nameOf(step.m, v)} is no longer throttled, with ${toNumber(budget.debt_ns)} ns of debt`);
          debts.set(key, budget.throttled);
        }
      });
      return { ...look, notes: () => [...debts] };
    },
    fault: {
      says: 'a budget is no longer throttled with less than 200 us of debt',
      funcs: {
        pvsched_budget_recover(this: pvsched_v3, budget: { debt_ns: unknown; throttled: boolean }, ns: unknown) {
          const left = Math.max(0, Number(budget.debt_ns) - Number(ns));
          (budget as { debt_ns: number }).debt_ns = left;
          if (left < 200_000) budget.throttled = false;
        },
      },
    },
  }),
  always('a thread that an administrator has given another policy keeps it', {
    of: 'B9.3',
    means: 'other than what it had; until the next sched_setattr(), and while no page is attached anew',
    given: eventful({ weights: { setattr: 4 } }),
    watch: () => kept((_r, before, after) => before !== after),
    fault: { says: 'nobody looks who owns the thread', funcs: { pvsched_default_ops_owned: () => true } },
  }),
  always('a thread that an administrator gives the policy that it has already keeps it', {
    of: 'B9.4',
    means: 'as B9.3, of what the thread had at that moment',
    given: eventful({ weights: { setattr: 12 }, events: 12_000 }),
    watch: () => kept((r, before, after) => r !== null && before === after),
    fault: forEver,
  }),
  always('a thread whose page is detached has the nice value and policy that it had before', {
    of: 'B9.5',
    given: eventful(),
    watch() {
      const baselines = new Map<number, string>();
      return {
        notes: () => [...baselines],
        after(step) {
          for (const v of step.m.vcpu) {
            const r = v.pvsched;
            const p = threadOf(step.m, v);
            if (r === undefined || p === undefined) continue;
            const { sched_policy, nice } = r.baseline.prio;
            if (r.active) baselines.set(v.id, `${sched_policy} ${nice}`);
            else if (baselines.has(v.id)) {
              step.reach();
              if (p.policy !== sched_policy || p.static_prio - 120 !== nice)
                step.fail(`${nameOf(step.m, v)} is detached, with policy ${p.policy} and nice ${p.static_prio - 120}`);
            }
          }
        },
      };
    },
    fault: keepsIt,
  }),
];

/** By what a thread is: policy, nice, priority. */
const attributesOf = (p: task_struct): string => `${p.policy} ${p.static_prio - 120} ${p.rt_priority}`;

function kept(counts: (r: pvsched_runner | null, before: string, after: string) => boolean): Monitor {
  const given = new Map<number, string>();
  let before = new Map<number, string>();
  let gpas = new Map<number, number>();
  return {
    notes: () => [...given],
    before({ m }) {
      before = new Map(m.task.map((p) => [p.id, attributesOf(p)]));
      gpas = new Map(m.vcpu.map((v) => [v.id, v.pvsched?.active === true ? 1 : 0]));
    },
    after(step) {
      const { event, m } = step;
      for (const v of m.vcpu) {
        const p = threadOf(m, v);
        if (p === undefined) continue;
        if (event.ev === 'wrmsr' && event.vcpu === v.id) given.delete(p.id);
        if (event.ev === 'setattr' && event.task === p.id) {
          given.delete(p.id);
          const was = before.get(p.id) ?? '';
          if (gpas.get(v.id) === 1 && counts(runnerOf(v), was, attributesOf(p))) given.set(p.id, attributesOf(p));
        }
        const wanted = given.get(p.id);
        if (wanted === undefined) continue;
        step.reach();
        if (attributesOf(p) !== wanted)
          step.fail(`${nameOf(m, v)} was given policy, nice and priority ${wanted}; it has ${attributesOf(p)}`);
      }
    },
  };
}

const exitsOf = ({ m }: Step): number => m.vcpu.reduce((sum, v) => sum + v.stat.exits, 0);

const B10: Property[] = [
  always('where there is no pvsched, a guest with hooks is as late and as much at work as one without', {
    of: 'B10.1',
    means:
      'the same run without the series; each wait and the time of the host, to the ns; exits but for one doorbell a vCPU',
    given: guests(
      { tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME), { comm: 'hog' }], vcpus: 2 },
      { pvsched: 0 },
    ),
    watch(scenario) {
      const here = new Outcome();
      return {
        after: (step) => here.look(step.m),
        end(step) {
          if (now(step.m) < (scenario.until ?? 0)) return;
          const there = outcomeOn(BASE, scenario);
          // on the base the kernel in the guest has no hooks
          if ((step.kernel as Partial<pvsched_v3>).pvsched_guest_active !== undefined) step.reach();
          const [mine, theirs] = [here, there].map((it) => JSON.stringify([[...it.delays], it.hostRan]));
          if (mine !== theirs) step.fail(`waits and time of the host differ: ${mine} and ${theirs} on ${BASE}`);
          if (exitsOf(step) > there.exits + step.m.vcpu.length)
            step.fail(`${exitsOf(step)} exits, and ${there.exits} on ${BASE}`);
        },
      };
    },
    fault: {
      says: 'the guest makes its host look whatever that has published',
      funcs: {
        pvsched_guest_active: () => true,
        pvsched_guest_do_kick(this: pvsched_v3) {
          this.wrmsr(MSR_PVSCHED_KICK, 0, 0);
        },
      },
    },
  }),
];

const B16: Property[] = [
  always('in any window a vCPU is boosted for no longer than its budget and what it recovers', {
    of: 'B16.1',
    means: 'CPU time as SCHED_FIFO, less the other time of the window; the generic budget, 4 ms, a halt poll, 5 us',
    given: rogue(80, SMALL),
    watch: () => windows(SMALL.generic_budget_us, () => true),
    fault: { says: 'nothing is charged', funcs: { pvsched_budget_charge() {} } },
  }),
  always('in any window a vCPU is boosted for critical sections for no longer than their budget and what it recovers', {
    of: 'B16.2',
    means: 'as B16.1, of boosts of class CS; the cs budget, 400 us',
    given: softirqsMostly,
    watch: () => windows(SMALL.cs_budget_us, (r) => r.applied_class === CS),
    fault: { says: 'nothing is charged', funcs: { pvsched_budget_charge() {} } },
  }),
];

export const budgets: Claim[] = [
  { id: 'B9', words: 'boosted time is bounded; who owns the thread decides', properties: B9 },
  { id: 'B10', words: 'a guest with hooks on another host is unchanged', properties: B10 },
  { id: 'B16', words: 'boosted time in a window is limits and recovery', properties: B16 },
];
