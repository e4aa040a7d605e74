// SPDX-License-Identifier: GPL-2.0-only
/** What every scheduler owes its tasks, asked of the kernel's own code: shares, waiting, yields, buddies, structure. */
import type { NativeEngine } from '../../native/engine.js';
import { type Operation, operation } from '../../operation/sched.js';
import { askOrSkip } from './missing-symbol.js';

/** What one property came to on one kernel. */
export interface CVerdict {
  readonly verdict: 'holds' | 'refuted' | 'vacuous' | 'skipped';
  /** one line, with numbers */
  readonly evidence: string;
}

export interface CProperty {
  readonly id: string;
  readonly says: string;
  readonly ask: (engine: NativeEngine) => CVerdict;
}

const MS = 1_000_000;
const tick = [operation('ADVANCE', { a: MS }), operation('TICK'), operation('RESCHED')];

/** Runs ops and returns each task's [running time, longest wait] in ns, sampled after every operation; -1 for an ending. */
function account(engine: NativeEngine, setup: readonly Operation[], ops: readonly Operation[]) {
  engine.reset();
  engine.run([...setup, operation('SCHEDULE')], 'return');
  const batch = engine.run(ops, 'state');
  const { task, se } = engine.schema;
  const at = (name: string) => task.length + se.indexOf(name);
  const [ran, waits, since]: [number[], number[], number[]] = [[], [], []];
  for (const result of batch.results) {
    const { now, cpu, t } = engine.decode(result);
    const running = new Set(cpu.map((c) => Number(c.rq[0])));
    for (const [i, row] of t.entries()) {
      ran[i] = Number(row[at('sum_exec_runtime')]);
      waits[i] ??= 0;
      const waiting = row[task.indexOf('on_rq')] === 1 && Number(row[task.indexOf('state')]) === 0 && !running.has(i);
      since[i] = waiting ? (since[i] ?? Number(now)) : Number(now);
      waits[i] = Math.max(waits[i]!, Number(now) - since[i]!);
    }
  }
  return { ran, waits, ending: batch.ending };
}

const refuted = (evidence: string): CVerdict => ({ verdict: 'refuted', evidence });
const holds = (evidence: string): CVerdict => ({ verdict: 'holds', evidence });
const fork = (a: number, b = 0) => operation('FORK', { a, b });
const repeated = (n: number, ops: readonly Operation[]) => Array.from({ length: n }, () => ops).flat();
const ms = (ns: number) => `${(ns / MS).toFixed(1)} ms`;

function sharesFollowWeights(engine: NativeEngine): CVerdict {
  const cases = [
    { setup: [fork(0), fork(5), fork(-5)], want: [0.2286, 0.0748, 0.6966] },
    { setup: [fork(19), fork(15), fork(18)], want: [0.2174, 0.5217, 0.2609] },
    {
      setup: [operation('GROUP'), operation('GROUP'), fork(0, 1), fork(0, 1), fork(0, 2)],
      want: [0.25, 0.25, 0.5],
    },
    {
      setup: [operation('GROUP'), operation('SHARES', { id: 1, a: 3072 }), fork(0, 1), fork(0)],
      want: [0.75, 0.25],
    },
  ];
  let worst = 0;
  for (const { setup, want } of cases) {
    const { ran, ending } = account(engine, setup, repeated(4000, tick));
    if (ending !== null) return refuted(`the kernel dies: ${ending.kind}, ${ending.what}`);
    const total = ran.reduce((a, b) => a + b, 0);
    for (const [i, share] of want.entries()) worst = Math.max(worst, Math.abs(ran[i]! / total - share));
  }
  const evidence = `largest deviation ${(100 * worst).toFixed(2)}% of a CPU over 4 s`;
  return worst > 0.02 ? refuted(`${evidence}, more than 2%`) : holds(evidence);
}

/** Nobody who can run waits for more than 20 times what a full round of slices takes, whatever the others do. */
function nobodyStarves(engine: NativeEngine): CVerdict {
  const tasks = [fork(0), fork(0), fork(10), fork(0)];
  const groups = [operation('GROUP'), operation('GROUP'), fork(0, 1), fork(0, 1), fork(0, 2), fork(0, 2)];
  const spin = [...tick, operation('YIELD')];
  const boost = [...tick, operation('YIELD_TO', { id: 1 })];
  const wake = [...tick, operation('BLOCK', { a: 1 }), operation('WAKE', { id: 0 }), operation('WAKE', { id: 1 })];
  const cases: [string, readonly Operation[], readonly Operation[]][] = [
    ['ticks', tasks, tick],
    ['yields', tasks, spin],
    ['yield_to', tasks, boost],
    ['sleepers', tasks, [...wake, operation('WAKE', { id: 2 }), operation('WAKE', { id: 3 })]],
    ['yields in groups', groups, spin],
    ['yield_to in groups', groups, boost],
  ];
  let worst = { wait: 0, name: '', task: 0 };
  for (const [name, setup, step] of cases) {
    const { waits, ending } = account(engine, setup, repeated(2000, step));
    if (ending !== null) return refuted(`the kernel dies under ${name}: ${ending.kind}, ${ending.what}`);
    for (const [task, wait] of waits.entries()) if (wait > worst.wait) worst = { wait, name, task };
  }
  const evidence = `longest wait ${ms(worst.wait)} (task ${worst.task}, ${worst.name})`;
  return worst.wait > 600 * MS ? refuted(`${evidence}, more than 600 ms`) : holds(evidence);
}

/** After a successful yield_to() of an equal, the target is what runs next, nearly always. */
function targetsRunNext(engine: NativeEngine): CVerdict {
  engine.reset();
  engine.run([fork(0), fork(0), fork(0), fork(0), operation('SCHEDULE')], 'return');
  let [yields, met] = [0, 0];
  for (let n = 0; n < 600; n++) {
    const id = n % 4;
    const { results, ending } = engine.run([...tick, operation('YIELD_TO', { id })], 'state');
    if (ending !== null) return refuted(`the kernel dies: ${ending.kind}, ${ending.what}`);
    const before = engine.decode(results.at(-2)!);
    const after = engine.decode(results.at(-1)!);
    const eligible = before.t[id]![engine.schema.task.indexOf('eligible')] === 1;
    if (results.at(-1)!.r !== 1 || before.cpu[0]!.rq[0] === id || !eligible) continue;
    yields++;
    if (after.cpu[0]!.rq[0] === id) met++;
  }
  const evidence = `${met} of ${yields} eligible targets ran next`;
  if (yields < 20) return { verdict: 'vacuous', evidence: `${evidence}; fewer than 20 say nothing` };
  return met < 0.9 * yields ? refuted(`${evidence}, fewer than 9 of 10`) : holds(evidence);
}

const PROPERTIES: readonly CProperty[] = [
  {
    id: 'fairness',
    says: 'CPU time follows weights within 2% of a CPU over 4 s, flat and in groups',
    ask: sharesFollowWeights,
  },
  { id: 'starvation', says: 'nobody of up to four tasks who can run waits for more than 600 ms', ask: nobodyStarves },
  { id: 'buddy', says: 'an eligible target of yield_to() runs next, 9 times of 10 or more', ask: targetsRunNext },
];

export const cProperties: readonly CProperty[] = PROPERTIES.map((property) => ({
  ...property,
  ask: (engine) => askOrSkip(engine, property.ask),
}));
