// SPDX-License-Identifier: GPL-2.0-only
/** What a user names is read within bounds: nothing is read that is refused for its size. */
import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readBytes, readMaybeGzipped, readText } from '../../src/loader/files.js';
import { loadSeriesFile } from '../../src/loader/series-file.js';

const cwd = mkdtempSync(join(tmpdir(), 'kvmodel-files-'));
const file = (name: string, bytes: string | Uint8Array): string => {
  writeFileSync(join(cwd, name), bytes);
  return name;
};

describe('reading', () => {
  it('gives the bytes of a file up to the bound', () => {
    expect(readBytes(file('a', 'abc'), cwd, 'a thing', 3).toString()).toBe('abc');
    expect(() => readBytes(file('b', 'abcd'), cwd, 'a thing', 3)).toThrow('a thing of at most 0 MiB, got 4 bytes');
  });

  it('refuses a file of gigabytes without reading it', () => {
    file('huge', '');
    truncateSync(join(cwd, 'huge'), 3 * 1024 ** 3);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readText('huge', cwd, 'a scenario')).toThrow('of at most 64 MiB, got 3221225472 bytes');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 << 20);
  });

  it('refuses what is no file, and says what it is', () => {
    mkdirSync(join(cwd, 'dir'));
    expect(() => readText('dir', cwd, 'a scenario')).toThrow('got a directory');
    expect(() => readText('none', cwd, 'a scenario')).toThrow('got no such file');
    expect(() => readText('/dev/zero', cwd, 'a scenario')).toThrow('a device');
  });

  it('unpacks gzip within the bound', () => {
    const bomb = gzipSync(Buffer.alloc(8 << 20));
    expect(readMaybeGzipped(file('x.gz', gzipSync('hello')), cwd, 'a recording')).toBe('hello');
    expect(() => readMaybeGzipped(file('bomb.gz', bomb), cwd, 'a recording', 1 << 20)).toThrow(
      'when unpacked, got more',
    );
    const cut = bomb.subarray(0, bomb.length - 20);
    expect(() => readMaybeGzipped(file('cut.gz', cut), cwd, 'a recording')).toThrow('cut short');
    expect(() => readMaybeGzipped(file('bad.gz', Uint8Array.of(0x1f, 0x8b, 1, 2, 3)), cwd, 'a recording')).toThrow(
      'a damaged gzip file',
    );
  });

  it('refuses a series of megabytes before the compiler sees it', async () => {
    await expect(loadSeriesFile(file('big.ts', ' '.repeat(3 << 20)), cwd)).rejects.toThrow('a source of at most 1 MiB');
  });

  it.each([
    ['null', 'claims[0]'],
    ['{ id: "x", words: "y", properties: [null] }', 'claims[0]'],
    ['{ id: "x", words: "y", properties: [{}] }', 'claims[0]'],
  ])('refuses a claim that is %s', async (claim, place) => {
    const source = `export const claims = [${claim}];
      export default { id: 'a', title: 'b', base: 'v6.12.117', patches: [{ subject: 'c' }] };`;
    await expect(loadSeriesFile(file('claims.ts', source), cwd, false)).rejects.toThrow(place);
  });
});
