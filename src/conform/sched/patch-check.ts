// SPDX-License-Identifier: GPL-2.0-only
/** The kernel's own code before and after a patch: one stream of operations, properties, reach of added lines, UBSan. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Build, build, schedulerProver, type Variant } from '../../native/build.js';
import { addCoverage, type LineCoverage } from '../../native/coverage.js';
import { type Ending, type NativeEngine, openNativeEngine, type UbsanReport } from '../../native/engine.js';
import { BootDeath } from '../../native/engine-process.js';
import type { KernelTree } from '../../native/find-tree.js';
import { type Absent, absentLines, type Prover } from '../../native/folded-lines.js';
import { isBare } from '../../native/line-kinds.js';
import { NativeError } from '../../native/native-error.js';
import type { AddedLine } from '../../native/patch.js';
import type { Operation } from '../../operation/sched.js';
import { brokenAlong, type LawVerdict } from './ask-laws.js';
import type { CVerdict } from './c-properties.js';
import { type DifferentialResult, differential, namedInTree, nativeLockstep } from './differ.js';
import { type Focus, generateSequence, KINDS, xorshift32 } from './generate.js';
import { missingIn, upToMissing } from './missing-symbol.js';
import { timesIn } from './patch-times.js';
import { ASKED_CPUS, askAll, playWorlds, questions } from './questions.js';
import { shrinkOperations } from './shrink.js';
import { isSteered, type Place, weightsTo } from './steer-operations.js';

export interface PatchCheckOptions {
  /** operations of the lock-step, and of the coverage and UBSan runs */
  readonly operations: number;
  readonly seed: number;
  readonly cpus: number;
  readonly progress?: (what: string) => void;
  /** what to look at; all of it when left out */
  readonly parts?: readonly Part[];
  /** ns that steps of the clock are drawn around, half of the time; those of the added lines when left out */
  readonly times?: readonly number[];
  /** where the patch takes lines out, as the places are in the patched tree; added lines are known */
  readonly touched?: readonly Place[];
  /** how often steered sequences draw operations beside what their kinds do; found out by pilots when left out */
  readonly weights?: Focus['weights'];
}

export type Part = 'lock-step' | 'properties' | 'added lines' | 'UBSan';

/** An added line and how often it was executed; null when it makes no code. */
export interface ReachedLine extends AddedLine {
  readonly count: number | null;
  /** why it is not in the object, where that is known */
  readonly absent: Absent | null;
  /** the setting with which alone it ran, where that is not the patch's own: `FOO=true` */
  readonly with?: string;
}

/** What UBSan says of the patched tree and not of the base, with the operations that lead there. */
export interface NewReport {
  readonly report: UbsanReport;
  readonly text: string;
  readonly ops: readonly Operation[];
}

/** Operations after which a law that the base keeps is broken, as few as were found. */
export interface Broken {
  readonly ops: readonly Operation[];
  readonly cpus: number;
  readonly fault: string;
}

export interface PropertyRow {
  readonly id: string;
  readonly says: string;
  readonly base: CVerdict;
  readonly patched: CVerdict;
  /** only of a law that the patch breaks */
  readonly broken?: Broken;
  /** a knob of the patch that was set otherwise: `FOO=true` */
  readonly with?: string;
}

export interface PatchCheck {
  readonly lockstep: DifferentialResult;
  readonly properties: readonly PropertyRow[];
  readonly added: readonly ReachedLine[];
  readonly reports: readonly NewReport[];
  /** how the patched kernel died at boot or in the coverage run, first time only */
  readonly ending: Ending | null;
  /** false when the patched kernel ends before its first operation: nothing was compared, nothing asked */
  readonly boots: boolean;
  /** functions that the patched kernel calls and nothing here provides: nothing beyond is judged */
  readonly missing: readonly string[];
  /** all that the coverage run executed */
  readonly coverage: LineCoverage;
}

const generation = { length: 300, maxTasks: 24 } as const;

/** How sequences are drawn: around times that the patch names, and half of them steered to its functions. */
function drawn({ cpus, times = [], weights = {} }: PatchCheckOptions, seed: number) {
  return { ...generation, cpus, focus: { weights: isSteered(seed) ? weights : {}, times } };
}

function* sequences(options: PatchCheckOptions): Iterable<readonly Operation[]> {
  for (let [n, seed] = [0, options.seed]; n < options.operations; seed++) {
    const kind = KINDS[seed % KINDS.length]!;
    const { setup, ops } = generateSequence(xorshift32(seed), kind, drawn(options, seed));
    n += setup.length + ops.length;
    yield [...setup, ...ops];
  }
}

async function withEngine<T>(
  tree: KernelTree,
  variant: Variant,
  cpus: number,
  work: (engine: NativeEngine) => T | Promise<T>,
): Promise<T> {
  const engine = await openNativeEngine({ tree: tree.dir, variant, cpus, smoke: false });
  try {
    return await work(engine);
  } finally {
    engine.close();
  }
}

/** Laws are asked after so many operations at most. */
const MOST_ASKED = 12_000;

async function askTree(tree: KernelTree, { operations, seed }: PatchCheckOptions): Promise<LawVerdict[]> {
  const engines: NativeEngine[] = [];
  try {
    for (const cpus of ASKED_CPUS)
      engines.push(await openNativeEngine({ tree: tree.dir, variant: 'O2', cpus, smoke: false }));
    return askAll(engines, { operations: Math.min(operations, MOST_ASKED), seed });
  } finally {
    for (const engine of engines) engine.close();
  }
}

/** Of this process, by tree and options: every step of a series is held against the same base. */
function ofBase<T>(work: (base: KernelTree, options: PatchCheckOptions) => Promise<T>) {
  const known = new Map<string, Promise<T>>();
  return (base: KernelTree, options: PatchCheckOptions): Promise<T> => {
    const { operations, seed, cpus, times, weights } = options;
    const key = JSON.stringify([base.dir, base.config ?? {}, operations, seed, cpus, times ?? [], weights ?? {}]);
    const made = known.get(key) ?? work(base, options);
    known.set(key, made);
    return made;
  };
}

const askBase = ofBase(askTree);

const plainOf = ({ verdict, evidence }: LawVerdict): CVerdict => ({ verdict, evidence });

/** Attempts at fewer operations for a broken law: each runs on both trees, with all of the state. */
const LAW_ATTEMPTS = 200;

/** The operations made fewer while the law is broken with the patch and kept without; null when it is broken in both. */
async function shrunkLaw(
  base: KernelTree,
  patched: KernelTree,
  id: string,
  { ops, cpus }: { ops: readonly Operation[]; cpus: number },
): Promise<Broken | null> {
  return withEngine(base, 'O2', cpus, (left) =>
    withEngine(patched, 'O2', cpus, (right) => {
      const found = (candidate: readonly Operation[]) => {
        const broken = brokenAlong(right, candidate).get(id);
        return broken === undefined || brokenAlong(left, broken.ops).has(id) ? null : broken;
      };
      const small = shrinkOperations(ops, (candidate) => found(candidate)?.ops ?? null, LAW_ATTEMPTS);
      const broken = found(small);
      return broken === null ? null : { ops: broken.ops, cpus, fault: broken.fault };
    }),
  );
}

async function askBoth(base: KernelTree, patched: KernelTree, options: PatchCheckOptions): Promise<PropertyRow[]> {
  const before = await askBase(base, { ...options, times: [], weights: {} });
  const after = await askTree(patched, options);
  const rows: PropertyRow[] = [];
  for (const [i, { id, says }] of questions.entries()) {
    const { verdict, evidence, broken } = after[i]!;
    const row = { id, says, base: plainOf(before[i]!), patched: { verdict, evidence } };
    const small =
      broken === undefined || row.base.verdict !== 'holds' ? null : await shrunkLaw(base, patched, id, broken);
    rows.push(small === null ? row : { ...row, broken: small });
  }
  return rows;
}

/** Counts every line where the tree compiles without optimising, else those that optimising leaves. */
async function withCounting<T>(tree: KernelTree, cpus: number, work: (engine: NativeEngine) => T): Promise<T> {
  const engine = await openNativeEngine({ tree: tree.dir, variant: 'lines', cpus }).catch((error: unknown) => {
    if (error instanceof NativeError && ['compile', 'lacks-header', 'link', 'died'].includes(error.code)) return null;
    throw error;
  });
  if (engine === null) return withEngine(tree, 'cov', cpus, work);
  try {
    return work(engine);
  } finally {
    engine.close();
  }
}

/** Of added lines that did not run, why: those that cannot are told from those that did not. */
export async function withAbsent(
  built: Build,
  prover: Prover,
  reached: readonly Omit<ReachedLine, 'absent'>[],
): Promise<ReachedLine[]> {
  const open = reached.filter((line) => (line.count ?? 0) === 0 && !isBare(line.text));
  const absent = open.length === 0 ? new Map<AddedLine, Absent>() : await absentLines(built, prover, open);
  return reached.map((line) => {
    const why = absent.get(line) ?? null;
    // Code that was there to be executed, and was not, is dead unless it is proven to be more.
    return { ...line, absent: line.count === 0 && why !== 'folded' ? null : why };
  });
}

function reachOf(engine: NativeEngine, added: readonly AddedLine[], options: PatchCheckOptions) {
  let ending: Ending | null = null;
  const missing = new Set<string>();
  for (const ops of sequences(options)) {
    engine.reset();
    const end = engine.run(ops, 'return').ending;
    const symbol = missingIn(end);
    if (symbol === null) ending ??= end;
    else missing.add(symbol);
  }
  playWorlds(engine);
  const coverage = engine.coverage();
  const reached = added.map((line) => ({ ...line, count: coverage.lines.get(line.file)?.get(line.line) ?? null }));
  return { reached, ending, missing: [...missing], coverage };
}

const sourceLine = (tree: KernelTree, report: UbsanReport): string => {
  const text = readFileSync(join(tree.dir, report.file), 'utf8').split('\n');
  return (text[report.line - 1] ?? '').trim();
};

/** Reports by source text, because line numbers move with the patch; each with the first sequence that made it. */
function ubsanOf(engine: NativeEngine, options: PatchCheckOptions) {
  const found = new Map<string, { report: UbsanReport; ops: readonly Operation[] }>();
  for (const ops of sequences(options)) {
    engine.reset();
    engine.run(ops, 'return');
    for (const report of engine.ubsan()) {
      const key = `${report.file}: ${report.kind}: ${sourceLine(engine.tree, report)}`;
      if (!found.has(key)) found.set(key, { report, ops: ops.slice(0, report.op + 1) });
    }
  }
  return found;
}

const reportsOfBase = ofBase(async (base, options) => {
  const found = await withEngine(base, 'ubsan', options.cpus, (engine) => ubsanOf(engine, options));
  return new Set(found.keys());
});

async function newReports(base: KernelTree, patched: KernelTree, options: PatchCheckOptions): Promise<NewReport[]> {
  const known = await reportsOfBase(base, options);
  return withEngine(patched, 'ubsan', options.cpus, (engine) =>
    [...ubsanOf(engine, options)]
      .filter(([key]) => !known.has(key))
      .map(([, { report, ops }]) => {
        const shows = (candidate: readonly Operation[]) => {
          engine.reset();
          engine.run(candidate, 'return');
          const again = engine
            .ubsan()
            .find((r) => r.file === report.file && r.line === report.line && r.kind === report.kind);
          return again === undefined ? null : candidate.slice(0, again.op + 1);
        };
        const small = shrinkOperations(ops, shows, 600);
        shows(small);
        return { report, text: sourceLine(patched, report), ops: small };
      }),
  );
}

const NOTHING = { sequences: 0, operations: 0, endings: 0, finding: null, missing: [] };

async function lockstepOf(
  base: KernelTree,
  patched: KernelTree,
  options: PatchCheckOptions,
): Promise<DifferentialResult & { missing: readonly string[] }> {
  // The base is smoke-tested, a patched tree is not: how it schedules is the question.
  (await openNativeEngine({ tree: base.dir })).close();
  return withEngine(base, 'O2', options.cpus, (left) => {
    return withEngine(patched, 'O2', options.cpus, (right) => {
      const { operations, seed } = options;
      const sides = upToMissing(nativeLockstep(left), nativeLockstep(right));
      const more = { ...drawn(options, seed), operations, seed, drawn: (n: number) => drawn(options, n) };
      const result = differential(sides.base, sides.patched, namedInTree(right, left), more);
      return { ...result, missing: [...sides.missing] };
    });
  });
}

/** What there is to say of a kernel that ends before its first operation. */
function deadAtBoot({ ending }: BootDeath, added: readonly AddedLine[]): PatchCheck {
  const symbol = missingIn(ending);
  return {
    lockstep: NOTHING,
    properties: [],
    added: added.map((line) => ({ ...line, count: null, absent: null })),
    reports: [],
    ending: symbol === null ? ending : null,
    boots: false,
    missing: symbol === null ? [] : [symbol],
    coverage: addCoverage([]),
  };
}

/** Holds a patched tree against its base. NativeError `compile` when it does not compile. */
export async function checkPatch(
  base: KernelTree,
  patched: KernelTree,
  added: readonly AddedLine[],
  options: PatchCheckOptions,
): Promise<PatchCheck> {
  try {
    return await checkBooting(base, patched, added, { ...options, times: options.times ?? timesIn(added) });
  } catch (error) {
    if (error instanceof BootDeath && error.tree === patched.dir) return deadAtBoot(error, added);
    throw error;
  }
}

/** The options with what pilots found out; where no lines are counted, no pilot is worth its build. */
async function steered(
  patched: KernelTree,
  added: readonly AddedLine[],
  options: PatchCheckOptions,
): Promise<PatchCheckOptions> {
  const { parts, seed, touched = [] } = options;
  if (options.weights !== undefined || !(parts?.includes('added lines') ?? true)) return options;
  options.progress?.('pilots');
  const places = [...added, ...touched];
  const pilots = withCounting(patched, options.cpus, (engine) => weightsTo(engine, places, seed));
  const weights = await pilots.catch((error: unknown) => {
    // The parts of the check say so, of the build that they run.
    if (error instanceof NativeError) return {};
    throw error;
  });
  return { ...options, weights };
}

async function checkBooting(
  base: KernelTree,
  patched: KernelTree,
  added: readonly AddedLine[],
  asked: PatchCheckOptions,
): Promise<PatchCheck> {
  const options = await steered(patched, added, asked);
  const part = async <T>(name: Part, work: () => Promise<T>, otherwise: T): Promise<T> => {
    if (options.parts !== undefined && !options.parts.includes(name)) return otherwise;
    options.progress?.(name);
    // a part runs without looking up: whoever wants to end the check is heard between two
    await setImmediate();
    return work();
  };
  const { missing: cut, ...lockstep } = await part('lock-step', () => lockstepOf(base, patched, options), NOTHING);
  const properties = await part('properties', () => askBoth(base, patched, options), []);
  const reach = async () => {
    const found = await withCounting(patched, options.cpus, (engine) => reachOf(engine, added, options));
    // what only an unoptimised kernel calls, in branches that are folded away, is no fault of the patch
    const built = await build(patched, 'O2');
    const called = found.missing.filter((symbol) => built.traps.includes(symbol));
    return { ...found, missing: called, reached: await withAbsent(built, schedulerProver, found.reached) };
  };
  const none = { reached: [], ending: null, missing: [], coverage: addCoverage([]) };
  const { reached, ending, coverage, missing } = await part('added lines', reach, none);
  const reports = await part('UBSan', () => newReports(base, patched, options), []);
  return {
    lockstep,
    properties,
    added: reached,
    reports,
    ending,
    boots: true,
    missing: [...new Set([...cut, ...missing])],
    coverage,
  };
}
