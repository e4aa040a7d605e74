// SPDX-License-Identifier: GPL-2.0-only
/** A full disk, a place that cannot be written: always a refusal with the place, never a verdict. */
import { NativeError } from './native-error.js';

const ELSEWHERE = 'XDG_CACHE_HOME names another place for builds';
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'it is read-only',
  EFBIG: 'the file is too large',
};

export function cannotWrite(place: string, error: unknown, otherwise = ELSEWHERE): NativeError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  const why = REASONS[code] === undefined ? code : `${code}: ${REASONS[code]}`;
  return new NativeError('no-cache', `${place} cannot be written (${why}): ${otherwise}`);
}

/** Errors of the file system that say nothing about what was to be written. */
export const isPlaceError = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG', 'EACCES', 'EPERM'].includes(String((error as NodeJS.ErrnoException)?.code));

/**
 * A tool that failed for want of room. WHY by its words: gcc, ld and tar exit with the same status as for a wrong source,
 * and a function that "does not compile" on a full disk would be left out of what is compared.
 */
export function noRoomIn(words: string, dir: string): NativeError | null {
  const found = /No space left on device|Disk quota exceeded|Read-only file system|File too large/.exec(words);
  if (found === null) return null;
  const line = words.split('\n').find((l) => l.includes(found[0])) ?? found[0];
  return new NativeError(
    'no-cache',
    `no room to build in ${dir}, or in TMPDIR: ${line.trim()}`,
    words.trim().split('\n').slice(0, 20),
  );
}
