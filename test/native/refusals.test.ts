// SPDX-License-Identifier: GPL-2.0-only
/** What stands in the way is said in one sentence. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { exclusively } from '../../src/native/cache-dir.js';
import { findTree, readTree } from '../../src/native/find-tree.js';

const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function tree(name: string, makefile: string): string {
  const dir = join(scratch, name);
  for (const sub of ['kernel/sched', 'include/linux', 'include/asm-generic', 'include/uapi/asm-generic', 'lib']) {
    mkdirSync(join(dir, sub), { recursive: true });
  }
  for (const file of ['kernel/sched/fair.c', 'kernel/sched/build_policy.c', 'kernel/bounds.c', 'lib/rbtree.c'])
    writeFileSync(join(dir, file), '');
  for (const file of ['sched.h', 'kconfig.h']) writeFileSync(join(dir, 'include/linux', file), '');
  writeFileSync(join(dir, 'Makefile'), makefile);
  return dir;
}

describe('a tree', () => {
  it('is read from its Makefile', () => {
    const dir = tree('rc', 'VERSION = 6\nPATCHLEVEL = 19\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\nNAME = x\n');
    expect(readTree(dir)).toEqual({ dir, version: '6.19.0-rc1' });
  });

  it('that is too old is refused', () => {
    const dir = tree('old', 'VERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 90\nEXTRAVERSION =\n');
    expect(readTree(dir).version).toBe('5.10.90');
    rmSync(join(dir, 'kernel/sched/build_policy.c'));
    expect(() => readTree(dir)).toThrow(
      expect.objectContaining({ code: 'tree-too-old', message: expect.stringContaining('5.10.90') }),
    );
  });

  it('that is none is refused', async () => {
    await expect(findTree(scratch)).rejects.toMatchObject({
      code: 'not-a-tree',
      message: expect.stringContaining('no Makefile'),
    });
    await expect(findTree(join(scratch, 'nowhere'))).rejects.toMatchObject({ code: 'not-a-tree' });
    const broken = join(scratch, 'linux-source-6.12.tar.xz');
    writeFileSync(broken, 'not an archive');
    await expect(findTree(broken)).rejects.toMatchObject({
      code: 'not-a-tree',
      message: expect.stringContaining('unpacked'),
    });
    expect(() => readTree(tree('empty', ''))).toThrow(expect.objectContaining({ code: 'not-a-tree' }));
  });

  it('that is only a part of one is refused', () => {
    const dir = tree('part', 'VERSION = 6\nPATCHLEVEL = 18\nSUBLEVEL = 0\nEXTRAVERSION =\n');
    rmSync(join(dir, 'include/asm-generic'), { recursive: true });
    expect(() => readTree(dir)).toThrow(
      expect.objectContaining({
        code: 'not-a-tree',
        message: expect.stringContaining('is not a whole kernel tree: it has no include/asm-generic'),
      }),
    );
  });

  it('that is missing names the package', async () => {
    await expect(findTree(undefined, join(scratch, 'no-usr-src'))).rejects.toMatchObject({
      code: 'no-tree',
      message: expect.stringContaining('apt-get install linux-source-6.12'),
    });
  });
});

describe('a cache', () => {
  it.each([join(scratch, 'a-file'), '/proc/1'])('at %s, where nothing can be kept, is refused', async (place) => {
    writeFileSync(join(scratch, 'a-file'), '');
    vi.stubEnv('XDG_CACHE_HOME', place);
    try {
      await expect(exclusively('x', async () => 1)).rejects.toMatchObject({
        code: 'no-cache',
        message: expect.stringContaining('XDG_CACHE_HOME names another place'),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
