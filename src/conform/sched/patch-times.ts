// SPDX-License-Identifier: GPL-2.0-only
/** Times that the comparisons of a patch may turn on: constants in the lines that it adds, in ns. */

const UNITS: Readonly<Record<string, number>> = {
  NSEC_PER_USEC: 1e3,
  NSEC_PER_MSEC: 1e6,
  NSEC_PER_SEC: 1e9,
  TICK_NSEC: 1e6,
};
const UNIT = Object.keys(UNITS).join('|');
const PRODUCT = new RegExp(
  `\\b(\\d+)[uUlL]*\\s*\\*\\s*(?:\\([us]64\\)\\s*)?(${UNIT})\\b|\\b(${UNIT})\\s*\\*\\s*(\\d+)[uUlL]*\\b`,
  'g',
);
const NUMBER = /\b(\d{4,11})[uUlL]*\b/g;
/** Shorter is no time that a test turns on, longer none that a sequence lasts. */
const [LEAST, MOST] = [1e3, 1e10];

/** Each constant, its double and its triple: what is summed up over a few steps. */
export function timesIn(lines: readonly { readonly text: string }[]): number[] {
  const found = new Set<number>();
  for (const { text } of lines) {
    const code = text.replace(/\/\*.*?(?:\*\/|$)|\/\/.*$/g, '').replace(/"(?:\\.|[^"\\])*"/g, '');
    if (/^\s*\*/.test(text)) continue;
    for (const [, a, unit, unitFirst, b] of code.matchAll(PRODUCT))
      found.add(Number(a ?? b) * UNITS[(unit ?? unitFirst)!]!);
    for (const [, digits] of code.matchAll(NUMBER)) found.add(Number(digits));
  }
  const times = [...found].filter((ns) => ns >= LEAST && ns <= MOST);
  return [...new Set(times.flatMap((ns) => [ns, 2 * ns, 3 * ns]))].sort((x, y) => x - y);
}
