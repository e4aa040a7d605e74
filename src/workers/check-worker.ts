// SPDX-License-Identifier: GPL-2.0-only
/** A thread that answers questions of a check. Its 64-bit integers are settled before anything else is loaded. */
import { parentPort, workerData } from 'node:worker_threads';
import { BadInput, type Fault } from '../base/faults.js';
import type { Question } from '../explore/asker.js';
import { chooseInt64 } from '../lib/int64-choice.js';
import type { SubjectSpec } from '../loader/check-subject.js';
import { heartbeat } from '../machine/heartbeat.js';
import { Coverage } from './coverage.js';
import { guardKernelLoops } from './guard.js';

export interface WorkerStart {
  spec: SubjectSpec;
  int64: 'number' | 'checked';
  /** files whose branches are counted: beginnings of absolute paths; none, and nothing is counted */
  covered: string[];
  /** the name of a kernel without those files */
  base: string;
  /** loops of the kernel are counted, for one of them may have no end */
  guarded: boolean;
  /** events that were applied, counted for whoever watches */
  counts: Int32Array;
}

export type Job =
  | { id: number; kind: 'ask'; question: Question }
  | { id: number; kind: 'measure'; kernel: string; variation: number }
  | { id: number; kind: 'samples'; kernel: string; isStatic: boolean }
  | { id: number; kind: 'coverage' };

export type Done =
  | { id: number; result: unknown }
  | { id: number; faults: { input: string; faults: readonly Fault[] } }
  | { id: number; error: { name: string; message: string; stack: string } };

const start = workerData as WorkerStart;
const port = parentPort;
if (port === null) throw new Error('check-worker is a worker');

if (start.guarded) guardKernelLoops();
heartbeat.counts = start.counts;
const coverage = new Coverage();
chooseInt64(start.int64);
if (start.covered.length > 0) {
  // the thread that checks integers has so little to do that this would cost more than it saves
  if (start.int64 === 'number') await (await import('./warm-up.js')).warmUp(start.base);
  // WHY before the other imports: V8 counts blocks of functions that it compiles from here on
  await coverage.start();
}
const { subjectOfSpec } = await import('../loader/check-subject.js');
const { answerHere, samplesHere } = await import('../explore/asker.js');
const { measure } = await import('../explore/measures.js');
const { machineEngine } = await import('../explore/machine-engine.js');
const subject = await subjectOfSpec(start.spec, false);
// loaded: from here on it can be expected to get somewhere
heartbeat.counts[0]++;

async function answer(job: Job): Promise<unknown> {
  switch (job.kind) {
    case 'ask':
      return answerHere(machineEngine, subject, job.question);
    case 'measure': {
      const kernel = subject.kernels.find((k) => k.name === job.kernel);
      if (kernel === undefined) throw new Error(`no kernel ${job.kernel} in this check`);
      return measure(machineEngine, kernel, undefined, job.variation);
    }
    case 'samples':
      return samplesHere(subject, job.kernel, job.isStatic);
    case 'coverage':
      return start.covered.length === 0
        ? []
        : coverage.take((file) => start.covered.some((prefix) => file.startsWith(prefix)));
  }
}

port.on('message', (job: Job) => {
  answer(job).then(
    (result) => port.postMessage({ id: job.id, result } satisfies Done),
    (e: unknown) => {
      if (e instanceof BadInput) {
        const { input, faults } = e;
        port.postMessage({ id: job.id, faults: { input, faults } } satisfies Done);
        return;
      }
      const { name, message, stack = '' } = e instanceof Error ? e : new Error(String(e));
      port.postMessage({ id: job.id, error: { name, message, stack } } satisfies Done);
    },
  );
});
