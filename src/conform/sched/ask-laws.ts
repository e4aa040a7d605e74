// SPDX-License-Identifier: GPL-2.0-only
/** Asks the laws, and the books of every queue, of the kernel's own code after each operation of random sequences. */
import type { NativeEngine, Result } from '../../native/engine.js';
import { FEATURE_NAMES } from '../../native/format.js';
import { type Operation, operation } from '../../operation/sched.js';
import { type Law, laws, type Step } from './c-laws.js';
import type { CVerdict } from './c-properties.js';
import { type Focus, generateSequence, KINDS, xorshift32 } from './generate.js';
import { missingIn } from './missing-symbol.js';
import { Columns, Places, View } from './state-view.js';
import { structureFaults } from './structure.js';

export interface LawOptions {
  /** in all */
  readonly operations: number;
  readonly seed: number;
}

/** Fewer than that say nothing. */
export const ENOUGH = 20;

/** Attributes changed often, and while no time passes: then lag can be compared. */
const FOCUS: Focus = { weights: { NICE: 5, SHARES: 4, MOVE: 4, AFFINITY: 3, WAKE: 4, BLOCK: 3, TICK: 8 }, times: [] };
const generation = { length: 200, maxTasks: 12, features: false, maxAdvance: 20_000_000, focus: FOCUS };

/** The features that the laws speak of are on; NEXT_BUDDY and DELAY_DEQUEUE are on in some sequences. */
function features(seed: number): Operation[] {
  const on = ['PLACE_LAG', 'PLACE_REL_DEADLINE', 'RUN_TO_PARITY', 'PREEMPT_SHORT', 'PICK_BUDDY', 'DELAY_ZERO'];
  const set = (name: string, a: number) => operation('FEATURE', { id: FEATURE_NAMES.indexOf(name), a });
  return [
    ...[...on, 'WARN_DOUBLE_CLOCK'].map((name) => set(name, 1)),
    set('NEXT_BUDDY', seed & 1),
    set('DELAY_DEQUEUE', seed % 4 === 3 ? 0 : 1),
  ];
}

/** The operations of a seed. */
export function sequenceOf(seed: number, cpus: number): Operation[] {
  const { setup, ops } = generateSequence(xorshift32(seed), KINDS[seed % KINDS.length]!, { ...generation, cpus });
  // Without the raw hook, which may nominate whom yield_to() refuses.
  const asked = ops.map((op): Operation => (op.op === 'YIELD_TO_RAW' ? { ...op, op: 'YIELD_TO' } : op));
  // One cache for all, where wake-ups look for an idle CPU; other shapes are the lock-step's.
  const llc = operation('LLC', { a: 2 ** cpus - 1 });
  return [llc, ...features(seed), ...setup.filter((op) => op.op !== 'LLC'), ...asked];
}

/** What one law came to so far. */
interface Tally {
  asked: number;
  fault: string | null;
  /** the operations up to the fault */
  ops: readonly Operation[];
}

const STRUCTURE = { id: 'structure', says: 'queues keep the sums, counts, minima and order of their entities' };
/** 6.12 does not: what turns the tree hands on the least vruntime and leaves the least slice. */
const SLICES = { id: 'least slice', says: 'every node of a tree knows the least slice below it' };
const WARNINGS = { id: 'warnings', says: 'no WARN_ON() is hit, with WARN_DOUBLE_CLOCK on' };
const SURVIVES = { id: 'survival', says: 'no operation ends the kernel' };

/** All that is asked here, in the order of the verdicts. */
export const LAWS: readonly { readonly id: string; readonly says: string }[] = [
  STRUCTURE,
  SLICES,
  ...laws,
  WARNINGS,
  SURVIVES,
];

class Asking {
  readonly tallies = new Map<string, Tally>(LAWS.map(({ id }) => [id, { asked: 0, fault: null, ops: [] }]));
  private readonly columns: Columns;

  constructor(private readonly engine: NativeEngine) {
    this.columns = new Columns(engine.schema);
  }

  private note(id: string, asked: number | string | null, place: string, ops: readonly Operation[], at = 0): void {
    const tally = this.tallies.get(id)!;
    if (typeof asked !== 'string') tally.asked += asked ?? 0;
    else if (tally.fault === null) {
      tally.fault = `${place}, operation ${at}${ops[at] === undefined ? '' : `, ${ops[at].op}`}: ${asked}`;
      tally.ops = ops.slice(0, at + 1);
    }
  }

  private step(step: Step, place: string, open: readonly Law[], ops: readonly Operation[], at: number): void {
    const { books, slices } = structureFaults(this.engine.schema, step.after);
    this.note('structure', books[0] ?? 1, place, ops, at);
    this.note('least slice', slices[0] ?? 1, place, ops, at);
    for (const law of open) this.note(law.id, law.ask(step), place, ops, at);
  }

  /** One sequence; how many operations. */
  run(seed: number): number {
    const place = `${KINDS[seed % KINDS.length]!}, seed ${seed}, ${this.engine.cpus} CPUs`;
    return this.follow(sequenceOf(seed, this.engine.cpus), place);
  }

  /** Asks along these operations, from the initial state; how many the kernel survived. */
  follow(ops: readonly Operation[], place: string): number {
    const { engine, columns } = this;
    engine.reset();
    const { results, ending, warnings } = engine.run(ops, 'more');
    const [warning] = warnings;
    const told = warning === undefined ? results.length : `${warning.at}: ${warning.what}`;
    this.note('warnings', told, place, ops, warning?.op);
    // What is missing here ends the sequence, and is nobody's fault.
    const survived = ending === null || missingIn(ending) !== null;
    const end = survived ? results.length : `${ending.kind}: ${ending.what}`;
    this.note('survival', end, place, ops, ending?.op);
    const onlyFair = !ops.some((op) => op.op === 'SETATTR' && (op.flags === 1 || op.flags === 2));
    const neverIdle = !ops.some((op) => op.op === 'GROUP_IDLE' || (op.op === 'SETATTR' && op.flags === 5));
    const places = new Places(engine.cpus);
    const view = (result: Result) => new View(columns, result.words, places);
    let before: View | null = null;
    for (const [i, result] of results.entries()) {
      const op = ops[i]!;
      const r = Number(result.r);
      places.did(op, r);
      const after = view(result);
      if (before !== null) {
        const open = laws.filter((law) => this.tallies.get(law.id)!.fault === null);
        this.step({ op, r, before, after, onlyFair, neverIdle }, place, open, ops, i);
      }
      before = after;
    }
    return results.length;
  }
}

function verdictOf({ asked, fault, ops }: Tally, cpus: number): LawVerdict {
  if (fault !== null) return { verdict: 'refuted', evidence: fault, broken: { ops, cpus } };
  if (asked < ENOUGH) return { verdict: 'vacuous', evidence: `asked ${asked} times` };
  return { verdict: 'holds', evidence: `asked ${asked} times` };
}

/** A verdict, and the operations that lead to the fault of a refuted one. */
export interface LawVerdict extends CVerdict {
  readonly broken?: { readonly ops: readonly Operation[]; readonly cpus: number };
}

/** A verdict for each of LAWS, from sequences on each of the engines in turn. */
export function askLaws(engines: readonly NativeEngine[], options: LawOptions): LawVerdict[] {
  const askings = engines.map((engine) => new Asking(engine));
  for (let [n, seed] = [0, options.seed]; n < options.operations; seed++) {
    // WHY divided: every kind on every number of CPUs.
    n += askings[Math.floor(seed / KINDS.length) % askings.length]!.run(seed);
  }
  return LAWS.map(({ id }) => {
    const tallies = askings.map((asking) => asking.tallies.get(id)!);
    const at = tallies.findIndex((tally) => tally.fault !== null);
    const asked = tallies.reduce((sum, tally) => sum + tally.asked, 0);
    return verdictOf({ ...(tallies[at] ?? tallies[0]!), asked }, engines[at]?.cpus ?? 1);
  });
}

/** What is wrong with a law along these operations, and up to where; null when nothing is. */
export function brokenAlong(
  engine: NativeEngine,
  ops: readonly Operation[],
): ReadonlyMap<string, { readonly fault: string; readonly ops: readonly Operation[] }> {
  const asking = new Asking(engine);
  asking.follow(ops, `${engine.cpus} CPUs`);
  return new Map(
    [...asking.tallies].flatMap(([id, { fault, ops: upTo }]) => (fault === null ? [] : [[id, { fault, ops: upTo }]])),
  );
}
