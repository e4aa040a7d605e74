// SPDX-License-Identifier: GPL-2.0-only
/** Whether this machine can run the kernel's own code, and if not, why; for `describe.skipIf`. */
import { spawnSync } from 'node:child_process';
import { findTree, installed, packageOf } from '../../src/native/find-tree.js';
import { isSkip, type NativeError } from '../../src/native/native-error.js';

async function whyNot(): Promise<string | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'not Linux on x86_64';
  if (spawnSync('gcc', ['--version']).status !== 0) return 'no gcc: apt-get install gcc';
  try {
    await findTree();
    return null;
  } catch (error) {
    if (isSkip(error)) return (error as NativeError).message;
    throw error;
  }
}

/** The tree that v6.1 is held against, and why there is none. */
export const cfsTree = installed(packageOf('v6.1'));
const noCfs = 'no kernel tree: apt-get install linux-source-6.1';

/** null when there is a compiler and a tree. */
export const missing = await whyNot();
/** For a suite's title, so that a skipped one says what it lacks. */
export const because = missing === null ? '' : ` (skipped: ${missing})`;
export const missingCfs = missing ?? (cfsTree === null ? noCfs : null);
export const becauseCfs = missingCfs === null ? '' : ` (skipped: ${missingCfs})`;
