// SPDX-License-Identifier: GPL-2.0-only
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isKnownSound, noteSound } from '../../src/loader/type-cache.js';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kvmodel-types-'));
  mkdirSync(join(dir, 'mine'));
  vi.stubEnv('XDG_CACHE_HOME', join(dir, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

/** A patch that imports a file beside it, and one of ours. */
function files(): { own: (path: string) => boolean; all: string[]; mine: string; helper: string; ours: string } {
  const [mine, helper, ours] = ['mine.ts', 'helper.ts', 'ours.d.ts'].map((name) => join(dir, 'mine', name));
  for (const path of [mine, helper, ours]) writeFileSync(path, 'export {};');
  return { own: (path) => path !== ours, all: [mine, helper, ours], mine, helper, ours };
}

describe('a file without type errors', () => {
  it('is known as long as nothing changes, under its own key', () => {
    const { all, own } = files();
    expect(isKnownSound('a', own)).toBe(false);
    noteSound('a', all, own);
    expect(isKnownSound('a', own)).toBe(true);
    expect(isKnownSound('b', own)).toBe(false);
  });

  it.each([
    ['its own text', ({ mine }) => writeFileSync(mine, 'export [];')],
    [
      'the text of what it imports, at the same size and time',
      ({ helper }) => {
        writeFileSync(helper, 'export [];');
        utimesSync(helper, 0, 0);
      },
    ],
    ['one of our declarations', ({ ours }) => utimesSync(ours, 0, 0)],
    ['a file that is gone', ({ helper }) => rmSync(helper)],
    [
      'a file that came beside it, and may be what an import finds now',
      () => writeFileSync(join(dir, 'mine/helper.d.ts'), ''),
    ],
  ] as [string, (it: ReturnType<typeof files>) => void][])('is looked at again after a change of %s', (_, change) => {
    const it = files();
    noteSound('a', it.all, it.own);
    change(it);
    expect(isKnownSound('a', it.own)).toBe(false);
  });

  it('is looked at again where nothing can be kept', () => {
    const { all, own } = files();
    vi.stubEnv('XDG_CACHE_HOME', '/dev/null');
    noteSound('a', all, own);
    expect(isKnownSound('a', own)).toBe(false);
  });

  it('is one of the hundred last', () => {
    const { all, own } = files();
    for (let i = 0; i < 105; i++) noteSound(`${i}`, all, own);
    expect(readdirSync(join(dir, 'cache/kvmodel/types'))).toHaveLength(100);
  });
});
