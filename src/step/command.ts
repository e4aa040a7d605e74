// SPDX-License-Identifier: GPL-2.0-only
/** What a command of the stepper is. */
import { CommandFault, type Stepper } from './stepper.js';

export interface StepCommand {
  name: string;
  aliases: readonly string[];
  usage: string;
  says: string;
  examples?: readonly string[];
  /** Lines to print. 'where' is the place, 'quit' the end. */
  run(stepper: Stepper, rest: string): Lines | Promise<Lines>;
}

export type Lines = readonly string[] | 'where' | 'quit' | { readonly first: readonly string[] };

/** As many times as is said, until it gets no further. */
export function times(rest: string, one: () => boolean): void {
  const n = rest === '' ? 1 : whole(rest, 'how many times');
  for (let i = 0; i < n && one(); i++);
}

export function whole(text: string, what: string): number {
  if (!/^\d+$/.test(text))
    throw new CommandFault(`${what}: a whole number expected, got ${text === '' ? 'nothing' : text}`);
  return Number(text);
}
