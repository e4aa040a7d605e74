// SPDX-License-Identifier: GPL-2.0-only
/** Records vectors: random sequences of the eight kinds, executed by the kernel's own code. */
import { generateSequence, KINDS, xorshift32 } from '../conform/generate-operations.js';
import { type VectorSequence, vectorText } from '../conform/vectors.js';
import type { NativeEngine } from './engine.js';
import type { Operation, State, Word } from './format.js';

export interface RecordOptions {
  readonly sequences: number;
  /** operations a sequence, after setup */
  readonly length: number;
  /** sequence n is made from seed + n */
  readonly seed: number;
}

/** Runs sequence after sequence on `engine` and hands out the lines of the vectors' format, without newlines. */
export function* recordVectors(engine: NativeEngine, options: RecordOptions): Iterable<string> {
  for (let seq = 0; seq < options.sequences; seq++) {
    const seed = options.seed + seq;
    const { setup, ops, ...about } = generateSequence(xorshift32(seed), KINDS[seq % KINDS.length]!, {
      cpus: engine.cpus,
      length: options.length,
    });
    engine.reset();
    const before = engine.run(setup);
    const after = engine.run(ops);
    const ending = before.ending ?? after.ending;
    if (ending !== null) throw new Error(`seed ${seed} ends the kernel: ${ending.kind} ${ending.what}`);
    const state = engine.decode(before.results.at(-1)!);
    yield vectorText({ seq, seed, ...about, setup, setup_r: before.results.map((x) => x.r), state });
    for (const [i, { r, words }] of after.results.entries()) {
      yield vectorText({ i, op: ops[i]!, r, state: engine.decode({ r, words, hash: 0n }) });
    }
  }
}

/** A place where the engine did otherwise than recorded. */
export interface VectorDifference {
  readonly seq: number;
  /** -1: in setup */
  readonly i: number;
  readonly op: Operation | null;
  readonly expected: { readonly r: readonly Word[]; readonly state: State };
  readonly got: { readonly r: readonly Word[]; readonly state: State };
}

const text = (x: unknown) => JSON.stringify(x, (_, v) => (typeof v === 'bigint' ? v.toString() : v));

/** Executes a recorded sequence and reports the first operation whose return value or state differs. */
export function replaySequence(engine: NativeEngine, { header, lines }: VectorSequence): VectorDifference | null {
  engine.reset();
  const before = engine.run(header.setup);
  const setup = { r: before.results.map((x) => x.r), state: engine.decode(before.results.at(-1)!) };
  const expected = { r: header.setup_r, state: header.state };
  if (text(setup) !== text(expected)) return { seq: header.seq, i: -1, op: null, expected, got: setup };
  const after = engine.run(lines.map((line) => line.op));
  for (const line of lines) {
    const result = after.results[line.i];
    const state = result === undefined ? header.state : engine.decode(result);
    const got = { r: result === undefined ? [] : [result.r], state };
    const wanted = { r: [line.r], state: line.state };
    if (text(got) !== text(wanted)) return { seq: header.seq, i: line.i, op: line.op, expected: wanted, got };
  }
  return null;
}
