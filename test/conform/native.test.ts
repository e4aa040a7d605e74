// SPDX-License-Identifier: GPL-2.0-only
/** Model and kernel side by side on random sequences, in every word: clocks, load tracking and tree shape too. */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  generateSequence,
  HOTPLUG,
  KINDS,
  type Kind,
  type Random,
  xorshift32,
} from '../../src/conform/sched/generate.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { KernelBug, NotModelled } from '../../src/lib/bug.js';
import { type NativeEngine, openNativeEngine } from '../../src/native/engine.js';
import { wordName } from '../../src/native/format.js';
import { type Operation, operation } from '../../src/operation/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { because, missing } from '../native/tree.js';

interface Options {
  /** multiplies each step of the clock by up to this power of ten */
  stretch?: number;
  /** of the sequence; by the seed when left out */
  kind?: Kind;
  /** operations that the generator does not draw, put in here and there */
  extra?: (random: Random, tasks: number, cpus: number, groups: number) => Operation[];
}

/** Real-time policies and priorities, long hogs, and the fair server's timer. */
function realTime(random: Random, tasks: number, cpus: number): Operation[] {
  const cpu = random() % cpus;
  const x = random() % 100;
  if (x < 4) {
    const flags = [1, 2, 0][random() % 3];
    const a = flags === 0 ? (random() % 40) - 20 : 1 + (random() % 3);
    return [operation('SETATTR', { cpu, id: random() % tasks, a, flags })];
  }
  if (x < 30) return [operation('SERVER_TIMER', { cpu })];
  if (x < 34) return [operation('ADVANCE', { a: random() % 300_000_000 }), operation('SERVER_TIMER', { cpu })];
  return [];
}

/** Real-time tasks that may run on several CPUs, and are pushed and pulled. */
function pushing(random: Random, tasks: number, cpus: number): Operation[] {
  const cpu = random() % cpus;
  const id = random() % tasks;
  const x = random() % 100;
  if (x < 5) return [operation('SETATTR', { cpu, id, a: 1 + (random() % 4), flags: 1 + (random() % 2) })];
  if (x < 20)
    return [operation('AFFINITY', { cpu, id, a: random() % 3 ? 2 ** cpus - 1 : 1 + (random() % (2 ** cpus - 1)) })];
  if (x < 30) return [operation('SERVER_TIMER', { cpu })];
  if (x < 33) return [operation('ADVANCE', { a: random() % 300_000_000 })];
  return [];
}

/** Sets of allowed CPUs. */
function affinity(random: Random, tasks: number, cpus: number): Operation[] {
  if (random() % 8 !== 0) return [];
  return [operation('AFFINITY', { cpu: random() % cpus, id: random() % tasks, a: 1 + (random() % (2 ** cpus - 1)) })];
}

/** Scheduler features that the mirrored code asks for, by their number in features.h; and cpu.idle. */
const FEATURES = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 15, 17, 21, 25];
function switches(random: Random, _tasks: number, _cpus: number, groups: number): Operation[] {
  const x = random() % 20;
  if (x === 0) return [operation('GROUP_IDLE', { id: random() % groups, a: random() % 2 })];
  if (x === 1) return [operation('FEATURE', { id: FEATURES[random() % FEATURES.length], a: random() % 2 })];
  return [];
}

/** Runs one sequence on both; what differs first, or how both died, or how many operations agreed. */
function sideBySide(native: NativeEngine, seed: number, options: Options = {}): string | number {
  const { stretch = 0, extra = () => [] } = options;
  const random = xorshift32(seed + 99);
  const sequence = generateSequence(xorshift32(seed), options.kind ?? KINDS[seed % KINDS.length], {
    cpus: native.cpus,
    length: 300,
    wraps: true,
  });
  const mixed = sequence.ops.flatMap((op) => [...extra(random, sequence.tasks, native.cpus, sequence.groups), op]);
  const ops = [...sequence.setup, ...mixed].map((op): Operation => {
    return op.op === 'ADVANCE' ? { ...op, a: Number(op.a) * 10 ** (random() % (stretch + 1)) } : op;
  });
  native.reset();
  const batch = native.run(ops, 'more');
  const model = modelEngine(linux_6_12, native.cpus);
  for (const [i, op] of ops.entries()) {
    const theirs = batch.results[i];
    let r: number;
    try {
      r = model.execute(op);
    } catch (error) {
      // a CPU that is not vacated at once: the driver gives it up as well
      if (theirs === undefined && options.kind === HOTPLUG && error instanceof NotModelled) return i;
      if (theirs === undefined && error instanceof KernelBug) return `both die: ${batch.ending?.kind}, ${error.kind}`;
      return `seed ${seed} step ${i} ${op.op}: the model threw ${error}`;
    }
    if (theirs === undefined) return `seed ${seed} step ${i} ${op.op}: the kernel died: ${batch.ending?.what}`;
    if (r !== Number(theirs.r)) return `seed ${seed} step ${i} ${op.op}: returned ${theirs.r}, the model ${r}`;
    const words = model.words(true);
    const at = theirs.words.findIndex((word, j) => word !== words[j]);
    if (at >= 0 || words.length !== theirs.words.length) {
      const name = wordName(native.schema, theirs.words, at, true);
      return `seed ${seed} step ${i} ${op.op}: ${name}: ${theirs.words[at]}, the model ${words[at]}`;
    }
  }
  return ops.length;
}

describe.skipIf(missing !== null)(`the kernel's own code${because}`, () => {
  // Builds the kernel when it has not been built yet.
  beforeAll(async () => (await openNativeEngine()).close(), 300_000);

  it.each([1, 2, 4])('does the same on %i CPUs', async (cpus) => {
    const native = await openNativeEngine({ cpus });
    try {
      const outcomes = Array.from({ length: 32 }, (_, seed) => sideBySide(native, seed));
      expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([]);
    } finally {
      native.close();
    }
  });

  it.each([
    ['real-time tasks and the fair server', 2, realTime],
    ['tasks that change CPUs', 3, affinity],
    ['real-time tasks that are pushed and pulled', 4, pushing],
    ['features and groups switched over', 2, switches],
  ])('does the same with %s on %i CPUs', async (_what, cpus, extra) => {
    const native = await openNativeEngine({ cpus });
    try {
      const outcomes = Array.from({ length: 40 }, (_, n) => sideBySide(native, 300 + n, { extra }));
      expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([]);
    } finally {
      native.close();
    }
  });

  it.each([2, 4])('does the same on %i CPUs that go down and come back', async (cpus) => {
    const native = await openNativeEngine({ cpus });
    try {
      const outcomes = Array.from({ length: 24 }, (_, n) => sideBySide(native, 900 + n, { kind: HOTPLUG }));
      expect(outcomes.filter((outcome) => typeof outcome === 'string')).toEqual([]);
      expect(outcomes.filter((n) => Number(n) > 300).length).toBeGreaterThan(16);
    } finally {
      native.close();
    }
  });

  it('takes a CPU down in the same steps: who is pushed where, and whose affinity is given up', async () => {
    const native = await openNativeEngine({ cpus: 2 });
    try {
      const fork = operation('FORK', { cpu: 1 });
      const [anywhere, resched] = [{ ...fork, flags: 1 }, operation('RESCHED', { cpu: 1 })];
      const sleep = [resched, operation('BLOCK', { cpu: 1, a: 1 })];
      const down = [operation('CPU_DOWN', { id: 1 }), operation('CPU_DOWN', { id: 1 }), operation('CPU_UP', { id: 1 })];
      const turn = [operation('ADVANCE', { a: 10_000_000 }), operation('TICK', { cpu: 1 }), resched];
      const after = [operation('WAKE'), operation('FORK', { cpu: 1 }), operation('CPU_DOWN'), operation('CPU_UP')];
      const ops = [fork, ...sleep, fork, anywhere, ...turn, ...down, ...turn, ...turn, ...turn, ...after];
      ops.push(operation('CPU_UP', { id: 1 }));
      native.reset();
      const theirs = native.run(ops, 'more').results;
      const model = modelEngine(linux_6_12, 2);
      expect(ops.map((op) => model.execute(op))).toEqual(theirs.map(({ r }) => Number(r)));
      expect(theirs.map(({ r }) => Number(r)).slice(-5)).toEqual([1, -22, -22, -22, 0]);
      expect(model.words(true)).toEqual(theirs.at(-1)?.words);
      const { m } = model.kernel;
      // the first two were pinned to CPU 1: one slept and was woken elsewhere, one was pushed away
      expect(m.task.slice(2, 5).map((p) => [p.cpu, p.cpus_ptr])).toEqual([
        [0, [0, 1]],
        [0, [0, 1]],
        [0, [0, 1]],
      ]);
    } finally {
      native.close();
    }
  });

  it('refuses what the driver refuses, with the same answers', async () => {
    const native = await openNativeEngine({ cpus: 2 });
    try {
      const nothing = [
        ...(['BLOCK', 'YIELD', 'YIELD_RAW'] as const).map((op) => operation(op, { a: 1 })),
        ...(['WAKE', 'YIELD_TO', 'YIELD_TO_RAW', 'NICE', 'SETATTR', 'MOVE', 'AFFINITY'] as const).map((op) =>
          operation(op, { id: 7, a: 1 }),
        ),
        ...(['SHARES', 'GROUP_IDLE', 'FEATURE'] as const).map((op) => operation(op, { id: 99, a: 1 })),
        operation('GROUP', { a: 9 }),
        operation('FORK', { b: 9 }),
      ];
      const task = operation('FORK');
      const onTask = [
        operation('MOVE', { a: 9 }),
        operation('YIELD_TO'),
        operation('YIELD_TO_RAW'),
        operation('VTIME', { a: 5 }),
        operation('SHARES', { a: 512 }),
        operation('SCHEDULE'),
        operation('AFFINITY', { a: 2 }),
      ];
      const ops = [...nothing, task, ...onTask];
      native.reset();
      const theirs = native.run(ops).results.map(({ r }) => Number(r));
      const model = modelEngine(linux_6_12, 2);
      expect(ops.map((op) => model.execute(op))).toEqual(theirs);
      expect([...new Set(theirs)].sort((a, b) => a - b)).toEqual([-22, -16, -3, 0]);
    } finally {
      native.close();
    }
  });

  it('does the same, and dies of the same, when the clock leaps by years', async () => {
    const native = await openNativeEngine({ cpus: 2 });
    try {
      const outcomes = Array.from({ length: 64 }, (_, n) => sideBySide(native, 7100 + n, { stretch: 7 }));
      const strings = outcomes.filter((outcome) => typeof outcome === 'string');
      expect(strings.filter((outcome) => outcome !== 'both die: oops, NULL dereference')).toEqual([]);
      expect(strings.length).toBeGreaterThan(0);
    } finally {
      native.close();
    }
  });
});
