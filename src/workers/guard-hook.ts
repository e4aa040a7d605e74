// SPDX-License-Identifier: GPL-2.0-only
/**
 * A hook of Node's module loader: counts the turns of every loop of the kernel, the machine and the properties, as those of a
 * user's file are counted. An override may make a loop endless that is not its own: a tree that it broke, an exit that it took.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guardLoops } from '../loader/user-code.js';
import { originalOf, readSourceMap } from './source-map.js';

const OUT = fileURLToPath(new URL('../..', import.meta.url));
const ROOT = join(OUT, '..');
/** What an override can break. Searching and reporting count for themselves. */
const GUARDED = /^(?:properties|src\/(?:sched|irq|kvm|lapic|arch|lib|trace|guest|series|machine))\//;

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
  if (!GUARDED.test(relative(OUT, file).replaceAll('\\', '/'))) return loaded;
  const { source } = loaded;
  const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString('utf8');
  return { ...loaded, source: guardLoops(text, file, placesIn(file)) };
}

/** Places of a compiled module, in the source that it was made from: `src/sched/fair.ts:512`. */
function placesIn(file: string): (line: number, column: number) => string {
  let map: ReturnType<typeof readSourceMap> | null | undefined;
  return (line, column) => {
    if (map === undefined) map = existsSync(`${file}.map`) ? readSourceMap(readFileSync(`${file}.map`, 'utf8')) : null;
    const original = map === null ? null : originalOf(map, line, column);
    if (original === null) return `${relative(ROOT, file)}:${line + 1}`;
    return `${relative(ROOT, resolve(dirname(file), original.source))}:${original.line + 1}`;
  };
}
