// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel init`: a folder with a patch, a claim about it, and what an editor needs to know their types. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { quoted } from '../base/text.js';
import { COMPILER_OPTIONS } from '../loader/compiler-options.js';
import { refuseExisting, writeNew } from '../loader/files.js';
import { CLAIM, PATCH } from '../loader/init-files.js';
import type { Io } from './io.js';

const EXAMPLES = `
Examples:
  kvmodel init my-patch
  cd my-patch && kvmodel check ./patch.ts
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('init')
    .argument('[folder]', 'where to write; nothing is overwritten', '.')
    .addHelpText('after', EXAMPLES)
    .action((folder: string) => exit(init(folder, io)));
}

/** Our own declarations, or in a clone that has none our sources. */
function typesOf(): string {
  const places = ['../index.d.ts', '../../../src/index.ts', '../index.ts'];
  const files = places.map((it) => fileURLToPath(new URL(it, import.meta.url)));
  return files.find(existsSync) ?? files[0];
}

function init(folder: string, io: Io): number {
  const compilerOptions = {
    ...COMPILER_OPTIONS,
    paths: { kvmodel: [typesOf()] },
  };
  const files: [string, string][] = [
    ['patch.ts', PATCH],
    ['claim.ts', CLAIM],
    ['tsconfig.json', `${JSON.stringify({ compilerOptions, include: ['*.ts'] }, null, 2)}\n`],
  ];
  for (const [name] of files) refuseExisting(`${folder}/${name}`, io.cwd);
  for (const [name, text] of files) writeNew(`${folder}/${name}`, text, io.cwd);
  const there = folder === '.' ? './patch.ts' : `${folder.replace(/\/$/, '')}/patch.ts`;
  io.out(`${files.map(([name]) => `${folder}/${name}`).join('\n')}\n`);
  io.err(`kvmodel: next: ${io.invocation} check ${quoted(there)}\n`);
  return OK;
}
