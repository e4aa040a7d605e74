// SPDX-License-Identifier: GPL-2.0-only
/** Drives two engines through the same operations and finds, and shrinks, the first difference. */
import { KernelBug, NotModelled } from '../../lib/bug.js';
import type { NativeEngine } from '../../native/engine.js';
import { membersOf, wordName } from '../../native/format.js';
import type { Operation } from '../../operation/sched.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { generateSequence, KINDS, type Kind, type SequenceOptions, xorshift32 } from './generate.js';
import { modelEngine } from './model-engine.js';
import { shrinkOperations } from './shrink.js';

/** What an engine answers to one operation: the returned value, and all words of the state with load tracking. */
export interface Answer {
  readonly r: number | bigint;
  readonly words: readonly (number | bigint)[];
}

/** How an engine ended; `op` is the operation that did it. */
export interface LockstepEnding {
  readonly op: number;
  /** `oops`, `bug`, `hang`, `not-modelled` ... */
  readonly kind: string;
  readonly what: string;
}

export interface LockstepRun {
  readonly answers: readonly Answer[];
  readonly ending: LockstepEnding | null;
}

/** One of the two. */
export interface LockstepEngine {
  readonly name: string;
  /** From the initial state: executes all operations, or as many as it survives. */
  run(ops: readonly Operation[]): LockstepRun;
}

/** The kernel's own code. */
export function nativeLockstep(native: NativeEngine): LockstepEngine {
  return {
    name: native.name,
    run(ops) {
      native.reset();
      const { results, ending } = native.run(ops, 'more');
      return { answers: results, ending };
    },
  };
}

function endingOf(error: unknown, op: number): LockstepEnding {
  if (error instanceof KernelBug) return { op, kind: error.kind === 'BUG_ON' ? 'bug' : 'oops', what: error.message };
  if (error instanceof NotModelled) return { op, kind: 'not-modelled', what: error.message };
  // A mirrored function that follows an index of NULL ends in a TypeError: what the kernel calls an oops.
  return { op, kind: 'oops', what: error instanceof Error ? error.message : String(error) };
}

/** Is told around every operation of the model; what the comparison itself calls is outside. */
export interface Around {
  before(op: number): void;
  after(op: number): void;
}

/** A kernel of the model. */
export function modelLockstep(kernel: Kernel, cpus: number, around: Around | null = null): LockstepEngine {
  return {
    name: kernel.name,
    run(ops) {
      const engine = modelEngine(kernel, cpus);
      const answers: Answer[] = [];
      for (const [i, op] of ops.entries()) {
        try {
          around?.before(i);
          const r = engine.execute(op);
          around?.after(i);
          answers.push({ r, words: engine.words(true) });
        } catch (error) {
          return { answers, ending: endingOf(error, i) };
        }
      }
      return { answers, ending: null };
    },
  };
}

/** The first place where two engines disagree. */
export interface Difference {
  /** index of the operation */
  readonly op: number;
  /** `t[2].se.vruntime`, `cpu[0].cfs[1].load`, `r` for the returned value, `end` when only one survives */
  readonly field: string;
  readonly left: string;
  readonly right: string;
}

/** The name of a word; null when it is none that can be compared. */
type Naming = (words: readonly (number | bigint)[], index: number) => string | null;

function compareAnswers(op: number, a: Answer, b: Answer, naming: Naming): Difference | null {
  if (a.r !== b.r) return { op, field: 'r', left: String(a.r), right: String(b.r) };
  const n = Math.max(a.words.length, b.words.length);
  for (let i = 0; i < n; i++) {
    if (a.words[i] === b.words[i]) continue;
    const field = naming(b.words, i);
    if (field !== null) return { op, field, left: String(a.words[i]), right: String(b.words[i]) };
  }
  return null;
}

/** Compares two runs of the same operations; null when they agree to the end. Two that die at the same operation agree. */
export function compareRuns(left: LockstepRun, right: LockstepRun, naming: Naming): Difference | null {
  const n = Math.min(left.answers.length, right.answers.length);
  for (let i = 0; i < n; i++) {
    const found = compareAnswers(i, left.answers[i]!, right.answers[i]!, naming);
    if (found !== null) return found;
  }
  if (left.answers.length === right.answers.length) return null;
  const tell = (run: LockstepRun) => (run.ending === null ? 'goes on' : `${run.ending.kind}: ${run.ending.what}`);
  return { op: n, field: 'end', left: tell(left), right: tell(right) };
}

/** Names words by what the native engine says of its state; `other` is the engine compared with it, if that is native as well. */
export function namedBy(native: NativeEngine, other: NativeEngine = native): Naming {
  const absent = new Set([...native.schema.absent, ...other.schema.absent]);
  return (words, index) => {
    const name = wordName(native.schema, words, index, true);
    return absent.has(name.slice(name.lastIndexOf('.') + 1)) ? null : name;
  };
}

/** The same for the trees of a patch, in their own names of members. */
export function namedInTree(native: NativeEngine, other: NativeEngine): Naming {
  const [naming, members] = [namedBy(native, other), membersOf(native.schema)];
  const own = (_: string, place: string, column: string): string => place + (members.get(column) ?? column);
  return (words, index) => naming(words, index)?.replace(/(\.cfs\[\d+\]\.)(\w+)$/, own) ?? null;
}

export interface DifferentialOptions extends Omit<SequenceOptions, 'cpus'> {
  readonly cpus: number;
  /** operations to execute in all; the last sequence is finished */
  readonly operations: number;
  /** sequence n is made from seed + n */
  readonly seed: number;
  readonly kinds?: readonly Kind[];
  /** how a sequence is drawn, where that depends on its seed */
  readonly drawn?: (seed: number) => SequenceOptions;
  /** stop after so many ms by `clock` */
  readonly clock?: () => number;
  readonly time?: number;
  /** is told the operations done so far, after each sequence */
  readonly progress?: (operations: number) => void;
}

/** A difference, with the sequence that shows it. */
export interface Finding {
  readonly seed: number;
  readonly kind: Kind;
  readonly original: number;
  /** shrunk; the difference is at the last one */
  readonly ops: readonly Operation[];
  readonly difference: Difference;
}

export interface DifferentialResult {
  readonly sequences: number;
  readonly operations: number;
  /** sequences in which both engines died, at the same operation */
  readonly endings: number;
  readonly finding: Finding | null;
}

/** Cuts to the difference and shrinks, as long as there is one. */
export function shrinkDifference(
  left: LockstepEngine,
  right: LockstepEngine,
  ops: readonly Operation[],
  naming: Naming,
): { ops: readonly Operation[]; difference: Difference } {
  const difference = (candidate: readonly Operation[]) =>
    compareRuns(left.run(candidate), right.run(candidate), naming);
  const cut = (candidate: readonly Operation[]) => {
    const found = difference(candidate);
    return found === null ? null : candidate.slice(0, found.op + 1);
  };
  const shrunk = shrinkOperations(ops, cut);
  return { ops: shrunk, difference: difference(shrunk)! };
}

/** Random sequences on both, up to the first difference or until enough operations are done. */
export function differential(
  left: LockstepEngine,
  right: LockstepEngine,
  naming: Naming,
  options: DifferentialOptions,
): DifferentialResult {
  const kinds = options.kinds ?? KINDS;
  const until = (options.clock?.() ?? 0) + (options.time ?? Number.POSITIVE_INFINITY);
  let [operations, sequences, endings] = [0, 0, 0];
  while (operations < options.operations && (options.clock === undefined || options.clock() < until)) {
    const seed = options.seed + sequences;
    // WHY by seed: the seed of a finding alone makes its sequence again.
    const kind = kinds[seed % kinds.length]!;
    const { setup, ops } = generateSequence(xorshift32(seed), kind, options.drawn?.(seed) ?? options);
    const all = [...setup, ...ops];
    const [a, b] = [left.run(all), right.run(all)];
    const difference = compareRuns(a, b, naming);
    sequences++;
    if (difference !== null) {
      operations += difference.op + 1;
      const small = shrinkDifference(left, right, all.slice(0, difference.op + 1), naming);
      return { sequences, operations, endings, finding: { seed, kind, original: difference.op + 1, ...small } };
    }
    operations += a.answers.length;
    if (a.ending !== null) endings++;
    options.progress?.(operations);
  }
  return { sequences, operations, endings, finding: null };
}
