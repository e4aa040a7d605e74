// SPDX-License-Identifier: GPL-2.0-only
/** The scheduler, KVM and the local APICs of a tree as one engine: opened, driven by operations, read as words of state. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending, EngineProcess } from './engine-process.js';
import { findTree } from './find-tree.js';
import { type PipeOperation, parseSchema, type Schema, wordAt } from './format.js';
import type { Build, Variant } from './kernel-program.js';
import { buildMachine } from './machine-build.js';
import { NativeError } from './native-error.js';

/** modes of a batch (src/native/c/main.c) */
const ONLY_RETURN = 0;
const MORE_STATE = 3;

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
  return new MachineEngine(built, options.cpus ?? 1);
}
