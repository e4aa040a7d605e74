// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which implementation of 64-bit integers this realm (process or worker) computes with.
 *
 * WHY not a parameter: the operations are constants of `types`, so that V8 inlines them. A realm that wants
 * another implementation calls `chooseInt64` before it first loads `types`.
 */
import { int64Bigint } from './int64-bigint.js';
import { int64Checked } from './int64-checked.js';
import { int64Number } from './int64-number.js';
import type { Int64 } from './types.js';

export type Int64Kind = 'number' | 'bigint' | 'checked';
const kinds: Record<Int64Kind, Int64> = { number: int64Number, bigint: int64Bigint, checked: int64Checked };

let choice: Int64Kind = 'number';
let settled = false;

/** Throws when `types` was loaded already: its constants would not follow. */
export function chooseInt64(kind: Int64Kind): void {
  if (settled && kind !== choice)
    throw new Error(`int64 is settled as '${choice}' in this realm; '${kind}' comes too late`);
  choice = kind;
}

/** The implementation in force; settles the choice. */
export function chosenInt64(): Int64 {
  settled = true;
  return kinds[choice];
}

export function int64Kind(): Int64Kind {
  return choice;
}
