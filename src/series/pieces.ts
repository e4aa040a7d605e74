// SPDX-License-Identifier: GPL-2.0-only
/** Functions of the kernel that are split here because they sleep in the middle: which pieces a name stands for. */
import { nearestWord } from '../base/faults.js';

/** The pieces of a kernel function among known names: its own name with a hump behind it. */
export function piecesOf(name: string, known: readonly string[]): string[] {
  return known.filter((it) => it.startsWith(name) && /^[A-Z]/.test(it.slice(name.length))).sort();
}

/** What to expect where a function of the base is named that it lacks. */
export function functionExpected(name: string, known: readonly string[]): string {
  const pieces = piecesOf(name, known);
  if (pieces.length > 0) return `a piece of ${name}(), which is split: ${pieces.join(', ')}`;
  const near = nearestWord(name, known);
  return near === null ? 'a function of the base' : `a function of the base, perhaps ${near}`;
}
