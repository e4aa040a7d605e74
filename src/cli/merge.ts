// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel merge`: the corpora of a campaign's parts, added up. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { count } from '../base/text.js';
import type { Io } from './io.js';

interface Flags {
  output: string;
}

const EXAMPLES = `
Examples:
  kvmodel merge shard-0 shard-1 shard-2 -o all
  kvmodel merge shard-* -o all && kvmodel corpus all
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('merge')
    .argument('<dir...>', 'folders that fuzz --corpus wrote')
    .requiredOption('-o, --output <dir>', 'where everything goes; what is there already is part of it')
    .addHelpText('after', EXAMPLES)
    .action(async (dirs: string[], flags: Flags) => exit(await merge(dirs, flags.output, io)));
}

/** The same folders give the same bytes, in whatever order they are named and however often. */
async function merge(dirs: readonly string[], output: string, io: Io): Promise<number> {
  const { CorpusDir } = await import('../loader/corpus-dir.js');
  const { mergedImages } = await import('../fuzz/merge.js');
  const images = dirs.map((dir) => CorpusDir.open(dir, io.cwd, true).image());
  const to = CorpusDir.open(output, io.cwd);
  const merged = mergedImages([...images, to.image()]);
  to.writeImage(merged);
  to.mustBeWritten(output);
  const { entries, findings, campaigns } = merged;
  io.out(
    `${output}: ${count(findings.size, 'finding')}, ${count(entries.size, 'entry', 'entries')}, ${count(campaigns.size, 'campaign')}\n`,
  );
  return OK;
}
