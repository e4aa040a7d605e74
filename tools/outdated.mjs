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

/** The stepper page, bundled. */
export const PAGE = join(OUT, 'web/page.html');
const BUNDLER = join(ROOT, 'tools/page.mjs');

/**
 * Every source below a directory; declarations are none.
 * @param {string} dir
 * @param {RegExp} kind
 * @returns {string[]}
 */
export const sources = (dir, kind = /(?<!\.d)\.ts$/) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((it) => {
    const path = join(dir, it.name);
    if (it.isDirectory()) return sources(path, kind);
    return kind.test(it.name) ? [path] : [];
  });

/** @param {string} file */
export const changedAt = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** @param {string} source */
export const outputOf = (source) => join(OUT, relative(ROOT, source).replace(/\.ts$/, '.js'));

/** @param {string} source */
export const isOutdated = (source) => changedAt(outputOf(source)) <= Math.max(changedAt(source), changedAt(COMPILER));

/** All that may be in the page. */
const ofPage = () => INPUTS.slice(0, 2).flatMap((dir) => sources(join(ROOT, dir), /(?<!\.d)\.tsx?$|\.css$|\.jsonl$/));

export const isPageOutdated = () => {
  const made = changedAt(PAGE);
  return [BUNDLER, ...ofPage()].some((it) => changedAt(it) >= made);
};

/** Bundling takes what a package that is only run does without. */
const canBundle = () => existsSync(join(ROOT, 'node_modules/rolldown'));

/** True when `compile.mjs` has something to do. */
export const isAnyOutdated = () =>
  INPUTS.some((dir) => existsSync(join(ROOT, dir)) && sources(join(ROOT, dir)).some(isOutdated)) ||
  (canBundle() && isPageOutdated());
