// SPDX-License-Identifier: GPL-2.0-only
/** Records vectors: random sequences of all kinds, executed by the kernel's own code. */
import type { NativeEngine } from '../../native/engine.js';
import type { Operation } from '../../operation/sched.js';
import { generateSequence, KINDS, menuOf, xorshift32 } from '../sched/generate.js';

export interface RecordOptions {
  readonly sequences: number;
  /** operations a sequence, after setup */
  readonly length: number;
  /** sequence n is made from seed + n */
  readonly seed: number;
}

/** Members that are 0 are not written. */
function withoutZeros(op: Operation): Partial<Operation> {
  return Object.fromEntries(Object.entries(op).filter(([, value]) => value !== 0)) as Partial<Operation>;
}

/** Runs sequence after sequence on `engine` and hands out the lines of the vectors' format, without newlines. */
export function* recordVectors(engine: NativeEngine, options: RecordOptions): Iterable<string> {
  for (let seq = 0; seq < options.sequences; seq++) {
    const seed = options.seed + seq;
    const { setup, ops, ...about } = generateSequence(xorshift32(seed), KINDS[seed % KINDS.length]!, {
      cpus: engine.cpus,
      length: options.length,
      menu: menuOf(engine.schema),
      wraps: false,
    });
    engine.reset();
    const before = engine.run(setup);
    const after = engine.run(ops);
    const ending = before.ending ?? after.ending;
    if (ending !== null) throw new Error(`seed ${seed} ends the kernel: ${ending.kind} ${ending.what}`);
    const state = engine.decode(before.results.at(-1)!);
    const setup_r = before.results.map((result) => result.r);
    yield JSON.stringify({
      seq,
      seed,
      tree: engine.tree.version,
      ...(engine.schema.absent.length === 0 ? {} : { absent: engine.schema.absent }),
      ...about,
      setup: setup.map(withoutZeros),
      setup_r,
      state,
    });
    for (const [i, result] of after.results.entries()) {
      yield JSON.stringify({ i, op: withoutZeros(ops[i]!), r: result.r, state: engine.decode(result) });
    }
  }
}
