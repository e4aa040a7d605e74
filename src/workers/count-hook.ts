// SPDX-License-Identifier: GPL-2.0-only
/** A hook of Node's module loader: gives the kernel's modules with their branches counted, behind that of the loops if any. */
import { readFileSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isCounted } from './counted-rooms.js';

const OUT = fileURLToPath(new URL('../..', import.meta.url));

interface Loaded {
  format?: string | null;
  source?: unknown;
}

/** Asked for as `count-hook.js?guarded`: loops are counted as well, so what was written beside a module is not it. */
const guarded = import.meta.url.endsWith('?guarded');

/** https://nodejs.org/api/module.html: load(url, context, nextLoad) */
export async function load(
  url: string,
  context: object,
  next: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context);
  if (!url.startsWith('file:') || loaded.source === undefined || loaded.source === null) return loaded;
  const file = fileURLToPath(url);
  if (!isCounted(relative(OUT, file))) return loaded;
  const { source } = loaded;
  const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
  return { ...loaded, source: (guarded ? null : madeWithIt(file)) ?? (await madeNow(text, file)) };
}

/** What was written when the module was compiled; null when that is older. */
function madeWithIt(file: string): string | null {
  const changed = (name: string): number => statSync(name, { throwIfNoEntry: false })?.mtimeMs ?? -1;
  return changed(`${file}.counted`) >= changed(file) ? readFileSync(`${file}.counted`, 'utf8') : null;
}

/** WHY imported late: it takes the TypeScript compiler. */
async function madeNow(text: string, file: string): Promise<string> {
  const { countedModule } = await import('./counted-module.js');
  return countedModule(text, file);
}
