// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { differenceLine, replay, replaySummary } from '../../src/conform/recording/replay.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { add, ONE, type u64 } from '../../src/lib/types.js';
import { FEATURE_NAMES } from '../../src/native/format.js';
import { readRecording, type Sequence } from '../../src/operation/sched.js';
import { newSchedFeatures } from '../../src/sched/records.js';
import type { cfs_rq, rq, sched_entity } from '../../src/sched/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

const file = new URL('../vectors/eevdf-6.12.117-1cpu-00.jsonl.gz', import.meta.url);
const lines = gunzipSync(readFileSync(file)).toString('utf8').split('\n');
/** The header of the first sequence and its first step. */
const [header, step] = lines;

describe('FEATURE', () => {
  it('numbers the features as the model does', () => {
    const brought = Object.entries(kernelByName('v6.1').sched_feat ?? {}).flatMap(([name, on]) =>
      on === null ? [] : name,
    );
    expect(FEATURE_NAMES).toEqual([...Object.keys(newSchedFeatures()), ...brought]);
  });
});

describe('readRecording', () => {
  it('reads a sequence', () => {
    const { sequences, faults } = readRecording(`${header}\n${step}\n\n`);
    expect(faults).toEqual([]);
    expect(sequences).toHaveLength(1);
    expect(sequences[0].steps[0].op).toEqual({ op: 'ADVANCE', cpu: 0, id: 0, a: 1_000_000, b: 0, flags: 0 });
  });

  it('reports every fault with its line, and leaves the sequence out', () => {
    const bad = [
      header,
      step.replace('"ADVANCE"', '"ADVANCES"').replace('"r":0', '"r":"no"'),
      '{"i":1,',
      step.replace('"i":0', '"i":7').replace('"a":1000000', '"a":1.5,"x":1'),
      step.replace('"rq":[0,', '"rq":['),
      step.replace(/"t":\[\[1,/, '"t":[[{},'),
    ].join('\n');
    const { sequences, faults } = readRecording(bad);
    expect(sequences).toEqual([]);
    const at = (line: number) => faults.filter((f) => f.line === line).map((f) => f.message);
    expect(at(1)).toEqual([]);
    expect(at(2)[0]).toMatch(/^op\.op: expected an operation \(BASE_SLICE, .*\), found "ADVANCES"$/);
    expect(at(2)[1]).toBe('r: expected an integer, found "no"');
    expect(at(3)).toEqual(['line: expected JSON, found "{\\"i\\":1,"']);
    expect(at(4)[0]).toBe('i: expected step 1, found 7');
    expect(at(4).join('\n')).toMatch(/op\.x: expected one of .*, found "x"/);
    expect(at(4).join('\n')).toMatch(/op\.a: expected .*, found 1\.5/);
    expect(at(5).join('\n')).toMatch(/state\.cpu\[0\]\.rq: expected 7 values \(curr, .*\), found 6/);
    expect(at(6).join('\n')).toMatch(/state\.t\[0\]\[0\] \(on_rq\): expected an integer/);
  });

  it('wants a header before the first step', () => {
    expect(readRecording(step).faults[0]).toMatchObject({
      line: 1,
      message: 'i: expected a header line before the first step, found 0',
    });
  });
});

describe('replay', () => {
  const { sequences: all } = readRecording(lines.join('\n'));
  const sequences = all.slice(0, 8);
  const run = (kernel: Kernel, of: readonly Sequence[] = sequences) =>
    replay(of, (cpus) => modelEngine(kernel, cpus)).differences;
  const mutant = (overrides: Record<string, AnyFunction>): Kernel => ({
    name: 'mutant',
    table: Object.freeze({ ...linux_6_12.table, ...overrides }),
  });
  const original = linux_6_12.table;

  it('names sequence, step, field and both values', () => {
    const changed = structuredClone(sequences.slice(0, 1));
    changed[0].steps[5].state.t[1][10] = 123;
    const [difference] = run(linux_6_12, changed);
    expect(difference).toMatchObject({ seq: 0, i: 5, field: 't[1].vruntime', expected: 123 });
    expect(differenceLine(difference)).toMatch(
      /^sequence 0, step 5 \(\w+\): t\[1\]\.vruntime: expected 123, got -?\d+$/,
    );
  });

  it('compares returned values and the state after the setup', () => {
    const changed = structuredClone(sequences.slice(0, 2));
    changed[0].steps[3].r = 77;
    changed[1].state.cpu[0].rq[2] = 99;
    expect(run(linux_6_12, changed)).toMatchObject([
      { i: 3, field: 'r', expected: 77 },
      { i: -1, field: 'cpu[0].rq.nr_running', expected: 99 },
    ]);
  });

  it('counts', () => {
    const result = replay(sequences.slice(0, 2), (cpus) => modelEngine(linux_6_12, cpus));
    expect(replaySummary(result)).toBe('2 sequences, 400 operations, 0 differences');
  });

  const mutants: [string, Record<string, AnyFunction>][] = [
    [
      'a lag that is off by one',
      {
        entity_lag(avruntime: u64, se: sched_entity) {
          return original['entity_lag'].call(this, add(avruntime, ONE), se);
        },
      },
    ],
    ['no slice protection', { protect_slice: () => false }],
    [
      'no forfeit on yield',
      {
        yield_task_fair(this: vmlinux_x86, rq: rq) {
          original['yield_task_fair'].call({ __proto__: this, entity_eligible: () => false }, rq);
        },
      },
    ],
    ['a buddy that is not cleared', { clear_buddies: () => {} }],
    [
      'no half slice at fork',
      {
        place_entity(q: cfs_rq, se: sched_entity, flags: number) {
          original['place_entity'].call(this, q, se, flags & ~0x80);
        },
      },
    ],
    [
      'no delayed dequeue',
      {
        dequeue_entity(q: cfs_rq, se: sched_entity, flags: number) {
          return original['dequeue_entity'].call(this, q, se, flags | 0x10);
        },
      },
    ],
    ['a clock that is never skipped', { rq_clock_skip_update: () => {} }],
    [
      'a tree that keeps min_slice',
      {
        min_vruntime_cb_rotate(this: vmlinux_x86, old: number, top: number) {
          this.m.se[top].min_slice = this.m.se[old].min_slice;
          original['min_vruntime_cb_rotate'].call(this, old, top);
        },
      },
    ],
  ];

  it.each(mutants)('finds a kernel with %s', (_name, overrides) => {
    expect(run(mutant(overrides), all).length).toBeGreaterThan(0);
  });
});
