// SPDX-License-Identifier: GPL-2.0-only
/** The text of mirrored functions in files: from a place as the engine names it to the file that somebody wrote. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { originalOf, readSourceMap } from '../base/source-map.js';
import type { SourcePlace, Sources } from '../step/source.js';

const ROOT = (() => {
  const here = fileURLToPath(new URL('../..', import.meta.url));
  // compiled, it is one floor further down
  return /[\\/]dist[\\/]$/.test(here) ? resolve(here, '..') : here;
})();

const maps = new Map<string, ReturnType<typeof readSourceMap> | null>();

function mapOf(file: string): ReturnType<typeof readSourceMap> | null {
  let map = maps.get(file);
  if (map === undefined) {
    map = existsSync(`${file}.map`) ? readSourceMap(readFileSync(`${file}.map`, 'utf8')) : null;
    maps.set(file, map);
  }
  return map;
}

function placeOf(at: string): SourcePlace | null {
  const match = /^(.*):(\d+):(\d+)$/.exec(at);
  if (match === null) return null;
  const file = match[1].startsWith('file:') ? fileURLToPath(match[1]) : match[1];
  const [line, column] = [Number(match[2]), Number(match[3])];
  const map = mapOf(file);
  const original = map === null ? null : originalOf(map, line - 1, column - 1);
  const found = original === null ? file : resolve(dirname(file), original.source);
  // an installed package has no sources: then what was compiled is shown
  const [shownFile, shownLine] = original !== null && existsSync(found) ? [found, original.line + 1] : [file, line];
  return { shown: relative(ROOT, shownFile).replaceAll('\\', '/'), line: shownLine };
}

export const sourceFiles: Sources = {
  placeOf,
  linesOf(shown) {
    const file = resolve(ROOT, shown);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : null;
  },
};
