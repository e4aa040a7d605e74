// SPDX-License-Identifier: GPL-2.0-only
/**
 * Vectors that `kvmodel conform --record` made from 6.12.117: they hold without compiler and tree. Of those of real-time tasks the
 * sequences of the kind `realtime-storm` are kept.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { differenceLine, replay, replaySummary } from '../../src/conform/recording/replay.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { readRecording } from '../../src/operation/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

describe('vectors of our own recording', () => {
  it.each([1, 2, 4])('replays every field on %i CPUs', (cpus) => {
    const file = new URL(`../vectors/own-${cpus}cpu.jsonl.gz`, import.meta.url);
    const { sequences, faults } = readRecording(gunzipSync(readFileSync(file)).toString('utf8'));
    expect(faults).toEqual([]);
    const result = replay(sequences, (n) => modelEngine(linux_6_12, n));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(replaySummary(result)).toBe('32 sequences, 4800 operations, 0 differences');
  });

  describe('of real-time tasks that are pushed and pulled', () => {
    const file = new URL('../vectors/own-rt-4cpu.jsonl.gz', import.meta.url);
    const { sequences } = readRecording(gunzipSync(readFileSync(file)).toString('utf8'));

    it('replays every field on 4 CPUs', () => {
      const result = replay(sequences, (n) => modelEngine(linux_6_12, n));
      expect(result.differences.map(differenceLine)).toEqual([]);
      expect(replaySummary(result)).toBe('9 sequences, 1800 operations, 0 differences');
    });

    it.each(['push_rt_task', 'pull_rt_task', 'tell_cpu_to_push', 'switched_to_rt'])('does not without %s()', (name) => {
      const table = Object.freeze({ ...linux_6_12.table, [name]: () => 0 });
      const result = replay(sequences, (n) => modelEngine({ ...linux_6_12, table }, n));
      expect(result.differences.length).toBeGreaterThan(0);
    });
  });
});
