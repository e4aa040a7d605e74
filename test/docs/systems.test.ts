// SPDX-License-Identifier: GPL-2.0-only
/** README's table of the systems is what the recorded verdicts say. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import { SYSTEMS, tallyOf } from '../../properties/tally.js';
import { findSeries, seriesKernel } from '../../src/series/registry.js';

const cells = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

it('says of each system how many claims hold', () => {
  const rows = readFileSync('README.md', 'utf8')
    .split('\n')
    .filter((line) => /^\| [A-E] /.test(line))
    .map(cells);
  const tallies = SYSTEMS.map(([letter, id, what]) => {
    const t = tallyOf(claimsOf(id), recorded, seriesKernel(findSeries(id)!).name);
    expect(t.hold + t.refuted + t.unreachable + t.vacuous + t.unanswerable).toBe(t.claims);
    expect(t.claims).toBeGreaterThan(5);
    return [
      letter,
      what,
      `\`${id}\``,
      ...[t.claims, t.hold, t.refuted, t.unreachable, t.vacuous, t.unanswerable].map(String),
    ];
  });
  expect(rows).toEqual(tallies);
});

it('counts a claim by the worst of its verdicts', () => {
  const claim = (...verdicts: string[]) => ({
    claim: { id: 'X', words: '', properties: verdicts.map((_, i) => ({ id: `X.${i}` })) },
    verdicts,
  });
  const tally = (...verdicts: string[]): string => {
    const it = claim(...verdicts);
    const known = Object.fromEntries(verdicts.map((verdict, i) => [`X.${i}`, { k: verdict }]));
    const t = tallyOf([it.claim as never], known as never, 'k');
    return Object.entries(t)
      .filter(([name, n]) => n === 1 && name !== 'claims')
      .map(([name]) => name)
      .join();
  };
  expect([tally('holds', 'refuted'), tally('holds'), tally('holds', 'unreachable'), tally('holds', 'vacuous')]).toEqual(
    [...['refuted', 'hold', 'unreachable', 'vacuous']],
  );
});
