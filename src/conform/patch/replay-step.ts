// SPDX-License-Identifier: GPL-2.0-only
/** One sequence of operations once more, on the trees before and after a patch: what differs after each, and what breaks. */
import { type Ending, type NativeEngine, openNativeEngine, type UbsanReport } from '../../native/engine.js';
import type { KernelTree } from '../../native/find-tree.js';
import type { Operation } from '../../operation/sched.js';
import { brokenAlong, LAWS } from '../sched/ask-laws.js';
import { namedInTree } from '../sched/differ.js';

/** A word of the state that is not the same in both. */
export interface FieldDifference {
  readonly field: string;
  readonly base: string;
  readonly patched: string;
}

/** What an operation came to on both. */
export interface ReplayedAnswers {
  /** what both returned; null behind the end of a kernel */
  readonly r: readonly [base: string | null, patched: string | null];
  /** those that were the same, or other, after the operation before; the returned value not among them */
  readonly differences: readonly FieldDifference[];
}

export interface ReplayedOperation extends ReplayedAnswers {
  readonly op: Operation;
}

/** A sequence on both trees; each operation of local APICs comes with its text. */
export interface Replayed<T extends ReplayedAnswers = ReplayedAnswers & { readonly text: string }> {
  readonly operations: readonly T[];
  readonly endings: readonly [base: Ending | null, patched: Ending | null];
  /** laws that the base keeps here and the patched tree breaks */
  readonly broken: readonly { readonly id: string; readonly says: string; readonly fault: string }[];
  /** what UBSan says of the patched tree */
  readonly reports: readonly UbsanReport[];
}

export interface ReplayedStep extends Replayed<ReplayedOperation> {
  readonly cpus: number;
}

async function withEngines<T>(
  trees: readonly (readonly [KernelTree, 'O2' | 'ubsan'])[],
  cpus: number,
  work: (engines: readonly NativeEngine[]) => T,
): Promise<T> {
  const engines: NativeEngine[] = [];
  try {
    for (const [tree, variant] of trees) engines.push(await openNativeEngine({ tree: tree.dir, variant, cpus }));
    return work(engines);
  } finally {
    for (const engine of engines) engine.close();
  }
}

function runOf(engine: NativeEngine, ops: readonly Operation[]) {
  engine.reset();
  return engine.run(ops, 'more');
}

/** Replays `ops` from the initial state. NativeError as for a build. */
export function replayStep(
  base: KernelTree,
  patched: KernelTree,
  ops: readonly Operation[],
  cpus: number,
): Promise<ReplayedStep> {
  const trees = [[base, 'O2'] as const, [patched, 'O2'] as const, [patched, 'ubsan'] as const];
  return withEngines(trees, cpus, ([left, right, sanitized]) => {
    const [a, b] = [runOf(left!, ops), runOf(right!, ops)];
    const naming = namedInTree(right!, left!);
    let before = new Map<string, string>();
    const operations = ops.map((op, i): ReplayedOperation => {
      const [was, is] = [a.results[i], b.results[i]];
      const r = [was, is].map((result) => (result === undefined ? null : String(result.r))) as [string, string];
      if (was === undefined || is === undefined) return { op, r, differences: [] };
      const now = new Map<string, string>();
      const differences: FieldDifference[] = [];
      for (let w = 0; w < Math.max(was.words.length, is.words.length); w++) {
        if (was.words[w] === is.words[w]) continue;
        const field = naming(is.words, w);
        if (field === null) continue;
        const [x, y] = [String(was.words[w]), String(is.words[w])];
        now.set(field, `${x} ${y}`);
        if (before.get(field) !== `${x} ${y}`) differences.push({ field, base: x, patched: y });
      }
      before = now;
      return { op, r, differences };
    });
    const [kept, lost] = [brokenAlong(left!, ops), brokenAlong(right!, ops)];
    const broken = LAWS.flatMap(({ id, says }) => {
      const found = lost.get(id);
      return found === undefined || kept.has(id) ? [] : [{ id, says, fault: found.fault }];
    });
    sanitized!.reset();
    sanitized!.run(ops, 'return');
    return { cpus, operations, endings: [a.ending, b.ending], broken, reports: sanitized!.ubsan() };
  });
}
