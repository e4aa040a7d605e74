// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel conform` was asked for, checked, and how it answers in JSON. */
import type { ExitStyle } from '../report/verdicts.js';

/** Parts of the kernel that are compiled whole and driven by operations. */
export const PARTS = ['scheduler', 'lapic'] as const;
export type Part = (typeof PARTS)[number];

/** What was asked for, checked. */
export interface Asked {
  readonly tree?: string;
  readonly operations: number;
  readonly seed: number;
  /** one run each */
  readonly cpus: readonly number[];
  /** which parts of the kernel */
  readonly parts: readonly Part[];
  readonly json: boolean;
  readonly exit: ExitStyle;
}

/** One object; what does not fit a number is a string. */
export const json = (value: unknown) =>
  `${JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? x.toString() : x), 1)}\n`;
