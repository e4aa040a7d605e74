// SPDX-License-Identifier: GPL-2.0-only
/** What a build comes to when notes for the debugger are left aside: two trees with the same code behave the same. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Build, tool } from './kernel-program.js';
import { NativeError } from './native-error.js';
import { scratchDir } from './scratch.js';

/** A hash of the code and data of all objects that were made of the tree's files. */
export async function codeOf(build: Build): Promise<string> {
  const dir = scratchDir();
  try {
    const hash = createHash('sha256');
    for (const name of readdirSync(build.dir).sort()) {
      if (!/^k_.*\.o$/.test(name)) continue;
      const plain = join(dir, name);
      const done = await tool('objcopy', ['--strip-debug', join(build.dir, name), plain], dir);
      if (done.status !== 0) throw new NativeError('link', `objcopy cannot read ${name}: ${done.stderr.trim()}`);
      hash.update(`${name}\0`).update(readFileSync(plain));
    }
    return hash.digest('hex');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
