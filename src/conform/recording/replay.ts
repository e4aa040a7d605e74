// SPDX-License-Identifier: GPL-2.0-only
/** Replays recorded sequences of the kernel's own code on an engine and compares every field after every operation. */

import {
  CFS_FIELDS,
  type ConformState,
  RQ_FIELDS,
  SE_FIELDS,
  type Sequence,
  TASK_FIELDS,
  type Word,
} from '../../operation/sched.js';
import type { Engine } from '../sched/model-engine.js';

/** The first difference of a sequence. */
export interface Difference {
  seq: number;
  /** the step; -1 for the setup */
  i: number;
  /** the operation's name; '' when the state after the setup differs */
  op: string;
  /** `cpu[0].cfs[1].load`, `t[2].vruntime`, `r` for the returned value, `throw` when the model gave up */
  field: string;
  /** what was recorded */
  expected: Word;
  /** what the engine got */
  got: Word;
}

export interface ReplayResult {
  sequences: number;
  /** steps that were executed and compared, setups not counted */
  operations: number;
  /** at most one a sequence: what follows a difference says nothing */
  differences: Difference[];
}

type Found = { field: string; expected: Word; got: Word };

function inList(
  place: string,
  fields: readonly string[],
  expected: readonly Word[],
  got: readonly Word[],
  absent: readonly string[],
): Found | null {
  for (let i = 0; i < fields.length; i++) {
    if (expected[i] !== got[i] && !absent.includes(fields[i]))
      return { field: `${place}.${fields[i]}`, expected: expected[i], got: got[i] };
  }
  return null;
}

/** Compares two states; null when they are the same in every field, but for columns that the recorded tree lacks. */
export function compareStates(expected: ConformState, got: ConformState, absent: readonly string[] = []): Found | null {
  if (expected.now !== got.now) return { field: 'now', expected: expected.now, got: got.now };
  if (expected.w !== got.w) return { field: 'w', expected: expected.w, got: got.w };
  if (expected.t.length !== got.t.length) {
    return { field: 't.length', expected: expected.t.length, got: got.t.length };
  }
  for (let c = 0; c < expected.cpu.length; c++) {
    const e = expected.cpu[c];
    const g = got.cpu[c];
    const rq = inList(`cpu[${c}].rq`, RQ_FIELDS, e.rq, g.rq, absent);
    if (rq !== null) return rq;
    if (e.cfs.length !== g.cfs.length) {
      return { field: `cpu[${c}].cfs.length`, expected: e.cfs.length, got: g.cfs.length };
    }
    for (let q = 0; q < e.cfs.length; q++) {
      const cfs = inList(`cpu[${c}].cfs[${q}]`, CFS_FIELDS, e.cfs[q], g.cfs[q], absent);
      if (cfs !== null) return cfs;
      const a = e.gse[q];
      const b = g.gse[q];
      const gse = a === null || b === null ? null : inList(`cpu[${c}].gse[${q}]`, SE_FIELDS, a, b, absent);
      if (gse !== null) return gse;
      if ((a === null) !== (b === null)) {
        return {
          field: `cpu[${c}].gse[${q}]`,
          expected: a === null ? 'null' : 'entity',
          got: b === null ? 'null' : 'entity',
        };
      }
    }
  }
  for (let i = 0; i < expected.t.length; i++) {
    const task = inList(`t[${i}]`, TASK_FIELDS, expected.t[i], got.t[i], absent);
    if (task !== null) return task;
  }
  return null;
}

function replayOne(engine: Engine, sequence: Sequence, result: ReplayResult): Difference | null {
  const at = (i: number, op: string, found: Found): Difference => ({ seq: sequence.seq, i, op, ...found });
  let i = -1;
  let op = '';
  try {
    for (const [n, setup] of sequence.setup.entries()) {
      op = setup.op;
      const r = engine.execute(setup);
      if (r !== sequence.setup_r[n]) return at(-1, op, { field: 'r', expected: sequence.setup_r[n], got: r });
    }
    const start = compareStates(sequence.state, engine.state(), sequence.absent);
    if (start !== null) return at(-1, '', start);
    for (const step of sequence.steps) {
      i = step.i;
      op = step.op.op;
      const r = engine.execute(step.op);
      result.operations++;
      if (r !== step.r) return at(i, op, { field: 'r', expected: step.r, got: r });
      const found = compareStates(step.state, engine.state(), sequence.absent);
      if (found !== null) return at(i, op, found);
    }
  } catch (error) {
    return at(i, op, { field: 'throw', expected: '', got: error instanceof Error ? error.message : String(error) });
  }
  return null;
}

/** Replays `sequences`, each on a new engine with its number of CPUs. */
export function replay(sequences: readonly Sequence[], newEngine: (cpus: number) => Engine): ReplayResult {
  const result: ReplayResult = { sequences: 0, operations: 0, differences: [] };
  for (const sequence of sequences) {
    result.sequences++;
    const difference = replayOne(newEngine(sequence.cpus), sequence, result);
    if (difference !== null) result.differences.push(difference);
  }
  return result;
}

/** `50 sequences, 10000 operations, 0 differences` */
export function replaySummary(result: ReplayResult): string {
  return `${result.sequences} sequences, ${result.operations} operations, ${result.differences.length} differences`;
}

/** One line about a difference. */
export function differenceLine(d: Difference): string {
  const where = d.i < 0 ? 'setup' : `step ${d.i}`;
  return `sequence ${d.seq}, ${where}${d.op === '' ? '' : ` (${d.op})`}: ${d.field}: expected ${d.expected}, got ${d.got}`;
}
