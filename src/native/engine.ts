// SPDX-License-Identifier: GPL-2.0-only
/** The kernel's own C code as an engine: opened on a tree, driven by operations, read as states. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConformState, Operation } from '../operation/sched.js';
import { type Build, build, type Variant } from './build.js';
import type { LineCoverage } from './coverage.js';
import { type Ending, EngineProcess, type UbsanReport } from './engine-process.js';
import { findTree, type KernelTree } from './find-tree.js';
import { decodeState, FEATURE_NAMES, parseSchema, type Schema, wordAt } from './format.js';
import { smokeTest } from './smoke.js';

export type { Ending, UbsanReport } from './engine-process.js';

/** What is wanted beside the return value of each operation; the `more` ones add load tracking and the tree's shape. */
export type Detail = 'return' | 'hash' | 'state' | 'more' | 'hash-more';
const DETAILS: readonly Detail[] = ['return', 'hash', 'state', 'more', 'hash-more'];
/** The driver's number for what moved() asks. */
const MOVED = DETAILS.length;

/** What one operation did. */
export interface Result {
  readonly r: number | bigint;
  /** a hash of all words of the state; 0 unless asked for */
  readonly hash: bigint;
  /** the state's words; empty unless asked for */
  readonly words: readonly (number | bigint)[];
}

/** What a batch did: one result an operation, up to the one that ended the kernel. */
export interface Batch {
  readonly results: readonly Result[];
  /** null when all operations were executed */
  readonly ending: Ending | null;
  readonly warnings: readonly Ending[];
}

export interface EngineOptions {
  /** path of a kernel tree; the installed package's when left out */
  readonly tree?: string;
  readonly variant?: Variant;
  /** 1 to 8 */
  readonly cpus?: number;
  /** false for a tree of which something is to be found out: that it schedules is then no condition */
  readonly smoke?: boolean;
}

export interface NativeEngine {
  readonly name: string;
  readonly tree: KernelTree;
  readonly schema: Schema;
  readonly cpus: number;
  readonly built: Build;
  /** Executes operations one after the other, from where the last batch ended. */
  run(ops: readonly Operation[], detail?: Detail): Batch;
  /** Rows of a result's words. */
  decode(result: Result, more?: boolean): ConformState;
  /** Back to the state after boot: one second of uptime, idle CPUs, no tasks, the root group. */
  reset(): void;
  /** Calls a single function on given operands (schema.call_args); each row of results is schema.call_results. */
  call(
    name: string,
    operands: readonly Readonly<Record<string, number | bigint>>[],
  ): { rows: (number | bigint)[][]; ending: Ending | null };
  /** UBSan's reports since the last call; only the `ubsan` variant has any. */
  ubsan(): UbsanReport[];
  watch(functions: ReadonlySet<string>): void;
  /**
   * Executes operations and says of each which branch counters of watched functions it moved, by number; nothing is said of
   * an operation that ended the kernel. Only builds that count have counters.
   */
  moved(ops: readonly Operation[]): (readonly number[])[];
  /** Lines executed since the engine was opened; only the `cov` variant counts. */
  coverage(): LineCoverage;
  /** Calls by function name since the engine was opened; only the `cov` variant counts. */
  calls(): ReadonlyMap<string, number>;
  close(): void;
}

class Engine extends EngineProcess implements NativeEngine {
  readonly schema: Schema;
  /** the tree's numbers of the features, in the order of 6.12; -1 for one that it does not have */
  private readonly features: readonly number[];

  constructor(
    built: Build,
    readonly cpus: number,
  ) {
    super(built, [String(cpus)]);
    this.schema = parseSchema(this.described);
    this.features = FEATURE_NAMES.map((name) => this.schema.features.indexOf(name));
  }

  run(ops: readonly Operation[], detail: Detail = 'state'): Batch {
    const { answer, ending, warnings } = this.runRaw(this.inTree(ops), DETAILS.indexOf(detail));
    return { results: this.results(answer, detail, ending?.op ?? ops.length), ending, warnings };
  }

  moved(ops: readonly Operation[]): (readonly number[])[] {
    const { answer } = this.runRaw(this.inTree(ops), MOVED);
    const moved: number[][] = [];
    for (let at = 8; at < answer.length; at += 8) {
      const n = answer.readUInt32LE(at);
      moved.push(Array.from({ length: n }, (_, i) => answer.readUInt32LE(at + 4 + 4 * i)));
      at += 4 + 4 * n;
    }
    return moved;
  }

  /** With the tree's numbers of features. */
  private inTree(ops: readonly Operation[]): readonly Operation[] {
    return ops.map((op) => (op.op === 'FEATURE' ? { ...op, id: this.features[op.id] ?? -1 } : op));
  }

  private results(answer: Buffer, detail: Detail, count: number): Result[] {
    const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
    const results: Result[] = [];
    for (let at = 0; results.length < count; ) {
      const r = wordAt(view, at);
      at += 8;
      if (detail === 'return') {
        results.push({ r, hash: 0n, words: [] });
      } else if (detail === 'hash' || detail === 'hash-more') {
        results.push({ r, hash: view.getBigUint64(at, true), words: [] });
        at += 8;
      } else {
        const n = view.getUint32(at, true);
        const words: (number | bigint)[] = new Array(n);
        for (let i = 0; i < n; i++) words[i] = wordAt(view, at + 4 + 8 * i);
        results.push({ r, hash: 0n, words });
        at += 4 + 8 * n;
      }
    }
    return results;
  }

  decode(result: Result, more = false): ConformState {
    return decodeState(this.schema, result.words, more);
  }

  call(
    name: string,
    operands: readonly Readonly<Record<string, number | bigint>>[],
  ): { rows: (number | bigint)[][]; ending: Ending | null } {
    const columns = this.schema.call_args;
    const payload = Buffer.alloc(8 + operands.length * columns.length * 8);
    payload.writeUInt32LE(this.schema.calls.indexOf(name), 0);
    payload.writeUInt32LE(columns.length, 4);
    let at = 8;
    for (const row of operands) {
      for (const column of columns) at = payload.writeBigInt64LE(BigInt(row[column] ?? 0), at);
    }
    let ending: Ending | null = null;
    const answer = this.child.ask('C', payload, (frame) => {
      if (frame.kind === 'E') ending = this.ending(frame);
    });
    const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
    const rows: (number | bigint)[][] = [];
    for (let i = 0; i < answer.length; ) {
      const n = view.getUint32(i, true);
      rows.push(Array.from({ length: n }, (_, k) => wordAt(view, i + 4 + 8 * k)));
      i += 4 + 8 * n;
    }
    return { rows, ending };
  }
}

async function smokeOnce(built: Build): Promise<void> {
  // The same code has passed where it is optimised, and here it takes long.
  if (built.variant === 'lines') return;
  const passed = join(built.dir, 'smoke-passed');
  if (existsSync(passed)) return;
  const engine = new Engine(built, 1);
  try {
    smokeTest(engine);
  } finally {
    engine.close();
  }
  try {
    writeFileSync(passed, '');
  } catch {
    // Without room for the note the next run tests once more.
  }
}

/** Builds (or finds built) and starts an engine; NativeError says why not. The first build of a tree is smoke-tested unless `smoke` is false. */
export async function openNativeEngine(options: EngineOptions = {}): Promise<NativeEngine> {
  const tree = await findTree(options.tree);
  const built = await build(tree, options.variant ?? 'O2');
  if (options.smoke ?? true) await smokeOnce(built);
  return new Engine(built, options.cpus ?? 1);
}
