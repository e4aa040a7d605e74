// SPDX-License-Identifier: GPL-2.0-only
/** The model's local APICs and the kernel's C code in lock-step: random sequences, the first difference, shrunk. */
import { KernelBug, NotModelled } from '../../lib/bug.js';
import type { LapicEngine } from '../../native/lapic-engine.js';
import type { ApicOperation } from '../../operation/apic.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { APIC_KINDS, type ApicKind, apicSequence } from './generate.js';
import { ApicModel } from './model.js';
import { ApicStateWriter, apicWordName } from './state.js';

/** The first place where the two disagree. */
export interface ApicDifference {
  /** index of the operation */
  readonly op: number;
  /** `c1 IRR 230`, `r` for the returned value, `end` when only one survives */
  readonly field: string;
  readonly model: string;
  readonly native: string;
}

export interface ApicFinding {
  readonly seed: number;
  readonly kind: ApicKind;
  readonly original: number;
  /** shrunk; the difference is at the last one */
  readonly ops: readonly ApicOperation[];
  readonly difference: ApicDifference;
}

export interface ApicResult {
  readonly sequences: number;
  readonly operations: number;
  /** operations of sequences in which both died, after the end */
  readonly endings: number;
  readonly finding: ApicFinding | null;
}

/** Length of a generated sequence. */
export const APIC_LENGTH = 250;

/** A model and an engine, ready to be compared. */
export class ApicPair implements ApicSides {
  readonly model: ApicModel;
  private readonly writer = new ApicStateWriter();
  private readonly bytes: Buffer;

  /** `around` is told before and after each of the model's operations. */
  constructor(
    kernel: Kernel,
    readonly native: LapicEngine,
    private readonly around: { before(op: number): void; after(): void } | null = null,
  ) {
    this.model = new ApicModel(kernel);
    this.bytes = Buffer.from(this.writer.words.buffer);
  }

  /** Null when they agree to the end; two that die at the same operation agree. */
  compare(ops: readonly ApicOperation[]): { difference: ApicDifference | null; done: number } {
    const { answer, ending } = this.native.runSequence(ops);
    const nativeDone = ending?.op ?? ops.length;
    this.model.reset();
    for (let [i, at] = [0, 0]; i < ops.length; i++) {
      let r: number;
      try {
        this.around?.before(i);
        r = this.model.execute(ops[i]!);
        this.around?.after();
      } catch (error) {
        this.around?.after();
        const what = endOf(error);
        if (i === nativeDone) return { difference: null, done: i };
        return { difference: { op: i, field: 'end', model: what, native: 'goes on' }, done: i };
      }
      if (i === nativeDone) {
        const native = `${ending!.kind}: ${ending!.what} ${ending!.stack[0] ?? ending!.at}`;
        return { difference: { op: i, field: 'end', model: 'goes on', native }, done: i };
      }
      const n = answer.readUInt32LE(at + 8);
      const difference = this.after(i, r, answer, at, n);
      if (difference !== null) return { difference, done: i + 1 };
      at += 12 + 8 * n;
    }
    return { difference: null, done: ops.length };
  }

  private after(op: number, r: number, answer: Buffer, at: number, n: number): ApicDifference | null {
    const machine = this.model.machine;
    const expected = answer.readInt32LE(at + 4) * 2 ** 32 + answer.readUInt32LE(at);
    if (r !== expected) return { op, field: 'r', model: String(r), native: String(expected) };
    if (machine === null) return null;
    const length = this.writer.write(machine.m, this.model.world);
    const from = at + 12;
    const same = length === 2 * n && answer.compare(this.bytes, 0, 8 * n, from, from + 8 * n) === 0;
    if (same) return null;
    const ours = this.writer.words;
    const theirs = new Uint32Array(2 * n);
    for (let i = 0; i < 2 * n; i++) theirs[i] = answer.readUInt32LE(from + 4 * i);
    for (let i = 0; i < Math.max(length, 2 * n); i++) {
      const [a, b] = [i < length ? ours[i] : undefined, theirs[i]];
      if (a === b) continue;
      const hex = (x: number | undefined): string => (x === undefined ? 'nothing' : `0x${x.toString(16)}`);
      return { op, field: apicWordName(theirs, i), model: hex(a), native: hex(b) };
    }
    return null;
  }
}

function endOf(error: unknown): string {
  if (error instanceof KernelBug || error instanceof NotModelled || error instanceof TypeError) return error.message;
  throw error;
}

const VALUES = [0, 1, 0x1ff, 0x31];

/** Simpler values of one operation, simplest first. */
function simpler(op: ApicOperation): ApicOperation[] {
  if (op.op === 'CREATE') {
    const tries: ApicOperation[] = op.id > 1 ? [{ ...op, id: op.id - 1 }] : [];
    for (let bit = 0; bit < 20; bit++) if ((op.flags >> bit) & 1) tries.push({ ...op, flags: op.flags & ~(1 << bit) });
    return tries;
  }
  const tries: ApicOperation[] = op.cpu > 0 ? [{ ...op, cpu: 0 }] : [];
  for (const name of ['a', 'b'] as const) {
    for (const value of VALUES) if (BigInt(value) < BigInt(op[name])) tries.push({ ...op, [name]: value });
  }
  return tries;
}

/** The smallest sequence found that `cut` still says yes to: `cut` returns the part that is needed, or null. */
export function shrinkApic(
  ops: readonly ApicOperation[],
  cut: (ops: readonly ApicOperation[]) => readonly ApicOperation[] | null,
  budget = 1500,
): readonly ApicOperation[] {
  let best = cut(ops) ?? ops;
  let left = budget;
  const attempt = (candidate: readonly ApicOperation[]): boolean => {
    if (left-- <= 0) return false;
    const shown = cut(candidate);
    if (shown === null) return false;
    best = shown;
    return true;
  };
  for (let before: readonly ApicOperation[] | null = null; best !== before && left > 0; ) {
    before = best;
    for (let n = best.length >> 1; n >= 1; n >>= 1) {
      // The first one makes the VM.
      for (let from = Math.max(1, best.length - 1 - n); from >= 1; from -= n) {
        if (from + n <= best.length) attempt([...best.slice(0, from), ...best.slice(from + n)]);
        from = Math.min(from, best.length);
      }
    }
    for (let i = best.length - 1; i >= 0; i--) {
      for (const op of i < best.length ? simpler(best[i]!) : []) {
        if (attempt([...best.slice(0, i), op, ...best.slice(i + 1)])) break;
      }
    }
  }
  return best;
}

/** Two that can be driven side by side. */
export interface ApicSides {
  /** The first difference, and how many operations both survived. */
  compare(ops: readonly ApicOperation[]): { difference: ApicDifference | null; done: number };
}

export interface ApicOptions {
  readonly operations: number;
  readonly seed: number;
  readonly progress?: (operations: number) => void;
}

/** The sequence of a seed. */
export function apicSequenceOf(seed: number): { kind: ApicKind; ops: readonly ApicOperation[] } {
  const kind = APIC_KINDS[seed % APIC_KINDS.length]!;
  return { kind, ops: apicSequence(seed, kind, APIC_LENGTH) };
}

/** Random sequences on both, up to the first difference or until enough operations are done. */
export function apicDifferential(pair: ApicSides, options: ApicOptions): ApicResult {
  let [operations, sequences, endings] = [0, 0, 0];
  while (operations < options.operations) {
    const seed = options.seed + sequences;
    const { kind, ops } = apicSequenceOf(seed);
    const { difference, done } = pair.compare(ops);
    sequences++;
    operations += done;
    if (difference !== null) {
      const cut = (candidate: readonly ApicOperation[]): readonly ApicOperation[] | null => {
        const found = pair.compare(candidate).difference;
        return found === null ? null : candidate.slice(0, found.op + 1);
      };
      const small = shrinkApic(ops.slice(0, difference.op + 1), cut);
      const finding = {
        seed,
        kind,
        original: difference.op + 1,
        ops: small,
        difference: pair.compare(small).difference!,
      };
      return { sequences, operations, endings, finding };
    }
    if (done < ops.length) endings++;
    options.progress?.(operations);
  }
  return { sequences, operations, endings, finding: null };
}
