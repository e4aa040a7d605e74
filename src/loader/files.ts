// SPDX-License-Identifier: GPL-2.0-only
/** Reading what the user names, and writing without ever overwriting. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BadInput, reject } from '../base/faults.js';

/** More than any scenario or counterexample needs. */
const SIZE_MAX = 64 << 20;

/** The text of a file. Throws BadInput when there is none, when it is no file, not UTF-8, or far too long. */
export function readText(path: string, cwd: string, what: string): string {
  let bytes: Buffer;
  const full = resolve(cwd, path);
  try {
    const stat = statSync(full);
    if (stat.isCharacterDevice() || stat.isBlockDevice())
      reject(path, 'file', path, what, 'a device (- is standard input)');
    bytes = readFileSync(full);
  } catch (e) {
    if (e instanceof BadInput) throw e;
    reject(path, 'file', path, what, reasonOf(e));
  }
  if (bytes.length > SIZE_MAX)
    reject(path, 'file', path, `${what} of at most ${SIZE_MAX >> 20} MiB`, `${bytes.length} bytes`);
  const text = bytes.toString('utf8');
  if (text.includes('\ufffd') || text.includes('\0'))
    reject(path, 'file', path, `${what}, as UTF-8 text`, 'other bytes');
  return text;
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
export function writeNew(path: string, text: string, cwd: string): void {
  const full = resolve(cwd, path);
  try {
    makeFolder(dirname(full));
    writeFileSync(full, text, { flag: 'wx' });
  } catch (e) {
    reject(path, 'file', path, 'a place for a new file', reasonOf(e));
  }
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
