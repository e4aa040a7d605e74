// SPDX-License-Identifier: GPL-2.0-only
/** Finds the command, loads its file alone, and turns whatever it throws into words and an exit code. */
import { Command, CommanderError } from 'commander';
import { BAD_INPUT, EXIT_STYLES, failed, OK } from '../base/exit-codes.js';
import { BadInput, oneOf } from '../base/faults.js';
import { VERSION } from '../base/version.js';
import { commands } from './commands.js';
import { explain } from './exit.js';
import type { Io } from './io.js';

const EXAMPLES = `
Examples:
  kvmodel list
  kvmodel check semantics-aware-v2
  kvmodel check ./my-patch.ts --only starvation --mail
  kvmodel replay k1.AbCd...

Exit codes: 0 as recorded, or nothing refuted; 1 refuted, or not as recorded;
2 usage or bad input; 3 not modelled, or a bug in kvmodel. Results go to
stdout, progress to stderr. The same seed gives the same bytes.
`;

/** Runs one command line; returns the exit code. Never throws, never ends the process. */
export async function kvmodel(argv: readonly string[], io: Io): Promise<number> {
  let code = OK;
  const style = EXIT_STYLES.find((it) => new RegExp(`--exit[= ]${it}(?!\\S)`).test(argv.join(' '))) ?? 'unix';
  const [first] = argv;
  const chosen = commands.find((c) => c.name === first);
  if (first !== undefined && !first.startsWith('-') && first !== 'help' && chosen === undefined) {
    io.err(
      `kvmodel: expected ${oneOf(
        'a command',
        first,
        commands.map((c) => c.name),
      )}, got ${JSON.stringify(first)}\n`,
    );
    return BAD_INPUT;
  }
  const program = speakingTo(io, new Command('kvmodel'))
    .description('A faithful emulator of Linux vCPU scheduling, checked by properties.')
    .version(VERSION)
    .addHelpText('after', EXAMPLES);
  try {
    for (const entry of commands) {
      if (chosen !== undefined ? entry !== chosen : !(first === 'help' && argv[1] === entry.name)) {
        program.command(entry.name).description(entry.says);
        continue;
      }
      const { define } = await entry.load();
      const command = define(
        io,
        (c) => {
          code = c;
        },
        commands,
      );
      const hint = `(kvmodel ${entry.name} --help lists its arguments)`;
      onceEach(command);
      program.addCommand(speakingTo(io, command.description(entry.says).showHelpAfterError(hint)));
    }
    if (argv.length === 0) {
      io.out(program.helpInformation() + EXAMPLES);
      return OK;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? OK : failed(style, BAD_INPUT);
    return explain(e, io, style);
  }
}

/** WHY refused: of an option that is given twice commander takes the last, without a word. */
function onceEach(command: Command): void {
  const given = new Map<string, number>();
  for (const option of command.options) {
    // those that gather all their values, and those without any, may come again
    if (!(option.required || option.optional) || option.parseArg !== undefined || option.variadic) continue;
    command.on(`option:${option.name()}`, () =>
      given.set(option.long ?? option.flags, (given.get(option.long ?? option.flags) ?? 0) + 1),
    );
  }
  command.hook('preAction', () => {
    const faults = [...given].filter(([, times]) => times > 1);
    if (faults.length === 0) return;
    const usage = faults.map(([place, times]) => ({
      code: 'usage',
      place,
      expected: 'it once',
      got: `it ${times} times`,
    }));
    throw new BadInput('command line', usage);
  });
}

/** Commander writes where `io` says and throws instead of ending the process. */
function speakingTo(io: Io, command: Command): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text.replace(/^error: /, 'kvmodel: ')),
    getOutHelpWidth: () => 80,
    getErrHelpWidth: () => 80,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}
