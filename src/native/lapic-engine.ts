// SPDX-License-Identifier: GPL-2.0-only
/** The local APIC's C code as an engine: opened on a tree, driven by operations, answering with words of state. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineProcess, type RawBatch } from './engine-process.js';
import { findTree } from './find-tree.js';
import type { PipeOperation } from './format.js';
import type { Build, Variant } from './kernel-program.js';
import { buildLapic } from './lapic-build.js';
import { NativeError } from './native-error.js';

/** modes of a batch (src/native/c/main.c) */
const ONLY_RETURN = 0;
const STATE = 2;

export class LapicEngine extends EngineProcess {
  constructor(built: Build) {
    super(built, []);
    this.reset();
  }

  /** Executes a sequence from where no VM is: per operation s64 r, u32 n, and n pairs of u32 words of state. */
  runSequence(ops: readonly PipeOperation[]): RawBatch {
    this.reset();
    return this.runRaw(ops, STATE);
  }

  /** Executes a sequence for its effects on coverage alone. */
  runOnly(ops: readonly PipeOperation[], fresh = true): void {
    if (fresh) this.reset();
    this.runRaw(ops, ONLY_RETURN);
  }
}

const op = (name: string, a = 0, id = 0, flags = 0, b = 0): PipeOperation => ({ op: name, cpu: 0, id, flags, a, b });
const ICR_SELF = 0x4_0000;

/** A fresh build has to take an interrupt: one vCPU enables its APIC, sends itself vector 65 and acknowledges it. */
function smokeTest(engine: LapicEngine): void {
  const { answer, ending } = engine.runSequence([
    op('CREATE', 1_000_000, 1, 8 | (1 << 19), 46 * 2 ** 32),
    { ...op('MMIO_WRITE', 0xfee0_00f0, 4), b: 0x1ff },
    { ...op('MMIO_WRITE', 0xfee0_0300, 4), b: ICR_SELF | 0x41 },
    op('GET_INTERRUPT'),
  ]);
  let at = 0;
  for (let i = 0; ending === null && i < 3; i++) at += 12 + 8 * answer.readUInt32LE(at + 8);
  const got =
    ending === null ? String(answer.readBigInt64LE(at)) : `${ending.kind}: ${ending.what} ${ending.stack.join(' < ')}`;
  if (got !== '65')
    throw new NativeError('smoke', `${engine.name}: the local APIC does not take an interrupt: ${got}, not 65`);
}

/**
 * Builds (or finds built) and starts the engine of a tree's local APIC; NativeError says why not. The first build of a tree is
 * smoke-tested unless `smoke` is false: a patch may well break what the test looks at, which is for the comparison to tell.
 */
export async function openLapicEngine(
  options: { tree?: string; variant?: Variant; smoke?: boolean } = {},
): Promise<LapicEngine> {
  const tree = await findTree(options.tree);
  const built = await buildLapic(tree, options.variant ?? 'O2');
  const passed = join(built.dir, 'smoke-passed');
  if ((options.smoke ?? true) && !existsSync(passed)) {
    const engine = new LapicEngine(built);
    try {
      smokeTest(engine);
    } finally {
      engine.close();
    }
    writeFileSync(passed, '');
  }
  return new LapicEngine(built);
}
