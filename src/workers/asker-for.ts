// SPDX-License-Identifier: GPL-2.0-only
/** The threads that answer for a series or a user's file. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defined } from '../base/defined.js';
import type { Asker } from '../explore/asker.js';
import { type SubjectSpec, seriesOf } from '../loader/check-subject.js';
import { compiledFiles } from '../loader/compiled-files.js';
import { looksLikeFile } from '../loader/files.js';
import { workerAsker } from './worker-asker.js';

/** Threads that answer; what they count is the code of the series alone. */
export async function askerFor(spec: SubjectSpec, counting: boolean, base?: string): Promise<Asker> {
  const isFile = looksLikeFile(spec.series);
  const own = isFile
    ? resolve(spec.cwd, spec.series)
    : fileURLToPath(new URL(`../series/${spec.series}/`, import.meta.url));
  const root = isFile ? spec.cwd : fileURLToPath(new URL('../../..', import.meta.url));
  const known = isFile ? { ...spec, compiled: compiledFiles() } : spec;
  const functions = isFile && counting ? await functionTexts(known) : undefined;
  return workerAsker({ spec: known, covered: counting ? [own] : [], root, ...defined({ base, functions }) });
}

/** The source of every function that the patches of a file bring. */
async function functionTexts(spec: SubjectSpec): Promise<string[]> {
  const { series } = await seriesOf(spec.series, spec.cwd, false, undefined, spec.compiled);
  const all = series.patches.flatMap((patch) => [
    ...Object.values(patch.funcs ?? {}),
    ...Object.values(patch.adds ?? {}),
  ]);
  return all.map((fn) => String(fn));
}
