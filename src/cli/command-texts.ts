// SPDX-License-Identifier: GPL-2.0-only
/** The commands as they describe themselves: what completion and the manual are generated from. */
import { defined } from '../base/defined.js';
import type { CommandEntry } from './commands.js';
import type { Io } from './io.js';

export interface CommandText {
  name: string;
  says: string;
  arguments: { name: string; says: string; required: boolean }[];
  options: { flags: string; says: string; initial?: string }[];
  /** lines of the examples, without their head */
  examples: string[];
}

/** Every command, in the order of `kvmodel --help`. */
export async function commandTexts(io: Io, commands: readonly CommandEntry[]): Promise<CommandText[]> {
  const out: CommandText[] = [];
  for (const { name, says, load } of commands) {
    const command = (await load()).define(io, () => undefined, commands);
    out.push({
      name,
      says,
      arguments: command.registeredArguments.map((it) => ({
        name: it.name(),
        says: it.description,
        required: it.required,
      })),
      options: command.options.map((it) => ({
        flags: it.flags,
        says: it.description,
        ...defined({ initial: it.defaultValue === undefined ? undefined : String(it.defaultValue) }),
      })),
      examples: examplesOf(command),
    });
  }
  return out;
}

/** What was added to the help after the options. */
function examplesOf(command: import('commander').Command): string[] {
  let text = '';
  command.configureOutput({
    writeOut: (it) => {
      text += it;
    },
  });
  command.outputHelp();
  const at = text.indexOf('\nExamples:\n');
  return at < 0
    ? []
    : text
        .slice(at)
        .split('\n')
        .slice(2)
        .filter((line) => line.startsWith('  '));
}
