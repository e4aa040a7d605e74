// SPDX-License-Identifier: GPL-2.0-only
/** What stands in the way is said in one sentence. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findTree, readTree } from '../../src/native/find-tree.js';

const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function tree(name: string, makefile: string): string {
  const dir = join(scratch, name);
  for (const sub of ['kernel/sched', 'include/linux']) mkdirSync(join(dir, sub), { recursive: true });
  writeFileSync(join(dir, 'kernel/sched/fair.c'), '');
  writeFileSync(join(dir, 'include/linux/sched.h'), '');
  writeFileSync(join(dir, 'Makefile'), makefile);
  return dir;
}

describe('a tree', () => {
  it('is read from its Makefile', () => {
    const dir = tree('rc', 'VERSION = 6\nPATCHLEVEL = 19\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\nNAME = x\n');
    expect(readTree(dir)).toEqual({ dir, version: '6.19.0-rc1' });
  });

  it('that is too old is refused', () => {
    const dir = tree('old', 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 90\nEXTRAVERSION =\n');
    expect(() => readTree(dir)).toThrow(
      expect.objectContaining({ code: 'tree-too-old', message: expect.stringContaining('6.1.90') }),
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

  it('that is missing names the package', async () => {
    await expect(findTree(undefined, join(scratch, 'no-usr-src'))).rejects.toMatchObject({
      code: 'no-tree',
      message: expect.stringContaining('apt-get install linux-source-6.12'),
    });
  });
});
