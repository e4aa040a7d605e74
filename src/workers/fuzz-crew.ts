// SPDX-License-Identifier: GPL-2.0-only
/** Threads that do the jobs of a campaign; which of them does one makes no difference to what comes of it. */
import { Worker } from 'node:worker_threads';
import { BadInput } from '../base/faults.js';
import type { Site } from '../fuzz/branch-counts.js';
import type { Crew, Reran } from '../fuzz/campaign.js';
import type { Finding } from '../fuzz/finding.js';
import type { Entry, KeptEntry } from '../fuzz/input.js';
import type { LaneResult } from '../fuzz/lane.js';
import type { Score } from '../fuzz/score.js';
import type { FuzzSpec } from '../loader/fuzz-subject.js';
import type { FuzzDone, FuzzJob, FuzzStart } from './fuzz-worker.js';

type Int64 = FuzzStart['int64'];
type NewJob = FuzzJob extends infer J ? (J extends FuzzJob ? Omit<J, 'id' | 'kept'> : never) : never;

interface Waiting {
  job: NewJob;
  /** what it works at, for who reads an error */
  at: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** s without an event: a thread is ended then, and another does its job with loops that are counted; once */
const STALLED_S = { plain: 10, guarded: 120 };
/** entries of a corpus that a thread runs again in one go */
const AGAIN = 64;

export interface CrewOptions {
  spec: FuzzSpec;
  threads: number;
  /** the target is a user's file */
  isFile: boolean;
  /** branches are counted: what a guided campaign goes by */
  counted: boolean;
  /** whether the property is asked where 64-bit operations are checked */
  int64Of(property: string): Int64;
}

export interface ThreadCrew extends Crew {
  /** the same asked as `check` does, in a thread of the first kind */
  check(seed: number, events: number): Promise<Score>;
  explore(states: number): Promise<Score>;
  /** the next campaign begins with nothing; to be called between two */
  forget(): Promise<void>;
  /** every branch that there is, by file */
  sites(): Promise<{ file: string; sites: Site[] }[]>;
}

class Pool {
  private readonly queue: Waiting[] = [];
  private readonly threads: Thread[] = [];

  constructor(
    private start: Omit<FuzzStart, 'counts'>,
    private readonly most: number,
    private readonly log: readonly KeptEntry[],
  ) {}

  run(job: NewJob, at: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.queue.push({ job, at, resolve, reject });
      this.pump();
    });
  }

  /** Of every thread that has begun; none is at work. */
  async forget(): Promise<void> {
    await Promise.all(
      this.threads.map(
        (thread) =>
          new Promise((resolve, reject) => {
            thread.forget({ job: { kind: 'forget' }, at: 'a thread', resolve, reject });
          }),
      ),
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.threads.map((it) => it.end()));
  }

  /** A loop of the kernel has no end: whoever does the job now finds the place. */
  private stalled(thread: Thread, at: Waiting): void {
    this.threads.splice(this.threads.indexOf(thread), 1);
    this.start = { ...this.start, guarded: true };
    this.queue.unshift(at);
    this.pump();
  }

  private pump(): void {
    while (this.queue.length > 0) {
      let thread = this.threads.find((it) => !it.busy);
      if (thread === undefined && this.threads.length < this.most) {
        thread = new Thread(
          this.start,
          this.log,
          () => this.pump(),
          (dead, at) => this.stalled(dead, at),
        );
        this.threads.push(thread);
      }
      if (thread === undefined) return;
      thread.give(this.queue.shift() as Waiting);
    }
  }
}

class Thread {
  private readonly worker: Worker;
  private readonly counts = new Int32Array(new SharedArrayBuffer(4));
  private readonly watch: NodeJS.Timeout;
  private at: Waiting | null = null;
  private ended: Error | null = null;
  /** of the log: what it was told */
  private told = 0;
  private next = 0;

  constructor(
    start: Omit<FuzzStart, 'counts'>,
    private readonly log: readonly KeptEntry[],
    idle: () => void,
    stalled: (thread: Thread, at: Waiting) => void,
  ) {
    const patience = start.guarded ? STALLED_S.guarded : STALLED_S.plain;
    const workerData: FuzzStart = { ...start, counts: this.counts };
    this.worker = new Worker(new URL('./fuzz-worker.js', import.meta.url), { workerData });
    this.worker.on('message', (done: FuzzDone) => {
      const { at } = this;
      this.at = null;
      if (at !== null) settle(at, done);
      idle();
    });
    this.worker.on('error', (e: Error) => this.over(e));
    this.worker.on('exit', () => this.over(this.fault('its end')));
    let [seen, quiet] = [0, 0];
    this.watch = setInterval(() => {
      const count = Atomics.load(this.counts, 0);
      quiet = this.at !== null && count > 0 && count === seen ? quiet + 1 : 0;
      seen = count;
      if (quiet < patience) return;
      const { at } = this;
      if (start.guarded || at === null) this.over(this.fault(`no event in ${quiet} s`));
      else {
        this.at = null;
        stalled(this, at);
      }
      void this.end();
    }, 1000);
    this.watch.unref();
  }

  get busy(): boolean {
    return this.at !== null;
  }

  give(waiting: Waiting): void {
    if (this.ended !== null) {
      waiting.reject(this.ended);
      return;
    }
    this.at = waiting;
    const kept = this.log.slice(this.told);
    this.told = this.log.length;
    this.worker.postMessage({ ...waiting.job, id: this.next++, kept });
  }

  forget(waiting: Waiting): void {
    this.told = 0;
    this.give(waiting);
  }

  async end(): Promise<void> {
    clearInterval(this.watch);
    await this.worker.terminate();
  }

  private fault(got: string): Error {
    const place = this.at?.at ?? 'a thread';
    return new BadInput('campaign', [{ code: 'thread', place, expected: 'code that lets its thread go on', got }]);
  }

  private over(why: Error): void {
    this.ended ??= why;
    const { at } = this;
    this.at = null;
    at?.reject(this.ended);
  }
}

function settle(at: Waiting, done: FuzzDone): void {
  if ('result' in done) {
    at.resolve(done.result);
    return;
  }
  if ('faults' in done) {
    at.reject(new BadInput(done.faults.input, done.faults.faults));
    return;
  }
  const error = new Error(done.error.message);
  error.name = done.error.name;
  error.stack = done.error.stack;
  at.reject(error);
}

/** Threads begin when there is work for them. One more settles 64-bit integers otherwise, where a property needs that. */
export function threadCrew(options: CrewOptions): ThreadCrew {
  const { spec, threads, isFile, counted, int64Of } = options;
  const log: KeptEntry[] = [];
  const start = { spec, counted, guarded: isFile };
  const pools: Record<Int64, Pool> = {
    number: new Pool({ ...start, int64: 'number' }, threads, log),
    checked: new Pool({ ...start, int64: 'checked' }, 1, log),
  };
  const run = (property: string, job: NewJob): Promise<unknown> => pools[int64Of(property)].run(job, property);
  return {
    lane: (job) => run(job.property, { kind: 'lane', job }) as Promise<LaneResult>,
    shorten: (raw) => run(raw.property, { kind: 'shorten', raw }) as Promise<Finding>,
    learn: (kept) => void log.push(...kept),
    check: (seed, events) => pools.number.run({ kind: 'check', seed, events }, 'check') as Promise<Score>,
    explore: (states) => pools.number.run({ kind: 'explore', states }, 'explore') as Promise<Score>,
    forget: async () => {
      log.length = 0;
      await Promise.all([pools.number.forget(), pools.checked.forget()]);
    },
    sites: () =>
      pools.number.run({ kind: 'sites' }, 'the list of branches') as Promise<{ file: string; sites: Site[] }[]>,
    again: async (entries) => {
      const out: Reran[] = [];
      const work: Promise<void>[] = [];
      for (const int64 of ['number', 'checked'] as const) {
        const own = entries.flatMap((entry, i) => (int64Of(entry.property) === int64 ? [i] : []));
        for (let from = 0; from < own.length; from += AGAIN) {
          const some = own.slice(from, from + AGAIN);
          const job = { kind: 'again' as const, entries: some.map((i): Entry => entries[i]) };
          const ran = pools[int64].run(job, 'the corpus') as Promise<Reran[]>;
          const placed = ran.then((all) => {
            for (const [j, it] of all.entries()) out[some[j]] = it;
          });
          work.push(placed);
        }
      }
      await Promise.all(work);
      return out;
    },
    close: async () => {
      await Promise.all([pools.number.end(), pools.checked.end()]);
    },
  };
}
