// SPDX-License-Identifier: GPL-2.0-only
/** Patches of our own against the installed tree, made by editing it here: good, starving, overflowing, with dead code. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkTree } from '../../src/cli/check-tree.js';
import type { Io } from '../../src/cli/io.js';
import { replayStep } from '../../src/conform/patch/replay-step.js';
import { checkPatch } from '../../src/conform/sched/patch-check.js';
import { applyHunks } from '../../src/native/apply-hunks.js';
import { fileOf, parseDiff } from '../../src/native/diff.js';
import { findTree, type KernelTree } from '../../src/native/find-tree.js';
import { readSeries } from '../../src/native/mailbox.js';
import { applySeries } from '../../src/native/patch.js';
import { readSequence, sequenceText } from '../../src/operation/sched-text.js';
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

  it('is read from Latin-1, and from a patch with carriage returns', () => {
    const latin = Buffer.from(mail(1, '[PATCH] sched: one', DIFF.replace('+neu', '+/* J\xf6rg */')), 'latin1');
    expect(readSeries(latin, 'x.mbox')[0]!.diff).toContain('+/* J\u00f6rg */');
    const [file] = parseDiff(DIFF.replaceAll('\n', '\r\n'), () => false);
    expect(file!.hunks[0]!.lines).toContain('+neu');
    expect(() => readSeries(Buffer.from([45, 45, 45, 32, 0]), 'x')).toThrow('not text');
  });
});

const hunksOf = (diff: string) => parseDiff(diff, () => false).flatMap((file) => file.hunks);

describe('a diff', () => {
  it('names its files, with a/ and b/, without, renamed, created and quoted', () => {
    expect(parseDiff(DIFF, () => false).map(fileOf)).toEqual(['kernel/one.c', 'kernel/two.c']);
    const plain = DIFF.replace('a/kernel', 'kernel').replace('b/kernel/one', 'kernel/one');
    expect(parseDiff(plain, (path) => path === 'kernel/one.c').map(fileOf)[0]).toBe('kernel/one.c');
    const renamed = 'diff --git a/x.c b/y.c\nsimilarity index 100%\nrename from x.c\nrename to y.c\n';
    expect(parseDiff(renamed, () => false)).toMatchObject([{ from: 'x.c', to: 'y.c', hunks: [], copied: false }]);
    const quoted = '--- "a/k\\303\\266.c"\n+++ "b/k\\303\\266.c"\n@@ -1 +1 @@\n-a\n+b\n';
    expect(parseDiff(quoted, () => false)).toMatchObject([{ to: 'k\u00f6.c' }]);
    expect(() => parseDiff('--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n', () => false)).toThrow('other lengths');
  });

  it.each([
    '../../../../etc/passwd',
    '/etc/passwd',
    '../.ssh/id',
    'kernel/../../x',
    '.git/hooks/pre-commit',
    'kernel//x.c',
  ])('may not name %s', (path) => {
    const name = path.startsWith('/') ? path : `b/${path}`;
    const text = `--- a/kernel/one.c\n+++ ${name}\n@@ -1 +1 @@\n-a\n+b\n`;
    expect(() => parseDiff(text, () => true)).toThrow('a patch may only name files of the tree');
  });
});

describe('hunks', () => {
  const numbered = (n: number, from = 1) => Array.from({ length: n }, (_, i) => `line ${i + from}`);
  const file = `${numbered(40).join('\n')}\n`;
  const diff = (at: number, lines: readonly string[]) => {
    const n = (signs: string) => lines.filter((line) => signs.includes(line[0]!)).length;
    return `--- a/f\n+++ b/f\n@@ -${at},${n(' -')} +${at},${n(' +')} @@ here()\n${lines.join('\n')}\n`;
  };

  it('go where their lines are, and say how far that is', () => {
    const moved = applyHunks(file, hunksOf(diff(5, [' line 10', '-line 11', '+elf', ' line 12'])));
    expect(moved.placed).toMatchObject([{ oldAt: 10, at: 10, offset: 5, fuzz: 0 }]);
    expect(moved.text.split('\n')[10]).toBe('elf');
    const two = diff(3, [' line 3', '+new', ' line 4']) + diff(20, [' line 20', '-line 21', ' line 22']).slice(16);
    expect(applyHunks(file, hunksOf(two)).placed).toMatchObject([
      { oldAt: 3, at: 3 },
      { oldAt: 20, at: 21 },
    ]);
  });

  it('put up with context that differs at the edges, and keep what the file has', () => {
    const fuzzy = applyHunks(file, hunksOf(diff(9, [' other', ' line 10', '-line 11', ' line 12', ' line 13'])));
    expect(fuzzy).toMatchObject({ placed: [{ oldAt: 9, at: 9, fuzz: 1 }], failed: [] });
    expect(fuzzy.text).toBe(file.replace('line 11\n', ''));
  });

  it('fail one by one, each with its reason', () => {
    const text = `${numbered(9).join('\n')}\nelf\n${numbered(9, 11).join('\n')}\n`;
    const again = diff(7, [' line 7', ' line 8', ' line 9', '-line 10', '+elf', ' line 11']);
    const none = diff(2, [' line 2', '-nothing like it', ' line 4']);
    const { failed, placed } = applyHunks(text, hunksOf(none + again));
    expect(placed).toEqual([]);
    expect(failed.map(({ why }) => why)).toEqual(['no place has these lines', 'is there already']);
  });

  it('create a file, and keep one without a last newline so', () => {
    expect(applyHunks('', hunksOf('--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n')).text).toBe('a\nb\n');
    expect(applyHunks('a\nb\nc', hunksOf(diff(1, ['-a', '+A', ' b']))).text).toBe('A\nb\nc');
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
    // Once more, by itself: the two part at the last operation, and not before.
    const again = readSequence(sequenceText(second.lockstep.finding!.ops), 'again', 2);
    expect(again.faults).toEqual([]);
    const { operations, reports } = await replayStep(one!.tree, two!.tree, again.ops, 2);
    expect(operations.slice(0, -1).flatMap(({ differences }) => differences)).toEqual([]);
    const { field, left, right } = second.lockstep.finding!.difference;
    expect(operations.at(-1)!.differences[0]).toEqual({ field, base: left, patched: right });
    expect(reports).toEqual([]);
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
    const [lacking] = diffs(base, [
      (text) => text.replace('#include <asm/switch_to.h>', '$&\n#include <asm/cpufeature.h>'),
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
      const flags = { am: [file], operations: 1, seed: 1, cpus: 1, format: 'text', style: 'unix' } as const;
      return checkTree(io, flags);
    };
    expect(await check('moved.patch', bad!.replace(/^ .*entity_eligible.*$/m, ' something else'))).toBe(2);
    expect(said.join('')).toMatch(
      /moved\.patch does not apply to [\d.]+: 1 hunk\n +kernel\/sched\/fair\.c:\d+: hunk 1 of 1 does not apply: no place has/,
    );
    expect(await check('broken.patch', broken!.replace(/\(1ULL << 40\)/, ''))).toBe(2);
    expect(said.join('')).toMatch(/does not compile: kernel\/sched\/fair\.c:\d+:\d+: error: /);
    said.length = 0;
    await check('lacking.patch', lacking!);
    expect(said.join('')).toMatch(/cannot be built here: it needs asm\/cpufeature\.h, and kvmodel's stand-ins/);
    expect(said.join('')).not.toContain('does not compile');
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
