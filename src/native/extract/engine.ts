// SPDX-License-Identifier: GPL-2.0-only
/** Held functions of a tree, ready to be called in a process of their own. */
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../child.js';
import { type LineCoverage, readCoverage } from '../coverage.js';
import type { KernelTree } from '../find-tree.js';
import { scratchDir } from '../scratch.js';
import { buildExtract, type ExtractBuild, type Wanted } from './build.js';

/** Within +-(2^53 - 1) a number, beyond a BigInt; signed 64 bits, as the model's integers at run time. */
export type Value = number | bigint;

/** A C type: `b` bool, `u` unsigned, `s` signed, `p` vCPU, `o` another pointer, `v` void; and its size in bytes. */
export interface CType {
  readonly kind: string;
  readonly size: number;
}

/** One call of a held function. */
export interface HeldCall {
  readonly cpu: number;
  /** `current` */
  readonly task: number;
  readonly args: readonly Value[];
  /** every field, in the engine's order */
  readonly state: readonly Value[];
  /** what stand-ins answer, in turn, again from the first after the last */
  readonly answers: ReadonlyMap<string, readonly Value[]>;
  /** what somebody else writes while a stand-in runs: at its n-th call */
  readonly writes: readonly {
    readonly call: string;
    readonly nth: number;
    readonly field: number;
    readonly value: Value;
  }[];
}

/** A call that a held function made, and the fields it had changed since the one before. */
export interface HeldEvent {
  readonly call: string;
  readonly args: readonly Value[];
  readonly changes: ReadonlyMap<number, Value>;
}

export type HeldEnding = 'returned' | 'trap' | 'BUG' | 'endless';
const ENDINGS: readonly HeldEnding[] = ['returned', 'trap', 'BUG', 'endless'];

export interface HeldResult {
  readonly ending: HeldEnding;
  readonly value: Value;
  readonly warnings: number;
  readonly events: readonly HeldEvent[];
  /** of all fields, since the last event */
  readonly changes: ReadonlyMap<number, Value>;
}

class Reader {
  private at = 0;
  constructor(private readonly bytes: Buffer) {}

  u32(): number {
    const v = this.bytes.readUInt32LE(this.at);
    this.at += 4;
    return v;
  }

  s64(): Value {
    const high = this.bytes.readInt32LE(this.at + 4);
    const low = this.bytes.readUInt32LE(this.at);
    this.at += 8;
    const near = high * 4294967296 + low;
    return Number.isSafeInteger(near) ? near : (BigInt(high) << 32n) | BigInt(low);
  }
}

class Writer {
  private bytes = Buffer.alloc(1 << 16);
  private at = 0;

  private room(n: number): void {
    if (this.at + n <= this.bytes.length) return;
    const more = Buffer.alloc(this.bytes.length * 2 + n);
    this.bytes.copy(more);
    this.bytes = more;
  }

  u32(v: number): void {
    this.room(4);
    this.at = this.bytes.writeUInt32LE(v >>> 0, this.at);
  }

  s64(v: Value): void {
    this.room(8);
    if (typeof v === 'bigint') this.at = this.bytes.writeBigInt64LE(BigInt.asIntN(64, v), this.at);
    else {
      this.bytes.writeUInt32LE(v >>> 0, this.at);
      this.bytes.writeInt32LE(Math.floor(v / 4294967296) | 0, this.at + 4);
      this.at += 8;
    }
  }

  done(): Buffer {
    return this.bytes.subarray(0, this.at);
  }
}

export class ExtractEngine {
  readonly fields: readonly string[];
  readonly fieldTypes: readonly CType[];
  readonly returns: ReadonlyMap<string, CType>;
  readonly answers: ReadonlyMap<string, CType>;
  private readonly child: Child;
  private readonly counters = scratchDir();
  private readonly callIds: ReadonlyMap<string, number>;
  private readonly callNames: readonly string[];
  private readonly heldIds: ReadonlyMap<string, number>;

  constructor(
    readonly tree: KernelTree,
    readonly built: ExtractBuild,
  ) {
    const env = { ...process.env, GCOV_PREFIX: this.counters, GCOV_PREFIX_STRIP: '99' };
    this.child = new Child(built.program, [], env);
    const rows = this.child
      .ask('S', new Uint8Array())
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '));
    const of = (what: string) =>
      rows.filter((row) => row[0] === what).map((row) => [row[1]!, { kind: row[2]!, size: Number(row[3]) }] as const);
    this.fields = of('field').map(([name]) => name);
    this.fieldTypes = of('field').map(([, type]) => type);
    this.returns = new Map(of('held'));
    this.answers = new Map(of('calls'));
    this.callNames = [...this.answers.keys()];
    this.callIds = new Map(this.callNames.map((name, i) => [name, i]));
    this.heldIds = new Map([...this.returns.keys()].map((name, i) => [name, i]));
  }

  /** Calls `as` once for each; `followed` fields are told of at every call that it makes, the others at the end. */
  run(as: string, svm: boolean, followed: readonly number[], calls: readonly HeldCall[]): HeldResult[] {
    const w = new Writer();
    w.u32(this.heldIds.get(as)!);
    w.u32(svm ? 1 : 0);
    w.u32(followed.length);
    for (const field of followed) w.u32(field);
    w.u32(calls.length);
    for (const call of calls) this.write(w, call);
    const r = new Reader(this.child.ask('R', w.done()));
    return calls.map(() => this.result(r));
  }

  private write(w: Writer, call: HeldCall): void {
    w.u32(call.cpu);
    w.u32(call.task);
    w.u32(call.args.length);
    for (const value of call.args) w.s64(value);
    for (const value of call.state) w.s64(value);
    const answers = [...call.answers].filter(([name]) => this.callIds.has(name));
    w.u32(answers.length);
    for (const [name, values] of answers) {
      w.u32(this.callIds.get(name)!);
      w.u32(values.length);
      for (const value of values) w.s64(value);
    }
    const writes = call.writes.filter((write) => this.callIds.has(write.call));
    w.u32(writes.length);
    for (const write of writes) {
      w.u32(this.callIds.get(write.call)!);
      w.u32(write.nth);
      w.u32(write.field);
      w.s64(write.value);
    }
  }

  private changes(r: Reader): Map<number, Value> {
    const changes = new Map<number, Value>();
    for (let n = r.u32(); n > 0; n--) {
      const field = r.u32();
      changes.set(field, r.s64());
    }
    return changes;
  }

  private result(r: Reader): HeldResult {
    const ending = ENDINGS[r.u32()]!;
    const value = r.s64();
    const warnings = r.u32();
    const events: HeldEvent[] = [];
    for (let n = r.u32(); n > 0; n--) {
      const call = this.callNames[r.u32()]!;
      const args: Value[] = [];
      for (let i = r.u32(); i > 0; i--) args.push(r.s64());
      events.push({ call, args, changes: this.changes(r) });
    }
    return { ending, value, warnings, events, changes: this.changes(r) };
  }

  /** Lines and functions executed since the start. */
  coverage(): LineCoverage {
    this.child.ask('G', new Uint8Array());
    for (const name of readdirSync(this.built.dir).filter((n) => n.endsWith('.gcno')))
      copyFileSync(join(this.built.dir, name), join(this.counters, name));
    return readCoverage(this.counters, [this.tree.dir]);
  }

  close(): void {
    this.child.close();
    rmSync(this.counters, { recursive: true, force: true });
  }
}

/** Cuts, compiles (or finds compiled) and starts. NativeError says why not. */
export async function openExtractEngine(tree: KernelTree, wanted: Wanted): Promise<ExtractEngine> {
  return new ExtractEngine(tree, await buildExtract(tree, wanted));
}
