// SPDX-License-Identifier: GPL-2.0-only
/** JSON from outside is refused where it nests too deeply, before anybody walks it. */
import { describe, expect, it } from 'vitest';
import { BadInput } from '../../src/base/faults.js';
import { DEPTH_MAX, parseBounded, tooDeepAt } from '../../src/base/json-bounds.js';
import { parseLapicTranscript } from '../../src/conform/recording/lapic-transcript.js';
import { readRecording } from '../../src/operation/sched.js';
import { parseJson } from '../../src/scenario/read-scenario.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('the bound on nesting', () => {
  it('lets the deepest through and stops one level beyond it', () => {
    expect(tooDeepAt(nested(DEPTH_MAX))).toBe(-1);
    expect(tooDeepAt(nested(DEPTH_MAX + 1))).toBe(DEPTH_MAX);
  });

  it('counts no bracket inside a string, and a closed level once', () => {
    expect(tooDeepAt(JSON.stringify('['.repeat(1000)))).toBe(-1);
    expect(tooDeepAt(JSON.stringify(`\\"${'['.repeat(1000)}`))).toBe(-1);
    expect(tooDeepAt(`[${'{},'.repeat(1000)}1]`)).toBe(-1);
    expect(() => parseBounded(nested(100_000))).toThrow(SyntaxError);
  });

  it('names the place in a scenario or a counterexample', () => {
    const read = (): unknown => parseJson(`{\n "a": ${nested(100_000)}}`, 'x.json');
    expect(read).toThrow(BadInput);
    expect(read).toThrow(`line 2, column ${6 + DEPTH_MAX}: expected at most ${DEPTH_MAX} levels of brackets`);
  });

  it('names the line in a recording', () => {
    expect(readRecording(`\n${nested(100_000)}`).faults).toMatchObject([{ line: 2 }]);
    expect(() => parseLapicTranscript(`\n${nested(100_000)}`)).toThrow('line 2');
  });
});
