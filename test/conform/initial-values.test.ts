// SPDX-License-Identifier: GPL-2.0-only
/** Variables that a patch starts otherwise, read off two texts of one file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writtenMembers } from '../../src/conform/patch/changed-functions.js';
import { initialChanges, startedAt } from '../../src/conform/patch/initial-values.js';
import { ARCHITECTURES } from '../../src/native/extract/architecture.js';
import { type CFile, indexFile } from '../../src/native/extract/c-index.js';

const OLD = `#define FOO_DEFAULT 0x10
unsigned int grow = 2;
static bool __read_mostly on;
int same = 3;
static u64 from_macro = FOO_DEFAULT;
static const int fixed = 1;
static struct ops table = {
	.first = 1,
};
static int list[] = { 1, 2 };
`;
const NEW = `#define FOO_DEFAULT 0x20
unsigned int grow;
static bool __read_mostly on = true;
int same = 3;
static u64 from_macro = FOO_DEFAULT - 1;
static const int fixed = 2;
static struct ops table = {
	.first = 2,
};
static int list[] = { 1, 3 };
static int added = -7;
`;

describe('a variable that starts otherwise', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const index = async (name: string, text: string): Promise<CFile> => {
    writeFileSync(join(dir, name), text);
    return (await indexFile(dir, name, new Map()))!;
  };
  const files = async () => {
    const [base, patched] = [await index('old.c', OLD), await index('new.c', NEW)];
    const architecture = ARCHITECTURES[0]!;
    return { architecture, base: new Map([['x.c', base]]), previous: new Map(), patched: new Map([['x.c', patched]]) };
  };

  it('is found with both values, as numbers where they are; what the code itself carries is not', async () => {
    const changes = initialChanges(await files()).map(({ name, before, patched, values }) => ({
      [name]: [before, patched, values],
    }));
    expect(Object.assign({}, ...changes)).toEqual({
      grow: ['2', '0', [2, 0]],
      on: ['0', 'true', [0, 1]],
      from_macro: ['FOO_DEFAULT', 'FOO_DEFAULT - 1', null],
      table: ['{ .first = 1, }', '{ .first = 2, }', null],
      added: [null, '-7', [-7, -7]],
    });
  });

  it('is known by every line of its definition', async () => {
    const file = (await files()).patched.get('x.c');
    const at = (text: string) => startedAt(file, NEW.split('\n').indexOf(text) + 1)?.name ?? null;
    expect([at('\t.first = 2,'), at('static int added = -7;'), at('unsigned int grow;')]).toEqual([
      'table',
      'added',
      null,
    ]);
    expect(at('static const int fixed = 2;')).toBeNull();
  });
});

describe('a member that a patch writes', () => {
  it('is known by its assignment, in whatever form, in lines that come or go', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
    const body = ['int f(struct s *s, struct t t)', '{', '\ts->a = 1;', '\tt.b[2] |= 4;', '\ts->t.c++;', '\t--s->d;'];
    const text = [...body, '\tif (s->e == 1 || s->f <= 2)', '\t\tg(s->h);', '\treturn s->i;', '}', ''].join('\n');
    writeFileSync(join(dir, 'x.c'), text);
    const file = (await indexFile(dir, 'x.c', new Map()))!;
    rmSync(dir, { recursive: true });
    const side = new Map([['x.c', file]]);
    const files = { architecture: ARCHITECTURES[0]!, base: side, previous: side, patched: side };
    const lines = text.split('\n').map((line) => `+${line}`);
    const hunk = { file: 'x.c', oldAt: 1, at: 1, heading: '', lines, fuzz: 0, merged: false };
    expect([...writtenMembers(files, [hunk]).get('x.c: f')!].sort()).toEqual(['a', 'b', 'c', 'd']);
  });
});
