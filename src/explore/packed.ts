// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run as packed u32s, one an event: an arbitrary that costs next to nothing and shrinks by deleting chunks.
 *
 * WHY our own: fast-check's arrays of records cost five to ten times what the emulator does, and their shrinking
 * runs ten times as often. It loses fast-check's bias to small and extreme values; the menus of `decode` have them.
 */
import { Arbitrary, type Random, Stream, Value } from 'fast-check';
import { nextRng } from '../machine/rng.js';

class PackedRun extends Arbitrary<Uint32Array> {
  constructor(readonly length: number) {
    super();
  }

  override generate(mrng: Random): Value<Uint32Array> {
    // WHY one run in eight is short: a bug near boot is found in a run that has little else in it.
    const shape = mrng.nextInt(0, 7);
    const n = shape === 0 ? mrng.nextInt(1, Math.max(1, this.length >> 2)) : this.length;
    let x = mrng.nextInt() >>> 0 || 1;
    const run = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      x = nextRng(x);
      run[i] = x;
    }
    return new Value(run, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is Uint32Array {
    return value instanceof Uint32Array;
  }

  override shrink(value: Uint32Array): Stream<Value<Uint32Array>> {
    return new Stream(deletions(value));
  }
}

/** The run without a chunk, big chunks first, late ones first: what comes after a failure is dropped at once. */
function* deletions(run: Uint32Array): Generator<Value<Uint32Array>> {
  for (let size = run.length >> 1; size >= 1; size >>= 1) {
    for (let end = run.length; end > 0; end -= size) {
      const start = Math.max(0, end - size);
      const rest = new Uint32Array(run.length - (end - start));
      rest.set(run.subarray(0, start));
      rest.set(run.subarray(end), start);
      yield new Value(rest, undefined);
    }
  }
  if (run.length === 1) yield new Value(new Uint32Array(0), undefined);
}

/** Runs of at most `length` events. */
export function packedRun(length: number): Arbitrary<Uint32Array> {
  return new PackedRun(length);
}
