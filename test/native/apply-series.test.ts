// SPDX-License-Identifier: GPL-2.0-only
/** A series on a tree of a few lines: what is left out, what is refused, what a 3-way merge saves. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readPatches } from '../../src/loader/patches.js';
import { readTree } from '../../src/native/find-tree.js';
import { addedLinesOf, applySeries } from '../../src/native/patch.js';
import { hunksBetween } from '../../src/native/tree-diff.js';

const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const lines = (n: number) => Array.from({ length: n }, (_, i) => `line ${i + 1}\n`).join('');

function tree(name: string, files: Readonly<Record<string, string>> = {}) {
  const all = {
    ...{ Makefile: 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\nEXTRAVERSION =\n', 'kernel/bounds.c': '' },
    ...{ 'include/linux/sched.h': '', 'include/linux/kconfig.h': '', 'lib/rbtree.c': '' },
    ...{ 'include/asm-generic/x.h': '', 'include/uapi/asm-generic/x.h': '', 'kernel/sched/fair.c': lines(40) },
    ...{ 'kernel/sched/build_policy.c': '', 'kernel/fork.c': lines(20), ...files },
  };
  for (const [file, text] of Object.entries(all)) {
    mkdirSync(dirname(join(scratch, name, file)), { recursive: true });
    writeFileSync(join(scratch, name, file), text);
  }
  return readTree(join(scratch, name));
}

const change = (file: string, at: number, from: string, to: string, index = '') =>
  `diff --git a/${file} b/${file}\n${index}--- a/${file}\n+++ b/${file}\n@@ -${at},3 +${at},3 @@ fn(\n` +
  ` line ${at}\n-${from}\n+${to}\n line ${at + 2}\n`;
const series = (...diffs: readonly string[]) => diffs.map((diff, i) => ({ subject: `patch ${i + 1}`, diff }));
const scheduler = () => Promise.resolve((file: string) => file.startsWith('kernel/sched/'));

describe('a series', () => {
  it('is applied patch by patch, each to a copy', async () => {
    const base = tree('one');
    const steps = await applySeries(
      base,
      series(change('kernel/sched/fair.c', 10, 'line 11', 'elf'), change('kernel/sched/fair.c', 20, 'line 21', 'x')),
    );
    const text = (i: number) => readFileSync(join(steps[i]!.tree.dir, 'kernel/sched/fair.c'), 'utf8');
    expect([text(0).includes('elf\n'), text(0).includes('x\n')]).toEqual([true, false]);
    expect(text(1)).toBe(lines(40).replace('line 11\n', 'elf\n').replace('line 21\n', 'x\n'));
    const elf = { file: 'kernel/sched/fair.c', line: 11, text: 'elf', patch: 1 };
    const x = { file: 'kernel/sched/fair.c', line: 21, text: 'x', patch: 2 };
    expect(steps.map((step) => step.added)).toEqual([[elf], [elf, x]]);
    expect(readFileSync(join(base.dir, 'kernel/sched/fair.c'), 'utf8')).toBe(lines(40));
  });

  it('skips what the tree has already, and is refused when that is all of it', async () => {
    const fair = 'kernel/sched/fair.c';
    const wide = (at: number, from: string, to: string) =>
      `${change(fair, at, from, to).replace(`@@ -${at},3 +${at},3`, `@@ -${at},4 +${at},4`)} line ${at + 3}\n`;
    const base = tree('there', { [fair]: lines(40).replace('line 11\n', 'elf\n') });
    const both = series(wide(10, 'line 11', 'elf') + wide(20, 'line 21', 'x').replace(/^[\s\S]*?(?=@@)/, ''));
    const [step] = await applySeries(base, both);
    expect(step!.leftOut).toEqual([{ file: fair, hunks: 1, why: 'is there already' }]);
    expect(step!.added).toMatchObject([{ line: 21, text: 'x' }]);
    const refused = applySeries(base, series(wide(10, 'line 11', 'elf')));
    await expect(refused).rejects.toThrow('6.12.1 has patch 1 already: --reverse takes it out');
  });

  it('sees a change of the tree in a file that it does not touch', async () => {
    const base = tree('two');
    const patch = series(change('kernel/sched/fair.c', 10, 'line 11', 'elf'));
    const [before] = await applySeries(base, patch);
    writeFileSync(join(base.dir, 'kernel/fork.c'), 'other\n');
    const [after] = await applySeries(base, patch);
    expect(after!.tree.dir).not.toBe(before!.tree.dir);
    expect(readFileSync(join(after!.tree.dir, 'kernel/fork.c'), 'utf8')).toBe('other\n');
  });

  it('leaves out, and says, what does not apply to files that are not compiled', async () => {
    const diff =
      change('kernel/sched/fair.c', 10, 'line 11', 'elf') +
      change('kernel/fork.c', 3, 'nothing like it', 'x') +
      change('mm/none.c', 3, 'line 4', 'x');
    const [step] = await applySeries(tree('three'), series(diff), scheduler);
    expect(step!.hunks.map((hunk) => hunk.file)).toEqual(['kernel/sched/fair.c']);
    expect(step!.leftOut).toEqual([
      { file: 'kernel/fork.c', hunks: 1, why: '1 of 1 hunks do not apply' },
      { file: 'mm/none.c', hunks: 1, why: 'the tree has no such file' },
    ]);
    expect(readFileSync(join(step!.tree.dir, 'kernel/fork.c'), 'utf8')).toBe(lines(20));
  });

  it('is refused with every hunk that fails, of every patch, before anything is written', async () => {
    const bad = (at: number) => change('kernel/sched/fair.c', at, 'nothing like it', 'x');
    const refused = applySeries(tree('four'), series(bad(4) + bad(9), change('kernel/fork.c', 1, 'a', 'b')), scheduler);
    await expect(refused).rejects.toMatchObject({
      code: 'patch',
      message: 'patch 1 of 2 does not apply to 6.12.1, and what builds on it: 2 hunks',
      details: [
        'kernel/sched/fair.c:4: hunk 1 of 1 does not apply: no place has these lines (fn()',
        'kernel/sched/fair.c:9: hunk 1 of 1 does not apply: no place has these lines (fn()',
      ].map((line) => `1/2 ${line}`),
    });
  });

  it('with a path out of the tree leaves nothing behind', async () => {
    writeFileSync(join(scratch, 'secret'), 'line 1\nline 2\nline 3\n');
    const base = tree('five');
    const out = change('../secret', 1, 'line 2', 'x');
    await expect(applySeries(base, series(out))).rejects.toThrow('a patch may only name files of the tree');
    expect(readFileSync(join(scratch, 'secret'), 'utf8')).toContain('line 2');
    expect(existsSync(join(scratch, 'cache/kvmodel/secret'))).toBe(false);
  });

  it('is merged where the tree is a repository with the blob that the patch was made from', async () => {
    const base = tree('six');
    const git = (...args: string[]) => execFileSync('git', args, { cwd: base.dir, encoding: 'utf8' });
    git('init', '-q');
    git('add', '.');
    const blob = git('rev-parse', ':kernel/sched/fair.c').trim();
    // a line changed that is in the patch's context, too far in for fuzz, and not beside what the patch changes
    const now = `new\n${lines(40).replace('line 28\n', 'twenty-eight\n')}`;
    writeFileSync(join(base.dir, 'kernel/sched/fair.c'), now);
    const context = (from: number, n: number) => Array.from({ length: n }, (_, i) => ` line ${from + i}\n`).join('');
    const hunk = `@@ -25,13 +25,13 @@ fn(\n${context(25, 6)}-line 31\n+x\n${context(32, 6)}`;
    const head = (index: string) =>
      `diff --git a/kernel/sched/fair.c b/kernel/sched/fair.c\n${index}--- a/kernel/sched/fair.c\n+++ b/kernel/sched/fair.c\n`;
    await expect(applySeries(base, series(head('') + hunk), scheduler)).rejects.toThrow('does not apply');
    const index = `index ${blob}..${'0'.repeat(40)} 100644\n`;
    const [step] = await applySeries(base, series(head(index) + hunk), scheduler);
    expect(step!.hunks).toMatchObject([{ file: 'kernel/sched/fair.c', merged: true }]);
    expect(step!.added).toEqual([{ file: 'kernel/sched/fair.c', line: 32, text: 'x', patch: 1 }]);
    expect(readFileSync(join(step!.tree.dir, 'kernel/sched/fair.c'), 'utf8')).toBe(now.replace('line 31', 'x'));
  });
});

describe('two trees', () => {
  it('differ in hunks with the paths of the tree, wherever they lie', () => {
    const [a, b] = [tree('a'), tree('b', { 'kernel/sched/fair.c': lines(40).replace('line 9\n', 'nine\n') })];
    expect(hunksBetween(a, b)).toMatchObject([{ file: 'kernel/sched/fair.c', oldAt: 6, at: 6 }]);
    expect(addedLinesOf(hunksBetween(a, b))).toEqual([{ file: 'kernel/sched/fair.c', line: 9, text: 'nine' }]);
    expect(hunksBetween(a, a)).toEqual([]);
  });
});

describe('a directory of patches', () => {
  const files = (name: string, list: Readonly<Record<string, string>>) => {
    mkdirSync(join(scratch, name));
    for (const [file, text] of Object.entries(list)) writeFileSync(join(scratch, name, file), text);
  };

  it('is its patches in order, or what its series file lists', () => {
    files('plain', { '0000-cover-letter.patch': '', '0002-b.patch': '', '0001-a.patch': '', 'notes.txt': '' });
    expect(readPatches('plain', scratch)).toEqual(['plain/0001-a.patch', 'plain/0002-b.patch']);
    files('quilt', { series: '# first\nb.diff -p1\n\na.diff # why\n', 'a.diff': '', 'b.diff': '' });
    expect(readPatches('quilt', scratch)).toEqual(['quilt/b.diff', 'quilt/a.diff']);
    expect([readPatches('-', scratch), readPatches('x.patch', scratch)]).toEqual([['-'], ['x.patch']]);
  });

  it('without any, or that names others, is refused', () => {
    files('none', { 'notes.txt': '' });
    expect(() => readPatches('none', scratch)).toThrow('a directory with .patch files');
    files('evil', { series: '../../x.diff\n' });
    expect(() => readPatches('evil', scratch)).toThrow('names of files beside it');
  });
});
