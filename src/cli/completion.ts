// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel completion SHELL`: commands, options and names, generated from the commands themselves. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { type CommandText, commandTexts } from './command-texts.js';
import type { CommandEntry } from './commands.js';
import type { Io } from './io.js';
import { Options } from './options.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const EXAMPLES = `
Examples:
  source <(kvmodel completion bash)
  kvmodel completion zsh > "\${fpath[1]}/_kvmodel"
  kvmodel completion fish > ~/.config/fish/completions/kvmodel.fish
`;

export function define(io: Io, exit: (code: number) => void, all: readonly CommandEntry[]): Command {
  return new Command('completion')
    .argument('<shell>', SHELLS.join(', '))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string) => {
      const o = new Options();
      const shell = o.word('SHELL', name, SHELLS);
      o.done();
      io.out(await completion(shell, io, all));
      exit(OK);
    });
}

/** Words that stand behind a command instead of a file. */
async function namesFor(): Promise<Record<string, string[]>> {
  const { seriesIds } = await import('../series/registry.js');
  const { everyScenario } = await import('../scenario/catalogue.js');
  return {
    check: seriesIds(),
    run: everyScenario.map((s) => s.name),
    completion: [...SHELLS],
    list: ['series', 'claims', 'scenarios', 'kernels', 'knobs'],
  };
}

async function completion(shell: Shell, io: Io, all: readonly CommandEntry[]): Promise<string> {
  const texts = await commandTexts(io, all);
  const names = await namesFor();
  const print = { bash, zsh, fish }[shell];
  return `${print(texts, names).join('\n')}\n`;
}

type Names = Readonly<Record<string, readonly string[]>>;

const longs = ({ options }: CommandText): string[] => options.flatMap(({ flags }) => /--[\w-]+/.exec(flags)?.[0] ?? []);

function bash(texts: readonly CommandText[], names: Names): string[] {
  const cases = texts.flatMap((it) => [
    `    ${it.name})`,
    `      words="${[...longs(it), ...(names[it.name] ?? [])].join(' ')}" ;;`,
  ]);
  return [
    '# bash completion of kvmodel',
    '_kvmodel() {',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '  local cur="${COMP_WORDS[COMP_CWORD]}" words=',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words="${texts.map((it) => it.name).join(' ')}"`,
    '  else',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    '    case "${COMP_WORDS[1]}" in',
    ...cases.map((line) => `  ${line}`),
    '    esac',
    '  fi',
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '}',
    'complete -o default -F _kvmodel kvmodel ./kvmodel',
  ];
}

/** Within single quotes of zsh and fish. */
const plain = (text: string): string => text.replace(/['[\]:]/g, ' ');

function zsh(texts: readonly CommandText[], names: Names): string[] {
  return [
    '#compdef kvmodel',
    '_kvmodel() {',
    '  local -a commands=(',
    ...texts.map((it) => `    '${it.name}:${plain(it.says)}'`),
    '  )',
    '  if (( CURRENT == 2 )); then _describe command commands; return; fi',
    '  case "$words[2]" in',
    ...texts.flatMap((it) => [
      `    ${it.name}) _arguments -s \\`,
      ...it.options.map(
        (o) =>
          `      '${/--[\w-]+/.exec(o.flags)?.[0]}[${plain(o.says)}]${o.flags.includes('<') ? ': :_files' : ''}' \\`,
      ),
      `      '*: :${names[it.name] === undefined ? '_files' : `(${names[it.name].join(' ')})`}' ;;`,
    ]),
    '  esac',
    '}',
    '_kvmodel "$@"',
  ];
}

function fish(texts: readonly CommandText[], names: Names): string[] {
  const first = '__fish_use_subcommand';
  return [
    '# fish completion of kvmodel',
    ...texts.map((it) => `complete -c kvmodel -n ${first} -a ${it.name} -d '${plain(it.says)}'`),
    ...texts.flatMap((it) => {
      const on = `'__fish_seen_subcommand_from ${it.name}'`;
      return [
        ...it.options.map(
          (o) =>
            `complete -c kvmodel -n ${on} -l ${/--([\w-]+)/.exec(o.flags)?.[1]}${o.flags.includes('<') ? ' -r' : ''} -d '${plain(o.says)}'`,
        ),
        ...(names[it.name] === undefined ? [] : [`complete -c kvmodel -n ${on} -a '${names[it.name].join(' ')}'`]),
      ];
    }),
  ];
}
