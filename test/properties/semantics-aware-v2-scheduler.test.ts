// SPDX-License-Identifier: GPL-2.0-only
/** The scheduler's half of series A: every refutation goes away with what causes it. */
import { describe, expect, it } from 'vitest';
import { recorded } from '../../properties/series/semantics-aware-v2/recorded-scheduler.js';
import { bounds } from '../../properties/series/semantics-aware-v2/sched-bounds.js';
import { fairness } from '../../properties/series/semantics-aware-v2/sched-fairness.js';
import { objections } from '../../properties/series/semantics-aware-v2/sched-objections.js';
import { preference } from '../../properties/series/semantics-aware-v2/sched-preference.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { add, div, mul, S64_ZERO, s64_diff, s64_gt, toNumber, type u64 as U64, u64 } from '../../src/lib/types.js';
import type { cfs_rq, rq, sched_entity, task_struct } from '../../src/sched/sched.js';
import { kernelByName } from '../../src/series/registry.js';
import type { semantics_aware } from '../../src/series/semantics-aware-v2/adds.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const BASE = 'v6.19-rc1';
const SERIES = 'v6.19-rc1+semantics-aware-v2';
const claims = [...bounds, ...preference, ...fairness, ...objections];
const properties = claims.flatMap((claim) => claim.properties);
// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee(claims);
const byId = (id: string): Property => properties.find((p) => p.id === id) as Property;

/** What a short random search says; nothing is shrunk. */
function verdict(kernel: Kernel, property: Property, runs: number): Verdict {
  const found = runRandom({ engine: machineEngine, kernel, property, seed: 1, runs, events: 20_000, unshrunk: true });
  if (found.failure !== null) return 'refuted';
  if (property.word === 'sometimes') return found.witness === null ? 'unreachable' : 'holds';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

describe('claims', () => {
  it('are all there: each has properties, or a reason why no model can answer', () => {
    const here = [
      ...['1', '2', '3', '4', '5', '6', '7', '8', '15', '19', '20', '22', '23', '24', '25'].map((n) => `A${n}`),
    ];
    const theirs = ['1', '2', '4', '5', '6', '7', '8', '9', '10', '11', '12', '14', '16'].map((n) => `AR${n}`);
    expect(claims.map((c) => c.id).sort()).toEqual([...here, ...theirs].sort());
    for (const claim of claims) {
      expect(claim.words.length).toBeLessThanOrEqual(60);
      expect(claim.properties.length === 0).toBe(claim.unanswerable !== undefined);
      for (const [i, p] of claim.properties.entries()) expect(p.id).toBe(`${claim.id}.${i + 1}`);
    }
  });

  it('have a recorded verdict on base and series', () => {
    for (const p of properties)
      expect(Object.keys(recorded[p.id] ?? {})).toEqual(expect.arrayContaining([BASE, SERIES]));
  });
});

/** yield_deboost_calculate_penalty(), with the gap as a signed difference. */
function signedPenalty(
  this: semantics_aware,
  _rq: rq,
  y: sched_entity,
  t: sched_entity,
  _p: task_struct,
  tasks: number,
): U64 {
  const gran = this.calc_delta_fair(u64(this.m.sysctl_sched_base_slice), y);
  const gap = s64_diff(t.vruntime, y.vruntime);
  const need = s64_gt(gap, S64_ZERO) ? (gap as unknown as U64) : u64(0);
  const wanted = add(gran, add(need, div(need, u64(10))));
  const cap = mul(gran, u64(tasks === 2 ? 6 : 4));
  return s64_gt(s64_diff(wanted, cap), S64_ZERO) ? cap : wanted;
}

/** A runqueue that remembers each pair's last penalty. */
type Pairwise = rq & { pair?: string; paid?: Record<string, number> };
/** ns between two penalties */
const RATE_LIMIT = 6_000_000;

/** Each refutation is told its cause; without that, the property holds. */
const repairs: { id: string; without: string; funcs: Record<string, AnyFunction> }[] = [
  {
    id: 'A4.2',
    without: 'the condition before update_curr(), which is never true',
    funcs: {
      yield_deboost_calculate_penalty(this: semantics_aware, ...args: [rq, sched_entity, ...unknown[]]) {
        this.update_curr(this.cfs_rq_of(args[1]));
        const [original] = [kernelByName(SERIES).table.yield_deboost_calculate_penalty];
        return original.apply(this, args);
      },
    },
  },
  {
    id: 'A5.3',
    without: 'the lower bound of the clamp, which is above every baseline',
    funcs: {
      yield_deboost_calculate_penalty(this: semantics_aware, _rq: rq, y: sched_entity) {
        return div(this.calc_delta_fair(u64(this.m.sysctl_sched_base_slice), y), u64(4));
      },
    },
  },
  {
    id: 'A6.1',
    without: 'the rate limit, ten times as long as the debounce window',
    funcs: { yield_deboost_rate_limit: () => false },
  },
  {
    id: 'A7.2',
    without: 'the order of checks: the limit is asked last',
    funcs: {
      yield_deboost_validate_tasks(this: semantics_aware, rq: rq, p: task_struct) {
        const yielding = this.m.task[rq.donor];
        if (yielding.id === p.id || this.task_rq(p).id !== rq.id) return null;
        if (this.m.se[p.se].on_rq === 0 || this.m.se[yielding.se].on_rq === 0) return null;
        return this.yield_deboost_rate_limit(rq) ? null : yielding;
      },
    },
  },
  {
    id: 'A2.5',
    without: 'the cap of the penalty, which is below the gap',
    funcs: {
      yield_deboost_calculate_penalty(this: semantics_aware, _rq: rq, y: sched_entity, t: sched_entity) {
        const gap = s64_diff(t.vruntime, y.vruntime);
        const need = s64_gt(gap, S64_ZERO) ? (gap as unknown as U64) : u64(0);
        return add(this.calc_delta_fair(u64(this.m.sysctl_sched_base_slice), y), add(need, div(need, u64(10))));
      },
    },
  },
  {
    id: 'A7.3',
    without: 'the one limit of a CPU: each pair has its own, asked last',
    funcs: {
      yield_deboost_validate_tasks(this: semantics_aware, rq: Pairwise, p: task_struct) {
        const yielding = this.m.task[rq.donor];
        if (yielding.id === p.id || this.task_rq(p).id !== rq.id) return null;
        if (this.m.se[p.se].on_rq === 0 || this.m.se[yielding.se].on_rq === 0) return null;
        rq.pair = `${yielding.id} ${p.id}`;
        return this.yield_deboost_rate_limit(rq) ? null : yielding;
      },
      yield_deboost_rate_limit(this: semantics_aware, rq: Pairwise) {
        const [pair = '', now] = [rq.pair, toNumber(this.rq_clock(rq))];
        rq.paid ??= {};
        if (now - (rq.paid[pair] ?? -Infinity) <= RATE_LIMIT) return true;
        rq.paid[pair] = now;
        return false;
      },
    },
  },
  {
    id: 'A1.3',
    without: 'the penalty: a forfeit alone is one slice',
    funcs: { yield_to_deboost() {} },
  },
  {
    id: 'A3.3',
    without: 'the penalty: the group pays nothing',
    funcs: { yield_to_deboost() {} },
  },
  {
    id: 'A5.4',
    without: 'h_nr_queued in place of the entities of the queue',
    funcs: {
      yield_deboost_calculate_penalty(this: semantics_aware, ...args: unknown[]) {
        const y = args[1] as sched_entity;
        const here = this.m.se.filter((se) => se.cfs_rq === y.cfs_rq && se.on_rq !== 0 && se.sched_delayed === 0);
        args[4] = here.length;
        return (kernelByName(SERIES).table.yield_deboost_calculate_penalty as AnyFunction).apply(this, args);
      },
    },
  },
  {
    id: 'A15.1',
    without: 'the comparison with U64_MAX',
    funcs: {
      yield_deboost_apply_penalty(this: semantics_aware, se: sched_entity, _queue: cfs_rq, penalty: U64) {
        se.vruntime = add(se.vruntime, penalty);
        se.deadline = add(se.vruntime, this.calc_delta_fair(se.slice, se));
      },
    },
  },
  {
    id: 'A15.2',
    without: 'the unsigned comparison of vruntimes',
    funcs: { yield_deboost_calculate_penalty: signedPenalty },
  },
  {
    id: 'AR14.2',
    without: 'the penalty',
    funcs: { yield_to_deboost() {} },
  },
];

describe('a refutation goes away with its cause', () => {
  for (const { id, without, funcs } of repairs) {
    it(`${id} without ${without}`, () => {
      const p = byId(id);
      expect(recorded[id][SERIES]).toBe(p.word === 'sometimes' ? 'unreachable' : 'refuted');
      expect(verdict(overridden(kernelByName(SERIES), 'repaired', funcs), p, 100)).toBe('holds');
    });
  }
});

describe('objection AR4', () => {
  for (const id of ['AR4.1', 'AR4.2']) {
    it(`${id}: there is a loop before 79104becf42b, and none after it`, () => {
      const options = { ...ASK_DEFAULTS, events: 10_000, unshrunk: true };
      const answer = (kernel: string) => ask(machineEngine, kernelByName(kernel), byId(id), options).verdict;
      expect(answer('v6.19-rc1+pre-forfeit')).toBe('refuted');
      expect(answer(BASE)).toBe('holds');
    });
  }
});
