// SPDX-License-Identifier: GPL-2.0-only
/** The scheduler, KVM and the local APICs of a tree as one engine: opened, driven by operations, read as words of state. */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending, EngineProcess, type RawBatch } from './engine-process.js';
import { findTree } from './find-tree.js';
import { FEATURE_NAMES, type PipeOperation, parseSchema, type Schema, wordAt } from './format.js';
import type { Build, Variant } from './kernel-program.js';
import { buildMachine } from './machine-build.js';
import { NativeError } from './native-error.js';

/** modes of a batch (src/native/c/main.c) */
const ONLY_RETURN = 0;
const MORE_STATE = 3;
const FOLLOW = 6;

/** What a value of C points to (`native_class` of src/native/c/machine/machine.h), which of these, and the value itself. */
export interface NativeValue {
  readonly is: number;
  readonly a: number;
  readonly b: number;
  readonly value: number | bigint;
}

/** Words that have changed, by index; `words`: how many there are in all. */
export interface Changes {
  readonly words: number;
  readonly at: readonly number[];
  readonly to: readonly (number | bigint)[];
}

/** What happened in an operation, in order (src/native/c/follow.h). */
export type FollowRecord =
  | {
      readonly rec: 'enter';
      readonly fn: number;
      readonly cpu: number;
      readonly args: readonly NativeValue[];
      readonly changes: Changes;
    }
  | {
      readonly rec: 'leave';
      readonly fn: number;
      readonly cpu: number;
      readonly stopped: boolean;
      readonly result: NativeValue;
      readonly changes: Changes;
    }
  | { readonly rec: 'note'; readonly what: number; readonly a: number; readonly b: number }
  | { readonly rec: 'end'; readonly r: number | bigint; readonly changes: Changes };

class Records {
  private at = 0;

  constructor(private readonly view: DataView) {}

  get more(): boolean {
    return this.at < this.view.byteLength;
  }

  private number(): number {
    this.at += 4;
    return this.view.getInt32(this.at - 4, true);
  }

  private word(): number | bigint {
    this.at += 8;
    return wordAt(this.view, this.at - 8);
  }

  private value(): NativeValue {
    return { is: this.number(), a: this.number(), b: this.number(), value: this.word() };
  }

  private changes(): Changes {
    const [words, n] = [this.number(), this.number()];
    const at = new Array<number>(n);
    const to = new Array<number | bigint>(n);
    for (let i = 0; i < n; i++) {
      at[i] = this.number();
      to[i] = this.word();
    }
    return { words, at, to };
  }

  next(): FollowRecord {
    switch (this.number()) {
      case 1: {
        const [fn, cpu] = [this.number(), this.number()];
        const args = Array.from({ length: 6 }, () => this.value());
        return { rec: 'enter', fn, cpu, args, changes: this.changes() };
      }
      case 2: {
        const [fn, cpu, stopped] = [this.number(), this.number(), this.number() !== 0];
        return { rec: 'leave', fn, cpu, stopped, result: this.value(), changes: this.changes() };
      }
      case 3:
        return { rec: 'note', what: this.number(), a: this.number(), b: this.number() };
      default:
        return { rec: 'end', r: this.word(), changes: this.changes() };
    }
  }
}

export interface Followed {
  readonly records: readonly FollowRecord[];
  readonly ending: Ending | null;
  readonly warnings: readonly Ending[];
}

/** Names of the words behind the scheduler's, in their order: of each CPU, VM and vCPU. */
export interface MachineSchema {
  readonly machine_cpu: readonly string[];
  readonly machine_vm: readonly string[];
  readonly machine_vcpu: readonly string[];
}

/** What one operation left: all words of the state. */
export interface MachineResult {
  readonly r: number | bigint;
  readonly words: readonly (number | bigint)[];
}

export interface MachineBatch {
  readonly results: readonly MachineResult[];
  readonly ending: Ending | null;
  readonly warnings: readonly Ending[];
}

export class MachineEngine extends EngineProcess {
  readonly schema: Schema;
  readonly machine: MachineSchema;

  constructor(
    built: Build,
    readonly cpus: number,
  ) {
    super(built, [String(cpus)]);
    this.schema = parseSchema(this.described);
    const lists = JSON.parse(this.described) as Record<string, (string | null)[]>;
    const names = (list: string) => lists[list]!.filter((name) => name !== null);
    this.machine = {
      machine_cpu: names('machine_cpu'),
      machine_vm: names('machine_vm'),
      machine_vcpu: names('machine_vcpu'),
    };
    this.reset();
  }

  /** With the tree's numbers of features: operations have those of 6.12. */
  override runRaw(ops: readonly PipeOperation[], mode: number, option = 0): RawBatch {
    const { features } = this.schema;
    const own = ops.map((op) =>
      op.op === 'FEATURE' ? { ...op, id: features.indexOf(FEATURE_NAMES[op.id] ?? '') } : op,
    );
    return super.runRaw(own, mode, option);
  }

  /** Executes operations from where the last batch ended; each with the state behind it. */
  run(ops: readonly PipeOperation[]): MachineBatch {
    const { answer, ending, warnings } = this.runRaw(ops, MORE_STATE);
    const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
    const results: MachineResult[] = [];
    const count = ending?.op ?? ops.length;
    for (let at = 0; results.length < count; ) {
      const r = wordAt(view, at);
      const n = view.getUint32(at + 8, true);
      const words: (number | bigint)[] = new Array(n);
      for (let i = 0; i < n; i++) words[i] = wordAt(view, at + 12 + 8 * i);
      results.push({ r, words });
      at += 12 + 8 * n;
    }
    return { results, ending, warnings };
  }

  /** Addresses of functions of the program by name; the text of an inline function may stand there several times. */
  private addresses(): ReadonlyMap<string, readonly bigint[]> {
    const found = new Map<string, bigint[]>();
    if (this.built.variant !== 'probe') return found;
    const text = execFileSync('nm', [this.built.program], { encoding: 'utf8', maxBuffer: 1 << 28 });
    for (const [, address, name] of text.matchAll(/^([0-9a-f]+) [tTW] (\w+)(?:\.\w+)*$/gm)) {
      const known = found.get(name!) ?? [];
      known.push(BigInt(`0x${address}`));
      found.set(name!, known);
    }
    return found;
  }

  /** From here on calls of these functions are told, each by its index here; of each, whether they can be. */
  probe(functions: readonly string[]): boolean[] {
    const there = this.addresses();
    const pairs = functions.flatMap((name, i) => (there.get(name) ?? []).map((address) => [address, BigInt(i)]));
    const answer = this.child.ask('P', new Uint8Array(BigUint64Array.from(pairs.flat()).buffer));
    const seen = new Set(pairs.flatMap(([, i], at) => (answer.readUInt32LE(4 * at) === 1 ? [Number(i)] : [])));
    return functions.map((_, i) => seen.has(i));
  }

  /** Executes operations, with all that happens in them. */
  follow(ops: readonly PipeOperation[], probing: boolean): Followed {
    const { answer, ending, warnings } = this.runRaw(ops, FOLLOW, Number(probing));
    const reader = new Records(new DataView(answer.buffer, answer.byteOffset, answer.length));
    const records: FollowRecord[] = [];
    while (reader.more) records.push(reader.next());
    return { records, ending, warnings };
  }

  /** Executes operations for their effects alone. */
  runOnly(ops: readonly PipeOperation[]): Ending | null {
    return this.runRaw(ops, ONLY_RETURN).ending;
  }
}

const op = (name: string, it: Partial<PipeOperation> = {}): PipeOperation => ({
  op: name,
  cpu: 0,
  id: 0,
  flags: 0,
  a: 0,
  b: 0,
  ...it,
});

/** FORK of the thread of vCPU `vcpu`, which may run on its CPU alone. */
const THREAD = 8;
const X2APIC = 1;

/** A fresh build has to boost: of two vCPUs on one CPU, the one that spins yields to the one that was preempted. */
function smokeTest(engine: MachineEngine): void {
  const { results, ending } = engine.run([
    op('VM', { a: 2, flags: X2APIC }),
    ...[1, 2].map((vcpu) => op('FORK', { flags: vcpu << THREAD })),
    op('PASS'),
    ...Array.from({ length: 12 }, () => [op('ADVANCE', { a: 1_000_000 }), op('TICK')]).flat(),
    op('PAUSE'),
  ]);
  const { head, rq, rq_more } = engine.schema;
  const yields = results.at(-1)?.words[head.length + rq.length + rq_more.indexOf('yld_count')];
  if (ending === null && yields === 1) return;
  const why = ending === null ? `${yields} yields` : `${ending.kind}: ${ending.what} ${ending.stack.join(' < ')}`;
  throw new NativeError('smoke', `${engine.name}: a vCPU that spins does not yield to the other: ${why}`);
}

/** Builds (or finds built) and starts the engine of a tree's whole machine; NativeError says why not. `smoke` as for the APICs'. */
export async function openMachineEngine(
  options: { tree?: string; variant?: Variant; cpus?: number; smoke?: boolean } = {},
): Promise<MachineEngine> {
  return new MachineEngine(await smokedMachine(options), options.cpus ?? 1);
}

/** The program of a tree's machine, which boosts; engines of any number of CPUs are started from it. */
export async function smokedMachine(
  options: { tree?: string; variant?: Variant; smoke?: boolean } = {},
): Promise<Build> {
  const tree = await findTree(options.tree);
  const built = await buildMachine(tree, options.variant ?? 'O2');
  const passed = join(built.dir, 'smoke-passed');
  if ((options.smoke ?? true) && !existsSync(passed)) {
    const engine = new MachineEngine(built, 1);
    try {
      smokeTest(engine);
    } finally {
      engine.close();
    }
    writeFileSync(passed, '');
  }
  return built;
}
