// SPDX-License-Identifier: GPL-2.0-only
/** Where builds and extracted trees are kept, and how two processes keep out of each other's way there. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { cannotWrite, isPlaceError } from './cannot-write.js';
import { NativeError } from './native-error.js';
import { commandOf, lifeOf, type Owner, ownerIn, ownerText, thisProcess } from './owner.js';
import { sweepUnfinished, unfinished } from './scratch.js';

/** `${XDG_CACHE_HOME:-~/.cache}/kvmodel` */
export function cacheDir(...below: string[]): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'kvmodel', ...below);
}

/** How long who waits for a lock is patient, all in ms. */
export interface Patience {
  /** until it says whom it waits for */
  readonly silent: number;
  /** until it gives up */
  readonly most: number;
  /** after which a lock without a known owner, and without a sign of life, is taken over */
  readonly ownerless: number;
  /** is told whom it waits for */
  readonly say: (text: string) => void;
}

const PATIENCE: Patience = {
  silent: 3_000,
  most: 600_000,
  ownerless: 30_000,
  say: (text) => process.stderr.write(`kvmodel: ${text}\n`),
};

/** An owner touches its lock so often. */
const HEARTBEAT_MS = 5_000;
const POLL_MS = 100;

/** Who holds a lock, as far as it says. */
function holderOf(lock: string): Owner | null {
  try {
    return ownerIn(readFileSync(join(lock, 'pid'), 'utf8'));
  } catch {
    return null;
  }
}

/** ms since the last sign of life; null when the lock is gone. */
function silenceOf(lock: string): number | null {
  for (const path of [join(lock, 'pid'), lock]) {
    try {
      return Date.now() - statSync(path).mtimeMs;
    } catch {
      // Its owner has not come to write the file yet, or has gone.
    }
  }
  return null;
}

/** Its owner is dead, or nobody knows the owner and there was no sign of life for long. */
function isStale(lock: string, ownerless: number): boolean {
  const owner = holderOf(lock);
  const life = owner === null ? 'unknown' : lifeOf(owner);
  if (life === 'unknown') return (silenceOf(lock) ?? 0) > ownerless;
  return life === 'dead';
}

/**
 * Removes a stale lock. WHY renamed first: of several that see the same stale lock only one may remove it, and none the lock
 * that another has made in the meantime.
 */
function takeAway(lock: string): void {
  const { ino } = statSync(lock);
  const aside = unfinished(lock);
  renameSync(lock, aside);
  if (statSync(aside).ino === ino) rmSync(aside, { recursive: true, force: true });
  else renameSync(aside, lock);
}

function holderText(lock: string): string {
  const owner = holderOf(lock);
  if (owner === null) return 'a process that left no number';
  const command = lifeOf(owner) === 'alive' ? commandOf(owner.pid) : 'in another container';
  return `process ${owner.pid}${command === '' ? '' : ` (${command})`}`;
}

async function take(lock: string, patience: Patience): Promise<void> {
  const since = Date.now();
  for (let said = false; ; ) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(cacheDir(), error);
    }
    try {
      if (isStale(lock, patience.ownerless)) {
        takeAway(lock);
        continue;
      }
    } catch (error) {
      // Somebody else was quicker.
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code)))
        throw cannotWrite(cacheDir(), error);
      continue;
    }
    const waited = Date.now() - since;
    if (waited >= patience.most) {
      const seconds = Math.round(waited / 1000);
      throw new NativeError(
        'no-cache',
        `${holderText(lock)} has held ${lock} for more than ${seconds} s: end it, or remove that directory`,
      );
    }
    if (!said && waited >= patience.silent) {
      patience.say(`waiting for ${holderText(lock)}, which holds ${lock}`);
      said = true;
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** mkdir -p. WHY not Node's own: it never returns where directories cannot be made and the error says "no such file". */
function makeDirs(dir: string): void {
  if (existsSync(dir)) return;
  makeDirs(dirname(dir));
  try {
    mkdirSync(dir);
  } catch (error) {
    if (!existsSync(dir)) throw error;
  }
}

const swept = new Set<string>();

/** Once for each place: what killed processes were making there. */
function sweepOnce(): void {
  const place = cacheDir();
  if (swept.has(place)) return;
  swept.add(place);
  for (const room of ['trees', 'patched', 'native', 'objects', 'locks']) sweepUnfinished(cacheDir(room));
}

/**
 * Runs `work` while no other process does so under the same name. A lock whose owner is dead is taken over; for a living one
 * this waits, says for whom, and gives up in the end. NativeError `no-cache` then, and where nothing can be kept.
 */
export async function exclusively<T>(
  name: string,
  work: () => Promise<T>,
  patience: Partial<Patience> = {},
): Promise<T> {
  const lock = cacheDir('locks', name);
  try {
    makeDirs(cacheDir('locks'));
  } catch (error) {
    throw cannotWrite(cacheDir(), error);
  }
  sweepOnce();
  await take(lock, { ...PATIENCE, ...patience });
  const sign = join(lock, 'pid');
  const beat = setInterval(() => {
    try {
      utimesSync(sign, new Date(), new Date());
    } catch {
      // The next beat tries again; without any the lock is taken for a dead one.
    }
  }, HEARTBEAT_MS);
  beat.unref();
  try {
    writeFileSync(sign, `${ownerText(thisProcess)}\n`);
    return await work();
  } catch (error) {
    throw isPlaceError(error) ? cannotWrite(cacheDir(), error) : error;
  } finally {
    clearInterval(beat);
    const holder = holderOf(lock);
    if (holder === null || ownerText(holder) === ownerText(thisProcess)) rmSync(lock, { recursive: true, force: true });
  }
}
