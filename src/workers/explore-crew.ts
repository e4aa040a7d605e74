// SPDX-License-Identifier: GPL-2.0-only
/** Threads that expand states for a search. Each does what it is given in order; who does what makes no difference. */
import { Worker } from 'node:worker_threads';
import { BadInput } from '../base/faults.js';
import type { ExpandCrew, Expansion, Task } from '../explore/expansion.js';
import type { ExploreDone, ExploreStart } from './explore-worker.js';

/** tasks that a thread has, at work or waiting, so that it is never without */
const AHEAD = 2;

interface Waiting {
  resolve(done: Expansion): void;
  reject(error: Error): void;
}

export function exploreCrew(start: ExploreStart, threads: number): ExpandCrew & { close(): Promise<void> } {
  const members = Array.from({ length: threads }, () => member(start));
  let turn = 0;
  return {
    width: AHEAD * threads,
    expand: (task) => members[turn++ % threads].expand(task),
    close: async () => {
      await Promise.all(members.map((it) => it.close()));
    },
  };
}

function member(start: ExploreStart): { expand(task: Task): Promise<Expansion>; close(): Promise<number> } {
  const worker = new Worker(new URL('./explore-worker.js', import.meta.url), { workerData: start });
  const waiting: Waiting[] = [];
  let ended: Error | null = null;
  const over = (error: Error): void => {
    ended ??= error;
    for (const it of waiting.splice(0)) it.reject(ended);
  };
  worker.on('message', (done: ExploreDone) => {
    const first = waiting.shift();
    if ('expansion' in done) first?.resolve(done.expansion);
    else if ('faults' in done) first?.reject(new BadInput(done.faults.input, done.faults.faults));
    else first?.reject(Object.assign(new Error(done.error.message), { stack: done.error.stack }));
  });
  worker.on('error', over);
  worker.on('exit', () => over(new Error('a thread of the search ended')));
  return {
    expand: (task) =>
      new Promise((resolve, reject) => {
        if (ended !== null) {
          reject(ended);
          return;
        }
        waiting.push({ resolve, reject });
        worker.postMessage(task);
      }),
    close: () => worker.terminate(),
  };
}
