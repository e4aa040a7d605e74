// SPDX-License-Identifier: GPL-2.0-only
/** Patches of our own against the installed tree, made by editing it here: good, starving, overflowing, with dead code. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkTree } from '../../src/cli/check-tree.js';
import type { Io } from '../../src/cli/io.js';
import { checkPatch } from '../../src/conform/sched/patch-check.js';
import { findTree, type KernelTree } from '../../src/native/find-tree.js';
import { addedLines, applySeries, readSeries, touchedFiles } from '../../src/native/patch.js';
import { because, missing } from './tree.js';

const DIFF = `--- a/kernel/one.c
+++ b/kernel/one.c
@@ -3,4 +3,5 @@
 three
-four
+vier
+neu
 five
 six
@@ -20 +21,2 @@
 twenty
+-- not a header
--- /dev/null
+++ b/kernel/two.c
@@ -0,0 +1 @@
+first
`;

const mail = (
  n: number,
  subject: string,
  diff: string,
) => `From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: A Developer <a@example.org>
Date: Wed, 1 Jan 2025 00:00:0${n} +0000
Subject: ${subject}

Why.
---
${diff}--${' '}
2.39

`;

describe('a mailed series', () => {
  it('is read in its order, cover letter and all', () => {
    const cover = mail(0, '[PATCH 0/2] sched: cover', '');
    const text = cover + mail(1, '[PATCH 1/2] sched: one', DIFF) + mail(2, '[PATCH 2/2] sched: two', DIFF);
    expect(readSeries(text, 'x.mbox').map((p) => p.subject)).toEqual([
      '[PATCH 1/2] sched: one',
      '[PATCH 2/2] sched: two',
    ]);
    expect(readSeries(DIFF, 'bare.patch')).toMatchObject([{ subject: 'bare.patch' }]);
    expect(() => readSeries('hello\n', 'no.patch')).toThrow(expect.objectContaining({ code: 'patch' }));
  });

  it('adds lines with the numbers they have afterwards', () => {
    expect(addedLines(DIFF)).toEqual([
      { file: 'kernel/one.c', line: 4, text: 'vier' },
      { file: 'kernel/one.c', line: 5, text: 'neu' },
      { file: 'kernel/one.c', line: 22, text: '-- not a header' },
      { file: 'kernel/two.c', line: 1, text: 'first' },
    ]);
    expect(touchedFiles(DIFF)).toEqual(['kernel/one.c', 'kernel/two.c']);
  });
});

describe.skipIf(missing !== null)(`a patch to the installed tree${because}`, { timeout: 600_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const FILE = 'kernel/sched/fair.c';

  /** The diff of editing fair.c; each edit changes it further, each diff is from the state before. */
  function diffs(tree: KernelTree, edits: readonly ((text: string) => string)[]): string[] {
    const [a, b] = [join(scratch, 'a', FILE), join(scratch, 'b', FILE)];
    for (const path of [a, b]) mkdirSync(dirname(path), { recursive: true });
    cpSync(join(tree.dir, FILE), b);
    return edits.map((edit) => {
      cpSync(b, a);
      const before = readFileSync(a, 'utf8');
      const after = edit(before);
      expect(after).not.toBe(before);
      writeFileSync(b, after);
      return spawnSync('diff', ['-u', `a/${FILE}`, `b/${FILE}`], { cwd: scratch, encoding: 'utf8' }).stdout;
    });
  }

  /** Puts C before the only `return` of entity_lag(), or wherever `at` matches inside `name`. */
  const inside = (name: string, at: RegExp, put: (found: string) => string) => (text: string) => {
    const start = text.search(new RegExp(`^static[^;{]*\\b${name}\\([^;{]*\\)\\s*\\{`, 'm'));
    const end = text.indexOf('\n}', start);
    return text.slice(0, start) + text.slice(start, end).replace(at, put) + text.slice(end);
  };

  const good = inside(
    'entity_lag',
    /return clamp/,
    (found) => `if (!se->on_rq && limit < 0)\n\t\tlimit = -limit;\n\n\t${found}`,
  );
  const starving = inside('yield_task_fair', /se->vruntime = se->deadline/, (found) => `${found} + (1ULL << 40)`);
  const overflowing = inside(
    'entity_lag',
    /return clamp/,
    (found) => `if (limit > 1)\n\t\tvlag += vlag * limit * limit * limit == 42;\n\n\t${found}`,
  );
  const options = { operations: 4000, seed: 1, cpus: 2 };

  it('says of each step what it changes, which of its lines are dead, and where it overflows', async () => {
    const base = await findTree();
    const list = diffs(base, [good, starving, overflowing]);
    const series = readSeries(list.map((diff, i) => mail(i, `[PATCH ${i + 1}/3] step`, diff)).join(''), 'three.mbox');
    const [one, two, three] = await applySeries(base, series);

    // Does nothing that can be seen; its second line is never reached.
    const first = await checkPatch(base, one!.tree, one!.added, options);
    expect(first.lockstep).toMatchObject({ finding: null });
    expect(first.lockstep.operations).toBeGreaterThanOrEqual(4000);
    const worse = first.properties.filter((row) => row.patched.verdict !== row.base.verdict);
    expect(worse).toEqual([]);
    const refuted = first.properties.filter((row) => row.patched.verdict === 'refuted').map((row) => row.id);
    // 6.12 does not keep them (test/conform/c-laws.test.ts).
    expect(refuted).toEqual(['least slice']);
    const counts = first.added.filter((line) => line.text.trim() !== '').map((line) => line.count);
    expect(counts).toHaveLength(2);
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[1]).toBe(0);
    expect(first.reports).toEqual([]);

    // Whoever yields is gone for a long time.
    const second = await checkPatch(one!.tree, two!.tree, two!.added, {
      ...options,
      parts: ['lock-step', 'properties'],
    });
    expect(second.lockstep.finding!.ops.length).toBeLessThan(8);
    expect(second.lockstep.finding!.ops.at(-1)!.op).toMatch(/^YIELD/);
    const starvation = second.properties.find((row) => row.id === 'starvation')!;
    expect([starvation.base.verdict, starvation.patched.verdict]).toEqual(['holds', 'refuted']);

    // A product that does not fit, though nobody looks at it.
    const third = await checkPatch(two!.tree, three!.tree, three!.added, { ...options, parts: ['UBSan'] });
    expect(third.reports.length).toBeGreaterThan(0);
    expect(third.reports[0]).toMatchObject({
      report: { file: FILE, kind: '*' },
      text: expect.stringContaining('vlag * limit'),
    });
    expect(third.reports[0]!.ops.length).toBeLessThan(40);
  });

  it('that does not apply, or not compile, is refused in the words of git and gcc', async () => {
    const base = await findTree();
    const [bad, broken] = diffs(base, [
      starving,
      inside('entity_lag', /return clamp/, (found) => `nonsense(;\n\t${found}`),
    ]);
    const said: string[] = [];
    const io = {
      out: () => {},
      err: (text: string) => said.push(text),
      cwd: scratch,
      env: {},
      errIsTty: false,
    } as unknown as Io;
    const check = (file: string, text: string) => {
      writeFileSync(join(scratch, file), text);
      const flags = { am: file, operations: 1, seed: 1, cpus: 1, format: 'text', style: 'unix' } as const;
      return checkTree(io, flags);
    };
    expect(await check('moved.patch', bad!.replace(/^ .*entity_eligible.*$/m, ' something else'))).toBe(2);
    expect(said.join('')).toMatch(/does not apply \(moved\.patch\): error: patch failed: kernel\/sched\/fair\.c:\d+/);
    expect(await check('broken.patch', broken!.replace(/\(1ULL << 40\)/, ''))).toBe(2);
    expect(said.join('')).toMatch(/does not compile: kernel\/sched\/fair\.c:\d+:\d+: error: /);
    expect(await check('no.patch', 'nothing\n')).toBe(2);
    expect(said.join('')).toContain('no.patch contains no patch');
  });

  it('leaves the tree as it was', async () => {
    const base = await findTree();
    const before = execFileSync('sha256sum', [join(base.dir, FILE)], { encoding: 'utf8' });
    await applySeries(base, readSeries(diffs(base, [starving])[0]!, 'x.patch'));
    expect(execFileSync('sha256sum', [join(base.dir, FILE)], { encoding: 'utf8' })).toBe(before);
  });
});
