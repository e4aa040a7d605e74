// SPDX-License-Identifier: GPL-2.0-only
/** The user is wrong: a list of all that is wrong, each with its place, what was expected and what was got. */

/** One thing that is wrong with an input. */
export interface Fault {
  /** kebab-case, stable, for tools: `unknown-series`, `topology`, `type` */
  code: string;
  /** where: `--runs`, `my-patch.ts:12:5`, `tasks[2].cpus[0]`, `patches[0].funcs.yield_task_fair` */
  place: string;
  /** what would have been right, as a phrase */
  expected: string;
  /** what was there instead */
  got: string;
}

/** Bad input, with every fault that was found. Never a mistake of ours. */
export class BadInput extends Error {
  constructor(
    /** what was read: a file, an option, a token */
    readonly input: string,
    readonly faults: readonly Fault[],
  ) {
    super(`${input}: ${faults.map((f) => `${f.place}: expected ${f.expected}, got ${f.got}`).join('; ')}`);
    this.name = 'BadInput';
  }
}

/** Throws BadInput with the one fault. */
export function reject(input: string, code: string, place: string, expected: string, got: string): never {
  throw new BadInput(input, [{ code, place, expected, got }]);
}

/** A value as it should appear after `got`: JSON, shortened to about forty characters. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return value.toString();
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/** A word longer than this is no mistyped one, and comparing it takes its length squared. */
const WORD_MAX = 200;

/**
 * The known word closest to a mistyped one, or null when none is near.
 *
 * Near is at most two edits (insert, delete, replace, swap) or a third of the word, or a prefix.
 */
export function nearestWord(word: string, known: readonly string[]): string | null {
  if (word.length > WORD_MAX) return null;
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const d = word.length >= 3 && candidate.startsWith(word) ? 1 : editDistance(word, candidate);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `a known claim (perhaps A12)`: what to expect where a word is unknown. */
export function oneOf(what: string, word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  if (near !== null) return `${what}, perhaps ${near}`;
  return known.length === 0 ? `${what} (there are none)` : `${what}: ${known.join(', ')}`;
}

function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let d = Math.min(row[j - 1] + (same ? 0 : 1), row[j] + 1, next[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2] + 1);
      next.push(d);
    }
    before = row;
    row = next;
  }
  return row[b.length];
}
