// SPDX-License-Identifier: GPL-2.0-only
/** Whether this machine can run the kernel's own code, and if not, why; for `describe.skipIf`. */
import { spawnSync } from 'node:child_process';
import { findTree } from '../../src/native/find-tree.js';
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

/** null when there is a compiler and a tree. */
export const missing = await whyNot();
/** For a suite's title, so that a skipped one says what it lacks. */
export const because = missing === null ? '' : ` (skipped: ${missing})`;
