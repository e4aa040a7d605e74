// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel scan`: which known bugs the C code of a tree has. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { EXIT_STYLES, type ExitStyle, NOT_JUDGED, OK, REFUTED, skipped } from '../base/exit-codes.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { plainJson } from '../base/stable-json.js';
import type { Io } from './io.js';
import { Options } from './options.js';
import { progressTo } from './progress.js';

interface Flags {
  readonly tree?: string;
  readonly only?: string;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly exit: string;
}

const EXAMPLES = `
Examples:
  kvmodel scan                         the installed linux-source-6.12
  kvmodel scan --tree ~/linux
  kvmodel scan --tree ~/linux --only 79104becf42b,b3d99f43c72b --all
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('scan')
    .option('--tree <path>', 'kernel tree; the installed linux-source-6.12 otherwise')
    .option('--only <commits>', 'only bugs that these commits fixed, with commas between')
    .option('--all', 'with the operations that show each')
    .option('--json', 'one JSON object')
    .option('--exit <style>', 'unix, kselftest or bisect: 4 or 125 without tree or compiler', 'unix')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => exit(await scanTree(flags, io)));
}

/** The series that were named by their commits. */
async function wantedOf(only: string | undefined): Promise<ReadonlySet<string> | null> {
  if (only === undefined) return null;
  const { knownBugs } = await import('../conform/scan/known-bugs.js');
  const { pin } = await import('../series/registry.js');
  const known = knownBugs(pin).map(({ id }) => id.replace(/^revert-/, ''));
  const commits = only.split(',').map((one) => one.trim().replace(/^revert-/, ''));
  const strange = commits.find((one) => !known.includes(one));
  if (strange !== undefined)
    reject(
      'command line',
      'unknown-bug',
      '--only',
      oneOf('a commit that fixed a known bug', strange, known),
      shown(strange),
    );
  return new Set(commits.map((one) => `revert-${one}`));
}

async function scanTree(flags: Flags, io: Io): Promise<number> {
  const options = new Options();
  const style: ExitStyle = options.word('--exit', flags.exit, EXIT_STYLES);
  options.done();
  const wanted = await wantedOf(flags.only);
  const { findTree } = await import('../native/find-tree.js');
  const { scan } = await import('../conform/scan/scan.js');
  const tree = await findTree(flags.tree === undefined ? undefined : resolve(io.cwd, flags.tree));
  const progress = await progressTo(io);
  const list = await scan(tree, wanted, (done, total, id) =>
    progress.report({ done, total, label: id.replace(/^revert-/, '') }),
  ).finally(progress.stop);
  if (flags.json === true) io.out(plainJson({ tree: tree.version, bugs: list }));
  else io.out((await import('../report/scan-text.js')).scanText(tree.version, list, flags.all === true));
  if (list.some(({ finding }) => finding === 'present')) return REFUTED;
  return list.some(({ finding }) => finding === 'not told') ? skipped(style, NOT_JUDGED) : OK;
}
