// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/** Before the tests: dist is made of the sources as they are now, for it is dist that they run. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { isAnyOutdated, ROOT } from './outdated.mjs';

export default function compileFirst() {
  if (!isAnyOutdated()) return;
  const { status } = spawnSync(process.execPath, [join(ROOT, 'tools/compile.mjs')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('tools/compile.mjs has failed');
}
