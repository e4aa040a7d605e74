// SPDX-License-Identifier: GPL-2.0-only
/** Compiled modules of the kernel with their branches counted, named after the sources that they were made from. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { originalOf, readSourceMap } from '../base/source-map.js';
import { countedSource } from '../loader/counted-source.js';

const OUT = fileURLToPath(new URL('../..', import.meta.url));
const ROOT = dirname(OUT.replace(/[\\/]$/, ''));

/** The text of a compiled module with its branches counted. `tools/compile.mjs` puts it beside the module, as `*.js.counted`. */
export function countedModule(text: string, file: string): string {
  const map = existsSync(`${file}.map`) ? readSourceMap(readFileSync(`${file}.map`, 'utf8')) : null;
  const shown =
    map === null ? relative(ROOT, file) : relative(ROOT, resolve(dirname(file), map.sources[0])).replaceAll('\\', '/');
  return countedSource(text, file, shown, (line, column) => {
    const original = map === null ? null : originalOf(map, line, column);
    return original === null ? null : original.line + 1;
  });
}
