// SPDX-License-Identifier: GPL-2.0-only
/** What the user names as patches: files, directories of them, `-`. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BadInput, reject } from '../base/faults.js';
import { reasonOf } from './files.js';

/** A mailbox of a whole release is smaller. */
const SIZE_MAX = 64 << 20;
const IS_PATCH = /\.(?:patch|diff|mbox|mbx|eml)$/;

/** The bytes of a file of at most 64 MiB. Throws BadInput. */
export function readBytes(path: string, cwd: string): Buffer {
  const what = 'a patch, a mailbox or a directory of patches';
  try {
    const full = resolve(cwd, path);
    const stat = statSync(full);
    if (!stat.isFile() && !stat.isFIFO()) reject(path, 'file', path, what, 'a device (- is standard input)');
    if (stat.size > SIZE_MAX)
      reject(path, 'file', path, `${what} of at most ${SIZE_MAX >> 20} MiB`, `${stat.size} bytes`);
    return readFileSync(full);
  } catch (e) {
    if (e instanceof BadInput) throw e;
    return reject(path, 'file', path, what, reasonOf(e));
  }
}

/** The files behind a name: itself, or a directory's patches, as its `series` file lists them or in their order. */
export function readPatches(path: string, cwd: string): string[] {
  const full = resolve(cwd, path);
  const isDirectory = path !== '-' && statSync(full, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return [path];
  const names = readdirSync(full).sort();
  if (names.includes('series')) {
    const lines = readBytes(join(full, 'series'), cwd).toString('utf8').split('\n');
    const listed = lines.map((line) => line.replace(/#.*/, '').trim().split(/\s+/)[0]!).filter((name) => name !== '');
    const odd = listed.find((name) => name.startsWith('/') || name.split('/').includes('..'));
    if (odd !== undefined) reject(path, 'file', `${path}/series`, 'names of files beside it', odd);
    return listed.map((name) => join(path, name));
  }
  const found = names.filter((name) => IS_PATCH.test(name) && !/^0*0-?cover-letter\.patch$/.test(name));
  if (found.length === 0) reject(path, 'file', path, 'a directory with .patch files or a series file', 'neither');
  return found.map((name) => join(path, name));
}
