#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/** The command `kvmodel`. In a clone it first compiles what has changed; an installed package is compiled already. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(root, 'dist/src/cli/main.js');
const outdated = join(root, 'tools/outdated.mjs');

/** True when there is something to run. */
async function compiled() {
  if (!existsSync(outdated)) return true;
  if (!existsSync(join(root, 'node_modules/typescript'))) {
    if (existsSync(main)) return true;
    process.stderr.write(`kvmodel: its packages are missing: run npm ci in ${root}\n`);
    return false;
  }
  const { isAnyOutdated } = await import(pathToFileURL(outdated).href);
  if (!isAnyOutdated()) return true;
  if (!existsSync(main)) process.stderr.write('kvmodel: compiling, once\n');
  const { status } = spawnSync(process.execPath, [join(root, 'tools/compile.mjs')], { stdio: ['ignore', 2, 2] });
  return status === 0;
}

if (await compiled()) await import(pathToFileURL(main).href);
else process.exitCode = 3;
