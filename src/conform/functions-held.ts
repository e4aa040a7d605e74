// SPDX-License-Identifier: GPL-2.0-only
/** Function by function: how often the model and the C code call it on the same operations, and how many of its lines are reached. */
import type { LineCoverage } from '../native/coverage.js';
import { findTree } from '../native/find-tree.js';
import { type Mirror, mirrors } from '../native/mirrors.js';
import type { Kernel } from '../vmlinux/bind.js';
import { apicFunctions } from './apic/hold.js';
import type { HeldRow } from './held/compare.js';
import { holdAll } from './held/hold-all.js';
import { machineCalls } from './machine/hold.js';
import { callsOfEach, type LockstepAsked, PARTS, type Part } from './parts.js';
import { schedulerCalls } from './sched/hold.js';

/** What ran on both sides. */
export interface CallsHeld {
  /** by the model, of each function */
  readonly calls: ReadonlyMap<string, number>;
  readonly coverage: LineCoverage;
  /** for each sequence that differs, its likeliest function */
  readonly suspects: readonly string[];
}

/** One mirrored function's row. */
export interface FunctionRow {
  readonly file: string;
  readonly name: string;
  /** calls by the model, and by the C code, on the operations compared */
  readonly modelCalls: number;
  readonly cCalls: number;
  /** lines of the C function that were executed, of those that can be; 0 of 0 for a macro or another file */
  readonly covered: number;
  readonly lines: number;
  /** findings that name it */
  readonly differing: number;
}

/** gcov splits functions: place_entity.part.0 is part of place_entity. */
const plainName = (name: string) => name.replace(/\..*$/, '');

/** Rows in the order of `mirrors`, each function once. */
export function functionRows(
  mirrors: readonly Mirror[],
  modelCalls: ReadonlyMap<string, number>,
  coverage: LineCoverage,
  suspects: readonly string[] = [],
): FunctionRow[] {
  const rows: FunctionRow[] = [];
  const seen = new Set<string>();
  for (const { file, name } of mirrors) {
    // two of Linux's may be static under one name
    if (seen.has(`${file}: ${name}`)) continue;
    seen.add(`${file}: ${name}`);
    const functions = [...(coverage.functions.get(file) ?? [])].filter(([found]) => plainName(found) === name);
    const counts = coverage.lines.get(file) ?? new Map<number, number>();
    let [cCalls, covered, lines] = [0, 0, 0];
    for (const [, { calls, from, to }] of functions) {
      cCalls += calls;
      for (const [line, count] of counts) {
        if (line < from || line > to) continue;
        lines++;
        if (count > 0) covered++;
      }
    }
    const differing = suspects.filter((suspect) => suspect === name).length;
    rows.push({ file, name, modelCalls: modelCalls.get(name) ?? 0, cCalls, covered, lines, differing });
  }
  return rows;
}

/** The same, with what was held of functions alone: their calls, and lines executed. */
export function withHeld(
  rows: readonly FunctionRow[],
  held: readonly HeldRow[],
  coverage: LineCoverage,
): FunctionRow[] {
  return rows.map((row) => {
    const alone = held.filter((one) => one.file === row.file && one.name === row.name);
    if (alone.length === 0) return row;
    const calls = alone.reduce((n, one) => n + one.calls - one.notModelled, 0);
    const f = [...(coverage.functions.get(row.file) ?? [])].find(
      ([name]) => plainName(name) === `held_${alone[0]!.as}`,
    )?.[1];
    let [covered, lines] = [0, 0];
    for (const [line, n] of f === undefined ? [] : (coverage.lines.get(row.file) ?? [])) {
      if (line < f!.from || line > f!.to) continue;
      lines++;
      if (n > 0) covered++;
    }
    const differing = row.differing + alone.filter((one) => one.differing > 0).length;
    return { ...row, modelCalls: row.modelCalls + calls, cCalls: row.cCalls + calls, covered, lines, differing };
  });
}

/** Mirrored, but not called on both sides: nothing has been compared. */
export const isHeld = (row: FunctionRow): boolean => row.modelCalls > 0 && (row.cCalls > 0 || row.lines === 0);

/** Events that count functions. */
const MACHINE_EVENTS = 10_000;
const NOTHING: LineCoverage = { lines: new Map(), functions: new Map() };

/** Which files each part holds. */
const FILES_OF: Readonly<Record<Part, RegExp>> = {
  scheduler: /^(kernel|lib|include)\//,
  lapic: /^arch\/x86\//,
  // what the others have called is theirs
  machine: /^(virt\/kvm|arch\/x86\/kvm|kernel\/(entry|exit|rcu)|include\/linux\/(kvm_host|rcuwait|entry-kvm))/,
};

/** Files that the local APICs' engine replaces by its own: none of their functions is held. */
const STOOD_IN = /\/(trace\.h|kvm-x86-ops\.h|cpuid\.c|i8259\.c|msr\.h|smm\.h)$/;

/** Functions that no other part has called, with what guests on the whole machine made of them. */
function withMachine(rows: readonly FunctionRow[], { calls, coverage }: CallsHeld): FunctionRow[] {
  const mirrored = mirrors().filter(({ file }) => FILES_OF.machine.test(file) && !STOOD_IN.test(file));
  const found = new Map(functionRows(mirrored, calls, coverage).map((row) => [`${row.file}: ${row.name}`, row]));
  return rows.map((row) => {
    const own = found.get(`${row.file}: ${row.name}`);
    return own === undefined || isHeld(row) || !isHeld(own) ? row : own;
  });
}

/** Every mirrored function's row: in the parts that are asked, and alone when all of them are. */
export async function functionTable(
  kernel: Kernel,
  asked: LockstepAsked & { readonly parts: readonly Part[] },
): Promise<FunctionRow[]> {
  const rows: FunctionRow[] = [];
  for (const part of asked.parts.filter((one) => one !== 'machine')) {
    const held = await (part === 'scheduler' ? schedulerCalls(kernel, asked) : apicFunctions(kernel, asked)).catch(
      (error): CallsHeld => {
        if (part === 'scheduler' || asked.parts !== PARTS || asked.tree === undefined) throw error;
        return { calls: new Map(), coverage: NOTHING, suspects: [] };
      },
    );
    const mirrored = mirrors().filter(({ file }) => FILES_OF[part].test(file));
    const found = functionRows(mirrored, held.calls, held.coverage, held.suspects);
    rows.push(...found.map((row) => (part === 'lapic' && STOOD_IN.test(row.file) ? { ...row, modelCalls: 0 } : row)));
  }
  const others = PARTS.filter((part) => part !== 'machine');
  const isRest = (file: string): boolean =>
    asked.parts === PARTS ? others.every((part) => !FILES_OF[part].test(file)) : FILES_OF.machine.test(file);
  const rest = mirrors().filter(({ file }) => isRest(file));
  if (asked.parts.includes('machine')) rows.push(...functionRows(rest, new Map(), NOTHING));
  const machine = asked.parts.includes('machine')
    ? await machineCalls(kernel, { ...asked, operations: Math.min(asked.operations, MACHINE_EVENTS) }).catch(
        (error: unknown): CallsHeld => {
          if (asked.parts !== PARTS || asked.tree === undefined) throw error;
          return { calls: new Map(), coverage: NOTHING, suspects: [] };
        },
      )
    : null;
  const whole = machine === null ? rows : withMachine(rows, machine);
  if (asked.parts !== PARTS) return whole;
  const tree = await findTree(asked.tree);
  const alone = await holdAll(kernel, tree, { seed: asked.seed, calls: callsOfEach(asked.operations) });
  return withHeld(whole, alone.rows, alone.coverage);
}
