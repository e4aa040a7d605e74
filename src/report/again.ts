// SPDX-License-Identifier: GPL-2.0-only
/** The command that asks `kvmodel conform` the same again. */
import { quoted } from '../base/text.js';

/** What was asked of which kernel and tree. */
export interface Again {
  /** what the reader types to run kvmodel */
  readonly invocation: string;
  readonly seed: number;
  /** the model's kernel, where one was named */
  readonly kernel?: string;
  readonly tree?: string;
}

/** `which` are the options of the part that was asked. */
export const againCommand = (again: Again, which: string, seed = again.seed): string =>
  [
    `${again.invocation} conform ${which} --seed ${seed}`,
    ...(again.kernel === undefined ? [] : [`--kernel ${quoted(again.kernel)}`]),
    ...(again.tree === undefined ? [] : [`--tree ${quoted(again.tree)}`]),
  ].join(' ');

/** Finds the difference of this seed with the first sequence. */
export const againLine = (again: Again, which: string, seed: number): string =>
  `Again: ${againCommand(again, `${which} --operations 1`, seed)}`;
