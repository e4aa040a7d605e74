// SPDX-License-Identifier: GPL-2.0-only
/**
 * Compiled modules of the kernel, the machine and the properties with the turns of every loop counted, as those of a user's file
 * are: an override may make a loop endless that is not its own, by a tree that it broke or an exit that it took.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { originalOf, readSourceMap } from '../base/source-map.js';
import { guardLoops } from '../loader/user-code.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The text of a compiled module with its loops guarded. `tools/compile.mjs` puts it beside the module, as `*.js.guarded`. */
export const guardedSource = (text: string, file: string): string => guardLoops(text, file, placesIn(file));

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
