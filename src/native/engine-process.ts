// SPDX-License-Identifier: GPL-2.0-only
/** The process of an engine: batches of operations, how they ended, coverage; what every engine has. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Child, type Frame } from './child.js';
import { type LineCoverage, readCoverage } from './coverage.js';
import type { KernelTree } from './find-tree.js';
import { encodeOperations, OP_BYTES, type PipeOperation } from './format.js';
import { type Build, isCounting, TREE_ROOT } from './kernel-program.js';
import { NativeError } from './native-error.js';
import { scratchDir } from './scratch.js';

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

interface RawEnding {
  readonly kind: Ending['kind'];
  readonly op: number;
  readonly line: number;
  readonly file: string;
  readonly what: string;
  readonly stack: readonly string[];
}

/** What a batch answered, still as bytes. */
export interface RawBatch {
  readonly answer: Buffer;
  /** null when all operations were executed */
  readonly ending: Ending | null;
  readonly warnings: readonly Ending[];
}

/** A kernel that ends before its first operation. */
export class BootDeath extends NativeError {
  constructor(
    kernel: string,
    /** directory of its tree */
    readonly tree: string,
    readonly ending: Ending,
  ) {
    const { kind, what, stack } = ending;
    const why = kind === 'trap' ? `it calls ${what}(), which is not provided here` : `${kind}: ${what}`;
    super('boot', `${kernel} does not boot: ${why}`, stack);
  }
}

export class EngineProcess {
  readonly name: string;
  protected readonly child: Child;
  private readonly counters: string | null;
  private readonly codes: ReadonlyMap<string, number>;
  /** as the process describes itself */
  protected readonly described: string;

  constructor(
    readonly built: Build,
    args: readonly string[],
  ) {
    this.name = `${built.tree.version} (C, ${built.variant})`;
    this.counters = isCounting(built.variant) ? scratchDir() : null;
    const env =
      this.counters === null ? process.env : { ...process.env, GCOV_PREFIX: this.counters, GCOV_PREFIX_STRIP: '99' };
    this.child = new Child(built.program, args, env);
    this.described = this.describe();
    const { ops } = JSON.parse(this.described) as { ops: string[] };
    this.codes = new Map(ops.map((name, code) => [name, code]));
  }

  private describe(): string {
    try {
      return this.child.ask('S', new Uint8Array()).toString();
    } catch (error) {
      const { end } = this.child;
      if (!(error instanceof NativeError) || end === null) throw error;
      if (this.counters !== null) rmSync(this.counters, { recursive: true, force: true });
      throw new BootDeath(this.name, this.tree.dir, this.ending(end));
    }
  }

  get tree(): KernelTree {
    return this.built.tree;
  }

  private shortPath(path: string): string {
    for (const root of [TREE_ROOT, this.tree.dir, ...this.built.origins])
      if (path.startsWith(`${root}/`)) return path.slice(root.length + 1);
    return path.replace(/^(\.\/)+/, '');
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
      if (/^(kernel|lib|include|arch|virt)\//.test(place)) frames.push(`${lines[i]} ${place}`);
    }
    return frames;
  }

  protected ending(frame: Frame): Ending {
    const raw = JSON.parse(frame.payload.toString()) as RawEnding;
    const at = raw.file === '' ? '' : `${this.shortPath(raw.file)}:${raw.line}`;
    return { kind: raw.kind, op: raw.op, at, what: raw.what, stack: this.stack(raw.stack) };
  }

  /** Executes operations one after the other, from where the last batch ended; `mode` says what is answered. */
  runRaw(ops: readonly PipeOperation[], mode: number, option = 0): RawBatch {
    const payload = Buffer.alloc(8 + ops.length * OP_BYTES);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    view.setUint32(0, mode, true);
    view.setUint32(4, option, true);
    encodeOperations(this.codes, ops, view, 8);
    let ending: Ending | null = null;
    const warnings: Ending[] = [];
    const answer = this.child.ask('O', payload, (frame) => {
      if (frame.kind === 'E') ending = this.ending(frame);
      else if (warnings.length < 20) warnings.push(this.ending(frame));
    });
    return { answer, ending, warnings };
  }

  reset(): void {
    this.child.ask('R', new Uint8Array());
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
    // WHY not "nothing was executed": the counters of a process that has run are written, or there was no room for them.
    if (!readdirSync(this.counters).some((name) => name.endsWith('.gcda')))
      throw new NativeError('no-cache', `counters cannot be written in ${this.counters}: TMPDIR names another place`);
    for (const name of readdirSync(this.built.dir).filter((n) => n.endsWith('.gcno'))) {
      if (!existsSync(join(this.counters, name))) copyFileSync(join(this.built.dir, name), join(this.counters, name));
    }
    return readCoverage(this.counters, [TREE_ROOT, this.tree.dir]);
  }

  /** Which functions' branch counters moved() tells of; those of an inline function stand in every object. */
  watch(functions: ReadonlySet<string>): void {
    const symbols = execFileSync('nm', ['-S', this.built.program], { encoding: 'utf8', maxBuffer: 1 << 28 });
    const found = [...symbols.matchAll(/^([0-9a-f]+) ([0-9a-f]+) \w __gcov0\.([\w.]+)$/gm)]
      .filter(([, , , name]) => functions.has(name!))
      .map(([, address, bytes]) => [BigInt(`0x${address}`), BigInt(`0x${bytes}`) / 8n]);
    this.child.ask('K', new Uint8Array(BigUint64Array.from(found.flat()).buffer));
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
