// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel export`: a run as one HTML file to step through, for a mail. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { reject } from '../base/faults.js';
import { writeNew } from '../loader/files.js';
import type { Io } from './io.js';
import { Options } from './options.js';
import { pageTarget, pageWith } from './page-file.js';
import { STEP_EVENTS } from './step-target.js';

interface Flags {
  kernel?: string;
  against?: string;
  events?: string;
  html?: boolean;
  output?: string;
  force?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel export two-spinners --html -o two-spinners.html
  kvmodel export --html -o gallery.html
  kvmodel export k1.AbCd... --against v6.12.117 --html -o refuted.html

The file needs no server and no network: the emulator itself is in it.
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('export')
    .argument(
      '[target]',
      'a scenario (name or JSON file), a token (k1...), or a file of a counterexample; the gallery when absent',
    )
    .option('--html', 'as an HTML file, the one format')
    .option('-o, --output <file>', 'where it goes')
    .option('--force', 'overwrite that file')
    .option('--kernel <k>', "on this kernel or series; the counterexample's, or the pin, when absent")
    .option('--against <k>', 'beside this kernel: shows where the two part')
    .option('--events <n>', `of a scenario whose programs run: events at most, ${STEP_EVENTS} when absent`)
    .addHelpText('after', EXAMPLES)
    .action(async (target: string | undefined, flags: Flags) => exit(await exported(target, flags, io)));
}

async function exported(name: string | undefined, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const limit = o.whole('--events', flags.events, 1, 1_000_000) ?? STEP_EVENTS;
  if (flags.html !== true) o.fault('--html', '--html: the format', 'no format');
  if (flags.output === undefined) o.fault('-o', '-o FILE', 'no file');
  o.done();
  const file = flags.output ?? reject('command line', 'usage', '-o', '-o FILE', 'no file');
  const { html } = pageWith({ target: name === undefined ? null : await pageTarget(name, flags, limit, io) });
  writeNew(file, html, io.cwd, flags.force === true);
  io.out(`${file}: ${Math.round(html.length / 1000)} kB\n`);
  return OK;
}
