// SPDX-License-Identifier: GPL-2.0-only
/**
 * A stretch of a campaign that one thread runs by itself: some events' worth of runs in one property's world. What it finds
 * depends on the job and on what was known when its epoch began, on nothing else; so jobs may be done by whoever is free.
 */
import { sample } from 'fast-check';
import type { Property } from '../../properties/vocabulary.js';
import { type CaseResult, type Course, runCase } from '../explore/case.js';
import { advanceMenu } from '../explore/decode.js';
import { Draws } from '../explore/draws.js';
import type { Engine } from '../explore/engine.js';
import { KernelBug } from '../lib/bug.js';
import { hashText, mix32 } from '../machine/rng.js';
import type { machine } from '../machine/state.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import { abstractState } from './abstract-state.js';
import { beginRun, forgetHits, hasHits, takeHits } from './branch-counts.js';
import { rawKey } from './cause.js';
import { addReached, countReached, type Entered, FAR, type Reached, steerBy, steeredOnce } from './focus.js';
import type { Draft, KeptEntry, News, Raw } from './input.js';
import { type Knowledge, THERE } from './knowledge.js';
import { mutated } from './mutate.js';

export interface LaneJob {
  property: string;
  /** 32 bits */
  seed: number;
  /** it begins no other run behind so many */
  events: number;
  /** keep what shows something new, and begin there; without, every run is drawn anew */
  guided: boolean;
  /** events of a run, at most: a look at every world before any is gone into */
  most?: number;
  /** by which events earlier runs of the property got to what the series brings */
  reached?: Reached;
}

export interface LaneResult {
  runs: number;
  events: number;
  reached: number;
  notModelled: number;
  notModelledWhat: string;
  kept: KeptEntry[];
  raws: Raw[];
  /** of runs that were drawn as the world says */
  there: Reached;
}

/** scenarios of the world that a lane draws */
const SCENARIOS = 12;
/** runs of a guided lane that begin from nothing, in 16 */
const FRESH = 6;
/** kept runs that are drawn to choose the best of */
const CANDIDATES = 3;

export function runLane(
  engine: Engine,
  kernel: Kernel,
  property: Property,
  job: LaneJob,
  known: Knowledge,
  entered: Entered | null = null,
): LaneResult {
  return new Lane(engine, kernel, property, job, known, entered).run();
}

class Lane {
  private readonly draws: Draws;
  private readonly scenarios: Scenario[];
  /** of earlier epochs: a lane alone knows too little to go by */
  private readonly seeds: KeptEntry[];
  private readonly states = new Set<number>();
  private readonly raws = new Map<string, Raw>();
  private nearest: number;
  private readonly steered: Property | null;
  private isThereKept = 0;
  private advances: readonly number[] = [];
  private readonly out: LaneResult = {
    runs: 0,
    events: 0,
    reached: 0,
    notModelled: 0,
    notModelledWhat: '',
    kept: [],
    raws: [],
    there: {},
  };

  constructor(
    private readonly engine: Engine,
    private readonly kernel: Kernel,
    private readonly property: Property,
    private readonly job: LaneJob,
    private readonly known: Knowledge,
    private readonly entered: Entered | null,
  ) {
    const steer = job.reached === undefined ? null : steerBy(job.reached);
    this.steered = steer === null ? null : steeredOnce(property, steer);
    const seed = mix32(job.seed ^ hashText(property.id));
    this.draws = new Draws(seed);
    this.scenarios = sample(property.given.scenario, { seed: seed | 0, numRuns: SCENARIOS });
    this.seeds = [...(known.corpus.get(property.id) ?? [])].flatMap((it) => this.here(it));
    this.nearest = known.nearest.get(property.id) ?? Number.POSITIVE_INFINITY;
  }

  run(): LaneResult {
    forgetHits();
    while (this.out.events < this.job.events) {
      const draft = this.next();
      const before = this.out.events;
      this.one(draft);
      // a run without an event, at boot, must not be the last one for ever
      if (this.out.events === before) this.out.events++;
    }
    this.out.raws = [...this.raws.values()];
    return this.out;
  }

  private get byPrograms(): boolean {
    const { weights, apics } = this.property.given;
    return apics === undefined && Object.values(weights).every((weight) => weight === 0);
  }

  /** WHY: a world of local APICs knows its scenarios by identity, and another's entry has a copy. */
  private here(entry: KeptEntry): KeptEntry[] {
    if (this.property.given.apics === undefined) return [entry];
    const text = JSON.stringify(entry.scenario);
    const own = this.scenarios.find((it) => JSON.stringify(it) === text);
    return own === undefined ? [] : [{ ...entry, scenario: own }];
  }

  private next(): Draft {
    const { given } = this.property;
    const scenario = this.draws.of(this.scenarios);
    if (this.byPrograms) return { scenario, items: null };
    const most = Math.min(given.length, this.job.most ?? given.length);
    const fresh = !this.job.guided || this.seeds.length === 0 || this.draws.below(16) < FRESH;
    if (!fresh) {
      if (this.advances.length === 0) {
        // a scenario may die at boot, and that is for a run to tell
        try {
          this.advances = given.advances ?? advanceMenu(this.engine.boot(this.kernel, scenario));
        } catch {
          this.advances = [1];
        }
      }
      const around = {
        advances: this.advances,
        other: this.seed(),
        scenarios: this.scenarios,
        length: Math.max(given.length, 30),
      };
      const draft = mutated(this.seed(), this.draws, around);
      if (given.keep?.(draft.scenario) !== false) return draft;
    }
    const n = this.draws.below(8) === 0 ? 1 + this.draws.below(Math.max(1, given.length >> 2)) : most;
    return { scenario, items: Array.from({ length: n }, () => this.draws.word()) };
  }

  /** Of a few, the one that most speaks for: it gets to what the series brings, it is new, it is short. */
  private seed(): KeptEntry {
    const { seeds, draws } = this;
    const worth = (at: number): number =>
      (seeds[at].isThere === true ? 1 : 0) +
      at / seeds.length -
      seeds[at].events.length / Math.max(30, this.property.given.length);
    let best = draws.below(seeds.length);
    for (let n = 1; n < CANDIDATES; n++) {
      const other = draws.below(seeds.length);
      if (worth(other) > worth(best)) best = other;
    }
    return seeds[best];
  }

  private one({ scenario, items }: Draft): void {
    const { engine, kernel, entered } = this;
    // half of them as the world says: what leads nowhere near may still be what is missing
    const isSteered = this.steered !== null && items !== null && this.draws.below(2) === 0;
    const property = isSteered ? (this.steered as Property) : this.property;
    const course: Course = items === null ? { numbers: new Uint32Array() } : { items };
    const states: number[] = [];
    let last = -1;
    let lastThere = -1;
    const distances: number[] = [];
    const observe = (m: machine, index: number): void => {
      if (entered !== null) {
        const far = entered.take();
        distances[index] = far;
        if (far === 0) lastThere = index;
      }
      const state = abstractState(m);
      const isNew = this.known.states[state] === 0 && !this.states.has(state);
      if (isNew) {
        this.states.add(state);
        states.push(state);
      }
      if (isNew || hasHits()) {
        last = index;
        const { branches, pairs } = takeHits();
        news.branches.push(...branches);
        news.pairs.push(...pairs);
      }
    };
    const news: News = { branches: [], pairs: [], states };
    const began = (): void => {
      beginRun(news);
      for (const state of states) this.states.delete(state);
      for (const list of [news.branches, news.pairs, states]) list.length = 0;
      last = -1;
      lastThere = -1;
      distances.length = 0;
      entered?.take();
    };
    let result: CaseResult;
    try {
      const guided = this.job.guided ? { began, observe } : {};
      const own = this.job.guided ? (entered?.kernel ?? kernel) : kernel;
      result = runCase({ engine, kernel: own, scenario, course, property, witness: true, ...guided });
    } catch (thrown) {
      // a kernel that dies at boot has nothing to run on
      if (!(thrown instanceof KernelBug)) throw thrown;
      this.out.runs++;
      this.failed(scenario, [], `dies at boot: ${thrown.message}`);
      return;
    }
    this.counted(result);
    if (entered !== null && !isSteered) this.lookedAt(result, distances);
    if (result.failure !== null) this.failed(scenario, result.events, result.failure.message);
    else if (this.job.guided) this.keep(scenario, result, news, [last, lastThere]);
  }

  private lookedAt({ events }: CaseResult, distances: readonly number[]): void {
    const reached: Record<string, number[]> = {};
    events.forEach(({ ev }, i) => {
      countReached(reached, ev, distances[i] ?? FAR + 1);
    });
    this.out.there = addReached(this.out.there, reached as Reached);
  }

  private counted(result: CaseResult): void {
    this.out.runs++;
    this.out.events += result.events.length;
    this.out.reached += result.reached;
    if (result.notModelled !== null && this.out.notModelled++ === 0) this.out.notModelledWhat = result.notModelled;
  }

  private keep(scenario: Scenario, result: CaseResult, news: News, [last, lastThere]: [number, number]): void {
    const { id } = this.property;
    const isNearer = result.nearest < this.nearest;
    const isThere = lastThere >= 0 && this.isThereKept < THERE && this.known.wantsThere(id);
    if (last < 0 && !isNearer && !isThere) return;
    if (isThere) this.isThereKept++;
    const events = isNearer ? [...result.events] : result.events.slice(0, Math.max(last, isThere ? lastThere : -1) + 1);
    const nearest = isNearer ? result.nearest : null;
    if (isNearer) this.nearest = result.nearest;
    this.out.kept.push({ property: id, scenario, events, news, nearest, ...(lastThere >= 0 ? { isThere: true } : {}) });
  }

  private failed(scenario: Scenario, events: Raw['events'], message: string): void {
    const property = this.property.id;
    const key = rawKey(property, message, scenario, events.at(-1));
    const known = this.raws.get(key);
    if (known !== undefined) known.seen++;
    else this.raws.set(key, { property, scenario, events, message, key, seen: 1, after: this.out.events });
  }
}
