// SPDX-License-Identifier: GPL-2.0-only
/**
 * A campaign: epochs of lanes, each lane one property's, done by whoever is free and merged in the order of the lanes. So what it
 * finds depends on the seed and on how far it goes, and not on how many work at it.
 */
import { defined } from '../base/defined.js';
import { mix32 } from '../machine/rng.js';
import { causeOf } from './cause.js';
import type { Finding } from './finding.js';
import { addReached, distanceOf, FAR, type Reached } from './focus.js';
import { BESIDE, type Entry, type KeptEntry, type Raw } from './input.js';
import { Knowledge } from './knowledge.js';
import type { LaneJob, LaneResult } from './lane.js';

/** Who works: this thread, or several. */
export interface Crew {
  lane(job: LaneJob): Promise<LaneResult>;
  shorten(raw: Raw): Promise<Finding>;
  /** what earlier campaigns kept, run again here: what each is worth, null where it no longer runs */
  again(entries: readonly Entry[]): Promise<Reran[]>;
  /** everybody knows it before the next lane begins */
  learn(kept: readonly KeptEntry[]): void;
  close(): Promise<void>;
}

/** An entry of a corpus, run again. */
export interface Reran {
  kept: KeptEntry | null;
  raw: Raw | null;
  /** why it did not run */
  why: string;
}

export interface Plan {
  /** ids, in the order in which they are asked */
  properties: readonly string[];
  seed: number;
  /** of all lanes, those of other shards among them; each goes on to the end of its last run. No limit when absent */
  events?: number;
  guided: boolean;
  /** properties whose runs are long ones: programs decide */
  long?: ReadonlySet<string>;
  /** only the lanes of this part, `index` from 0 */
  shard?: { index: number; of: number };
  /** entries of earlier campaigns, findings first */
  corpus?: readonly Entry[];
  /** ends with the first finding of which this is true */
  enough?(finding: Finding): boolean;
}

export interface Found extends Finding {
  /** how often it was seen, before it was shrunk */
  seen: number;
  /** events of the campaign until it was seen first, to the end of its lane's part before it */
  after: number;
  /** seconds into the campaign; 0 without a clock */
  seconds: number;
}

export interface Moment {
  events: number;
  seconds: number;
  branches: number;
  pairs: number;
  states: number;
  corpus: number;
  findings: number;
}

export interface Summary {
  runs: number;
  events: number;
  /** by property: runs and how often its case was reached */
  asked: Map<string, { runs: number; reached: number }>;
  notModelled: number;
  notModelledWhat: string;
  findings: Found[];
  curve: Moment[];
  knowledge: Knowledge;
  /** entries of the corpus that did not run, and why */
  refused: { entry: Entry; why: string }[];
  stopped: 'events' | 'time' | 'interrupted' | 'enough';
}

export interface Hooks {
  /** seconds since some moment */
  now?(): number;
  /** seconds it may take */
  seconds?: number;
  interrupted?: Promise<unknown>;
  found?(finding: Found): void;
  kept?(entry: KeptEntry): void;
  progress?(moment: Moment): void;
  /** C beside the campaign: a run that was kept, held against it; null where they agree. What is known already is not shrunk */
  beside?(entry: Entry, isKnown: (cause: string) => boolean): Promise<Finding | null>;
}

/** Events of a lane, epoch by epoch: everything is asked soon, and longer later. */
const LANE_EVENTS = [60, 120, 250, 500, 1000, 2000];
/** Before them, where something goes by it: a look at every world, in runs so short. */
const LOOK = 24;
/** what is done where nothing of the series is reached: of so many epochs, one */
const ELSEWHERE = 4;
/** ... from which on those are asked whose runs are that long */
const LONG_LANE = 500;

export async function runCampaign(plan: Plan, crew: Crew, hooks: Hooks = {}): Promise<Summary> {
  return new Campaign(plan, crew, hooks).run();
}

class Campaign {
  private readonly out: Summary;
  private readonly byKey = new Map<string, Found>();
  private readonly byCause = new Map<string, Found>();
  private readonly began: number;
  private over: Summary['stopped'] | null = null;
  /** by property: how its runs got to what the series brings */
  private readonly reached = new Map<string, Reached>();
  /** events of all lanes so far, this shard's and the others' */
  private planned = 0;

  constructor(
    private readonly plan: Plan,
    private readonly crew: Crew,
    private readonly hooks: Hooks,
  ) {
    this.began = hooks.now?.() ?? 0;
    void hooks.interrupted?.then(() => {
      this.over = 'interrupted';
    });
    this.out = {
      runs: 0,
      events: 0,
      asked: new Map(),
      notModelled: 0,
      notModelledWhat: '',
      findings: [],
      curve: [],
      knowledge: new Knowledge(),
      refused: [],
      stopped: 'events',
    };
  }

  async run(): Promise<Summary> {
    await this.begin();
    for (let epoch = 0; this.over === null; epoch++) {
      const before = this.planned;
      const jobs = this.jobsOf(epoch);
      if (this.planned === before && epoch > LANE_EVENTS.length) break;
      if (jobs.length === 0) continue;
      const results = await this.unlessInterrupted(Promise.all(jobs.map((job) => this.crew.lane(job))));
      if (results === null) break;
      await this.merge(jobs, results);
      this.moment();
      if (this.isLate()) this.over ??= 'time';
    }
    this.out.stopped = this.over ?? 'events';
    return this.out;
  }

  private isLate(): boolean {
    const { seconds } = this.hooks;
    return seconds !== undefined && this.elapsed() >= seconds;
  }

  private elapsed(): number {
    return (this.hooks.now?.() ?? 0) - this.began;
  }

  /** Nobody waits for who is still at work then. */
  private async unlessInterrupted<T>(work: Promise<T>): Promise<T | null> {
    const { interrupted } = this.hooks;
    if (interrupted === undefined) return work;
    work.catch(() => undefined);
    const first = await Promise.race([work.then((value) => ({ value })), interrupted.then(() => null)]);
    return first === null ? null : first.value;
  }

  /** What earlier campaigns left: their findings first. */
  private async begin(): Promise<void> {
    const { corpus: all = [] } = this.plan;
    await this.beside(all);
    const corpus = all.filter(({ property }) => property !== BESIDE);
    if (corpus.length === 0) return;
    const reran = await this.unlessInterrupted(this.crew.again(corpus));
    if (reran === null) return;
    const raws: Raw[] = [];
    const kept: KeptEntry[] = [];
    reran.forEach((it, i) => {
      if (it.kept === null && it.raw === null) this.out.refused.push({ entry: corpus[i], why: it.why });
      if (it.raw !== null) raws.push(it.raw);
      const taken = it.kept === null ? null : this.out.knowledge.take(it.kept);
      if (taken !== null) kept.push(taken);
    });
    this.crew.learn(kept);
    await this.take(raws);
    this.moment();
  }

  /**
   * Lanes of an epoch. WHY counted as planned, a lane being over when its last run is: shards divide the lanes of one campaign
   * among them, and have to agree on which there are.
   */
  private jobsOf(epoch: number): LaneJob[] {
    const { properties, seed, guided, shard, events, long } = this.plan;
    const isLook = guided && epoch === 0;
    const at = guided ? epoch - 1 : epoch;
    const budget = isLook ? LOOK : LANE_EVENTS[Math.min(at, LANE_EVENTS.length - 1)];
    const jobs: LaneJob[] = [];
    properties.forEach((property, i) => {
      if (long?.has(property) === true && budget < LONG_LANE) return;
      const left = (events ?? Number.POSITIVE_INFINITY) - this.planned;
      if (left <= 0) return;
      this.planned += Math.min(budget, left);
      if (shard !== undefined && (epoch + i) % shard.of !== shard.index) return;
      const job = { property, seed: mix32((seed + epoch * 0x1_0001 + i) | 0), events: Math.min(budget, left), guided };
      jobs.push(isLook ? { ...job, most: LOOK } : job);
    });
    return guided ? this.focused(jobs, epoch) : jobs;
  }

  /**
   * The same events where the series is reached: a run that enters nothing of it does what the base does. Now and then the others
   * have their turn, for more may lead there than was seen; so have those that were not asked yet.
   */
  private focused(jobs: LaneJob[], epoch: number): LaneJob[] {
    const near = ({ property }: LaneJob): number => FAR + 1 - distanceOf(this.reached.get(property));
    const there = jobs.filter((job) => near(job) > 0).sort((a, b) => near(b) - near(a));
    if (there.length === 0) return jobs;
    const others = jobs.filter(
      (job, i) => near(job) === 0 && (!this.reached.has(job.property) || (epoch + i) % ELSEWHERE === 0),
    );
    const events = (list: readonly LaneJob[], of: (job: LaneJob) => number): number =>
      list.reduce((sum, job) => sum + of(job) * job.events, 0);
    const all = (): number => 1;
    const share = (events(jobs, all) - events(others, all)) / Math.max(1, events(there, near));
    const more = (job: LaneJob): LaneJob => ({
      ...job,
      events: Math.ceil(job.events * near(job) * share),
      ...defined({ reached: this.reached.get(job.property) }),
    });
    return [...there.map(more), ...others];
  }

  private async merge(jobs: readonly LaneJob[], results: readonly LaneResult[]): Promise<void> {
    const { out } = this;
    const raws: Raw[] = [];
    const kept: KeptEntry[] = [];
    results.forEach((result, i) => {
      for (const raw of result.raws) raws.push({ ...raw, after: out.events + raw.after });
      out.runs += result.runs;
      out.events += result.events;
      if (out.notModelled === 0) out.notModelledWhat = result.notModelledWhat;
      out.notModelled += result.notModelled;
      const asked = out.asked.get(jobs[i].property) ?? { runs: 0, reached: 0 };
      out.asked.set(jobs[i].property, {
        runs: asked.runs + result.runs,
        reached: asked.reached + result.reached,
      });
      const { property } = jobs[i];
      this.reached.set(property, addReached(this.reached.get(property) ?? {}, result.there));
      for (const entry of result.kept) {
        const taken = out.knowledge.take(entry);
        if (taken === null) continue;
        kept.push(taken);
        this.hooks.kept?.(taken);
      }
    });
    this.crew.learn(kept);
    await this.take(raws);
    await this.beside(kept);
  }

  /** In the order in which they were kept, so that a seed says what is found. */
  private async beside(entries: readonly Entry[]): Promise<void> {
    const { beside } = this.hooks;
    if (beside === undefined) return;
    for (const entry of entries) {
      if (this.over !== null) return;
      const finding = await beside(entry, (cause) => this.byCause.has(cause));
      if (finding !== null) this.found(finding, 1, this.out.events);
    }
  }

  /** Shrinks what is new, in order; the rest only counts. */
  private async take(raws: readonly Raw[]): Promise<void> {
    const fresh: Raw[] = [];
    for (const raw of raws) {
      const known = this.byKey.get(raw.key);
      if (known !== undefined) known.seen += raw.seen;
      else if (!fresh.some((it) => it.key === raw.key)) fresh.push(raw);
    }
    const short = await this.unlessInterrupted(Promise.all(fresh.map((raw) => this.crew.shorten(raw))));
    // of what was found in the moment of the interrupt the unshrunk is better than nothing
    const found = short ?? fresh.map((raw) => asSeen(raw));
    for (const [i, raw] of fresh.entries()) this.add(raw, found[i]);
    for (const raw of raws) {
      if (fresh.includes(raw)) continue;
      const known = this.byKey.get(raw.key);
      if (known !== undefined && fresh.some((it) => it.key === raw.key)) known.seen += raw.seen;
    }
  }

  private add(raw: Raw, finding: Finding): void {
    this.byKey.set(raw.key, this.found(finding, raw.seen, raw.after));
  }

  /** The finding that it is, which may be known. */
  private found(finding: Finding, seen: number, after: number): Found {
    const known = this.byCause.get(finding.cause);
    if (known !== undefined) {
      known.seen += seen;
      return known;
    }
    const seconds = Math.round(this.elapsed() * 10) / 10;
    const found: Found = { ...finding, seen, after, seconds };
    this.byCause.set(finding.cause, found);
    this.out.findings.push(found);
    this.hooks.found?.(found);
    if (this.plan.enough?.(found) === true) this.over ??= 'enough';
    return found;
  }

  private moment(): void {
    const { events, knowledge, findings, curve } = this.out;
    const moment: Moment = {
      events,
      seconds: Math.round(this.elapsed() * 10) / 10,
      branches: knowledge.branches.size,
      pairs: knowledge.pairCount,
      states: knowledge.stateCount,
      corpus: knowledge.entries,
      findings: findings.length,
    };
    curve.push(moment);
    this.hooks.progress?.(moment);
  }
}

/** A failure that nobody has shrunk. */
function asSeen({ property, scenario, events, message }: Raw): Finding {
  const fn = events.at(-1)?.ev ?? 'boot';
  const cause = causeOf(property, message, scenario, fn);
  return { property, scenario, events, message, fn, onBase: false, cause, foundAt: events.length };
}
