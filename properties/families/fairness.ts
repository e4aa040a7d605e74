// SPDX-License-Identifier: GPL-2.0-only
/** Is avg_vruntime() the mean; do equals get equal; and who pays for a yield? */
import { s64_diff, s64_toNumber, shr, toNumber, u64 } from '../../src/lib/types.js';
import { cloneMachine } from '../../src/machine/clone.js';
import type { machine } from '../../src/machine/state.js';
import { type cfs_rq, NULL, type sched_entity, type task_struct } from '../../src/sched/sched.js';
import { rebind } from '../../src/vmlinux/bind.js';
import { FAR_FROM_WRAP } from '../arbitraries.js';
import { always, type Claim, type Monitor, type Step, stateless } from '../vocabulary.js';
import { driftBound, leastService } from './bounds.js';
import { CFS_LETTERS, cfsDriftBound, cfsLeastService } from './cfs-bounds.js';
import { anyOrder, mixedTasks } from './worlds.js';

const diff = (a: u64, b: u64): number => s64_toNumber(s64_diff(a, b));
const time = (m: machine): number => diff(m.sched_clock, m.bootClock);

/** scale_load_down() */
function weightOf(se: sched_entity): number {
  const w = toNumber(se.load.weight);
  return w === 0 ? 0 : Math.max(2, Math.floor(w / 1024));
}

const queued = (m: machine, queue: cfs_rq): sched_entity[] =>
  m.se.filter((se) => se.cfs_rq === queue.id && se.on_rq !== 0);

/**
 * Lags add up to nothing, so with V as avg_vruntime() has it
 *
 *   0 <= sum w_i * (v_i - V) < sum w_i          v_i: se.vruntime, w_i: scale_load_down(se.load.weight)
 *
 * the rest being V's rounding down. That an entity's own lag survives is asked in lag.ts.
 */
function isMean(): Monitor {
  return stateless({
    after(step) {
      const { m } = step;
      for (const queue of m.cfs_rq) {
        const entities = queued(m, queue);
        if (entities.length < 2) continue;
        step.reach();
        const copy = cloneMachine(m);
        const V = rebind(step.kernel, copy).avg_vruntime(copy.cfs_rq[queue.id]);
        let sum = 0;
        let weights = 0;
        for (const se of entities) {
          sum += weightOf(se) * diff(se.vruntime, V);
          weights += weightOf(se);
        }
        if (sum < 0 || sum >= weights) {
          step.fail(`cfs_rq ${queue.id}: sum of w * (v - avg_vruntime()) is ${sum}, must be 0 to ${weights - 1}`);
        }
      }
    },
  });
}

/** CPU time of a task, ns, with what it is having now. */
function service(m: machine, task: number): number {
  const se = m.se[m.task[task].se];
  const done = toNumber(se.sum_exec_runtime);
  return m.cfs_rq[se.cfs_rq].curr === se.id ? done + Math.max(0, diff(m.sched_clock, se.exec_start)) : done;
}

const steadyOnes = (m: machine): number[] => m.task.filter((p) => p.comm.startsWith('steady')).map((p) => p.id);

/**
 * Two tasks that always want the CPU, of one weight and one queue: over any time their CPU time differs by no more
 * than both their lags can move, from one end to the other (`driftBound`).
 */
function equalsGetEqual(boundOf: (m: machine) => number): Monitor {
  return stateless({
    after(step) {
      const { m } = step;
      const [a, b] = steadyOnes(m);
      if (b === undefined || m.se[m.task[a].se].cfs_rq !== m.se[m.task[b].se].cfs_rq) return;
      if (time(m) > 40_000_000) step.reach();
      const apart = service(m, a) - service(m, b);
      step.near(boundOf(m) - Math.abs(apart));
      if (Math.abs(apart) > boundOf(m)) {
        const names = `${m.task[a].comm} and ${m.task[b].comm}`;
        step.fail(`${names} differ by ${Math.abs(apart)} ns of CPU time, the bound is ${boundOf(m)} ns`);
      }
    },
  });
}

/**
 * Who always wants the CPU and never yields has at least its share of it, whatever the others do (`leastService`): a
 * yield may cost the yielder and give to its target, it must not take from a third.
 */
function thirdsKeepTheirShare(leastOf: (step: Step, p: task_struct, t: number) => Least): Monitor {
  return stateless({
    after(step) {
      const { m } = step;
      if (step.event.ev !== 'tick') return;
      for (const task of steadyOnes(m)) {
        const { share, less } = leastOf(step, m.task[task], time(m));
        if (share > less) step.reach();
        const had = service(m, task);
        step.near(had - share + less);
        if (had < share - less) {
          const rounded = `${Math.round(share)} ns, ${Math.round(less)} ns less are allowed for`;
          step.fail(`${m.task[task].comm} never yields and has had ${had} ns; its share is ${rounded}`);
        }
      }
    },
  });
}

type Least = ReturnType<typeof leastService>;

/** Tasks with an even pid are charged half, at the cost of everybody else. */
const generous = {
  says: 'a task is charged half of what it runs when its pid is even',
  funcs: {
    // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
    calc_delta_fair(this: any, delta: u64, se: sched_entity): u64 {
      const nice0 = this.scale_load(u64(1024));
      const whole = this.__calc_delta(delta, nice0, se.load);
      return se.task !== NULL && this.m.task[se.task].pid % 2 === 0 ? shr(whole, 1) : whole;
    },
  },
};

export const fairness: Claim = {
  id: 'fairness',
  words: 'V is the mean, equals get equal, thirds do not pay',
  properties: [
    always('avg_vruntime() is the weighted mean of all queued entities, rounded down', {
      of: 'fairness.1',
      about: 'avg_vruntime',
      given: anyOrder(FAR_FROM_WRAP),
      watch: isMean,
      fault: {
        says: 'avg_vruntime() is 7 ns beyond zero_vruntime',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          avg_vruntime(this: any, queue: cfs_rq): u64 {
            return (Number(queue.zero_vruntime as unknown as number) + 7) as never;
          },
        },
      },
    }),
    always('two tasks of equal weight that always want the CPU get equal time, within both their lags', {
      of: 'fairness.2',
      about: 'vruntime_eligible',
      means: 'to within 2 E; E is two requests and two ticks: what EEVDF may be behind by lag',
      given: mixedTasks(2, 120),
      watch: () => equalsGetEqual(driftBound),
      fault: generous,
    }),
    always('a task that never yields or sleeps gets its share, whatever the others do', {
      of: 'fairness.3',
      about: 'vruntime_eligible',
      means:
        'at every tick; less E on each level, by its part of the level above; E is two requests and two ticks: what EEVDF may be behind by lag',
      given: mixedTasks(2, 240),
      watch: () => thirdsKeepTheirShare(({ m }, p, t) => leastService(m, p, t)),
      fault: generous,
    }),
    always('on CFS, two tasks of equal weight that always want the CPU get equal time, to within 2 (G + P + T)', {
      of: 'fairness.4',
      about: 'check_preempt_tick',
      means: CFS_LETTERS,
      given: mixedTasks(2, 120),
      watch: () => equalsGetEqual(cfsDriftBound),
      fault: generous,
    }),
    always('on CFS, a task that never yields or sleeps gets its share, whatever the others do', {
      of: 'fairness.5',
      about: 'check_preempt_tick',
      means: `at every tick; on each level less its part of the sum of G + P + T + w_j * (B + P / w). ${CFS_LETTERS}`,
      given: mixedTasks(2, 240),
      watch: () => thirdsKeepTheirShare(cfsLeastService),
      fault: generous,
    }),
  ],
};
