// SPDX-License-Identifier: GPL-2.0-only
/** All that is asked of one kernel's C code: promises in worlds of their own, and laws along random sequences. */
import type { NativeEngine } from '../../native/engine.js';
import { askLaws, LAWS, type LawOptions, type LawVerdict } from './ask-laws.js';
import { cProperties } from './c-properties.js';
import { worlds } from './c-worlds.js';

/** CPUs of the engines that are asked, in this order. */
export const ASKED_CPUS = [1, 2, 4] as const;

const asked = [...cProperties, ...worlds];

export const questions: readonly { readonly id: string; readonly says: string }[] = [...asked, ...LAWS];

/** A verdict for each of `questions`; `engines` have the CPUs of ASKED_CPUS. */
export function askAll(engines: readonly NativeEngine[], options: LawOptions): LawVerdict[] {
  return [...asked.map((property) => property.ask(engines[0]!)), ...askLaws(engines, options)];
}

/** Runs what has a world of its own, for what it executes. */
export function playWorlds(engine: NativeEngine): void {
  for (const property of asked) property.ask(engine);
}
