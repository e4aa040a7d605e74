// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel man`: the manual page, generated from the commands themselves. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { VERSION } from '../base/version.js';
import { type CommandText, commandTexts } from './command-texts.js';
import type { CommandEntry } from './commands.js';
import type { Io } from './io.js';

const EXAMPLES = `
Examples:
  kvmodel man | man -l -
  kvmodel man > ~/.local/share/man/man1/kvmodel.1
`;

export function define(io: Io, exit: (code: number) => void, all: readonly CommandEntry[]): Command {
  return new Command('man').addHelpText('after', EXAMPLES).action(async () => {
    io.out(`${page(await commandTexts(io, all)).join('\n')}\n`);
    exit(OK);
  });
}

/** Text for roff: backslashes, hyphens and dots at the beginning of a line mean themselves. */
const roff = (text: string): string =>
  text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');

function section(it: CommandText): string[] {
  const args = it.arguments.map((a) => (a.required ? a.name : `[${a.name}]`)).join(' ');
  return [
    `.SS ${roff(it.name)} ${roff(args)}`.trimEnd(),
    `${roff(it.says)}.`,
    ...it.arguments.filter((a) => a.says !== '').flatMap((a) => ['.TP', `.I ${roff(a.name)}`, roff(a.says)]),
    ...it.options.flatMap((o) => [
      '.TP',
      `.B ${roff(o.flags)}`,
      roff(o.initial === undefined ? o.says : `${o.says} (default: ${o.initial})`),
    ]),
    ...(it.examples.length === 0 ? [] : ['.PP', '.nf', ...it.examples.map(roff), '.fi']),
  ];
}

function page(texts: readonly CommandText[]): string[] {
  return [
    `.TH KVMODEL 1 "" "kvmodel ${VERSION}" "User Commands"`,
    '.SH NAME',
    'kvmodel \\- an emulator of Linux vCPU scheduling, checked by properties',
    '.SH SYNOPSIS',
    '.B kvmodel',
    '.I command',
    '.RI [ options ]',
    '.SH COMMANDS',
    ...texts.flatMap(section),
    '.SH EXIT STATUS',
    ...[
      ['0', 'as recorded, or nothing refuted'],
      ['1', 'refuted, or not as recorded'],
      ['2', 'usage or bad input'],
      ['3', 'not modelled, or a bug in kvmodel'],
      ['4', 'with \\-\\-exit kselftest: not judged'],
      ['125', 'with \\-\\-exit bisect: not judged'],
      ['130', 'interrupted'],
    ].flatMap(([code, says]) => ['.TP', `.B ${code}`, says]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B COLUMNS',
    'characters a line of a report, 80 when unset',
    '.TP',
    '.B KVMODEL_DEBUG',
    '1: a bug in kvmodel shows its stack',
  ];
}
