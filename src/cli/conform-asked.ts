// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel conform` was asked for, checked, and how it answers in JSON. */
import { quoted } from '../base/text.js';
import type { ExitStyle } from '../report/verdicts.js';

/** Parts of the kernel that are compiled whole and driven by operations. */
export const PARTS = ['scheduler', 'lapic'] as const;
export type Part = (typeof PARTS)[number];

/** What was asked for, checked. */
export interface Asked {
  readonly tree?: string;
  /** the model's kernel, where one was named */
  readonly kernel?: string;
  /** what the reader types to run kvmodel */
  readonly invocation: string;
  readonly operations: number;
  readonly seed: number;
  /** one run each */
  readonly cpus: readonly number[];
  /** which parts of the kernel */
  readonly parts: readonly Part[];
  readonly json: boolean;
  readonly exit: ExitStyle;
}

/** The command that asks the same of the same kernel and tree; `which` are the options of its part. */
export const againCommand = (asked: Asked, which: string, seed = asked.seed): string =>
  [
    `${asked.invocation} conform ${which} --seed ${seed}`,
    ...(asked.kernel === undefined ? [] : [`--kernel ${quoted(asked.kernel)}`]),
    ...(asked.tree === undefined ? [] : [`--tree ${quoted(asked.tree)}`]),
  ].join(' ');

/** ... and finds the difference of this seed with the first sequence. */
export const againLine = (asked: Asked, which: string, seed: number): string =>
  `Again: ${againCommand(asked, `${which} --operations 1`, seed)}`;

/** One object; what does not fit a number is a string. */
export const json = (value: unknown) =>
  `${JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? x.toString() : x), 1)}\n`;
