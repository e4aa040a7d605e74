// SPDX-License-Identifier: GPL-2.0-only
/** Where the model decides otherwise than the kernel did, and what may be the cause. */
import { toBigInt } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import type { Scenario } from '../scenario/scenario.js';
import { NULL } from '../sched/sched.js';
import type { Note } from './read-trace.js';

export interface Imported {
  scenario: Scenario;
  /** decisions of the scheduler that the recording shows, and those that the model made alike */
  decisions: number;
  alike: number;
  /** virtual times that the recording names, and those that the model had */
  times: number;
  timesAlike: number;
  /** the first of them */
  differences: Difference[];
  /** all of them */
  differing: number;
  notes: Note[];
  /** what the model was told because it does not decide it */
  told: { migrations: number; placements: number; yields: number };
}

export interface Difference {
  /** of the recording */
  line: number;
  /** ns since its first line */
  at: number;
  cpu: number;
  kernel: string;
  model: string;
  /** of the CPU's queue before it, a line an entity */
  queue: string[];
  cause: string;
}

const signed = (n: bigint): string => (n < 0n ? String(n) : `+${n}`);

/** The fair entities on the CPU's root queue: vruntime and deadline from V, eligible ones marked, as in debug/sched. */
export function queueLines(m: machine, cpu: number): string[] {
  const rq = m.rq[cpu];
  const cfs = m.cfs_rq[rq.cfs];
  const all = m.se.filter((se) => se.on_rq !== 0 && se.cfs_rq === cfs.id);
  const others = m.task.filter((p) => p.on_rq === 1 && p.cpu === cpu && p.sched_class !== 'fair_sched_class');
  const lines = others
    .filter((p) => p.id !== rq.idle)
    .map((p) => `${p.id === rq.curr ? 'curr ' : '     '}${p.comm} prio ${p.prio}, ${p.sched_class}`);
  let sum = 0n;
  let load = 0n;
  for (const se of all) {
    const weight = toBigInt(se.load.weight) >> 10n;
    sum += BigInt.asIntN(64, toBigInt(se.vruntime)) * weight;
    load += weight;
  }
  if (load === 0n) return lines;
  const V = sum / load - (sum % load < 0n ? 1n : 0n);
  const entries = all.map((se) => {
    const at = BigInt.asIntN(64, toBigInt(se.vruntime)) - V;
    const until = BigInt.asIntN(64, toBigInt(se.deadline)) - V;
    const name = se.task === NULL ? `group of cfs_rq ${se.my_q}` : m.task[se.task].comm;
    const mark = cfs.curr === se.id ? 'curr ' : cfs.next === se.id ? 'next ' : '     ';
    const what = [
      `vruntime V${signed(at)}`,
      `deadline V${signed(until)}`,
      `weight ${toBigInt(se.load.weight) >> 10n}`,
      at <= 0n ? 'eligible' : 'not eligible',
      ...(se.sched_delayed === 1 ? ['delayed'] : []),
    ];
    return { until, text: `${mark}${name}: ${what.join(', ')}` };
  });
  return [...lines, ...entries.sort((a, b) => (a.until < b.until ? -1 : 1)).map((it) => it.text)];
}
