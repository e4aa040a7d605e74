// SPDX-License-Identifier: GPL-2.0-only
/** The commands: name, what it does, and its file, which is loaded when it is called and not before. */
import type { Command } from 'commander';
import type { Io } from './io.js';

/** What a command's file exports. */
export interface CommandFile {
  /**
   * The command with its arguments, options and action. The action calls `exit` with its exit code; it throws
   * BadInput for what the user got wrong. It does nothing to the process. `all` are the commands themselves.
   */
  define(io: Io, exit: (code: number) => void, all: readonly CommandEntry[]): Command;
}

export interface CommandEntry {
  name: string;
  says: string;
  load(): Promise<CommandFile>;
}

export const commands: readonly CommandEntry[] = [
  {
    name: 'list',
    says: 'the known series, claims, scenarios and kernels',
    load: () => import('./list.js'),
  },
  {
    name: 'conform',
    says: "the model held against the kernel's own C code",
    load: () => import('./conform.js'),
  },
  {
    name: 'scan',
    says: 'which bugs that Linux once had the C code of a tree has',
    load: () => import('./scan.js'),
  },
  {
    name: 'check',
    says: 'ask every claim of a series, on its base and on the series',
    load: () => import('./check.js'),
  },
  {
    name: 'fuzz',
    says: 'a campaign: find, shrink and keep what breaks, for as long as it is let',
    load: () => import('./fuzz.js'),
  },
  {
    name: 'explore',
    says: 'every order of a menu of events on a scenario, as far as it is let',
    load: () => import('./explore.js'),
  },
  {
    name: 'corpus',
    says: 'what campaigns kept in a folder',
    load: () => import('./corpus.js'),
  },
  {
    name: 'merge',
    says: 'add up what the parts of a campaign kept',
    load: () => import('./merge.js'),
  },
  {
    name: 'run',
    says: 'run a scenario and print what happens, event by event',
    load: () => import('./run.js'),
  },
  {
    name: 'replay',
    says: 'replay a counterexample, and say whether it still is one',
    load: () => import('./replay.js'),
  },
  {
    name: 'step',
    says: 'go through a run forwards and backwards, as gdb and rr do',
    load: () => import('./step.js'),
  },
  {
    name: 'import',
    says: 'a trace of a real kernel as a run: where the model schedules otherwise',
    load: () => import('./import.js'),
  },
  {
    name: 'scoreboard',
    says: 'how soon known bugs are found again, by check, fuzz and explore',
    load: () => import('./scoreboard.js'),
  },
  {
    name: 'serve',
    says: 'the same in a browser, from this machine alone',
    load: () => import('./serve.js'),
  },
  {
    name: 'export',
    says: 'the same as one HTML file, to attach to a mail',
    load: () => import('./export.js'),
  },
  {
    name: 'bisect',
    says: 'which patch of a series changes the verdict on a claim',
    load: () => import('./bisect.js'),
  },
  {
    name: 'races',
    says: 'lockless code on several CPUs, in every order of its races',
    load: () => import('./races.js'),
  },
  {
    name: 'lapic',
    says: 'local APICs for a guest program from outside: a line protocol',
    load: async () => {
      const { define } = await import('./lapic.js');
      return { define: (io, exit) => define(io, exit) };
    },
  },
  {
    name: 'init',
    says: 'a folder with a patch, a claim about it, and types for an editor',
    load: () => import('./init.js'),
  },
  {
    name: 'schema',
    says: 'JSON schema of scenarios, for editors',
    load: () => import('./schema.js'),
  },
  {
    name: 'completion',
    says: 'completion for bash, zsh or fish',
    load: () => import('./completion.js'),
  },
  {
    name: 'man',
    says: 'the manual page',
    load: () => import('./man.js'),
  },
];
