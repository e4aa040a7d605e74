// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { differenceLine, replay, replaySummary } from '../../src/conform/recording/replay.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { readRecording } from '../../src/operation/sched.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

const file = new URL('../vectors/eevdf-6.12.117-1cpu-00.jsonl.gz', import.meta.url);
const text = gunzipSync(readFileSync(file)).toString('utf8');

describe('vectors recorded from the unmodified kernel', () => {
  it('replays every field of 10000 operations', () => {
    const { sequences, faults } = readRecording(text);
    expect(faults).toEqual([]);
    const result = replay(sequences, (cpus) => modelEngine(linux_6_12, cpus));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(replaySummary(result)).toBe('50 sequences, 10000 operations, 0 differences');
  });
});
