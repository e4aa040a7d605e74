// SPDX-License-Identifier: GPL-2.0-only
/** The kernel's own C code as an engine: opened on a tree, driven by operations, read as states. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConformState, Operation } from '../conform/operations.js';
import { type Build, build, type Variant } from './build.js';
import { Child, type Frame } from './child.js';
import { type LineCoverage, readCoverage } from './coverage.js';
import { findTree, type KernelTree } from './find-tree.js';
import { decodeState, encodeOperations, OP_BYTES, parseSchema, type Schema, wordAt } from './format.js';
import { smokeTest } from './smoke.js';

/** What is wanted beside the return value of each operation; the `more` ones add load tracking and the tree's shape. */
export type Detail = 'return' | 'hash' | 'state' | 'more' | 'hash-more';
const DETAILS: readonly Detail[] = ['return', 'hash', 'state', 'more', 'hash-more'];

/** How an operation ended the kernel, or what it complained about. */
export interface Ending {
  readonly kind: 'bug' | 'trap' | 'oops' | 'deadlock' | 'hang' | 'panic' | 'no-memory' | 'warn';
  /** index of the operation in its batch */
  readonly op: number;
  /** file and line for BUG and WARN, else empty */
  readonly at: string;
  /** the failed expression, the missing symbol, the address */
  readonly what: string;
  /** kernel functions, innermost first, as `function file:line` */
  readonly stack: readonly string[];
}

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

/** What UBSan saw at one place. */
export interface UbsanReport {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `+`, `-`, `*`, `/`, `negate`, `shift`, `index` */
  readonly kind: string;
  /** C type of the operation, as the compiler names it: `'long long int'` */
  readonly type: string;
  readonly count: number;
  /** operands of the first time */
  readonly left: string;
  readonly right: string;
  /** the operation of its batch that did it first */
  readonly op: number;
}

export interface EngineOptions {
  /** path of a kernel tree; the installed package's when left out */
  readonly tree?: string;
  readonly variant?: Variant;
  /** 1 to 8 */
  readonly cpus?: number;
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
  /** Lines executed since the engine was opened; only the `cov` variant counts. */
  coverage(): LineCoverage;
  /** Calls by function name since the engine was opened; only the `cov` variant counts. */
  calls(): ReadonlyMap<string, number>;
  close(): void;
}

interface RawEnding {
  readonly kind: Ending['kind'];
  readonly op: number;
  readonly line: number;
  readonly file: string;
  readonly what: string;
  readonly stack: readonly string[];
}

class Engine implements NativeEngine {
  readonly name: string;
  readonly schema: Schema;
  private readonly child: Child;
  private readonly counters: string | null;
  private readonly codes: ReadonlyMap<string, number>;

  constructor(
    readonly built: Build,
    readonly cpus: number,
  ) {
    this.name = `${built.tree.version} (C, ${built.variant})`;
    this.counters = built.variant === 'cov' ? mkdtempSync(join(tmpdir(), 'kvmodel-cov-')) : null;
    const env =
      this.counters === null ? process.env : { ...process.env, GCOV_PREFIX: this.counters, GCOV_PREFIX_STRIP: '99' };
    this.child = new Child(built.program, [String(cpus)], env);
    this.schema = parseSchema(this.child.ask('S', new Uint8Array()).toString());
    this.codes = new Map(this.schema.ops.map((name, code) => [name, code]));
  }

  get tree(): KernelTree {
    return this.built.tree;
  }

  private shortPath(path: string): string {
    return path.replace(`${this.tree.dir}/`, '').replace(/^(\.\/)+/, '');
  }

  /** Names for addresses; callers are looked up one byte before, so that a call at the end of its line counts there. */
  private stack(addresses: readonly string[]): string[] {
    const own = addresses.filter((a) => Number(a) < 0x7000_0000);
    if (own.length === 0) return [];
    const before = own.map((a, i) => (i === 0 ? a : `0x${(Number(a) - 1).toString(16)}`));
    const text = execFileSync('addr2line', ['-i', '-f', '-e', this.built.program, ...before], { encoding: 'utf8' });
    const lines = text.trim().split('\n');
    const frames: string[] = [];
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const place = this.shortPath(lines[i + 1]!.replace(/ \(discriminator \d+\)/, ''));
      if (/^(kernel|lib|include)\//.test(place)) frames.push(`${lines[i]} ${place}`);
    }
    return frames;
  }

  private ending(frame: Frame): Ending {
    const raw = JSON.parse(frame.payload.toString()) as RawEnding;
    const at = raw.file === '' ? '' : `${this.shortPath(raw.file)}:${raw.line}`;
    return { kind: raw.kind, op: raw.op, at, what: raw.what, stack: this.stack(raw.stack) };
  }

  run(ops: readonly Operation[], detail: Detail = 'state'): Batch {
    const payload = Buffer.alloc(8 + ops.length * OP_BYTES);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    view.setUint32(0, DETAILS.indexOf(detail), true);
    encodeOperations(this.codes, ops, view, 8);
    let ending: Ending | null = null;
    const warnings: Ending[] = [];
    const answer = this.child.ask('O', payload, (frame) => {
      if (frame.kind === 'E') ending = this.ending(frame);
      else if (warnings.length < 20) warnings.push(this.ending(frame));
    });
    return { results: this.results(answer, detail, (ending as Ending | null)?.op ?? ops.length), ending, warnings };
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

  reset(): void {
    this.child.ask('R', new Uint8Array());
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

  ubsan(): UbsanReport[] {
    const lines = this.child.ask('U', new Uint8Array()).toString().split('\n');
    return lines
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as UbsanReport)
      .map((report) => ({ ...report, file: this.shortPath(report.file) }));
  }

  coverage(): LineCoverage {
    if (this.counters === null) return { lines: new Map(), functions: new Map() };
    this.child.ask('G', new Uint8Array());
    for (const name of readdirSync(this.built.dir).filter((n) => n.endsWith('.gcno'))) {
      if (!existsSync(join(this.counters, name))) copyFileSync(join(this.built.dir, name), join(this.counters, name));
    }
    return readCoverage(this.counters, this.tree.dir);
  }

  calls(): ReadonlyMap<string, number> {
    const calls = new Map<string, number>();
    for (const functions of this.coverage().functions.values()) {
      for (const [name, { calls: n }] of functions) {
        const plain = name.replace(/\..*$/, '');
        calls.set(plain, (calls.get(plain) ?? 0) + n);
      }
    }
    return calls;
  }

  close(): void {
    this.child.close();
    if (this.counters !== null) rmSync(this.counters, { recursive: true, force: true });
  }
}

async function smokeOnce(built: Build): Promise<void> {
  const passed = join(built.dir, 'smoke-passed');
  if (existsSync(passed)) return;
  const engine = new Engine(built, 1);
  try {
    smokeTest(engine);
  } finally {
    engine.close();
  }
  writeFileSync(passed, '');
}

/** Builds (or finds built) and starts an engine; NativeError says why not. The first build of a tree is smoke-tested. */
export async function openNativeEngine(options: EngineOptions = {}): Promise<NativeEngine> {
  const tree = await findTree(options.tree);
  const built = await build(tree, options.variant ?? 'O2');
  await smokeOnce(built);
  return new Engine(built, options.cpus ?? 1);
}
