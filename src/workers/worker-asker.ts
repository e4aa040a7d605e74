// SPDX-License-Identifier: GPL-2.0-only
/** An asker that spreads questions over threads. What is answered does not depend on who answers. */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { BadInput } from '../base/faults.js';
import type { Answer } from '../explore/ask.js';
import type { Asker } from '../explore/asker.js';
import type { SubjectSpec } from '../loader/check-subject.js';
import type { Measures } from '../report/check-report.js';
import type { Done, Job, WorkerStart } from './check-worker.js';
import { type ModuleCoverage, mergedCoverage, unreachedIn } from './coverage.js';

type Int64 = WorkerStart['int64'];
type Kind = 'number' | 'counted' | 'checked';

/** Threads that began alike, and what waits for them. */
interface Pool {
  threads: Thread[];
  queue: Waiting[];
  /** what threads had answered that stalled afterwards */
  lost: Job[];
  start: Omit<WorkerStart, 'counts'>;
}

/** s without an event: a thread is looked at twice then, once with loops that are counted. */
const STALLED_S = { plain: 5, guarded: 120 };

interface Waiting {
  job: Job;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** One thread and what it works at. */
class Thread {
  readonly #worker: Worker;
  #at: Waiting | null = null;
  /** why it answers no more */
  #ended: ((at: Waiting) => Error) | null = null;
  /** what it has answered: gone with it is what it counted */
  readonly answered: Job[] = [];
  readonly #counts = new Int32Array(new SharedArrayBuffer(4));
  readonly #watch: NodeJS.Timeout;

  /** `stalled` is called with what it was at when it ended for want of an event; it may be asked of another. */
  constructor(start: Omit<WorkerStart, 'counts'>, idle: () => void, stalled: (thread: Thread, at: Waiting) => void) {
    const workerData: WorkerStart = { ...start, counts: this.#counts };
    this.#worker = new Worker(new URL('./check-worker.js', import.meta.url), { workerData });
    const patience = start.guarded ? STALLED_S.guarded : STALLED_S.plain;
    let seen = 0;
    let quiet = 0;
    this.#watch = setInterval(() => {
      const count = Atomics.load(this.#counts, 0);
      const works = count > 0 && this.#at !== null && this.#at.job.kind !== 'coverage';
      quiet = works && count === seen ? quiet + 1 : 0;
      seen = count;
      if (quiet < patience) return;
      if (start.guarded) this.#over((at) => fault(patch, at, 'a patch whose every event ends', `none in ${quiet} s`));
      else this.#stalled(stalled);
      void this.end();
    }, 1000);
    this.#watch.unref();
    this.#worker.on('message', (done: Done) => {
      const at = this.#at;
      this.#at = null;
      if (at !== null) this.answered.push(at.job);
      if (at !== null) settle(at, done);
      idle();
    });
    const patch = start.spec.series;
    this.#worker.on('error', (e: NodeJS.ErrnoException) => {
      const full = e.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#over((at) => (full ? fault(patch, at, 'a patch that runs in the memory of a thread', 'none left') : e));
    });
    this.#worker.on('exit', () =>
      this.#over((at) => fault(patch, at, 'a patch that lets its thread go on', 'its end')),
    );
  }

  /** A thread that ends by itself: user code threw behind everybody's back, or took all memory. The first reason counts. */
  #over(why: (at: Waiting) => Error): void {
    this.#ended ??= why;
    const at = this.#at;
    this.#at = null;
    at?.reject(this.#ended(at));
  }

  #stalled(told: (thread: Thread, at: Waiting) => void): void {
    const at = this.#at;
    this.#at = null;
    if (at !== null) told(this, at);
  }

  get busy(): boolean {
    return this.#at !== null;
  }

  give(waiting: Waiting): void {
    if (this.#ended !== null) {
      waiting.reject(this.#ended(waiting));
      return;
    }
    this.#at = waiting;
    this.#worker.postMessage(waiting.job);
  }

  async end(): Promise<void> {
    clearInterval(this.#watch);
    await this.#worker.terminate();
  }
}

/** `lag.2 on v6.12.117+my-patch`: what it was at. */
function fault(patch: string, { job }: Waiting, expected: string, got: string): BadInput {
  const place = job.kind === 'ask' ? `${job.question.property} on ${job.question.kernel}` : `${job.kind} of ${patch}`;
  return new BadInput(patch, [{ code: 'thread', place, expected, got }]);
}

function settle(at: Waiting, done: Done): void {
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

export interface WorkerAskerOptions {
  spec: SubjectSpec;
  /** beginnings of the paths of files whose branches are counted */
  covered: string[];
  /** a kernel without those files: its questions go to threads that count nothing and are faster for it */
  base?: string;
  /** texts of the functions that are meant, where a file holds others as well; all that is in the files when absent */
  functions?: readonly string[];
  /** paths of branches are shown relative to it */
  root: string;
  threads?: number;
}

/** Gives what waits to threads, and begins those: at most so many at work, besides the one of the checked kind. */
function pumpOf(pools: Readonly<Record<Kind, Pool>>, threads: number): () => void {
  const atWork = (kind: Kind): number => pools[kind].threads.filter((t) => t.busy).length;
  /** How many threads of the kind may be at work now. */
  const most = (kind: Kind): number => {
    if (kind === 'checked') return 1;
    const other = kind === 'number' ? 'counted' : 'number';
    // WHY half where the other waits as well: each kind keeps V8's inline caches on one kernel
    const share = kind === 'number' ? threads >> 1 : threads - (threads >> 1);
    const kept = pools[other].queue.length > 0 ? Math.max(1, share) : threads;
    return Math.max(1, Math.min(kept, threads - atWork(other)));
  };
  const pumpOne = (kind: Kind): void => {
    const pool = pools[kind];
    while (pool.queue.length > 0 && atWork(kind) < most(kind)) {
      let thread = pool.threads.find((t) => !t.busy);
      if (thread === undefined) {
        thread = new Thread(pool.start, pump, (dead, at) => {
          pool.threads.splice(pool.threads.indexOf(dead), 1);
          pool.lost.push(...dead.answered);
          pool.start = { ...pool.start, guarded: true };
          pool.queue.unshift(at);
          pump();
        });
        pool.threads.push(thread);
      }
      thread.give(pool.queue.shift() as Waiting);
    }
  };
  let due = false;
  // WHY later: questions come in one go, and who waits is known when all have come
  const pump = (): void => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      for (const kind of ['counted', 'number', 'checked'] as const) pumpOne(kind);
    });
  };
  return pump;
}

/**
 * As many threads at work as there are CPUs, begun when a question of their kind waits and a CPU is free: half of them for
 * the base as long as it has questions, all for the others after that. One more settles 64-bit integers otherwise.
 */
export function workerAsker(options: WorkerAskerOptions): Asker {
  const { spec, covered, base = '', functions, root, threads = Math.min(8, availableParallelism()) } = options;
  const counting = covered.length > 0;
  const poolOf = (int64: Int64, counted: string[]): Pool => ({
    threads: [],
    queue: [],
    lost: [],
    start: { spec, int64, covered: counted, base, guarded: false },
  });
  const pools: Record<Kind, Pool> = {
    number: poolOf('number', []),
    counted: poolOf('number', covered),
    checked: poolOf('checked', covered),
  };
  const kindOf = (kernel: string, int64: Int64): Kind => {
    if (int64 === 'checked') return 'checked';
    return counting && kernel !== base ? 'counted' : 'number';
  };
  let next = 0;

  const pump = pumpOf(pools, threads);
  type NewJob = Job extends infer J ? (J extends Job ? Omit<J, 'id'> : never) : never;
  const run = (kind: Kind, job: NewJob): Promise<unknown> =>
    new Promise((resolve, reject) => {
      pools[kind].queue.push({ job: { ...job, id: next++ } as Job, resolve, reject });
      pump();
    });
  const coverageOf = (thread: Thread): Promise<unknown> =>
    new Promise((resolve, reject) => {
      thread.give({ job: { id: next++, kind: 'coverage' }, resolve, reject });
    });
  const all = (kinds: readonly Kind[]): Thread[] => kinds.flatMap((kind) => pools[kind].threads);

  return {
    ask: (question) => run(kindOf(question.kernel, question.int64), { kind: 'ask', question }) as Promise<Answer>,
    measure: (kernel, variation) =>
      run(kindOf(kernel, 'number'), { kind: 'measure', kernel, variation }) as Promise<Measures>,
    samples: (kernel, isStatic) =>
      run(kindOf(kernel, 'number'), { kind: 'samples', kernel, isStatic }) as Promise<number[][]>,
    unreached: async () => {
      if (!counting) return [];
      const again = (['counted', 'checked'] as const).flatMap((kind) =>
        pools[kind].lost.splice(0).map((job) => run(kind, job)),
      );
      await Promise.all(again);
      const found = (await Promise.all(all(['counted', 'checked']).map(coverageOf))) as ModuleCoverage[][];
      const merged = mergedCoverage(found)
        .sort((a, b) => (a.file < b.file ? -1 : 1))
        .map((module) => (functions === undefined ? module : within(module, functions)));
      return unreachedIn(merged, (file) => relative(root, file));
    },
    close: async () => {
      await Promise.all(all(['number', 'counted', 'checked']).map((t) => t.end()));
    },
  };
}

/** The module's gaps inside functions of these texts. */
function within(module: ModuleCoverage, functions: readonly string[]): ModuleCoverage {
  const spans = functions.flatMap((text): [number, number][] => {
    const start = module.text.indexOf(text);
    return start < 0 ? [] : [[start, start + text.length]];
  });
  return { ...module, gaps: module.gaps.filter(([a, b]) => spans.some(([start, end]) => a >= start && b <= end)) };
}
