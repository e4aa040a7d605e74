// SPDX-License-Identifier: GPL-2.0-only
/** What the user names as patches: files, directories of them, `-`. */
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { reject } from '../base/faults.js';
import { readBytes } from './files.js';

const IS_PATCH = /\.(?:patch|diff|mbox|mbx|eml)$/;

/** The bytes of a patch file. Throws BadInput. */
export const readPatch = (path: string, cwd: string): Buffer =>
  readBytes(path, cwd, 'a patch, a mailbox or a directory of patches');

/** The files behind a name: itself, or a directory's patches, as its `series` file lists them or in their order. */
export function readPatches(path: string, cwd: string): string[] {
  const full = resolve(cwd, path);
  const isDirectory = path !== '-' && statSync(full, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return [path];
  const names = readdirSync(full).sort();
  if (names.includes('series')) {
    const lines = readPatch(join(full, 'series'), cwd).toString('utf8').split('\n');
    const listed = lines.map((line) => line.replace(/#.*/, '').trim().split(/\s+/)[0]!).filter((name) => name !== '');
    const odd = listed.find((name) => name.startsWith('/') || name.split('/').includes('..'));
    if (odd !== undefined) reject(path, 'file', `${path}/series`, 'names of files beside it', odd);
    return listed.map((name) => join(path, name));
  }
  const found = names.filter((name) => IS_PATCH.test(name) && !/^0*0-?cover-letter\.patch$/.test(name));
  if (found.length === 0) reject(path, 'file', path, 'a directory with .patch files or a series file', 'neither');
  return found.map((name) => join(path, name));
}
