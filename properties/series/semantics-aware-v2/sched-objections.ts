// SPDX-License-Identifier: GPL-2.0-only
/** AR1, AR2, AR4 to AR12, AR14: what the reviewers of the scheduler half said; AR11 and AR12 stand beside. */
import { add, toNumber, u64 } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import { nextEvent } from '../../../src/machine/next-event.js';
import type { machine } from '../../../src/machine/state.js';
import type { MachineEvent } from '../../../src/scenario/events.js';
import { NULL, type rq, type sched_entity } from '../../../src/sched/sched.js';
import { kernelByName } from '../../../src/series/registry.js';
import { bind } from '../../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import { always, type Claim, type Monitor, type Property, stateless } from '../../vocabulary.js';
import { costs, rootPays } from './costly-yields.js';
import { BASE } from './fork.js';
import {
  type Before,
  beyondExecuted,
  entityName,
  now,
  sayYield,
  service,
  snapshot,
  ticking,
  type YieldTo,
  yieldProbes,
} from './monitors.js';
import { AR11, AR12 } from './sched-alternatives.js';
import { getsItsShare, groupNamed, taskNamed } from './sched-fairness.js';
import { apart, handsOver, targetFirst } from './sched-preference.js';
import { pingPong, siblingPays, spinningVm, waiterAndHolder, yielders } from './worlds.js';

const doesNothing = { says: 'a yield does nothing', funcs: { yield_to_task_fair: () => true } };

/** The two compete with their own entities. */
const inOneGroup = (it: YieldTo): boolean => it.where !== null && it.where.height === 0;

const AR4: Property[] = [
  always(
    'with two tasks, both in one group, a yielder is picked again at most twice in a row and once for each slice of its gap',
    {
      of: 'AR4.1',
      means: 'gap: the largest by which a target was ahead in the row; a slice is 2.8 ms',
      given: waiterAndHolder(['oneGroup', 'flat']),
      watch: () => inVain(forfeitsTo, inOneGroup),
      fault: doesNothing,
    },
  ),
  always(
    'between two or three vCPUs of one group that fight for a lock, a yielder is picked again at most twice in a row and once for each slice of its gap',
    {
      of: 'AR4.2',
      means: 'gap: the largest by which a target was ahead in the row; a slice is 2.8 ms',
      given: spinningVm(['oneGroup']),
      watch: () => inVain(forfeitsTo, inOneGroup),
      fault: doesNothing,
    },
  ),
];

const AR6: Property[] = [
  always('a group keeps its half while one of its tasks yields to another group', {
    of: 'AR6.1',
    means: 'at every moment from 20 ms on, less E: two slices and two ticks, what EEVDF may be behind by lag',
    given: siblingPays({ third: false }),
    watch: () => getsItsShare((m) => groupNamed(m, 'CG0'), 1 / 2),
    fault: { says: 'the group pays 4 ms each time', funcs: { yield_to_task_fair: rootPays } },
  }),
  always('a task that never yields has had as much CPU time as on the base kernel, less three slices and two ticks', {
    of: 'AR6.2',
    means: 'at every moment from 20 ms on, by the same programs; a slice is 2.8 ms',
    given: siblingPays({ third: false, whole: true }),
    watch: () => noWorseThanOnBase('C'),
    fault: { says: 'the group pays 4 ms each time', funcs: { yield_to_task_fair: rootPays } },
  }),
];

/** The same scenario by its programs on the base kernel, alongside: the task has had no less CPU time here. */
function noWorseThanOnBase(comm: string): Monitor {
  let there: machine | null = null;
  let kernel: vmlinux_x86 | null = null;
  return stateless({
    before(step) {
      if (there === null) {
        there = cloneMachine(step.m);
        kernel = bind(kernelByName(BASE), there);
      }
    },
    after(step) {
      const { m } = step;
      if (there === null || kernel === null) return;
      while (now(there) < now(m)) apply(kernel, nextEvent(there) as MachineEvent);
      if (now(m) < 20_000_000 || now(there) > now(m)) return;
      step.reach();
      const [here, base] = [m, there].map((it) => service(it, taskNamed(it, comm)));
      const allowed = 3 * m.sysctl_sched_base_slice + 2 * toNumber(m.TICK_NSEC);
      if (here >= base - allowed) return;
      step.fail(`after ${now(m)} ns ${comm} has had ${here} ns here and ${base} ns on ${BASE}, though it never yields`);
    },
  });
}

const ordinal = (n: number): string => ['first', 'second', 'third'][n - 1] ?? `${n}th`;

/**
 * How often a task yields in vain before somebody else has had the CPU: at most `most` times, given the largest gap to
 * a target (virtual ns) and the base slice.
 */
function inVain(most: (gap: number, slice: number) => number, wanted: (it: YieldTo) => boolean): Monitor {
  let row = { yielder: NULL, times: 0, gap: 0 };
  let pending: YieldTo | null = null;
  return ticking({
    notes: () => row,
    probes: yieldProbes({
      leave(_step, it) {
        pending = it;
      },
    }),
    after(step) {
      const { m } = step;
      if (pending !== null) {
        const it = pending;
        pending = null;
        if (it.where === null || !wanted(it)) return;
        step.reach();
        if (row.yielder !== it.yielder) row = { yielder: it.yielder, times: 0, gap: 0 };
        row = { ...row, times: row.times + 1, gap: Math.max(row.gap, it.gap) };
        const bound = most(row.gap, m.sysctl_sched_base_slice);
        if (m.rq[it.cpu].curr === it.yielder && row.times > bound) {
          const seen = bound === 0 ? 'and' : `for the ${ordinal(row.times)} time in a row and`;
          step.fail(`${sayYield(m, it)} ${seen} runs on itself; the gap to its target was ${row.gap} ns at most`);
        }
      }
      if (row.yielder !== NULL && !m.rq.some((rq) => rq.curr === row.yielder))
        row = { yielder: NULL, times: 0, gap: 0 };
    },
  });
}

/** A yield that forfeits closes the gap by what is left of a request at first, by a slice from then on. */
const forfeitsTo = (gap: number, slice: number): number => 2 + Math.floor(Math.max(0, gap) / slice);

const AR7: Property[] = [
  always('between two groups of one task each, a yielder is picked again at most three times in a row', {
    of: 'AR7.1',
    given: waiterAndHolder(['groups']),
    watch: () =>
      inVain(
        () => 3,
        (it) => it.where!.height > 0,
      ),
    fault: doesNothing,
  }),
  always('with two tasks in different groups, every yield_to() hands the CPU to its target at once', {
    of: 'AR7.2',
    given: waiterAndHolder(['groups', 'nested']),
    watch: () => handsOver(apart),
    fault: doesNothing,
  }),
  always(
    'with two tasks, in one group or two, every yield_to() gives its target a base slice before the yielder runs again',
    {
      of: 'AR7.3',
      means: 'a base slice is 2.8 ms; a target that goes to sleep has had enough',
      given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested']),
      watch: () => targetFirst(),
      fault: doesNothing,
    },
  ),
];

const AR8: Property[] = [
  always('within one group, a yield_to() advances the vruntime of the yielder once: by the penalty or by the forfeit', {
    of: 'AR8.1',
    means: 'beyond what was executed, and more than 1 ns',
    given: waiterAndHolder(['flat', 'oneGroup'], { others: 6 }),
    watch: paysOnce,
    fault: {
      says: 'a penalty of 100 ns, after which the yielder is eligible still',
      funcs: {
        yield_to_task_fair(
          this: { m: machine; set_next_buddy(se: sched_entity): void; yield_task_fair(rq: rq): void },
          rq: rq,
          p: { se: number },
        ) {
          if (this.m.se[p.se].on_rq === 0) return false;
          this.set_next_buddy(this.m.se[p.se]);
          const y = this.m.se[this.m.task[rq.donor].se];
          y.vruntime = add(y.vruntime, u64(100));
          this.yield_task_fair(rq);
          return true;
        },
      },
    },
  }),
];

/** Before yield_task_fair() or in it, but not both. */
function paysOnce(): Monitor {
  let it: YieldTo | null = null;
  let first = 0;
  let between: Before | null = null;
  return ticking(
    stateless({
      probes: {
        ...yieldProbes({
          enter(_step, begun) {
            it = begun;
          },
          leave() {
            it = null;
          },
        }),
        yield_task_fair: {
          enter(step) {
            if (it === null) return;
            first = beyondExecuted(step.m, it.before[0]);
            between = snapshot(step.m.se[it.before[0].se]);
          },
          leave(step) {
            if (it === null || between === null) return;
            const second = beyondExecuted(step.m, between);
            if (first > 0 || second > 0) step.reach();
            if (first <= 0 || second <= 1) return;
            const y = entityName(step.m, step.m.se[between.se]);
            step.fail(
              `${sayYield(step.m, it)}: ${y} pays a penalty of ${first} ns and then forfeits ${second} ns more`,
            );
          },
        },
      },
    }),
  );
}

const AR9: Property[] = [
  always("across a yield_to(), a group's vruntime moves by what the group executed and by nothing else", {
    of: 'AR9.1',
    means: 'to 1 ns of rounding',
    given: yielders(['groups', 'nested']),
    watch: () => movesByExecution((it) => it.before.slice(1)),
    fault: { says: 'the root entity pays 4 ms', funcs: { yield_to_task_fair: rootPays } },
  }),
  always("across a yield_to(), a task's vruntime moves by what the task executed and by nothing else", {
    of: 'AR9.2',
    means: 'to 1 ns of rounding',
    given: yielders(['flat', 'groups']),
    watch: () => movesByExecution((it) => it.before.slice(0, 1)),
    fault: { says: 'a yield costs 30 ms on top', funcs: { yield_to_task_fair: costs(30_000_000) } },
  }),
];

function movesByExecution(which: (it: YieldTo) => YieldTo['before']): Monitor {
  return stateless({
    probes: yieldProbes({
      leave(step, it) {
        for (const before of which(it)) {
          step.reach();
          const beyond = beyondExecuted(step.m, before);
          if (Math.abs(beyond) <= 1) continue;
          const who = entityName(step.m, step.m.se[before.se]);
          step.fail(`${sayYield(step.m, it)}: ${who} goes on by ${beyond} ns of virtual time that it did not execute`);
        }
      },
    }),
  });
}

const AR10: Property[] = [
  always('no yield_to() writes vlag (or vprot, the same word) of an entity that runs', {
    of: 'AR10.1',
    given: yielders(['flat', 'groups', 'nested']),
    watch: () =>
      stateless({
        probes: yieldProbes({
          leave(step, it) {
            for (const before of it.before) {
              step.reach();
              const se = step.m.se[before.se];
              if (se.vlag !== before.vlag)
                step.fail(`${sayYield(step.m, it)}: vlag of ${entityName(step.m, se)} is written`);
            }
          },
        }),
      }),
    fault: {
      says: 'v1: vlag is set by the yield',
      funcs: {
        yield_task_fair(this: { m: machine }, rq: rq) {
          const se = this.m.se[this.m.task[rq.donor].se];
          se.vlag = u64(-1) as never;
          se.vruntime = add(se.vruntime, u64(1));
        },
      },
    },
  }),
];

const AR14: Property[] = [
  always('of two threads that do nothing but yield to each other, each yield hands the CPU over', {
    of: 'AR14.1',
    given: pingPong(['flat', 'oneGroup', 'groups']),
    watch: () =>
      inVain(
        () => 0,
        () => true,
      ),
    fault: doesNothing,
  }),
  always('two threads that do nothing but yield to each other need fewer than two yields for each hand-over', {
    of: 'AR14.2',
    means: 'on average over a run of 100 yields and more',
    given: pingPong(['flat', 'oneGroup', 'groups']),
    watch: () => yieldsPerHandOver(2),
    fault: {
      says: 'a yield gives the yielder a second of virtual time',
      funcs: { yield_to_task_fair: costs(-1_000_000_000) },
    },
  }),
];

function yieldsPerHandOver(most: number): Monitor {
  let yields = 0;
  let handed = 0;
  let pending: YieldTo | null = null;
  return ticking({
    notes: () => ({ yields, handed }),
    probes: yieldProbes({
      leave(_step, it) {
        pending = it;
      },
    }),
    after(step) {
      if (pending === null) return;
      yields++;
      if (step.m.rq[pending.cpu].curr === pending.target) handed++;
      pending = null;
    },
    end(step) {
      if (yields < 100) return;
      step.reach();
      if (yields >= most * handed) step.fail(`${yields} yields for ${handed} hand-overs`);
    },
  });
}

export const objections: Claim[] = [
  {
    id: 'AR1',
    words: 'need / 10 does not link on 32 bits',
    properties: [],
    unanswerable:
      'about how a 32-bit compiler builds one division (a helper that the kernel does not link); the value is the ' +
      'same, and the model divides 64-bit values in one way only',
  },
  {
    id: 'AR2',
    words: 'rq->donor is read without its RCU accessor',
    properties: [],
    unanswerable: 'an annotation for a static checker (sparse); it has no effect at run time to be observed',
  },
  { id: 'AR4', words: 'does it survive forfeit on yield (79104becf42b)?', properties: AR4 },
  {
    id: 'AR5',
    words: 'why would vCPUs of one VM be in different cgroups?',
    properties: [],
    unanswerable:
      'a question about deployments and about the hierarchy of the benchmarks, which the author has not told; both ' +
      'hierarchies are among the worlds of A2, A8, AR4 and AR7',
  },
  { id: 'AR6', words: 'C must not lose its share because A yields to B', properties: AR6 },
  { id: 'AR7', words: 'a yield inside CG0 alone: N useless cycles', properties: AR7 },
  { id: 'AR8', words: 'in one cgroup the vruntime is advanced twice', properties: AR8 },
  { id: 'AR9', words: 'vruntime no longer says what was executed', properties: AR9 },
  { id: 'AR10', words: 'vlag of a running entity must not be set', properties: AR10 },
  { id: 'AR11', words: 'how much better is it than a loop up the hierarchy?', properties: AR11 },
  { id: 'AR12', words: 'NEXT_BUDDY: wakeups overwrite the hint', properties: AR12 },
  { id: 'AR14', words: 'ping-pong: ten yields a hand-over, one without limit', properties: AR14 },
  {
    id: 'AR16',
    words: 'what if the receiver or the holder is throttled?',
    properties: [],
    unanswerable:
      'CFS bandwidth control is not modelled: no group here runs out of quota, so no vCPU is ready and cannot run',
  },
];
