// SPDX-License-Identifier: GPL-2.0-only
/** Holds the functions of every architecture, each cut out of the same tree. */
import { addCoverage, type LineCoverage } from '../../native/coverage.js';
import { openExtractEngine } from '../../native/extract/engine.js';
import type { KernelTree } from '../../native/find-tree.js';
import { type Mirror, mirrors } from '../../native/mirrors.js';
import { NativeError } from '../../native/native-error.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { xorshift32 } from '../sched/generate.js';
import { CASES, type HeldRow, holdFunctions, wantedOf } from './compare.js';

/** Function by function, and what could not be held. */
export interface HeldReport {
  readonly rows: readonly HeldRow[];
  readonly coverage: LineCoverage;
  /** functions that the tree does not have, or that do not compile alone: why */
  readonly left: readonly { readonly file: string; readonly name: string; readonly as: string; readonly why: string }[];
  /** state that the tree's structures do not have */
  readonly lackingFields: readonly string[];
  /** architectures of which nothing could be built, so that none of their functions was called */
  readonly unbuilt: readonly string[];
}

export interface HoldAllOptions {
  readonly seed: number;
  /** of each function */
  readonly calls: number;
  /** only these, by the model's name */
  readonly only?: ReadonlySet<string>;
  readonly progress?: (calls: number) => void;
}

/** NativeError where there is no compiler, or where nothing that was cut out compiles. */
export async function holdAll(kernel: Kernel, tree: KernelTree, options: HoldAllOptions): Promise<HeldReport> {
  const list: readonly Mirror[] = mirrors();
  const rows: HeldRow[] = [];
  const coverages: LineCoverage[] = [];
  const left: { file: string; name: string; as: string; why: string }[] = [];
  const lackingFields: string[] = [];
  const unbuilt: string[] = [];
  for (const architecture of ['x86', 'arm64', 's390'] as const) {
    if (CASES[architecture].length === 0) continue;
    const engine = await openExtractEngine(tree, wantedOf(architecture, list)).catch((error: unknown) => {
      // a tree whose structures are too different is one to say so of, not one to stop at
      if (!(error instanceof NativeError) || error.code !== 'compile') throw error;
      const held = CASES[architecture].map((one) => ({ file: one.file, name: one.name, as: one.as ?? one.name }));
      left.push(...held.map((one) => ({ ...one, why: error.message })));
      return null;
    });
    if (engine === null) {
      unbuilt.push(architecture);
      continue;
    }
    try {
      left.push(...engine.built.left.map(({ held, why }) => ({ ...held, why })));
      lackingFields.push(...engine.built.lackingFields);
      rows.push(...holdFunctions(kernel, engine, architecture, list, { ...options, random: xorshift32 }));
      coverages.push(engine.coverage());
    } finally {
      engine.close();
    }
  }
  return { rows, coverage: addCoverage(coverages), left, lackingFields, unbuilt };
}
