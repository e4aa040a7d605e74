// SPDX-License-Identifier: GPL-2.0-only
/**
 * Functions of KVM that a patch changes, cut out of both trees and called alone with the same state, arguments and
 * answers of what they call: the calls that they make, the state by each of them and in the end, and what they return.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { addCoverage, type LineCoverage } from '../../native/coverage.js';
import type { HeldFunction, Wanted } from '../../native/extract/build.js';
import {
  type ExtractEngine,
  type HeldCall,
  type HeldResult,
  openExtractEngine,
  type Value,
} from '../../native/extract/engine.js';
import type { KernelTree } from '../../native/find-tree.js';
import { mirrors } from '../../native/mirrors.js';
import { NativeError } from '../../native/native-error.js';
import type { AppliedHunk } from '../../native/patch.js';
import { Calls, type Drawn } from '../held/calls.js';
import type { Case } from '../held/cases.js';
import { CASES, wantedOf } from '../held/compare.js';
import { type Comparison, differenceOf } from '../held/difference.js';
import { FIELDS } from '../held/fields.js';
import { xorshift32 } from '../sched/generate.js';
import {
  type Candidate,
  changedFunctions,
  changedLines,
  functionsApart,
  mentioning,
  namesOutside,
  type TouchedFiles,
  touchedFiles,
  writtenMembers,
} from './changed-functions.js';
import { type InitialChange, initialChanges, startedAt } from './initial-values.js';

/** What tells the two texts of one function apart; the first thing of the smallest call found. */
export interface HeldChange {
  /** `return value`, a field, `call 2` ... */
  readonly what: string;
  readonly before: string;
  readonly patched: string;
  readonly input: readonly string[];
  readonly seed: number;
}

/** One function called in both trees. */
export interface HeldPairRow {
  readonly file: string;
  readonly name: string;
  readonly calls: number;
  readonly differing: number;
  /** calls that the base returns from and the patched text does not */
  readonly deaths: number;
  readonly difference: HeldChange | null;
  /** variables that it was also called with as each tree starts them */
  readonly started: readonly string[];
}

export interface HeldPairs {
  readonly rows: readonly HeldPairRow[];
  /** functions that cannot be called in both trees, and why */
  readonly left: readonly { readonly file: string; readonly name: string; readonly why: string }[];
  /** lines executed, of the patched tree and of the base */
  readonly after: LineCoverage;
  readonly before: LineCoverage;
  /** functions that read what a hunk changes outside of functions, by its place: `file:line` */
  readonly readers: ReadonlyMap<string, readonly string[]>;
  /** why nothing answers for what a hunk changes outside of functions, by its place */
  readonly unread: ReadonlyMap<string, string>;
}

export const placeOf = (hunk: AppliedHunk): string => `${hunk.file}:${hunk.at}`;

/** More functions than these are not held of one patch, and readers of one hunk. */
const MOST = 60;
const READERS = 6;
const BATCH = 50;

type Fixed = ReadonlyMap<number, Value>;
const NONE: Fixed = new Map();

/** An engine whose fields are numbered as those of both. */
class Side {
  private readonly own: readonly number[];
  private readonly back: ReadonlyMap<number, number>;

  constructor(
    readonly engine: ExtractEngine,
    union: readonly string[],
  ) {
    this.own = engine.fields.map((name) => union.indexOf(name));
    this.back = new Map(this.own.map((u, i) => [u, i]));
  }

  /** `fixed` are fields that this side has its own values for. */
  run(as: string, svm: boolean, followed: readonly number[], calls: readonly HeldCall[], fixed: Fixed): HeldResult[] {
    const mine = (fields: readonly number[]) => fields.flatMap((u) => this.back.get(u) ?? []);
    const made = calls.map((call) => ({
      ...call,
      state: this.own.map((u) => fixed.get(u) ?? call.state[u]!),
      writes: call.writes.flatMap((w) => {
        const field = this.back.get(w.field);
        return field === undefined ? [] : [{ ...w, field }];
      }),
    }));
    return this.engine.run(as, svm, mine(followed), made).map((result) => ({
      ...result,
      events: result.events.map((event) => ({ ...event, changes: this.renumbered(event.changes) })),
      changes: this.renumbered(result.changes),
    }));
  }

  private renumbered(changes: ReadonlyMap<number, Value>): Map<number, Value> {
    return new Map([...changes].map(([i, value]) => [this.own[i]!, value]));
  }
}

/** `vcpu[0].arch.pending_events` as C names the member. */
const memberOf = (field: string): string =>
  /(\w+)(?:\.\d+)?(?:\[\d+\])?$/.exec(field.replace(/\.counter$/, ''))?.[1] ?? '';

/** Both engines, and the state of both. */
class Pair {
  private readonly sides: readonly [Side, Side];
  private readonly fields: readonly Drawn[];
  private readonly types;
  private readonly oneSided: readonly string[];
  /** names of the members and variables that are compared */
  private readonly members: ReadonlySet<string>;

  constructor(
    private readonly base: ExtractEngine,
    private readonly patched: ExtractEngine,
    private readonly wanted: Wanted,
    private readonly initials: readonly InitialChange[],
  ) {
    const union = [...new Set([...patched.fields, ...base.fields])];
    this.sides = [new Side(base, union), new Side(patched, union)];
    const menus = new Map(FIELDS[wanted.architecture.name].map((field) => [field.name, field.menu]));
    const inBoth = (name: string) => base.fields.includes(name) && patched.fields.includes(name);
    this.oneSided = union.filter((name) => !inBoth(name));
    // a member that a patch brings is mostly as its allocation leaves it
    this.fields = union.map((name) => {
      const menu = inBoth(name) ? menus.get(name) : [0, 0, 0, 1];
      return { name, ...(menu !== undefined && { menu }) };
    });
    this.members = new Set(union.filter(inBoth).map(memberOf));
    const type = (engine: ExtractEngine, name: string) => engine.fieldTypes[engine.fields.indexOf(name)];
    this.types = union.map((name) => type(patched, name) ?? type(base, name)!);
  }

  private followed(...functions: readonly HeldFunction[]): number[] {
    const mentions = new Set(functions.flatMap((f) => f.mentions));
    return this.fields.flatMap(({ name }, i) => (mentions.has(memberOf(name)) ? [i] : []));
  }

  /** Of the variables that start otherwise, those that are followed, with what they start as on each side. */
  private startsOf(followed: readonly number[]): { names: string[]; told: string[]; fixed: [Fixed, Fixed] } {
    const found = this.initials.flatMap((one) => {
      const field = followed.find((i) => this.fields[i]!.name.split('.').at(-1) === one.name);
      return field === undefined || one.values === null ? [] : [{ one, field, values: one.values }];
    });
    const side = (n: 0 | 1): Fixed => new Map(found.map(({ field, values }) => [field, values[n]]));
    return {
      names: found.map(({ one }) => one.name),
      told: found.map(
        ({ one }) => `${one.name} starts as ${one.before ?? 'nothing'} before, ${one.patched} with the patch`,
      ),
      fixed: [side(0), side(1)],
    };
  }

  /** `writes` are members that the patch has it write, or write no more. */
  hold(as: string, calls: number, seed: number, writes: ReadonlySet<string>): HeldPairRow | string {
    const [before, after] = [this.base, this.patched].map((e) => e.built.held.find((f) => f.as === as));
    if (before === undefined || after === undefined) return 'it is in one of the two trees only';
    const kinds = (f: HeldFunction) => f.takes.map((p) => `${p.kind} ${p.kind === 'number' ? p.type : ''}`).join();
    if (kinds(before) !== kinds(after)) return 'the patch changes its parameters';
    const { file, name } = after;
    const one = caseOf(this.wanted.architecture.name, after);
    const followed = this.followed(before, after);
    const both = { ...after, callees: [...new Set([...after.callees, ...before.callees])] };
    const answers = new Map([...this.base.answers, ...this.patched.answers]);
    const maker = new Calls(both, one, this.fields, followed, this.types, answers, new Set());
    const returns = this.patched.returns.get(as)!;
    const comparison: Comparison = { fields: this.fields, ignores: this.oneSided, returns };
    let [done, differing, deaths, returned] = [0, 0, 0, 0];
    let difference: HeldChange | null = null;
    const vendors = vendorsOf(this.wanted.architecture.name, file, one);
    const starts = this.startsOf(followed);
    const ways = vendors.flatMap((svm) => [
      { svm, fixed: [NONE, NONE] as const, told: [] },
      ...(starts.names.length === 0 ? [] : [{ svm, fixed: starts.fixed, told: starts.told }]),
    ]);
    for (const { svm, fixed, told: startsTold } of ways) {
      const results = (list: readonly HeldCall[]) =>
        this.sides.map((side, n) => side.run(as, svm, followed, list, fixed[n]!));
      const told = (call: HeldCall) => {
        const [ours, theirs] = results([call]);
        return differenceOf(comparison, ours![0]!, theirs![0]!);
      };
      for (let from = 0; from < calls; from += BATCH) {
        const seeds = Array.from({ length: BATCH }, (_, i) => seed + from + i);
        const made = seeds.map((s) => maker.make(xorshift32(s)).call);
        const [ours, theirs] = results(made);
        made.forEach((call, i) => {
          done++;
          if (ours![i]!.ending === 'returned' || theirs![i]!.ending === 'returned') returned++;
          if (ours![i]!.ending === 'returned' && theirs![i]!.ending !== 'returned') deaths++;
          if (differenceOf(comparison, ours![i]!, theirs![i]!) === null) return;
          differing++;
          if (difference !== null) return;
          const least = maker.shrink(call, (smaller) => told(smaller) !== null);
          const { what, model, native } = told(least)!;
          const input = [...maker.input(least, false), ...startsTold];
          difference = { what, before: model, patched: native, input, seed: seeds[i]! };
        });
      }
    }
    // what both trees' function dies of everywhere is the state that it is called with
    if (returned === 0 && difference === null) return `it returns from none of ${done} calls on random state`;
    const unseen = [...writes].find((member) => !this.members.has(member));
    if (unseen !== undefined && difference === null) return `it writes ${unseen}, which is not compared`;
    return { file, name, calls: done, differing, deaths, difference, started: starts.names };
  }
}

function caseOf(architecture: Wanted['architecture']['name'], f: Candidate): Case {
  const known = CASES[architecture].find((one) => one.file === f.file && one.name === f.name);
  if (known === undefined) return { file: f.file, name: f.name };
  const { args, state, answers, fixed, races, here, alone, vendor } = known;
  const given = { args, state, answers, fixed, races, here, alone, vendor };
  const has = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { file: f.file, name: f.name, ...has };
}

function vendorsOf(architecture: string, file: string, one: Case): boolean[] {
  if (architecture !== 'x86') return [false];
  const vendor = one.vendor ?? (/\/vmx\//.test(file) ? 'vmx' : /\/svm\//.test(file) ? 'svm' : null);
  return vendor === null ? [false, true] : [vendor === 'svm'];
}

/** As the model is held, but with all functions of touched files apart and all of the tree's state. */
function wantedFor(files: TouchedFiles, candidates: readonly Candidate[]): Wanted {
  const { name } = files.architecture;
  const wanted = wantedOf(name, mirrors());
  const held = candidates.map((c, i) => {
    const as = CASES[name].find((one) => one.file === c.file && one.name === c.name)?.as ?? c.name;
    const twice = candidates.slice(0, i).some((other) => other.name === c.name);
    return { ...c, as: twice ? `${as}_${i}` : as };
  });
  return { ...wanted, architecture: files.architecture, held, apart: functionsApart(files), wholeState: true };
}

interface Opened {
  readonly engines: readonly [ExtractEngine, ExtractEngine];
  readonly wanted: Wanted;
}

type Left = { readonly file: string; readonly name: string; readonly why: string };

/** Why a function alone does not compile: the loop of a macro that is not cut out with it, or else the compiler's words. */
export function whyNotCut(error: NativeError, trees: readonly Pick<KernelTree, 'dir'>[]): string {
  const told = error.details[0] ?? error.message;
  const [, file, line] = /^([\w./-]+):(\d+):/.exec(told) ?? [];
  for (const { dir } of file === undefined ? [] : trees) {
    const path = join(dir, file!);
    const text = existsSync(path) ? (readFileSync(path, 'utf8').split('\n')[Number(line) - 1] ?? '') : '';
    const [, macro] = /^\s*(\w+)\s*\(.*\)\s*\{?\s*$/.exec(text) ?? [];
    if (macro !== undefined && /for_each/.test(macro)) return `it loops by ${macro}(), which is not cut out with it`;
  }
  return told;
}

/** Both engines with as many of the candidates as compile together: halves of them when all do not. */
async function open(
  trees: readonly [KernelTree, KernelTree],
  files: TouchedFiles,
  candidates: readonly Candidate[],
  left: Left[],
): Promise<Opened[]> {
  const wanted = wantedFor(files, candidates);
  const engines: ExtractEngine[] = [];
  try {
    for (const tree of trees) engines.push(await openExtractEngine(tree, wanted));
  } catch (error) {
    for (const engine of engines) engine.close();
    if (!(error instanceof NativeError) || error.code !== 'compile') throw error;
    if (candidates.length > 1) {
      const half = candidates.length >> 1;
      const first = await open(trees, files, candidates.slice(0, half), left);
      return [...first, ...(await open(trees, files, candidates.slice(half), left))];
    }
    left.push({ ...candidates[0]!, why: whyNotCut(error, trees) });
    return [];
  }
  return [{ engines: [engines[0]!, engines[1]!], wanted }];
}

interface Holding {
  readonly calls: number;
  readonly seed: number;
  readonly initials: readonly InitialChange[];
  readonly written: ReadonlyMap<string, ReadonlySet<string>>;
}

function holdOpened({ engines, wanted }: Opened, holding: Holding, rows: HeldPairRow[], left: Left[]): void {
  const { calls, seed, initials, written } = holding;
  const pair = new Pair(engines[0], engines[1], wanted, initials);
  for (const { file, name, as } of wanted.held) {
    const why = engines.flatMap((e) => e.built.left).find((one) => one.held.as === as)?.why;
    const row = why ?? pair.hold(as, calls, seed, written.get(`${file}: ${name}`) ?? new Set());
    if (typeof row === 'string') left.push({ file, name, why: row });
    else rows.push(row);
  }
}

const unique = (list: readonly Candidate[]): Candidate[] => [
  ...new Map(list.map((one) => [`${one.file}: ${one.name}`, one])).values(),
];

/** What a hunk changes outside of functions: names that functions read, and variables that start otherwise. */
function outside(files: TouchedFiles, hunk: AppliedHunk): { names: Set<string>; variables: Set<string> } {
  const at = (side: 'previous' | 'patched', line: number) => startedAt(files[side].get(hunk.file), line);
  const variables = new Set(changedLines(hunk).flatMap(({ side, line }) => at(side, line)?.name ?? []));
  return { names: namesOutside(files, hunk, (side, line) => at(side, line) !== null), variables };
}

/** Holds what the hunks change. `calls` of each function and vendor. */
export async function holdPairs(
  base: KernelTree,
  previous: KernelTree,
  patched: KernelTree,
  hunks: readonly AppliedHunk[],
  options: { readonly calls: number; readonly seed: number },
): Promise<HeldPairs> {
  const rows: HeldPairRow[] = [];
  const left: Left[] = [];
  const [before, after]: [LineCoverage[], LineCoverage[]] = [[], []];
  const readers = new Map<string, string[]>();
  const unread = new Map<string, string>();
  for (const files of await touchedFiles(base, previous, patched, [...new Set(hunks.map((hunk) => hunk.file))])) {
    const initials = initialChanges(files);
    const written = writtenMembers(files, hunks);
    const changed = changedFunctions(files, hunks);
    const own = hunks.filter((hunk) => files.patched.has(hunk.file));
    const reading = own.map((hunk) => {
      const { names, variables } = outside(files, hunk);
      const all = new Set([...names, ...variables]);
      const found = all.size === 0 ? [] : mentioning(files, all).slice(0, READERS);
      return { hunk, names, variables, found };
    });
    const all = unique([...changed, ...reading.flatMap(({ found }) => found)]);
    left.push(...all.slice(MOST).map((one) => ({ ...one, why: `more than ${MOST} functions of one patch` })));
    for (const opened of all.length === 0 ? [] : await open([base, patched], files, all.slice(0, MOST), left)) {
      try {
        holdOpened(opened, { ...options, initials, written }, rows, left);
        before.push(opened.engines[0].coverage());
        after.push(opened.engines[1].coverage());
      } finally {
        for (const engine of opened.engines) engine.close();
      }
    }
    for (const { hunk, variables, found } of reading) {
      const started = new Set(rows.flatMap((row) => row.started));
      const open = [...variables].find((name) => !started.has(name));
      if (open !== undefined) unread.set(placeOf(hunk), `no function called alone starts from the value of ${open}`);
      else if (found.length > 0)
        readers.set(
          placeOf(hunk),
          found.map((one) => one.name),
        );
    }
  }
  return { rows, left, after: addCoverage(after), before: addCoverage(before), readers, unread };
}
