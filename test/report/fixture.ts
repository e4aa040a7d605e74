// SPDX-License-Identifier: GPL-2.0-only
/** A report with everything in it that a printer has to print. */
import type { CheckReport, Counterexample, PropertyResult, ReportVerdict } from '../../src/report/check-report.js';

export const BASE = 'v6.19-rc1';
export const PATCHED = 'v6.19-rc1+example';

const both = (base: ReportVerdict, patched: ReportVerdict): Record<string, ReportVerdict> => ({
  [BASE]: base,
  [PATCHED]: patched,
});

const refutation: Counterexample = {
  property: 'A6.1',
  kernel: PATCHED,
  message: 'yield_to_deboost() charged vm/0 18000000 ns twice within 600 us, expected at most 9000000',
  scenario: { cpus: 1, groups: [{ name: 'vm' }], vms: [{ name: 'vm', vcpus: 2, group: 'vm' }] },
  events: [
    { ev: 'wake', cpu: 0, task: 1 },
    { ev: 'advance', ns: 3000000 },
    { ev: 'yield_to', cpu: 0, task: 2 },
  ],
  against: BASE,
  transcript: [
    {
      index: 0,
      ns: '0',
      event: { ev: 'wake', cpu: 0, task: 1 },
      did: {
        [BASE]: ['sched_wakeup comm=vm/0 prio=120 target_cpu=000'],
        [PATCHED]: ['sched_wakeup comm=vm/0 prio=120 target_cpu=000'],
      },
    },
    { index: 1, ns: '3000000', event: { ev: 'advance', ns: 3000000 }, did: {} },
    {
      index: 2,
      ns: '3000000',
      event: { ev: 'yield_to', cpu: 0, task: 2 },
      did: {
        [BASE]: ['vm/0 vruntime 0 -> 3000000', 'vm/0 deadline 3000000 -> 6000000', 'sched_switch vm/0 ==> vm/1'],
        [PATCHED]: ['vm/0 vruntime 0 -> 18000000', 'vm/0 deadline 3000000 -> 21000000', 'sched_switch vm/0 ==> vm/1'],
      },
    },
  ],
  replay: './kvmodel replay k1.AAAA',
  foundAt: 212,
};

function property(id: string, word: string, says: string, base: ReportVerdict, patched: ReportVerdict): PropertyResult {
  const evidence = { runs: 200, events: 9000, reached: patched === 'vacuous' ? 0 : 71 };
  return {
    id,
    word,
    says,
    verdicts: both(base, patched),
    evidence: { [BASE]: evidence, [PATCHED]: evidence },
    recorded: both(base, patched),
  };
}

/** A fresh copy. */
export function exampleReport(): CheckReport {
  const refuted = property('A6.1', 'always', 'a reversed pair pays less within 600 us', 'holds', 'refuted');
  refuted.counterexample = structuredClone(refutation);
  const dead = property('A14.1', 'sometimes', 'the second round is entered', 'unreachable', 'unreachable');
  dead.evidence[PATCHED].exhaustive = { states: 5312, depth: 8, complete: true };
  const claims = [
    {
      words: 'bounded vruntime penalties',
      p: property('A1.1', 'always', 'no call costs more than its cap', 'holds', 'holds'),
    },
    { words: 'reverse-pair debounce "prevents ping-pong" within about 600us', p: refuted },
    { words: 'relaxed second round only as safety net', p: dead },
    {
      words: 'precise two-stage EOI clearing',
      p: property('A12.1', 'always', 'a stale EOI clears nothing', 'vacuous', 'vacuous'),
    },
  ].map(({ words, p }) => ({
    id: p.id.split('.')[0],
    words,
    verdicts: p.verdicts,
    evidence: `200 runs, reached ${p.evidence[PATCHED].reached}`,
    properties: [p],
    ...(p.counterexample === undefined ? {} : { counterexample: p.counterexample }),
  }));
  const measures = {
    yieldCost: { min: 0, median: 3000000, max: 9000000 },
    longestWaitTask: 12000000,
    longestWaitVcpu: 16000000,
    shareErrorVms: 13,
    shareErrorGroups: 2,
    guestShort: 40,
    lockHandOver: { min: 0, median: 5000, max: 4000000 },
    yieldsMissed: 14,
    yields: 881,
    boostsWrong: 40,
    boosts: 300,
  };
  return {
    version: '0.1.0',
    series: 'example',
    title: 'sched: An example',
    seed: 1,
    seeds: 1,
    runs: 200,
    partial: null,
    kernels: [BASE, PATCHED],
    claims: [
      ...claims,
      {
        id: 'A10',
        words: 'layout "designed to avoid cache line bouncing"',
        verdicts: both('skipped', 'skipped'),
        evidence: '',
        properties: [],
        unanswerable: 'caches are not modelled',
      },
    ],
    measures: { [BASE]: measures, [PATCHED]: { ...measures, yieldCost: { min: 0, median: 6000000, max: 42000000 } } },
    variations: { [BASE]: [measures], [PATCHED]: [measures] },
    distributions: null,
    difference: {
      worlds: [
        { id: 'difference.1', says: 'host tasks in any order of events', differs: true, runs: 3, events: 90 },
        { id: 'difference.3', says: 'local APICs in any order of events', differs: false, runs: 70, events: 8000 },
      ],
      turned: ['example_enabled'],
      counterexample: { ...structuredClone(refutation), property: 'difference.1' },
    },
    unreached: [
      { function: 'yield_to_deboost', file: 'src/series/example/0003.ts', line: 41, text: 'if (lca === NULL) return;' },
    ],
    changed: [],
  };
}
