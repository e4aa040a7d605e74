// SPDX-License-Identifier: GPL-2.0-only
/** One property asked of one kernel: exhaustively where it has a scope, then at random; and the verdict. */

import type { Property, Verdict } from '../../properties/vocabulary.js';
import { KernelBug } from '../lib/bug.js';
import { int64Kind } from '../lib/int64-choice.js';
import type { Evidence } from '../report/check-report.js';
import { isBefore } from '../series/versions.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { Engine } from './engine.js';
import { type ExhaustiveResult, runExhaustive } from './exhaustive.js';
import { type Example, type RandomInput, type RandomResult, runRandom } from './random.js';
import { type Steer, steered } from './steer.js';

export interface AskOptions {
  /** 32 bits */
  seed: number;
  /** random runs at most */
  runs: number;
  /** events in them, together, at most */
  events: number;
  /** states of an exhaustive search at most */
  states: number;
  /** recompute every invariant of the machine after each event; slow */
  witness?: boolean;
  /** half of the runs draw events as this says */
  steer?: Steer;
  /** leave the example as it was found, where the verdict is all that is wanted */
  unshrunk?: boolean;
  /** no further once it says true; then the same seed may give another answer */
  stop?: () => boolean;
}

/** Runs of the defaults take about a quarter of a second a property and kernel. */
export const ASK_DEFAULTS: AskOptions = { seed: 1, runs: 200, events: 40_000, states: 4_000 };

export interface Answer {
  property: string;
  kernel: string;
  verdict: Verdict;
  evidence: Evidence;
  /** what refutes it, or for `sometimes` the shortest run that reaches it */
  example: Example | null;
}

/** Asks. Depends on its arguments alone. A kernel that dies at boot keeps no promise. */
export function ask(engine: Engine, kernel: Kernel, property: Property, options: AskOptions): Answer {
  try {
    return asked(engine, kernel, property, options);
  } catch (thrown) {
    if (!(thrown instanceof KernelBug)) throw thrown;
    return answer(kernel, property, 'refuted', noEvidence(`dies at boot: ${thrown.message}`), null);
  }
}

function asked(engine: Engine, kernel: Kernel, property: Property, options: AskOptions): Answer {
  const not = whyNotAsked(kernel, property);
  if (not !== null) return answer(kernel, property, not.verdict, noEvidence(not.note), null);

  let searched: ExhaustiveResult | null = null;
  if (property.scope !== undefined) {
    searched = runExhaustive({ engine, kernel, property, scope: property.scope, ...options });
    const decided = searched.failure ?? searched.witness;
    if (decided !== null) {
      const verdict = searched.failure !== null ? 'refuted' : 'holds';
      return answer(kernel, property, verdict, evidenceOf(searched, null), decided);
    }
  }
  const events = Math.min(options.events, budgetOf(property, options));
  const drawn = drawnOf({ engine, kernel, property, ...options, events }, options.steer);
  const verdict = verdictOf(property, searched, drawn);
  return answer(kernel, property, verdict, evidenceOf(searched, drawn), drawn.failure ?? drawn.witness);
}

/** Half of the runs are steered, where that is asked for: they are made last, and only where the others show nothing. */
function drawnOf(input: RandomInput & { events: number }, steer: Steer | undefined): RandomResult {
  if (steer === undefined) return runRandom(input);
  const { property, seed, runs, events } = input;
  const half = { runs: Math.ceil(runs / 2), events: Math.ceil(events / 2) };
  const plain = runRandom({ ...input, ...half });
  if (plain.failure !== null || plain.witness !== null || runs === half.runs) return plain;
  const rest = { runs: runs - half.runs, events: events - half.events };
  const more = runRandom({ ...input, ...rest, property: steered(property, steer), seed: ~seed });
  return {
    ...more,
    runs: plain.runs + more.runs,
    events: plain.events + more.events,
    reached: plain.reached + more.reached,
    notModelled: plain.notModelled + more.notModelled,
    notModelledWhat: plain.notModelledWhat === '' ? more.notModelledWhat : plain.notModelledWhat,
  };
}

/** A number of runs that was asked for comes without a limit of events, and then there is none. */
function budgetOf({ given }: Property, { events }: AskOptions): number {
  return events > ASK_DEFAULTS.events ? events : (given.events ?? events);
}

function answer(
  kernel: Kernel,
  property: Property,
  verdict: Verdict,
  evidence: Evidence,
  example: Example | null,
): Answer {
  return { property: property.id, kernel: kernel.name, verdict, evidence, example };
}

/** Why a kernel is not asked a property, and the verdict that this is; null when it is asked. */
export function whyNotAsked(kernel: Kernel, property: Property): { verdict: Verdict; note: string } | null {
  if (property.int64 === 'checked' && int64Kind() !== 'checked')
    return { verdict: 'skipped', note: 'needs a worker with checked 64-bit integers' };
  const borrowed = kernel.borrowed?.[property.claim];
  if (borrowed !== undefined) return { verdict: 'skipped', note: borrowed };
  const { about, since } = property;
  if (about !== undefined && kernel.table[about] === undefined)
    return { verdict: 'vacuous', note: `about ${about}(), which ${kernel.name} lacks` };
  if (since !== undefined && isBefore(kernel.name, since))
    return { verdict: 'vacuous', note: `Linux promises it from ${since} on, and ${kernel.name} is older` };
  return null;
}

const noEvidence = (note: string): Evidence => ({ runs: 0, events: 0, reached: 0, note });

function verdictOf(property: Property, searched: ExhaustiveResult | null, drawn: RandomResult): Verdict {
  if (drawn.failure !== null) return 'refuted';
  if (drawn.witness !== null) return 'holds';
  const nothingRan = drawn.notModelled === drawn.runs && (searched === null || searched.states <= 1);
  if (nothingRan) return 'skipped';
  if (property.word === 'sometimes') return 'unreachable';
  const reached = drawn.reached + (searched?.reached ?? 0);
  return reached === 0 ? 'vacuous' : 'holds';
}

function evidenceOf(searched: ExhaustiveResult | null, drawn: RandomResult | null): Evidence {
  const out: Evidence = {
    runs: drawn?.runs ?? 0,
    events: drawn?.events ?? 0,
    reached: (drawn?.reached ?? 0) + (searched?.reached ?? 0),
  };
  if (searched !== null) {
    const { states, depth, complete } = searched;
    out.exhaustive = { states, depth, complete };
  }
  const cut = drawn?.notModelled ?? 0;
  const what = cut > 0 ? drawn?.notModelledWhat : searched?.notModelledWhat;
  if (what !== undefined && what !== '') {
    const where = cut > 0 ? `${cut} of ${drawn?.runs} runs` : `${searched?.notModelled} paths`;
    out.note = `${where} ended at what is not modelled: ${what}`;
  }
  return out;
}
