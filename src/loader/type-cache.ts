// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which files are known to have no type errors: those of last time, as long as nothing that the compiler read has changed.
 * WHY: it takes five seconds, and who found a counterexample replays it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir } from '../native/cache-dir.js';

interface Entry {
  /** what the compiler read, and the directories in which a new file could be found instead */
  readonly read: readonly (readonly [path: string, stamp: string])[];
}

/** Entries kept, one a file that was checked. */
const KEPT = 100;

const placeOf = (key: string): string => cacheDir('types', `${createHash('sha256').update(key).digest('hex')}.json`);

/** WHY the text of a user's file: an editor may write twice within one tick of the clock. */
function stampOf(path: string, byText: (path: string) => boolean): string {
  const stat = statSync(path);
  if (stat.isFile() && byText(path)) return createHash('sha256').update(readFileSync(path)).digest('hex');
  return `${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
}

/** Nothing has changed since `noteSound`. `own` are files whose text decides; of the others size and times do. */
export function isKnownSound(key: string, own: (path: string) => boolean): boolean {
  try {
    const { read } = JSON.parse(readFileSync(placeOf(key), 'utf8')) as Entry;
    return read.length > 0 && read.every(([path, stamp]) => stampOf(path, own) === stamp);
  } catch {
    return false; // none yet, or a file is gone
  }
}

/** These were read, and there is no fault in them. What cannot be kept is found out again. */
export function noteSound(key: string, files: readonly string[], own: (path: string) => boolean): void {
  const place = placeOf(key);
  const directories = new Set(files.filter(own).map((path) => dirname(path)));
  const unfinished = `${place}.${process.pid}`;
  try {
    const entry: Entry = { read: [...files, ...directories].map((path) => [path, stampOf(path, own)]) };
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(unfinished, JSON.stringify(entry));
    renameSync(unfinished, place);
    sweep(dirname(place));
  } catch {
    // as if nothing had been found out
  }
}

function sweep(dir: string): void {
  const names = readdirSync(dir);
  if (names.length <= KEPT) return;
  const byAge = names.map((name) => ({ name, at: statSync(join(dir, name)).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { name } of byAge.slice(KEPT)) rmSync(join(dir, name), { force: true });
}
