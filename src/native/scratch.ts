// SPDX-License-Identifier: GPL-2.0-only
/**
 * Scratch directories and unfinished directories. Both carry their owner in their names: what a killed process has left
 * behind is removed by the next one that starts to work in the same place.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cannotWrite } from './cannot-write.js';
import { lifeOf, ownerIn, ownerText, thisProcess } from './owner.js';

const PREFIX = 'kvmodel-';
/** Nothing runs for so long in another container. */
const FORGOTTEN_MS = 7 * 24 * 3600 * 1000;

const swept = new Set<string>();

/** A new directory in TMPDIR for this process alone; whoever makes it removes it. NativeError `no-cache`. */
export function scratchDir(): string {
  const place = tmpdir();
  if (!swept.has(place)) sweep(place, (name) => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : null));
  swept.add(place);
  try {
    return mkdtempSync(join(place, `${PREFIX}${ownerText(thisProcess)}-`));
  } catch (error) {
    throw cannotWrite(place, error, 'TMPDIR names another place for scratch files');
  }
}

/** Where `dir` is made before it is renamed to its name. */
export const unfinished = (dir: string): string => `${dir}.making-${ownerText(thisProcess)}`;

/** Removes from `place` what dead processes were still making there. */
export function sweepUnfinished(place: string): void {
  sweep(place, (name) => /\.making-([\d-]+)$/.exec(name)?.[1] ?? null);
}

/** `ownerPart` cuts the owner out of a name, null for names that are not of this kind. */
function sweep(place: string, ownerPart: (name: string) => string | null): void {
  if (!existsSync(place)) return;
  for (const name of readdirSync(place)) {
    const owner = ownerIn(ownerPart(name) ?? '');
    if (owner === null) continue;
    const path = join(place, name);
    try {
      const life = lifeOf(owner);
      const forgotten = life === 'unknown' && Date.now() - statSync(path).mtimeMs > FORGOTTEN_MS;
      if (life === 'dead' || forgotten) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another process sweeps at the same time, or it is somebody else's: both are fine.
    }
  }
}
