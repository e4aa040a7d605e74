// SPDX-License-Identifier: GPL-2.0-only
/** What of a patch counts as judged, on a tree of two files and a judge that is told what it ran. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { judgeHunks, type Reach } from '../../src/conform/patch/judged-hunks.js';
import type { AppliedHunk } from '../../src/native/patch.js';

const OLD = `#define LIMIT 3
static int one(int x)
{
	return x;
}

static int two(int x)
{
	return x + LIMIT;
}
`;
const NEW = `#define LIMIT 4
static int one(int x)
{
#ifdef CONFIG_OFF
	x++;
#endif
	return x;
}

/* another word */
static int two(int x)
{
	x--;
	return x + LIMIT;
}
`;

const hunk = (oldAt: number, at: number, lines: readonly string[], file = 'a.c'): AppliedHunk => ({
  ...{ file, oldAt, at, heading: '', lines, fuzz: 0, merged: false },
});
const MACRO = hunk(1, 1, ['-#define LIMIT 3', '+#define LIMIT 4']);
const OFF = hunk(3, 3, [' {', '+#ifdef CONFIG_OFF', '+\tx++;', '+#endif', ' \treturn x;']);
const WORD = hunk(6, 9, [' ', '+/* another word */', ' static int two(int x)']);
const CODE = hunk(8, 12, [' {', '+\tx--;', ' \treturn x + LIMIT;']);
const GONE = hunk(8, 12, [' {', '-\tfoo();', ' \tx--;']);

describe('a hunk', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kvmodel-hunks-'));
  const tree = (name: string, files: Readonly<Record<string, string>>) => {
    for (const [file, text] of Object.entries(files)) {
      const path = join(dir, name, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    return { dir: join(dir, name), version: name };
  };
  const trees = {
    previous: tree('old', { 'a.c': OLD, 'kernel/fork.c': OLD, 'Documentation/x.rst': 'a\n' }),
    tree: tree('new', { 'a.c': NEW, 'kernel/fork.c': NEW, 'Documentation/x.rst': 'b\n' }),
  };
  afterAll(() => rmSync(dir, { recursive: true }));

  /** A judge that compiles a.c, with these lines executed so often. */
  const reach = (counts: readonly (readonly [line: number, count: number])[], on = ''): Reach => ({
    judge: 'scheduler lock-step',
    reads: (file) => file === 'a.c',
    configuration: new Map(on === '' ? [] : [[on, '1']]),
    after: { lines: new Map([['a.c', new Map(counts)]]), functions: new Map() },
  });
  const say = async (one: AppliedHunk, ...reaches: readonly Reach[]) => {
    const [judged] = await judgeHunks([one], [], trees, reaches);
    return [judged!.status, judged!.why, judged!.by.map(({ judge }) => judge), judged!.function];
  };

  it('is judged when one of its lines ran, or what it is taken out of', async () => {
    const ran = reach([
      [13, 7],
      [14, 7],
    ]);
    expect(await say(CODE, ran)).toEqual(['judged', null, ['scheduler lock-step'], 'two']);
    expect(await say(GONE, ran)).toEqual(['judged', null, ['scheduler lock-step'], 'two']);
    expect(await say(MACRO, ran)).toEqual(['judged', null, ['scheduler lock-step'], null]);
  });

  it('is not judged when all it changes is a condition that decides the same', async () => {
    const IF = hunk(1, 1, [
      '-#if defined(CONFIG_A)',
      '+#if defined(CONFIG_A) || defined(CONFIG_B)',
      ' # define LIMIT 8',
    ]);
    const sides = (condition: string) =>
      tree(`if ${condition.length}`, { 'a.c': `#if ${condition}\n# define LIMIT 8\n#endif\n` });
    const both = { previous: sides('defined(CONFIG_A)'), tree: sides('defined(CONFIG_A) || defined(CONFIG_B)') };
    const told = async (on: string) => {
      const [judged] = await judgeHunks([IF], [], both, [reach([], on)]);
      return [judged!.status, judged!.why];
    };
    const why = 'a condition that decides the same in this configuration';
    expect([await told(''), await told('CONFIG_A')]).toEqual([
      ['not judged', why],
      ['not judged', why],
    ]);
    expect(await told('CONFIG_B')).toEqual(['judged', null]);
  });

  it('is not judged by lines that ran in a function of which no call could be compared', async () => {
    const ran = reach([[13, 7]]);
    const alone: Reach = {
      ...ran,
      judge: 'held alone',
      held: new Set(),
      left: new Map([['a.c: two', 'it never returns']]),
    };
    expect((await say(CODE, alone)).slice(0, 3)).toEqual(['not judged', 'it never returns', []]);
    const held = { ...alone, held: new Set(['a.c: two']), left: new Map() };
    expect((await say(CODE, held)).slice(0, 3)).toEqual(['judged', null, ['held alone']]);
  });

  it('is judged by the same object code in a .c file, not in a header that others read', async () => {
    const same: Reach = { ...reach([]), judge: 'same object code', reads: () => true };
    expect(await say(CODE, same)).toEqual(['judged', null, ['same object code'], 'two']);
    expect((await say(OFF, same)).slice(0, 2)).toEqual(['not judged', 'left out by the configuration']);
    const header = { ...trees };
    const [judged] = await judgeHunks([{ ...MACRO, file: 'a.h' }], [], header, [same]);
    expect([judged!.status, judged!.why]).toEqual(['not judged', 'nothing that is compiled here changes with it']);
  });

  it('is not judged by what compiled it and never ran it', async () => {
    const [dead, elsewhere] = [reach([[13, 0]]), reach([[7, 3]])];
    expect(await say(CODE, dead)).toEqual(['not judged', 'compiled, never executed', [], 'two']);
    expect(await say(GONE, elsewhere)).toEqual(['not judged', 'two() is never executed', [], 'two']);
  });

  it('is not judged where the configuration leaves it out', async () => {
    const ran = [[7, 3]] as const;
    expect(await say(OFF, reach(ran))).toEqual(['not judged', 'left out by the configuration', [], 'one']);
    expect((await say(OFF, reach([...ran, [5, 3]], 'CONFIG_OFF')))[0]).toBe('judged');
  });

  it('is not judged where nothing compiles its file, and what was left out is not, either', async () => {
    const other = { ...CODE, file: 'kernel/fork.c' };
    expect(await say(other, reach([[13, 7]]))).toEqual(['not judged', 'nothing here compiles this file', [], 'two']);
    const nowhere = await say({ ...WORD, file: 'gone/elsewhere.c' });
    expect(nowhere.slice(0, 2)).toEqual(['not judged', 'nothing here compiles this file']);
    const leftOut = [{ file: 'mm/x.c', hunks: 2, why: 'the tree has no such file' }];
    const [out] = await judgeHunks([], leftOut, trees, []);
    expect(out).toMatchObject({ status: 'not judged', why: 'left out, 2 hunks: the tree has no such file' });
  });

  it('without code needs no judge', async () => {
    expect(await say(WORD, reach([]))).toEqual(['no code', 'comments and white space', [], null]);
    const text = hunk(1, 1, ['-a', '+b'], 'Documentation/x.rst');
    expect(await say(text)).toEqual(['no code', 'documentation', [], null]);
  });
});
