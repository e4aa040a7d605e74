// SPDX-License-Identifier: GPL-2.0-only
/** The text of mirrored functions: from a place as the engine names it to the file that somebody wrote. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { originalOf, readSourceMap } from '../base/source-map.js';

const ROOT = (() => {
  const here = fileURLToPath(new URL('../..', import.meta.url));
  // compiled, it is one floor further down
  return /[\\/]dist[\\/]$/.test(here) ? resolve(here, '..') : here;
})();

export interface SourcePlace {
  /** absolute */
  file: string;
  /** as it is told: `src/sched/fair.ts` */
  shown: string;
  /** from 1 */
  line: number;
}

const maps = new Map<string, ReturnType<typeof readSourceMap> | null>();

function mapOf(file: string): ReturnType<typeof readSourceMap> | null {
  let map = maps.get(file);
  if (map === undefined) {
    map = existsSync(`${file}.map`) ? readSourceMap(readFileSync(`${file}.map`, 'utf8')) : null;
    maps.set(file, map);
  }
  return map;
}

/** `file:///.../dist/src/sched/fair.js:512:9` -> line 690 of src/sched/fair.ts; null for what is no place. */
export function sourcePlace(at: string): SourcePlace | null {
  const match = /^(.*):(\d+):(\d+)$/.exec(at);
  if (match === null) return null;
  const file = match[1].startsWith('file:') ? fileURLToPath(match[1]) : match[1];
  const [line, column] = [Number(match[2]), Number(match[3])];
  const map = mapOf(file);
  const original = map === null ? null : originalOf(map, line - 1, column - 1);
  const found = original === null ? file : resolve(dirname(file), original.source);
  // an installed package has no sources: then what was compiled is shown
  const [shownFile, shownLine] = original !== null && existsSync(found) ? [found, original.line + 1] : [file, line];
  return { file: shownFile, shown: relative(ROOT, shownFile).replaceAll('\\', '/'), line: shownLine };
}

/** Lines around a place, the place marked: `> 512  if (!curr) return;`. */
export function sourceLines({ file, line }: SourcePlace, before: number, after: number): string[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8').split('\n');
  const [from, to] = [Math.max(1, line - before), Math.min(text.length, line + after)];
  const width = String(to).length;
  return text
    .slice(from - 1, to)
    .map((it, i) => `${from + i === line ? '>' : ' '} ${String(from + i).padStart(width)}  ${it}`.trimEnd());
}
