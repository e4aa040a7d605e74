// SPDX-License-Identifier: GPL-2.0-only
/** A thread of a campaign. Its 64-bit integers and the counting of branches are settled before anything else is loaded. */
import { register } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { BadInput, type Fault } from '../base/faults.js';
import { installBranchCounts, knownSites, unlearnHits } from '../fuzz/branch-counts.js';
import type { Entry, KeptEntry, Raw } from '../fuzz/input.js';
import type { LaneJob } from '../fuzz/lane.js';
import { chooseInt64 } from '../lib/int64-choice.js';
import type { FuzzSpec } from '../loader/fuzz-subject.js';
import { heartbeat } from '../machine/heartbeat.js';
import { guardKernelLoops } from './guard.js';

export interface FuzzStart {
  spec: FuzzSpec;
  int64: 'number' | 'checked';
  /** branches of the kernel are counted */
  counted: boolean;
  /** loops of the kernel are counted, for a user's function may make one of them endless */
  guarded: boolean;
  /** events that were applied, counted for whoever watches */
  counts: Int32Array;
}

export type FuzzJob =
  | { id: number; kind: 'lane'; job: LaneJob; kept: readonly KeptEntry[] }
  | { id: number; kind: 'shorten'; raw: Raw; kept: readonly KeptEntry[] }
  | { id: number; kind: 'again'; entries: readonly Entry[]; kept: readonly KeptEntry[] }
  | { id: number; kind: 'sites'; kept: readonly KeptEntry[] }
  | { id: number; kind: 'check'; seed: number; events: number; kept: readonly KeptEntry[] }
  | { id: number; kind: 'explore'; states: number; kept: readonly KeptEntry[] }
  | { id: number; kind: 'forget'; kept: readonly KeptEntry[] };

export type FuzzDone =
  | { id: number; result: unknown }
  | { id: number; faults: { input: string; faults: readonly Fault[] } }
  | { id: number; error: { name: string; message: string; stack: string } };

const start = workerData as FuzzStart;
const port = parentPort;
if (port === null) throw new Error('fuzz-worker is a worker');

heartbeat.counts = start.counts;
chooseInt64(start.int64);
if (start.counted) {
  installBranchCounts();
  if (start.guarded) guardKernelLoops();
  // hooks are asked from the last to the first: this one gets what the other gives
  const hook = new URL('./count-hook.js', import.meta.url);
  if (start.guarded) hook.search = '?guarded';
  register(hook);
} else if (start.guarded) guardKernelLoops();
const { fuzzSubject } = await import('../loader/fuzz-subject.js');
const { machineEngine } = await import('../explore/machine-engine.js');
const { Member } = await import('../fuzz/worker-side.js');
const { scoreCheck, scoreExplore } = await import('../fuzz/score.js');
const { probeSubject } = await import('../fuzz/probe-subject.js');
const subject = await fuzzSubject(start.spec, false);
probeSubject(subject.properties, subject.brought);
const byId = new Map(subject.properties.map((p) => [p.id, p]));
const newMember = (): InstanceType<typeof Member> => new Member(machineEngine, subject, (id) => byId.get(id));
let member = newMember();
heartbeat.counts[0]++;

function done(job: FuzzJob): unknown {
  member.learn(job.kept);
  switch (job.kind) {
    case 'lane':
      return member.lane(job.job);
    case 'shorten':
      return member.shorten(job.raw);
    case 'again':
      return job.entries.map((entry) => member.again(entry));
    case 'sites':
      return knownSites();
    case 'check':
      return scoreCheck(machineEngine, subject, subject.properties, job.seed, job.events);
    case 'explore':
      return scoreExplore(machineEngine, subject, subject.properties, job.states);
    case 'forget':
      member = newMember();
      return unlearnHits();
  }
}

port.on('message', (job: FuzzJob) => {
  try {
    port.postMessage({ id: job.id, result: done(job) } satisfies FuzzDone);
  } catch (e) {
    if (e instanceof BadInput) {
      const { input, faults } = e;
      port.postMessage({ id: job.id, faults: { input, faults } } satisfies FuzzDone);
      return;
    }
    const { name, message, stack = '' } = e instanceof Error ? e : new Error(String(e));
    port.postMessage({ id: job.id, error: { name, message, stack } } satisfies FuzzDone);
  }
});
