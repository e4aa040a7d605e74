// SPDX-License-Identifier: GPL-2.0-only
/** A3, A22, A23, A24: who else pays, and what the series does when it is not asked to. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { add, toNumber, u64 } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL, type rq, type sched_entity, type task_struct } from '../../../src/sched/sched.js';
import { deficit, driftBound } from '../../families/bounds.js';
import {
  agrees,
  always,
  type Claim,
  type Monitor,
  type Property,
  type Step,
  sometimes,
  stateless,
} from '../../vocabulary.js';
import { payFrom, rootPays } from './costly-yields.js';
import { BASE, differs, elsewhere } from './fork.js';
import { entityName, now, service, ticking, yieldProbes } from './monitors.js';
import { levelBetween, siblingPays, spinningVm, yielders, yieldsThenPeace } from './worlds.js';

/**
 * One entity that is always runnable must have had at least its share of the time, at every moment. On its own queue it may be
 * E behind (families/bounds.ts), and by its part of that queue as its group may be on the root's: E + f * E.
 */
export function getsItsShare(whose: (m: machine) => sched_entity, share: number, f = 0): Monitor {
  return ticking(
    stateless({
      after(step) {
        const { m } = step;
        const elapsed = now(m);
        if (elapsed < 20_000_000) return;
        step.reach();
        const se = whose(m);
        const had = service(m, se);
        const due = elapsed * share;
        const less = (1 + f) * deficit(m, m.sysctl_sched_base_slice);
        if (had >= due - less) return;
        step.fail(
          `${entityName(m, se)} was runnable all the time and has had ${had} ns of ${elapsed} ns, its share is ` +
            `${Math.floor(due)} ns (${less} ns less are allowed for)`,
        );
      },
    }),
  );
}

export const taskNamed = (m: machine, comm: string): sched_entity => {
  const p = m.task.find((it) => it.comm === comm);
  return m.se[p === undefined ? 0 : p.se];
};

/** The entity of the group on CPU 0. */
export const groupNamed = (m: machine, name: string): sched_entity =>
  m.se[m.task_group[Math.max(1, m.groupNames.indexOf(name))].se[0]];

const A3: Property[] = [
  always('one of three equal groups keeps its third of the CPU while a task of another yields to a task of the last', {
    of: 'A3.1',
    means: 'at every moment from 20 ms on, less E: E is two slices and two ticks, what EEVDF may be behind by lag',
    given: siblingPays({ third: true }),
    watch: () => getsItsShare((m) => groupNamed(m, 'CG2'), 1 / 3),
    fault: {
      says: 'the third group pays',
      funcs: { yield_to_task_fair: payFrom((m) => m.se[m.task_group[3]?.se[0] ?? 0], 4_000_000) },
    },
  }),
  always('a task that never yields keeps its quarter while its group mate yields to another group', {
    of: 'A3.2',
    means:
      'at every moment from 20 ms on, less E + E / 2: E is two slices and two ticks, what EEVDF may be behind by lag',
    given: siblingPays({ third: false }),
    watch: () => getsItsShare((m) => taskNamed(m, 'C'), 1 / 4, 1 / 2),
    fault: { says: 'the group pays 4 ms each time, without a limit', funcs: { yield_to_task_fair: rootPays } },
  }),
  always('a task that never yields keeps its quarter while a task one level below it yields to another group', {
    of: 'A3.3',
    means:
      'at every moment from 20 ms on, less E + E / 2: E is two slices and two ticks, what EEVDF may be behind by lag',
    given: levelBetween(),
    watch: () => getsItsShare((m) => taskNamed(m, 'C'), 1 / 4, 1 / 2),
    fault: { says: 'the group pays 4 ms each time, without a limit', funcs: { yield_to_task_fair: rootPays } },
  }),
];

/**
 * Time without any yield_to() until two runnable tasks have evened out, ns: the largest penalty for two is six granularities, a
 * yield forfeits a slice, and E (families/bounds.ts) is two slices and two ticks.
 */
const settled = (m: machine): number => 9 * m.sysctl_sched_base_slice + 2 * toNumber(m.TICK_NSEC);

const A23: Property[] = [
  always('nine slices and two ticks after the last yield_to(), two equal tasks get equal time', {
    of: 'A23.1',
    means: 'equal: to within the lags of both, two slices and two ticks each',
    given: yieldsThenPeace(['flat', 'oneGroup', 'groups', 'nested']),
    watch(): Monitor {
      let last: number | null = null;
      let since: { at: number; waiter: number; holder: number } | null = null;
      return ticking({
        notes: () => ({ last, since }),
        probes: yieldProbes({
          enter(_step, it) {
            last = it.at;
            since = null;
          },
        }),
        after(step) {
          const { m } = step;
          if (last === null) return;
          const [waiter, holder] = ['waiter', 'holder'].map((comm) => service(m, taskNamed(m, comm)));
          if (since === null && now(m) - last > settled(m)) since = { at: now(m), waiter, holder };
          if (since === null) return;
          const apart = waiter - since.waiter - (holder - since.holder);
          if (now(m) - since.at > 40_000_000) step.reach();
          if (Math.abs(apart) <= driftBound(m)) return;
          step.fail(
            `no yield_to() since ${last} ns; from ${since.at} ns to ${now(m)} ns the holder has had ${-apart} ns more ` +
              'than the waiter',
          );
        },
      });
    },
    fault: {
      says: 'a yield costs a second',
      funcs: {
        yield_task_fair(this: { m: machine; update_rq_clock(rq: rq): void }, rq: rq) {
          this.update_rq_clock(rq);
          let se = this.m.se[this.m.task[rq.donor].se];
          for (;;) {
            se.vruntime = add(se.vruntime, u64(1_000_000_000));
            se.deadline = add(se.deadline, u64(1_000_000_000));
            if (se.parent === NULL) return;
            se = this.m.se[se.parent];
          }
        },
      },
    },
  }),
];

/** Every yield_to() has the same effect as on the base kernel, from the same state. */
function asOnBase(when: (m: machine) => boolean): Monitor {
  let there: machine | null = null;
  return stateless({
    before(step) {
      there = step.event.ev === 'yield_to' && when(step.m) ? elsewhere(step, BASE) : null;
    },
    after(step) {
      if (there === null) return;
      step.reach();
      const difference = differs(step.m, there);
      there = null;
      if (difference !== null) step.fail(`the yield_to() is not what ${BASE} does (there): ${difference}`);
    },
  });
}

const off = (m: machine): boolean => m.knobs?.vcpu_debooster_enabled === 0;
const knobWorld = {
  ...yielders(['flat', 'groups', 'nested']),
  weights: { advance: 30, tick: 10, yield_to: 30, block: 3, wake: 5, knob: 6 },
  knobs: { vcpu_debooster_enabled: [0, 0, 1] },
} satisfies Property['given'];

const A24: Property[] = [
  agrees('as long as nobody wrote its knob, yield_to() does what it does without the series', {
    of: 'A24.1',
    given: yielders(['flat', 'groups', 'nested']),
    watch: () => asOnBase((m) => m.knobs?.vcpu_debooster_enabled === undefined),
    fault: { says: 'a yield does nothing', funcs: { yield_to_task_fair: () => true } },
  }),
  agrees('with vcpu_debooster_enabled at 0, yield_to() does what it does without the series', {
    of: 'A24.2',
    given: knobWorld,
    watch: () => asOnBase(off),
    fault: {
      says: 'the knob is not looked at',
      funcs: { yield_task_fair() {} },
    },
  }),
];

/** What the rate limit said of the yield_to() under way. */
function limitedYields(ask: (step: Step) => void, answer: (step: Step) => void): Monitor {
  let limited = false;
  return stateless({
    before(step) {
      limited = false;
      if (step.event.ev === 'yield_to') ask(step);
    },
    after(step) {
      if (limited) answer(step);
    },
    probes: {
      yield_deboost_rate_limit: {
        leave(_step, result) {
          limited = result === true;
        },
      },
    },
  });
}

/** PAUSE exits of a vCPU from the moment it wants a lock to the moment it has it. */
function exitsForALock(enough: number): Monitor {
  const exits = new Map<number, number>();
  return {
    notes: () => [...exits],
    probes: {
      kvm_vcpu_on_spin: {
        enter(step, args) {
          const me = args[0] as kvm_vcpu;
          if (step.m.actor[me.pid].spinning < 0) return;
          const n = (exits.get(me.id) ?? 0) + 1;
          exits.set(me.id, n);
          if (n === enough)
            step.reach(`vCPU ${me.vcpu_idx} exits for the ${n}th time for one lock at ${now(step.m)} ns`);
        },
      },
    },
    after(step) {
      for (const id of exits.keys()) if (step.m.actor[step.m.vcpu[id].pid].spinning < 0) exits.delete(id);
    },
  };
}

const A22: Property[] = [
  agrees('a yield_to() whose penalty is held back still does all that it does without the series', {
    of: 'A22.1',
    given: yielders(['flat', 'groups', 'nested']),
    watch() {
      let there: machine | null = null;
      return limitedYields(
        (step) => {
          there = elsewhere(step, BASE);
        },
        (step) => {
          step.reach();
          const difference = there === null ? null : differs(step.m, there);
          if (difference !== null) step.fail(`a limited yield_to() is not what ${BASE} does (there): ${difference}`);
        },
      );
    },
    fault: {
      says: 'a limited yield is dropped altogether',
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
          if (this.m.se[p.se].on_rq === 0) return false;
          const last = (rq as { yield_deboost_last_pair_time_ns?: unknown }).yield_deboost_last_pair_time_ns;
          this.set_next_buddy(this.m.se[p.se]);
          this.yield_to_deboost(rq, p);
          const paid = (rq as { yield_deboost_last_pair_time_ns?: unknown }).yield_deboost_last_pair_time_ns !== last;
          if (paid) this.yield_task_fair(rq);
          return true;
        },
      },
    },
  }),
  sometimes('a vCPU takes ten PAUSE exits before it gets one lock', {
    of: 'A22.2',
    given: spinningVm(['oneGroup', 'groups']),
    watch: () => exitsForALock(10),
    fault: { says: 'PAUSE exits are not looked at', funcs: { handle_pause: () => 1 } },
  }),
];

export const fairness: Claim[] = [
  { id: 'A3', words: 'the LCA keeps fairness across cgroup boundaries', properties: A3 },
  { id: 'A22', words: 'the rate limit filters penalties, not yields', properties: A22 },
  { id: 'A23', words: 'still converges to fairness', properties: A23 },
  { id: 'A24', words: 'inert unless explicitly enabled', properties: A24 },
];
