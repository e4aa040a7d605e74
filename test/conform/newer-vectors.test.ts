// SPDX-License-Identifier: GPL-2.0-only
/** Vectors that `kvmodel conform --record` made from an unmodified v6.19: they hold without compiler and tree. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { differenceLine, replay, replaySummary } from '../../src/conform/recording/replay.js';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { readRecording } from '../../src/operation/sched.js';
import { kernelByName, nearestRelease } from '../../src/series/registry.js';

const recording = (cpus: number) => {
  const file = new URL(`../vectors/v6.19-${cpus}cpu.jsonl.gz`, import.meta.url);
  const { sequences, faults } = readRecording(gunzipSync(readFileSync(file)).toString('utf8'));
  expect(faults).toEqual([]);
  return sequences;
};

describe('vectors of v6.19', () => {
  it.each([1, 2, 4])('replays every field on %i CPUs', (cpus) => {
    const sequences = recording(cpus);
    const kernel = nearestRelease(sequences[0].tree);
    expect(kernel.name).toBe('v6.19');
    const result = replay(sequences, (n) => modelEngine(kernel, n));
    expect(result.differences.map(differenceLine)).toEqual([]);
    expect(replaySummary(result)).toBe('18 sequences, 3600 operations, 0 differences');
  });

  // What the recording is about: the same operations on other releases leave other states.
  it.each(['v6.12.117', 'v6.19-rc1'])('does not on %s', (name) => {
    const result = replay(recording(1), (n) => modelEngine(kernelByName(name), n));
    expect(result.differences.length).toBeGreaterThan(3);
  });
});

describe('the release nearest to a tree', () => {
  it.each([
    ['6.12.95', 'v6.12.117'],
    ['6.18.44', 'v6.12.117'],
    ['6.19.0-rc1', 'v6.19-rc1'],
    ['6.19.0-rc8', 'v6.19-rc1'],
    ['6.19.0', 'v6.19'],
    ['6.19.9-custom', 'v6.19'],
    ['7.3.4', 'v6.19'],
    ['', 'v6.12.117'],
  ])('%s: %s', (version, name) => {
    expect(nearestRelease(version).name).toBe(name);
  });
});
