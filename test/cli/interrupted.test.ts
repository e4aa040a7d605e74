// SPDX-License-Identifier: GPL-2.0-only
/** A check of a patch in C that somebody ends tells what it knows by then, and that this is not all. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { interruptedText } from '../../src/cli/check-tree.js';
import { kvmodel } from '../../src/cli/kvmodel.js';
import { because, missing } from '../native/tree.js';
import { gathering } from './in-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it('says which patches are judged, and where it was', () => {
  const judged = [{}] as never;
  expect(interruptedText({ judged, asked: 3, subject: 'sched: b', parts: ['lock-step', 'properties', 'UBSan'] })).toBe(
    'INTERRUPTED: 1 of 3 patches judged; "sched: b" was at UBSan, after lock-step, properties, and nothing here is about it',
  );
  expect(interruptedText({ judged: [], asked: 1, subject: 'sched: a', parts: [] })).toContain(
    '"sched: a" was at its build',
  );
});

describe.skipIf(missing !== null)(`check --am${because}`, () => {
  it.each([
    ['--json', /"partial": \{\s*"judged": 0,\s*"asked": 0,\s*"at": null/],
    ['--ktap', /^KTAP version 1\n1\.\.0\n# INTERRUPTED: /],
    ['--mail', /^INTERRUPTED: while the patches were applied; none is judged\n$/],
  ])('%s ends with the exit code of the signal', async (format, expected) => {
    writeFileSync(join(scratch, 'x.patch'), 'no patch at all\n');
    const { io, got } = gathering(scratch);
    const left: number[] = [];
    const onInterrupt = () => ({ happened: Promise.resolve(143), done() {} });
    const interrupted = { ...io, onInterrupt, leave: (code: number) => void left.push(code) };
    expect(await kvmodel(['check', '--am', 'x.patch', format], interrupted)).toBe(143);
    expect(left).toEqual([143]);
    expect(got.out).toMatch(expected);
  });
});
