// SPDX-License-Identifier: GPL-2.0-only
/** Code whose branches are counted does what it did, and says which of them ran. */
import { expect, it } from 'vitest';
import { forgetHits, installBranchCounts, knownSites, takeHits } from '../../src/fuzz/branch-counts.js';
import { countedSource } from '../../src/loader/counted-source.js';

const SOURCE = `function asked(a, b) {
  if (a) if (b) return 'both'; else return 'one';
  for (const x of [1, 2]) if (x === b) return 'loop' + (a ?? 'none');
  do b--; while (b > 3);
  switch (b) { case 3: return 'three'; default: }
  const later = (n) => n > 0 ? { n } : null;
  return a === 0 && later(b) || 'nothing';
}
const short = (n) => ({ n });
return { asked, short };`;

const run = (text: string) =>
  new Function(text)() as { asked(a: unknown, b: number): unknown; short(n: number): unknown };

it('does the same, line by line', () => {
  installBranchCounts();
  const counted = countedSource(SOURCE, 'x.ts', 'x.ts', (line) => line + 1);
  expect(counted.split('\n').length).toBe(SOURCE.split('\n').length);
  const [plain, own] = [run(SOURCE), run(counted)];
  for (const a of [null, 0, 1, '']) {
    for (const b of [-1, 0, 1, 2, 5]) expect(own.asked(a, b)).toEqual(plain.asked(a, b));
  }
  expect(own.short(4)).toEqual({ n: 4 });
});

it('tells what ran from what did not', () => {
  const ran = (work: () => unknown): string[] => {
    forgetHits();
    work();
    const [{ file, sites }] = knownSites();
    const keys = new Set(takeHits().branches);
    return sites.flatMap(({ kind, from }, i) => (keys.has(`${file}:${i}`) ? [`${kind}${from}`] : []));
  };
  const own = run(countedSource(SOURCE, 'x.ts', 'x.ts', (line) => line + 1));
  expect(ran(() => own.asked(1, 1))).toEqual(['function1', 'block2', 'block2']);
  expect(ran(() => own.short(1))).toEqual(['function9']);
  const far = ran(() => own.asked(0, 5));
  expect(far).toEqual(expect.arrayContaining(['else2', 'block4', 'block5']));
  // the right of && and of ||
  const ofReturn = (a: unknown, b: number): number => ran(() => own.asked(a, b)).filter((it) => it === 'part7').length;
  expect([ofReturn(null, 0), ofReturn(0, 0)]).toEqual([1, 2]);
});
