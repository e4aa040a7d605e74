// SPDX-License-Identifier: GPL-2.0-only
/** The local APICs of two trees side by side: C beside C, word by word, on the sequences that the model is held with. */
import type { LapicEngine } from '../../native/lapic-engine.js';
import type { ApicOperation } from '../../operation/apic.js';
import { type ApicDifference, type ApicSides, apicDifferential } from '../apic/differ.js';
import { apicWordName } from '../apic/state.js';

/** The first place where two trees disagree. */
export interface ApicChange {
  readonly op: number;
  /** `c1 IRR 230`, `r` for the returned value, `end` when only one survives */
  readonly field: string;
  readonly before: string;
  readonly patched: string;
}

export interface ApicLockstep {
  readonly sequences: number;
  readonly operations: number;
  /** shrunk; the difference is at the last operation */
  readonly finding: {
    readonly seed: number;
    readonly kind: string;
    readonly original: number;
    readonly ops: readonly ApicOperation[];
    readonly difference: ApicChange;
  } | null;
  /** how the patched code dies where the base goes on; the first time */
  readonly death: string | null;
  /** functions that the patched code calls and nothing here provides: sequences that end there say nothing */
  readonly missing: readonly string[];
}

const hex = (x: number | undefined): string => (x === undefined ? 'nothing' : `0x${x.toString(16)}`);

/** Base and patched. `model` in a difference is the base. */
class TwoTrees implements ApicSides {
  readonly missing = new Set<string>();

  constructor(
    private readonly base: LapicEngine,
    private readonly patched: LapicEngine,
  ) {}

  compare(ops: readonly ApicOperation[]): { difference: ApicDifference | null; done: number } {
    const [a, b] = [this.base.runSequence(ops), this.patched.runSequence(ops)];
    const [endA, endB] = [a.ending?.op ?? ops.length, b.ending?.op ?? ops.length];
    let [atA, atB] = [0, 0];
    for (let op = 0; op < ops.length; op++) {
      if (b.ending?.kind === 'trap' && op === endB) {
        this.missing.add(b.ending.what);
        return { difference: null, done: op };
      }
      if (op === endA && op === endB) return { difference: null, done: op };
      if (op === endA || op === endB) {
        const tell = (end: typeof a.ending, at: number) =>
          end === null || op !== at ? 'goes on' : `${end.kind}: ${end.what} ${end.stack[0] ?? end.at}`;
        const difference = { op, field: 'end', model: tell(a.ending, endA), native: tell(b.ending, endB) };
        return { difference, done: op };
      }
      const [sizeA, sizeB] = [sizeOf(a.answer, atA), sizeOf(b.answer, atB)];
      if (sizeA !== sizeB || a.answer.compare(b.answer, atB, atB + sizeB, atA, atA + sizeA) !== 0)
        return { difference: differenceAt(op, a.answer, atA, b.answer, atB), done: op + 1 };
      atA += sizeA;
      atB += sizeB;
    }
    return { difference: null, done: ops.length };
  }
}

/** Bytes of one operation's answer. */
const sizeOf = (answer: Buffer, at: number): number => 12 + 8 * answer.readUInt32LE(at + 8);

function differenceAt(op: number, a: Buffer, atA: number, b: Buffer, atB: number): ApicDifference {
  const [ra, rb] = [a.readBigInt64LE(atA), b.readBigInt64LE(atB)];
  if (ra !== rb) return { op, field: 'r', model: String(ra), native: String(rb) };
  const [ours, theirs] = [wordsAt(a, atA), wordsAt(b, atB)];
  let i = 0;
  while (ours[i] === theirs[i]) i++;
  return { op, field: apicWordName(theirs, i), model: hex(ours[i]), native: hex(theirs[i]) };
}

/** The words of state in the answer that starts at `at`. */
export function wordsAt(answer: Buffer, at: number): Uint32Array {
  const n = 2 * answer.readUInt32LE(at + 8);
  const words = new Uint32Array(n);
  for (let i = 0; i < n; i++) words[i] = answer.readUInt32LE(at + 12 + 4 * i);
  return words;
}

/** Random sequences on both trees, up to the first difference or until enough operations are done. */
export function apicLockstep(
  base: LapicEngine,
  patched: LapicEngine,
  options: { operations: number; seed: number },
): ApicLockstep {
  const pair = new TwoTrees(base, patched);
  const { sequences, operations, finding } = apicDifferential(pair, options);
  const missing = [...pair.missing];
  if (finding === null) return { sequences, operations, finding: null, death: null, missing };
  const { op, field, model, native } = finding.difference;
  const death = field === 'end' && native !== 'goes on' ? native : null;
  const { seed, kind, original, ops } = finding;
  const difference = { op, field, before: model, patched: native };
  return { sequences, operations, finding: { seed, kind, original, ops, difference }, death, missing };
}
