// SPDX-License-Identifier: GPL-2.0-only
/** Vectors that `kvmodel conform --record` made from Debian's 6.1.192 and from an import of 6.5: CFS holds without compiler and tree. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { differenceLine, replay, replaySummary } from '../../src/conform/recording/replay.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { readRecording } from '../../src/operation/sched.js';
import { kernelByName, nearestRelease } from '../../src/series/registry.js';
import { cfsFaults } from './cfs-faults.js';
import { withFault } from './faults.js';

const recording = (cpus: number, release = 'v6.1') => {
  const file = new URL(`../vectors/${release}-${cpus}cpu.jsonl.gz`, import.meta.url);
  const { sequences, faults } = readRecording(gunzipSync(readFileSync(file)).toString('utf8'));
  expect(faults).toEqual([]);
  return sequences;
};

describe('vectors of 6.1', () => {
  it.each([1, 2, 4])('replays every field on %i CPUs', (cpus) => {
    const sequences = recording(cpus);
    const kernel = nearestRelease(sequences[0].tree);
    expect(kernel.name).toBe('v6.1');
    const result = replay(sequences, (n) => modelEngine(kernel, n));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(replaySummary(result)).toBe('20 sequences, 4000 operations, 0 differences');
  });

  it('does not compare what 6.1 lacks', () => {
    const [{ absent }] = recording(1);
    expect(absent).toEqual(expect.arrayContaining(['vlag', 'deadline', 'eligible', 'avg_vruntime()']));
    expect(absent).not.toContain('vruntime');
  });

  // What the recording is about: other placement, other buddies, and no bound on real-time tasks leave other states.
  it.each(['place_entity', 'set_skip_buddy', 'check_preempt_tick', 'update_min_vruntime'])(
    'differs with a fault in %s()',
    (name) => {
      const kernel = withFault(kernelByName('v6.1'), cfsFaults.find((it) => it.in === name)!);
      expect(replay(recording(2), (n) => modelEngine(kernel, n)).differences.length).toBeGreaterThan(0);
    },
  );
});

describe('vectors of 6.5', () => {
  it('replays every field', () => {
    const sequences = recording(2, 'v6.5');
    const kernel = nearestRelease(sequences[0].tree);
    expect(kernel.name).toBe('v6.5');
    const result = replay(sequences, (n) => modelEngine(kernel, n));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(replaySummary(result)).toBe('20 sequences, 4000 operations, 0 differences');
  });

  it.each(['check_preempt_tick', 'set_load_weight', 'sched_move_task'] as const)("differs with v6.1's %s()", (name) => {
    const [older, newer] = [kernelByName('v6.1'), kernelByName('v6.5')];
    const kernel = { ...newer, table: { ...newer.table, [name]: older.table[name] } };
    expect(replay(recording(2, 'v6.5'), (n) => modelEngine(kernel, n)).differences.length).toBeGreaterThan(0);
  });
});
