// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/** Which modules of dist are older than their sources. Loads nothing but node, for the command asks at every start. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const OUT = join(ROOT, 'dist');
export const INPUTS = ['src', 'properties', 'test/bench', 'test/mutants'];

/** A change of the compiler outdates everything. */
const COMPILER = join(ROOT, 'tools/compile.mjs');

/**
 * Every source below a directory; declarations are none.
 * @param {string} dir
 * @returns {string[]}
 */
export const sources = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((it) => {
    const path = join(dir, it.name);
    if (it.isDirectory()) return sources(path);
    return /(?<!\.d)\.ts$/.test(it.name) ? [path] : [];
  });

/** @param {string} file */
export const changedAt = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** @param {string} source */
export const outputOf = (source) => join(OUT, relative(ROOT, source).replace(/\.ts$/, '.js'));

/** @param {string} source */
export const isOutdated = (source) => changedAt(outputOf(source)) <= Math.max(changedAt(source), changedAt(COMPILER));

/** True when `compile.mjs` has something to do. */
export const isAnyOutdated = () =>
  INPUTS.some((dir) => existsSync(join(ROOT, dir)) && sources(join(ROOT, dir)).some(isOutdated));
