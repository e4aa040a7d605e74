// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { replayLapic, replayText } from '../../src/conform/lapic-replay.js';
import { parseLapicTranscript } from '../../src/conform/lapic-transcript.js';

const FILE = new URL('../vectors/lapic-kvm-6.12.117.jsonl.gz', import.meta.url);
const sessions = parseLapicTranscript(gunzipSync(readFileSync(FILE)).toString('utf8'), 'lapic-kvm-6.12.117');

describe('the recordings of a real KVM', () => {
  it('are replayed without a difference, but for timers', () => {
    const replay = replayLapic(sessions.filter((s) => s.header.mode !== 'timer'));
    expect(replayText(replay)).toMatch(/^22 sessions, 12710 operations, 0 differences\n/);
  });

  it('are replayed without a difference, timers', () => {
    const replay = replayLapic(sessions.filter((s) => s.header.mode === 'timer'));
    expect(replayText(replay)).toMatch(/^2 sessions, 806 operations, 0 differences\n/);
  });
});
