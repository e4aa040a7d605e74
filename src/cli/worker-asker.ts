// SPDX-License-Identifier: GPL-2.0-only
/** An asker that spreads questions over threads. What is answered does not depend on who answers. */
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Answer } from '../../properties/run/ask.js';
import type { Asker } from '../../properties/run/asker.js';
import type { Measures } from '../report/check-report.js';
import type { SubjectSpec } from './check-subject.js';
import type { Done, Job, WorkerStart } from './check-worker.js';
import { type ModuleCoverage, mergedCoverage, unreachedIn } from './coverage.js';

type Int64 = WorkerStart['int64'];

interface Waiting {
  job: Job;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** One thread and what it works at. */
class Thread {
  readonly #worker: Worker;
  #at: Waiting | null = null;

  constructor(start: WorkerStart, idle: () => void) {
    this.#worker = new Worker(new URL('./check-worker.js', import.meta.url), { workerData: start });
    this.#worker.on('message', (done: Done) => {
      const at = this.#at;
      this.#at = null;
      if (at !== null) settle(at, done);
      idle();
    });
    this.#worker.on('error', (e) => {
      this.#at?.reject(e instanceof Error ? e : new Error(String(e)));
      this.#at = null;
    });
  }

  get busy(): boolean {
    return this.#at !== null;
  }

  give(waiting: Waiting): void {
    this.#at = waiting;
    this.#worker.postMessage(waiting.job);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function settle(at: Waiting, done: Done): void {
  if ('result' in done) {
    at.resolve(done.result);
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
  /** texts of the functions that are meant, where a file holds others as well; all that is in the files when absent */
  functions?: readonly string[];
  /** paths of branches are shown relative to it */
  root: string;
  threads?: number;
}

/** As many threads as there are CPUs, begun when the first question of their kind comes. */
export function workerAsker(options: WorkerAskerOptions): Asker {
  const { spec, covered, functions, root, threads = Math.min(8, availableParallelism()) } = options;
  const pools: Record<Int64, Thread[]> = { number: [], checked: [] };
  const queues: Record<Int64, Waiting[]> = { number: [], checked: [] };
  let next = 0;

  const pump = (kind: Int64): void => {
    const pool = pools[kind];
    while (queues[kind].length > 0) {
      let thread = pool.find((t) => !t.busy);
      if (thread === undefined && pool.length < threads) {
        thread = new Thread({ spec, int64: kind, covered }, () => pump(kind));
        pool.push(thread);
      }
      if (thread === undefined) return;
      thread.give(queues[kind].shift() as Waiting);
    }
  };
  type NewJob = Job extends infer J ? (J extends Job ? Omit<J, 'id'> : never) : never;
  const run = (kind: Int64, job: NewJob): Promise<unknown> =>
    new Promise((resolve, reject) => {
      queues[kind].push({ job: { ...job, id: next++ } as Job, resolve, reject });
      pump(kind);
    });
  const coverageOf = (thread: Thread): Promise<unknown> =>
    new Promise((resolve, reject) => {
      thread.give({ job: { id: next++, kind: 'coverage' }, resolve, reject });
    });
  const all = (): Thread[] => [...pools.number, ...pools.checked];

  return {
    ask: (question) => run(question.int64, { kind: 'ask', question }) as Promise<Answer>,
    measure: (kernel) => run('number', { kind: 'measure', kernel }) as Promise<Measures>,
    unreached: async () => {
      if (covered.length === 0) return [];
      const found = (await Promise.all(all().map(coverageOf))) as ModuleCoverage[][];
      const merged = mergedCoverage(found)
        .sort((a, b) => (a.file < b.file ? -1 : 1))
        .map((module) => (functions === undefined ? module : within(module, functions)));
      return unreachedIn(merged, (file) => relative(root, file));
    },
    close: async () => {
      await Promise.all(all().map((t) => t.end()));
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
