// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { differenceLine, replay } from '../../src/conform/recording/replay.js';
import { type NativeEngine, openNativeEngine } from '../../src/native/engine.js';
import { wordName } from '../../src/native/format.js';
import {
  CFS_FIELDS,
  OPS,
  type OpName,
  operation,
  RQ_FIELDS,
  readRecording,
  SE_FIELDS,
  TASK_FIELDS,
} from '../../src/operation/sched.js';
import { stepEngine } from './step-engine.js';
import { because, missing } from './tree.js';

const opened: NativeEngine[] = [];
const open = async (options: Parameters<typeof openNativeEngine>[0]) => {
  const engine = await openNativeEngine(options);
  opened.push(engine);
  return engine;
};
afterAll(() => {
  for (const engine of opened) engine.close();
});

const vectors = (file: string) =>
  readRecording(gunzipSync(readFileSync(new URL(`../vectors/${file}`, import.meta.url))).toString()).sequences;

/** [name, members], one after the other. */
const ops = (...list: [OpName, Parameters<typeof operation>[1]?][]) => list.map(([op, rest]) => operation(op, rest));

describe.skipIf(missing !== null)(`the kernel's own code${because}`, { timeout: 300_000 }, () => {
  it('describes operations and columns as the vectors have them', async () => {
    const { schema } = await open({});
    expect(schema.ops).toEqual(OPS);
    const { rq, cfs, se, task } = schema;
    expect({ rq, cfs, se, task: [...task, ...se] }).toEqual({
      rq: RQ_FIELDS,
      cfs: CFS_FIELDS,
      se: SE_FIELDS,
      task: TASK_FIELDS,
    });
    expect(schema.hz).toBe(1000);
  });

  it.each([1, 2, 4])('does on %i CPUs what was recorded from it', async (cpus) => {
    const engine = await open({ cpus });
    const sequences = vectors(`own-${cpus}cpu.jsonl.gz`);
    const result = replay(sequences, () => stepEngine(engine));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(result.operations).toBeGreaterThan(4000);
  });

  it('does what another build of another driver recorded', async () => {
    const engine = await open({});
    const result = replay(vectors('eevdf-6.12.117-1cpu-00.jsonl.gz'), () => stepEngine(engine));
    expect(result).toEqual({ sequences: 50, operations: 10_000, differences: [] });
  });

  it('does the same under UBSan, without a report', async () => {
    const engine = await open({ variant: 'ubsan', cpus: 2 });
    const result = replay(vectors('own-2cpu.jsonl.gz'), () => stepEngine(engine));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(engine.ubsan()).toEqual([]);
  });

  it('notices a recording that says otherwise', async () => {
    const engine = await open({});
    const [sequence] = vectors('own-1cpu.jsonl.gz');
    sequence!.steps[7]!.r = 12345;
    expect(replay([sequence!], () => stepEngine(engine)).differences).toMatchObject([{ i: 7, field: 'r' }]);
  });

  it('is back at the start after a reset', async () => {
    const engine = await open({ cpus: 2 });
    const idle = () => engine.run(ops(['ADVANCE']), 'more').results[0]!.words;
    engine.reset();
    const before = idle();
    engine.run(ops(['GROUP'], ['FORK', { b: 1 }], ['SCHEDULE'], ['ADVANCE', { a: 5e9 }], ['TICK']));
    expect(idle()).not.toEqual(before);
    engine.reset();
    expect(idle()).toEqual(before);
  });

  it('gives the same hash for the same state and another for another', async () => {
    const engine = await open({});
    const hashes = (ns: number) => {
      engine.reset();
      return engine.run(ops(['FORK'], ['SCHEDULE'], ['ADVANCE', { a: ns }], ['TICK']), 'hash').results;
    };
    expect(hashes(1000)).toEqual(hashes(1000));
    expect(hashes(1000).at(-1)).not.toEqual(hashes(1001).at(-1));
  });

  it('survives the end of the kernel and says how it came to it', async () => {
    const engine = await open({});
    engine.reset();
    // Years in one step overflow the lag: pick_eevdf() finds nobody, and its caller does not expect that.
    const setup = ops(['FORK', { a: 19 }], ['FORK', { a: -20 }], ['FORK'], ['SCHEDULE']);
    const hostile = Array.from({ length: 400 }, (_, i) =>
      ops(['ADVANCE', { a: 1e15 * (1 + (i % 7)) }], ['TICK'], ['RESCHED'], ['YIELD']),
    ).flat();
    const { ending, results } = engine.run([...setup, ...hostile]);
    expect(ending).toMatchObject({ kind: 'oops', what: expect.stringContaining('NULL pointer dereference') });
    expect(ending!.stack.join('\n')).toMatch(/kernel\/sched\/fair\.c:\d+/);
    expect(results.length).toBe(ending!.op);
    engine.reset();
    expect(engine.run(ops(['FORK'], ['SCHEDULE'])).ending).toBeNull();
  });

  it('names every word of a state', async () => {
    const engine = await open({ cpus: 2 });
    engine.reset();
    const { results } = engine.run(ops(['GROUP'], ['FORK', { b: 1 }], ['FORK', { cpu: 1 }]), 'more');
    const { words } = results.at(-1)!;
    const names = words.map((_, i) => wordName(engine.schema, words, i, true));
    expect(new Set(names).size).toBe(words.length);
    expect(names.at(-1)).toBe('group[1].load_avg');
  });

  it('calls single functions on given operands', async () => {
    const engine = await open({});
    // 2^32 / 335 at nice 5: the running time of a lighter task counts for more.
    const { rows } = engine.call('calc_delta_fair', [
      { x: 1_000_000, weight: 1024 * 1024 },
      { x: 1_000_000, weight: 335 * 1024 },
    ]);
    expect(rows.map((row) => row[0])).toEqual([1_000_000, 3_056_716]);
    // One less than half: the table's factors are rounded down.
    const halves = engine.call('decay_load', [
      { x: 1 << 20, y: 32 },
      { x: 1 << 20, y: 64 * 32 },
    ]).rows;
    expect(halves.map((row) => row[0])).toEqual([(1 << 19) - 1, 0]);
  });

  it('counts lines', async () => {
    const engine = await open({ variant: 'cov' });
    engine.reset();
    engine.run(ops(['FORK'], ['FORK'], ['SCHEDULE'], ['YIELD'], ['YIELD']));
    engine.reset();
    const { functions, lines } = engine.coverage();
    const fair = functions.get('kernel/sched/fair.c')!;
    expect(fair.get('yield_task_fair')!.calls).toBe(2);
    expect(fair.get('yield_to_task_fair')!.calls).toBe(0);
    const { from, to } = fair.get('yield_task_fair')!;
    const inside = [...lines.get('kernel/sched/fair.c')!].filter(([line]) => line >= from && line <= to);
    expect(inside.some(([, count]) => count === 2)).toBe(true);
  });
});
