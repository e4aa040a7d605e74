// SPDX-License-Identifier: GPL-2.0-only
/** The source of a module, ours or a user's, for reports that show it. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** src/loader or dist/src/loader: the project is where package.json is */
const ROOTS = ['../../', '../../../'].map((up) => fileURLToPath(new URL(up, import.meta.url)));

/** Its lines; none where it is not there, as in an installed package. */
export function sourceOf(path: string, cwd: string): string[] {
  const found = [...ROOTS.map((root) => resolve(root, path)), resolve(cwd, path)].find((it) => existsSync(it));
  return found === undefined ? [] : readFileSync(found, 'utf8').split('\n');
}
