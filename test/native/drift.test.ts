// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { functionTexts } from '../../src/native/c-functions.js';
import { findTree } from '../../src/native/find-tree.js';
import {
  driftOf,
  type Mirror,
  mirroredHashes,
  mirrorKey,
  mirrors,
  PIN,
  recordedHashes,
} from '../../src/native/mirrors.js';
import { because, missing } from './tree.js';

const SOURCE = `
/* one() { not code } */
static int one(int a)
	__acquires(lock)
{
	return a ? "}" [0] : '}';
}
DEFINE_GUARD(two, struct rq, if (x) { y; })
static inline void two(void) { }
#define three(x) \\
	do { (x)++; } while (0)
#ifdef CONFIG_A
static int four(void) { return 1; }
#else
static int four(void) { return 2; }
#endif
static int five(void)
{
#ifdef CONFIG_A
	if (a) {
#else
	if (b) {
#endif
		return 1;
	}
	return 0;
}
static const struct x table = { .f = one, };
SYSCALL_DEFINE0(six) { return 0; }
TRACE_EVENT(seven, TP_PROTO(int a), TP_ARGS(a));
static void declared(int a);
`;

describe('the reader of C functions', () => {
  const texts = functionTexts(SOURCE);

  it('finds definitions, macros and what macros make', () => {
    const names = ['one', 'two', 'three', 'four', 'five', 'sys_six', 'seven', 'trace_seven'];
    expect([...texts.keys()]).toEqual(expect.arrayContaining(names));
    expect(texts.has('declared')).toBe(false);
  });

  it('keeps both twins of an #ifdef, and ends a function where it ends', () => {
    expect(texts.get('four')).toContain('return 1');
    expect(texts.get('four')).toContain('return 2');
    expect(texts.get('five')).toMatch(/return 0 ; \}$/);
  });

  it('does not care for comments and white space, but for everything else', () => {
    const one = (text: string) => functionTexts(text).get('f');
    expect(one('int f(void) { return 1; }')).toBe(one('int\nf(void)\n{\n\t/* why */ return 1; // so\n}'));
    expect(one('int f(void) { return 1; }')).not.toBe(one('int f(void) { return 2; }'));
  });
});

describe('drift', () => {
  const mirror = (name: string): Mirror => ({ file: 'k.c', name, mirroredIn: 'k.ts', as: name });

  it('tells same, changed, gone and unrecorded apart', () => {
    const list = ['a', 'b', 'c', 'd'].map(mirror);
    const key = (name: string) => mirrorKey(mirror(name));
    const recorded = new Map([
      [key('a'), '1'],
      [key('b'), '1'],
      [key('c'), '1'],
    ]);
    const now = new Map([
      [key('a'), '1'],
      [key('b'), '2'],
    ]);
    expect(driftOf(list, recorded, now)).toMatchObject({
      same: 1,
      changed: [{ name: 'b' }],
      gone: [{ name: 'c' }],
      unrecorded: [{ name: 'd' }],
    });
  });
});

describe.skipIf(missing !== null)(`the installed tree${because}`, { timeout: 120_000 }, () => {
  it('has every function that a mirror names', async () => {
    const tree = await findTree();
    const list = mirrors();
    const hashes = mirroredHashes(tree, list);
    expect(list.filter((mirror) => !hashes.has(mirrorKey(mirror)))).toEqual([]);
    expect(list.length).toBeGreaterThan(900);
  });

  it('reads as recorded, when it is the pin', async () => {
    const tree = await findTree();
    if (tree.version !== PIN) return;
    const list = mirrors();
    expect(driftOf(list, recordedHashes(), mirroredHashes(tree, list))).toMatchObject({ changed: [], gone: [] });
  });
});
