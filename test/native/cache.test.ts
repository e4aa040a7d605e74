// SPDX-License-Identifier: GPL-2.0-only
/** Locks whose holders died or never said who they are, leftovers of killed processes, a disk that is full. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cacheDir, exclusively } from '../../src/native/cache-dir.js';
import { findTree } from '../../src/native/find-tree.js';
import { lifeOf, ownerIn, ownerText, thisProcess } from '../../src/native/owner.js';
import { scratchDir } from '../../src/native/scratch.js';
import { conformIn } from '../cli/in-process.js';
import { because, missing } from './tree.js';

const scratch = mkdtempSync(join(tmpdir(), 'test-cache-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let n = 0;
beforeEach(() => {
  vi.stubEnv('XDG_CACHE_HOME', join(scratch, String(n++)));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const dead = ownerText({ ...thisProcess, start: '1' });
const elsewhere = ownerText({ space: '1', pid: process.pid, start: thisProcess.start });

function lockOf(name: string, owner: string | null, ageMs = 0): string {
  const lock = cacheDir('locks', name);
  mkdirSync(lock, { recursive: true });
  const then = new Date(Date.now() - ageMs);
  if (owner !== null) {
    writeFileSync(join(lock, 'pid'), owner);
    utimesSync(join(lock, 'pid'), then, then);
  }
  utimesSync(lock, then, then);
  return lock;
}

describe('an owner', () => {
  it('is told from a process that got the same pid later, and from one in another container', () => {
    expect(lifeOf(thisProcess)).toBe('alive');
    expect(lifeOf(ownerIn(dead)!)).toBe('dead');
    expect(lifeOf(ownerIn(elsewhere)!)).toBe('unknown');
    expect(ownerIn(`${ownerText(thisProcess)}-AbC123`)).toEqual(thisProcess);
    expect([ownerIn(''), ownerIn('1234'), ownerIn('kvmodel')]).toEqual([null, null, null]);
  });
});

describe('a lock', () => {
  it('of a dead process is taken over at once, also when its pid is in use again', async () => {
    const lock = lockOf('x', dead);
    expect(await exclusively('x', async () => existsSync(join(lock, 'pid')), { most: 0 })).toBe(true);
    expect(existsSync(lock)).toBe(false);
  });

  it.each([
    ['no file', null],
    ['an empty file', ''],
    ['a bare pid', String(process.pid)],
    ['an owner in another container', elsewhere],
  ])(
    'that names nobody who can be asked (%s) is taken over when there was no sign of life for long',
    async (_, owner) => {
      lockOf('x', owner, 60_000);
      expect(await exclusively('x', async () => 'done', { most: 0, ownerless: 30_000 })).toBe('done');
      lockOf('x', owner, 0);
      await expect(exclusively('x', async () => 'done', { most: 0, ownerless: 30_000 })).rejects.toMatchObject({
        code: 'no-cache',
      });
    },
  );

  it('of a living process is waited for: it is said whose it is, and where, and then given up', async () => {
    const lock = lockOf('x', ownerText(thisProcess), 3_600_000);
    const said: string[] = [];
    const patience = { silent: 0, most: 150, say: (text: string) => said.push(text) };
    const refusal = await exclusively('x', async () => 'done', patience).catch((e: Error) => e.message);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`waiting for process ${process.pid} (node`);
    expect(said[0]).toContain(lock);
    expect(refusal).toMatch(new RegExp(`process ${process.pid} .*has held ${lock} for more than`));
    expect(existsSync(lock)).toBe(true);
    // It goes on as soon as the other has finished.
    setTimeout(() => rmSync(lock, { recursive: true }), 50);
    expect(await exclusively('x', async () => 'done', { ...patience, most: 10_000 })).toBe('done');
  });

  it('that was taken over in the meantime is left to who has it now', async () => {
    const lock = cacheDir('locks', 'x');
    await exclusively('x', async () => writeFileSync(join(lock, 'pid'), elsewhere));
    expect(existsSync(lock)).toBe(true);
  });
});

describe('what a killed process left behind', () => {
  it('is removed at the next start: unfinished trees and builds, scratch directories; nothing else', async () => {
    const temporary = join(scratch, 'tmp');
    vi.stubEnv('TMPDIR', temporary);
    const gone = [
      ...['trees', 'patched', 'native'].map((room) => cacheDir(room, `6.12.117-0123456789abcdef.making-${dead}`)),
      join(temporary, `kvmodel-${dead}-AbC123`),
    ];
    const kept = [
      cacheDir('trees', 'linux-source-6.12-0123456789abcdef'),
      cacheDir('native', `6.12.117-O2-0123456789abcdef.making-${ownerText(thisProcess)}`),
      cacheDir('native', `6.12.117-O2-0123456789abcdef.making-${elsewhere}`),
      join(temporary, 'kvmodel-notes'),
      join(temporary, `kvmodel-${ownerText(thisProcess)}-AbC123`),
    ];
    for (const dir of [...gone, ...kept]) mkdirSync(join(dir, 'kernel'), { recursive: true });
    await exclusively('x', async () => undefined);
    const own = scratchDir();
    expect(gone.filter((dir) => existsSync(dir))).toEqual([]);
    expect([...kept, own].filter((dir) => !existsSync(dir))).toEqual([]);
  });
});

describe.skipIf(missing !== null)(`a full disk${because}`, { timeout: 60_000 }, () => {
  const words = 'fatal error: error writing to held.o: No space left on device';

  it.each([
    ['the scheduler', ['--only', 'scheduler', '--operations', '1', '--cpus', '1'], 2],
    ['functions held alone', ['--held', 'grow_halt_poll_ns', '--exit', 'kselftest'], 4],
  ] as const)('is refused for %s, and never a success', async (_, args, expected) => {
    vi.unstubAllEnvs();
    const { dir } = await findTree();
    const path = join(scratch, 'bin');
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, 'gcc'),
      `#!/bin/sh\n[ "$1" = --version ] && echo gcc && exit\necho '${words}' >&2\nexit 1\n`,
    );
    chmodSync(join(path, 'gcc'), 0o755);
    vi.stubEnv('PATH', `${path}:${process.env['PATH']}`);
    vi.stubEnv('XDG_CACHE_HOME', join(scratch, 'full'));
    const { code, err } = await conformIn(scratch, [...args, '--tree', dir]);
    expect(err).toContain('no room to build in ');
    expect(err).toContain(words);
    expect(code).toBe(expected);
    expect(readdirSync(join(scratch, 'full/kvmodel/native'))).toEqual([]);
  });
});

describe.skipIf(missing !== null)(`a record${because}`, () => {
  it('never overwrites a file', async () => {
    writeFileSync(join(scratch, 'kept.json'), 'mine');
    vi.unstubAllEnvs();
    for (const mode of [['--drift'], ['--operations', '1']]) {
      const { code, err } = await conformIn(scratch, [...mode, '--record', 'kept.json']);
      expect([code, err]).toEqual([2, expect.stringContaining('a file that is there already')]);
    }
    expect(readFileSync(join(scratch, 'kept.json'), 'utf8')).toBe('mine');
  });
});
