// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel check`: every property asked of every kernel, and one report of what was found. */

import type { Claim, Property } from '../../properties/vocabulary.js';
import { defined } from '../base/defined.js';
import type {
  CheckReport,
  ClaimResult,
  Counterexample,
  DifferenceResult,
  DistributionTable,
  Evidence,
  PropertyResult,
  Quantiles,
  ReportVerdict,
  TranscriptStep,
} from '../report/check-report.js';
import { isBefore } from '../series/versions.js';
import { type Answer, ASK_DEFAULTS } from './ask.js';
import type { Asker, Question } from './asker.js';
import type { Engine } from './engine.js';
import type { Example } from './random.js';
import { type Steer, steerOf } from './steer.js';
import { type Subject, selected } from './subject.js';
import { transcriptOf } from './transcript.js';

export interface CheckSettings {
  /** claim and property ids; all when absent */
  only?: readonly string[];
  /** random runs a property and kernel */
  runs?: number;
  /** 32 bits */
  seed?: number;
  /** go on with new seeds for so many seconds; then the same seed may find more or less */
  timeSeconds?: number;
  /** recompute every invariant after each event; slow */
  witness?: boolean;
  /** events are drawn where the series' functions are, in half of the runs */
  steer?: boolean;
  /** measures and coverage are left out */
  verdictsOnly?: boolean;
}

/** What a check needs from outside: who answers, and what only the command knows. */
export interface CheckTools {
  engine: Engine;
  asker: Asker;
  version: string;
  /** the complete command that replays it */
  replayCommand(counterexample: Omit<Counterexample, 'replay' | 'transcript'>): string;
  progress?(p: { done: number; total: number; label: string }): void;
  /** wall clock in seconds; needed for `timeSeconds` */
  now?(): number;
  /** settles when the reader has enough: what was answered by then is reported */
  interrupted?: Promise<unknown>;
}

/** Runs the check. Without `timeSeconds` the same subject and settings give the same report, byte for byte. */
export async function runCheck(subject: Subject, settings: CheckSettings, tools: CheckTools): Promise<CheckReport> {
  const claims = selected(subject.claims, settings.only);
  const seed = settings.seed ?? ASK_DEFAULTS.seed;
  const runs = settings.runs ?? ASK_DEFAULTS.runs;
  const asking = askAll(subject, claims, settings, tools);
  // WHY before those are answered: it waits behind them, and a thread need not wait for the last answer of another
  const asked = settings.timeSeconds === undefined ? aside(subject, settings, tools) : null;
  // who does not wait for it has other news: an answer that failed, or an interrupt
  asked?.catch(() => undefined);
  const { answers, seeds, partial } = await asking;
  const rest = partial !== null ? NOTHING_ASIDE : await (asked ?? aside(subject, settings, tools));
  const unreached = partial !== null || !isWhole(settings) ? [] : await tools.asker.unreached();
  const results = claims.map((claim) => claimResult(subject, claim, answers, tools));
  return {
    version: tools.version,
    series: subject.series,
    title: subject.title,
    seed,
    seeds,
    runs,
    partial,
    kernels: subject.kernels.map((k) => k.name),
    claims: results,
    ...rest,
    unreached,
    changed: changedIn(results, settings),
  };
}

/** By property: the same on every kernel, so that all are asked the same. */
function steersOf(
  subject: Subject,
  claims: readonly Claim[],
  settings: CheckSettings,
  engine: Engine,
): ReadonlyMap<string, Steer> {
  const out = new Map<string, Steer>();
  if (settings.steer !== true) return out;
  const { kernels, brought = [] } = subject;
  for (const property of claims.flatMap((claim) => claim.properties)) {
    const seed = settings.seed ?? ASK_DEFAULTS.seed;
    const steer = steerOf(engine, kernels[kernels.length - 1], property, brought, seed);
    if (steer !== null) out.set(property.id, steer);
  }
  return out;
}

const keyOf = (property: string, kernel: string): string => `${property}\n${kernel}`;

function questionsOf(
  subject: Subject,
  claims: readonly Claim[],
  settings: CheckSettings,
  seed: number,
  steers: ReadonlyMap<string, Steer>,
): Question[] {
  const runs = settings.runs ?? ASK_DEFAULTS.runs;
  // a number of runs that was asked for is made, however long they are
  const events = settings.runs === undefined ? ASK_DEFAULTS.events : Number.MAX_SAFE_INTEGER;
  const { states } = ASK_DEFAULTS;
  const witness = settings.witness === true;
  const options = { seed, runs, events, states, witness };
  // WHY kernel by kernel: a worker that stays with one kernel keeps V8's inline caches on one table
  return subject.kernels.flatMap((kernel) =>
    claims.flatMap((claim) =>
      claim.properties.map((p) => ({
        property: p.id,
        kernel: kernel.name,
        int64: p.int64 ?? 'number',
        options: { ...options, ...defined({ steer: steers.get(p.id) }) },
      })),
    ),
  );
}

interface Answers {
  answers: Map<string, Answer>;
  seeds: number;
  partial: CheckReport['partial'];
}

async function askAll(
  subject: Subject,
  claims: readonly Claim[],
  settings: CheckSettings,
  tools: CheckTools,
): Promise<Answers> {
  const seed = settings.seed ?? ASK_DEFAULTS.seed;
  const { now, progress } = tools;
  const until = settings.timeSeconds === undefined || now === undefined ? null : now() + settings.timeSeconds;
  const steers = steersOf(subject, claims, settings, tools.engine);
  const answers = new Map<string, Answer>();
  const enough = { now: false };
  const interrupted = (tools.interrupted ?? new Promise<unknown>(() => undefined)).then(() => {
    enough.now = true;
  });
  let asked = 0;
  let round = 0;
  for (; round === 0 || (until !== null && now !== undefined && now() < until); round++) {
    const open = questionsOf(subject, claims, settings, (seed + round) | 0, steers).filter(
      (q) => round === 0 || isOpen(answers.get(keyOf(q.property, q.kernel))),
    );
    if (open.length === 0) break;
    let done = 0;
    asked = Math.max(asked, open.length);
    const all = open.map(async (question) => {
      const answer = await tools.asker.ask(question);
      if (enough.now) return;
      const key = keyOf(question.property, question.kernel);
      const before = answers.get(key);
      answers.set(key, before === undefined ? answer : merged(before, answer));
      const label = `${question.property} on ${question.kernel}`;
      progress?.({ done: ++done, total: open.length, label });
    });
    await Promise.race([Promise.all(all), interrupted]);
    if (!enough.now) continue;
    // who is still at work is ended with the check, and nobody waits for that
    for (const one of all) one.catch(() => undefined);
    return { answers, seeds: round + 1, partial: { answered: answers.size, asked } };
  }
  return { answers, seeds: Math.max(1, round), partial: null };
}

/** More runs might change it. */
function isOpen(answer: Answer | undefined): boolean {
  if (answer === undefined) return false;
  if (answer.verdict === 'refuted' || answer.verdict === 'skipped') return false;
  return answer.example === null;
}

/** The second answer was found with another seed. */
function merged(a: Answer, b: Answer): Answer {
  const sum: Evidence = {
    ...a.evidence,
    runs: a.evidence.runs + b.evidence.runs,
    events: a.evidence.events + b.evidence.events,
    reached: a.evidence.reached + b.evidence.reached,
  };
  const decided = b.example !== null ? b : a;
  const verdict = decided.example === null && a.verdict === 'vacuous' ? b.verdict : decided.verdict;
  return { ...decided, verdict, evidence: sum };
}

/** Measures over runs that vary a little: this many beside the plain ones. */
const VARIATIONS = 2;

type Aside = Pick<CheckReport, 'measures' | 'variations' | 'distributions' | 'difference'>;

const NOTHING_ASIDE: Aside = { measures: {}, variations: {}, distributions: null, difference: null };

/** Nothing is left out of it. */
const isWhole = ({ only = [], verdictsOnly }: CheckSettings): boolean => only.length === 0 && verdictsOnly !== true;

/** What is asked beside the claims. */
async function aside(subject: Subject, settings: CheckSettings, tools: CheckTools): Promise<Aside> {
  if (settings.verdictsOnly === true) return NOTHING_ASIDE;
  const { only = [] } = settings;
  const claim = only.length === 0 ? subject.difference : (selectedDifference(subject, only) ?? null);
  const [difference, measured, distributions] = await Promise.all([
    claim === null ? null : differenceOf(subject, claim, settings, tools),
    isWhole(settings) ? measuredOf(subject, tools.asker) : null,
    isWhole(settings) ? distributionTable(subject, tools.asker) : null,
  ]);
  return { ...NOTHING_ASIDE, ...measured, distributions, difference };
}

async function measuredOf(subject: Subject, asker: Asker): Promise<Pick<CheckReport, 'measures' | 'variations'>> {
  const compared = subject.kernels.filter((k) => !/~\d+$|\]$/.test(k.name));
  const numbers = [...Array(VARIATIONS + 1).keys()];
  const found = await Promise.all(
    compared.map((k) => Promise.all(numbers.map((variation) => asker.measure(k.name, variation)))),
  );
  const measures: CheckReport['measures'] = {};
  const variations: CheckReport['variations'] = {};
  compared.forEach((k, i) => {
    measures[k.name] = found[i][0];
    variations[k.name] = found[i].slice(1);
  });
  return { measures, variations };
}

async function distributionTable(
  { distributions = null, kernels }: Subject,
  asker: Asker,
): Promise<DistributionTable | null> {
  if (distributions === null) return null;
  const [base, own] = [kernels[0].name, kernels[kernels.length - 1].name];
  const columns: [string, string, boolean][] = [
    ['base', base, false],
    ['static', base, true],
    ['patched', own, false],
  ];
  const found = await Promise.all(columns.map(([, kernel, isStatic]) => asker.samples(kernel, isStatic)));
  const rows = distributions.rows.map((says, i) => ({ says, of: found.map((all) => quantiles(all[i])) }));
  return { says: distributions.says, columns: columns.map(([name]) => name), rows };
}

/** p99: the least that 99 of 100 samples do not exceed. */
function quantiles(samples: readonly number[]): Quantiles {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (percent: number): number => sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100) - 1)] ?? 0;
  const mean = Math.round(sorted.reduce((a, b) => a + b, 0) / Math.max(1, sorted.length));
  return { samples: sorted.length, mean, p99: at(99), max: at(100) };
}

function selectedDifference({ difference }: Subject, only: readonly string[]): Claim | undefined {
  return difference === null ? undefined : selected([difference], only)[0];
}

/** Asks of the series' own kernel whether it does what the base does. */
async function differenceOf(
  subject: Subject,
  claim: Claim,
  settings: CheckSettings,
  tools: CheckTools,
): Promise<DifferenceResult | null> {
  const [base, own] = [subject.kernels[0], subject.kernels[subject.kernels.length - 1]];
  if (own === base) return null;
  const seed = settings.seed ?? ASK_DEFAULTS.seed;
  const steers = steersOf(subject, [claim], settings, tools.engine);
  const questions = questionsOf({ ...subject, kernels: [own] }, [claim], settings, seed, steers);
  const answers = await Promise.all(questions.map((question) => tools.asker.ask(question)));
  const worlds = claim.properties.map(({ id, says }, i) => {
    const { verdict, evidence } = answers[i];
    const { runs, events, note } = evidence;
    return { id, says, differs: verdict === 'refuted', runs, events, ...defined({ note }) };
  });
  const turned = Object.keys(claim.properties[0].given.knobs ?? {});
  const shown = answers
    .filter((answer) => answer.example !== null)
    .sort((a, b) => (a.example?.events.length ?? 0) - (b.example?.events.length ?? 0))[0];
  if (shown?.example == null) return { worlds, turned };
  return { worlds, turned, counterexample: counterexampleOf(subject, shown.property, own.name, shown.example, tools) };
}

function claimResult(
  subject: Subject,
  claim: Claim,
  answers: ReadonlyMap<string, Answer>,
  tools: CheckTools,
): ClaimResult {
  const properties = claim.properties.map((p) => propertyResult(subject, claim, p, answers, tools));
  const verdicts: Record<string, ReportVerdict> = {};
  for (const { name } of subject.kernels) {
    const answered = properties.flatMap((p) => p.verdicts[name] ?? []);
    // of an interrupted check: a claim that is asked in part is refuted or open
    if (answered.length === 0 || (answered.length < properties.length && !answered.includes('refuted'))) continue;
    verdicts[name] = worst(askedOf(properties, name).flatMap((p) => p.verdicts[name] ?? []));
  }
  const out: ClaimResult = {
    id: claim.id,
    words: claim.words,
    verdicts,
    evidence: evidenceLine(subject, properties),
    properties,
  };
  const telling = properties.find((p) => p.counterexample !== undefined);
  if (telling?.counterexample !== undefined) out.counterexample = telling.counterexample;
  if (claim.unanswerable !== undefined) out.unanswerable = claim.unanswerable;
  return out;
}

/** What a claim of several properties comes to: one that is refuted refutes it. */
const ORDER: readonly ReportVerdict[] = ['refuted', 'unreachable', 'unpromised', 'vacuous', 'holds', 'skipped'];

function worst(verdicts: readonly ReportVerdict[]): ReportVerdict {
  return ORDER.find((verdict) => verdicts.includes(verdict)) ?? 'skipped';
}

/** Older than the promise. */
const isEarlier = ({ since }: Property, kernel: string): boolean => since !== undefined && isBefore(kernel, since);

/** Whether the kernel was asked: it has what the property is about, and is not older than the promise. */
function wasAsked({ verdicts, evidence }: PropertyResult, kernel: string): boolean {
  const verdict = verdicts[kernel];
  if (verdict !== 'vacuous' && verdict !== 'unpromised') return true;
  return evidence[kernel].runs > 0 || evidence[kernel].exhaustive !== undefined;
}

/** What a claim comes to is what was asked comes to; where nothing was, it is said why. */
function askedOf(properties: readonly PropertyResult[], kernel: string): readonly PropertyResult[] {
  const asked = properties.filter((p) => wasAsked(p, kernel));
  return asked.length === 0 ? properties : asked;
}

/** The verdict as it is reported: a kernel without the series that promises something does not break the promise. */
function reportedOf(claim: Claim, property: Property, kernel: string, { verdict }: Answer): ReportVerdict {
  const { promisedBy } = claim;
  if (isEarlier(property, kernel)) return 'unpromised';
  return verdict === 'refuted' && promisedBy !== undefined && !kernel.includes(promisedBy) ? 'unpromised' : verdict;
}

function propertyResult(
  subject: Subject,
  claim: Claim,
  property: Property,
  answers: ReadonlyMap<string, Answer>,
  tools: CheckTools,
): PropertyResult {
  const { id, says, word, means } = property;
  const recorded = subject.recorded[id] ?? {};
  const out: PropertyResult = { id, says, word, verdicts: {}, evidence: {}, recorded };
  if (means !== undefined) out.means = means;
  let shown: Answer | null = null;
  for (const { name } of subject.kernels) {
    const answer = answers.get(keyOf(id, name));
    if (answer === undefined) continue;
    out.verdicts[name] = reportedOf(claim, property, name, answer);
    out.evidence[name] = answer.evidence;
    // the series' own kernel is the last: what it does is shown rather than what the base does
    if (answer.example !== null && (shown === null || telling(answer) >= telling(shown))) shown = answer;
  }
  if (shown === null || shown.example === null) return out;
  const told = counterexampleOf(subject, id, shown.kernel, shown.example, tools);
  if (shown.verdict === 'refuted') out.counterexample = told;
  else out.witness = told;
  return out;
}

const telling = (answer: Answer): number => (answer.verdict === 'refuted' ? 1 : 0);

/** With its transcript beside the kernel that it is compared with: the base, or for the base the series. */
export function counterexampleOf(
  subject: Subject,
  property: string,
  kernel: string,
  example: Example,
  tools: Pick<CheckTools, 'engine' | 'replayCommand'>,
): Counterexample {
  const { kernels, pin } = subject;
  const own = kernels.find((k) => k.name === kernel) ?? kernels[kernels.length - 1];
  const other = own === kernels[0] ? kernels[kernels.length - 1] : kernels[0];
  const sides = other === own ? [own] : [other, own];
  const { scenario, events, message, foundAt } = example;
  // WHY only when somebody reads it: most are not printed, and running them again takes longer than all the rest here
  let told: TranscriptStep[] | null = null;
  const bare = { property, kernel, message, scenario, events, foundAt };
  const known = other === own ? bare : { ...bare, against: other.name };
  return {
    ...known,
    get transcript() {
      told ??= transcriptOf(tools.engine, pin, sides, scenario, events);
      return told;
    },
    replay: tools.replayCommand(known),
  };
}

/** One line, most telling property first, of the series' own kernel. */
function evidenceLine(subject: Subject, properties: readonly PropertyResult[]): string {
  const own = subject.kernels[subject.kernels.length - 1].name;
  const due = askedOf(properties, own);
  const asked = due.filter((p) => p.verdicts[own] !== undefined);
  if (asked.length === 0) return '';
  const verdict = worst(asked.map((p) => p.verdicts[own]));
  const shown = asked.find((p) => p.verdicts[own] === verdict) ?? asked[0];
  const name = asked.length > 1 ? `${shown.id}: ` : '';
  const rest = properties.length - due.length;
  return `${name}${evidenceWords(shown, own, verdict)}${rest === 0 ? '' : `; ${rest} of ${properties.length} not its own`}`;
}

function evidenceWords(p: PropertyResult, kernel: string, verdict: ReportVerdict): string {
  const { runs, reached, exhaustive, note } = p.evidence[kernel];
  const scope = exhaustive === undefined ? '' : `${exhaustive.states} states to depth ${exhaustive.depth}`;
  const all = exhaustive?.complete === true ? `all ${scope}` : scope;
  const seen = [all, runs > 0 ? `${runs} runs` : ''].filter((part) => part !== '').join(', ');
  switch (verdict) {
    case 'unpromised':
    case 'refuted': {
      const n = p.counterexample?.events.length;
      if (n === undefined || runs === 0) return note?.split(':')[0] ?? '';
      return `${n} event${n === 1 ? '' : 's'}`;
    }
    case 'holds': {
      const n = p.witness?.events.length;
      if (p.word === 'sometimes' && n !== undefined) return `reached in ${n} event${n === 1 ? '' : 's'}`;
      return `${seen}, case seen ${reached}x`;
    }
    case 'skipped':
      return note ?? '';
    default:
      return seen === '' ? (note ?? '') : `never in ${seen}`;
  }
}

/**
 * Verdicts that are not the recorded ones. Fewer runs than those that were made for the record may see less: then only a
 * verdict that says more is another one.
 */
function changedIn(claims: readonly ClaimResult[], { runs }: CheckSettings): CheckReport['changed'] {
  const fewer = runs !== undefined && runs < ASK_DEFAULTS.runs;
  const saysLess = (expected: ReportVerdict, found: ReportVerdict): boolean =>
    found === 'vacuous' || found === 'unreachable' || (found === 'holds' && expected === 'refuted');
  return claims.flatMap((claim) =>
    claim.properties.flatMap(({ id, verdicts, recorded }) =>
      Object.entries(verdicts).flatMap(([kernel, found]) => {
        const expected = recorded[kernel];
        const same = expected === found || (expected === 'refuted' && found === 'unpromised');
        return expected === undefined || same || (fewer && saysLess(expected, found))
          ? []
          : [{ property: id, kernel, recorded: expected, found }];
      }),
    ),
  );
}
