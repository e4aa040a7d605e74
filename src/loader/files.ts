// SPDX-License-Identifier: GPL-2.0-only
/** Reading what the user names, and writing without ever overwriting. */
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BadInput, reject } from '../base/faults.js';

/** More than any scenario, counterexample or recording needs, compressed or not. */
export const SIZE_MAX = 64 << 20;

const MIB = (bytes: number): string => `${bytes >> 20} MiB`;

/**
 * The bytes of a file or a pipe, `max` at most: what is larger is refused before it is read.
 * Throws BadInput when there is none, when it cannot be read, or when it is too large.
 */
export function readBytes(path: string, cwd: string, what: string, max = SIZE_MAX): Buffer {
  let fd: number;
  try {
    fd = openSync(resolve(cwd, path), 'r');
  } catch (e) {
    reject(path, 'file', path, what, reasonOf(e));
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) reject(path, 'file', path, what, 'a directory');
    if (stat.isCharacterDevice() || stat.isBlockDevice())
      reject(path, 'file', path, what, 'a device (- is standard input)');
    if (stat.size > max) reject(path, 'file', path, `${what} of at most ${MIB(max)}`, `${stat.size} bytes`);
    return readAll(fd, path, what, max);
  } catch (e) {
    if (e instanceof BadInput) throw e;
    reject(path, 'file', path, what, reasonOf(e));
  } finally {
    closeSync(fd);
  }
}

/** A pipe has no size: it is read until it ends, or is too large. */
function readAll(fd: number, path: string, what: string, max: number): Buffer {
  const chunks: Buffer[] = [];
  for (let total = 0; ; ) {
    const chunk = Buffer.allocUnsafe(1 << 20);
    const n = readSync(fd, chunk);
    if (n === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, n));
    total += n;
    if (total > max) reject(path, 'file', path, `${what} of at most ${MIB(max)}`, 'more');
  }
}

/** The text of a file. Throws BadInput when there is none, when it is no file, not UTF-8, or far too long. */
export function readText(path: string, cwd: string, what: string, max = SIZE_MAX): string {
  const text = readBytes(path, cwd, what, max).toString('utf8');
  if (text.includes('\ufffd') || text.includes('\0'))
    reject(path, 'file', path, `${what}, as UTF-8 text`, 'other bytes');
  return text;
}

/** The text of a file, plain or gzipped. Throws BadInput as `readText`, and for gzip that is damaged or unpacks to too much. */
export function readMaybeGzipped(path: string, cwd: string, what: string, max = SIZE_MAX): string {
  const bytes = readBytes(path, cwd, what, max);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { maxOutputLength: max }).toString('utf8');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE')
      reject(path, 'file', path, `${what} of at most ${MIB(max)} when unpacked`, 'more');
    reject(path, 'file', path, what, code === 'Z_BUF_ERROR' ? 'a gzip file that is cut short' : 'a damaged gzip file');
  }
}

/**
 * Makes a folder for new files; what is wrong with it, or null. Nothing of it stays that was not there when it is.
 *
 * WHY not mkdir's `recursive`: in /proc it tries for ever.
 */
export function newFolderFault(path: string, cwd: string): { expected: string; got: string } | null {
  const expected = 'a directory that is new or empty (nothing is overwritten)';
  const full = resolve(cwd, path);
  try {
    makeFolder(full);
    if (!statSync(full).isDirectory()) return { expected, got: `${path}, which is no directory` };
    if (readdirSync(full).length > 0) return { expected, got: `${path}, which is not empty` };
    const trial = join(full, '.kvmodel');
    writeFileSync(trial, '', { flag: 'wx' });
    unlinkSync(trial);
  } catch (e) {
    return { expected: `${expected}, to write to`, got: `${path}: ${reasonOf(e)}` };
  }
  return null;
}

function makeFolder(full: string): void {
  if (existsSync(full)) return;
  if (dirname(full) !== full) makeFolder(dirname(full));
  mkdirSync(full);
}

/** Writes a new file, and its folders. Throws BadInput when it is there already or cannot be written. */
export function writeNew(path: string, content: string | Uint8Array, cwd: string, force?: boolean): void {
  const full = resolve(cwd, path);
  try {
    makeFolder(dirname(full));
    writeFileSync(full, content, { flag: force === true ? 'w' : 'wx' });
  } catch (e) {
    const hint = force === false && (e as NodeJS.ErrnoException).code === 'EEXIST' ? ' (--force overwrites it)' : '';
    reject(path, 'file', path, 'a place for a new file', hint === '' ? reasonOf(e) : `a file that exists${hint}`);
  }
}

/** Before the work whose result goes there. */
export function refuseExisting(path: string, cwd: string): void {
  if (existsSync(resolve(cwd, path)))
    reject(path, 'file', path, 'a place for a new file', reasonOf({ code: 'EEXIST' }));
}

function reasonOf(e: unknown): string {
  const code = (e as NodeJS.ErrnoException).code;
  const words: Record<string, string> = {
    ENOENT: 'no such file',
    EISDIR: 'a directory',
    EACCES: 'a file that may not be accessed',
    EPERM: 'a file that may not be accessed',
    EEXIST: 'a file that is there already (nothing is overwritten)',
    ENOSPC: 'no space left on the device',
    EROFS: 'a file system that is read-only',
    ENOTDIR: 'a path through something that is no directory',
  };
  return words[code ?? ''] ?? code ?? String(e);
}

/** Does this argument name a file rather than a series of the registry? */
export function looksLikeFile(name: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$/.test(name);
}
