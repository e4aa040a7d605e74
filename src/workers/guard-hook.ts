// SPDX-License-Identifier: GPL-2.0-only
/** A hook of Node's module loader: gives every module that an override can break with the turns of its loops counted. */
import { readFileSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isGuarded } from './guarded-rooms.js';

const OUT = fileURLToPath(new URL('../..', import.meta.url));

interface Loaded {
  format?: string | null;
  source?: unknown;
}

/** https://nodejs.org/api/module.html: load(url, context, nextLoad) */
export async function load(
  url: string,
  context: object,
  next: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context);
  if (!url.startsWith('file:') || loaded.source === undefined || loaded.source === null) return loaded;
  const file = fileURLToPath(url);
  if (!isGuarded(relative(OUT, file))) return loaded;
  const { source } = loaded;
  const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
  return { ...loaded, source: madeWithIt(file) ?? (await madeNow(text, file)) };
}

/** What was written when the module was compiled; null when that is older. */
function madeWithIt(file: string): string | null {
  const changed = (name: string): number => statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? -1;
  return changed(`${file}.guarded`) >= changed(file) ? readFileSync(`${file}.guarded`, 'utf8') : null;
}

/** WHY imported late: it takes the TypeScript compiler. */
async function madeNow(text: string, file: string): Promise<string> {
  const { guardedSource } = await import('./guarded-source.js');
  return guardedSource(text, file);
}
