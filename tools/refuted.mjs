// SPDX-License-Identifier: GPL-2.0-only
// @ts-check
/**
 * Finds again what refutes the claims of the shipped series, for the page's gallery: node tools/refuted.mjs [SERIES...], after
 * npm run compile. Takes half an hour;
 * test/web/refuted.test.ts says when it has to be done. One line a claim in src/web/refuted.jsonl, with the shortest of the runs that
 * refute it; lines of series that are not named stay as they are.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OUT, ROOT } from './outdated.mjs';

const FILE = join(ROOT, 'src/web/refuted.jsonl');

/** @param {string} module */
const load = (module) => import(pathToFileURL(join(OUT, module)).href);

/**
 * @typedef {{ series: string, claim: string, property: string, kernel: string, scenario: object, kinds: object[], run: string }} Refuted
 */

/**
 * Events that are alike stand once; the run is their numbers, `3*7` for number 3 seven times.
 * @param {object[]} events
 */
export function numbered(events) {
  /** @type {Map<string, number>} */
  const numbers = new Map();
  /** @type {[number, number][]} */
  const runs = [];
  for (const event of events) {
    const text = JSON.stringify(event);
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    const last = runs.at(-1);
    if (last?.[0] === number) last[1]++;
    else runs.push([number, 1]);
  }
  return {
    kinds: [...numbers.keys()].map((it) => JSON.parse(it)),
    run: runs.map(([number, times]) => (times === 1 ? `${number}` : `${number}*${times}`)).join(' '),
  };
}

/** @returns {Refuted[]} */
const known = () =>
  existsSync(FILE)
    ? readFileSync(FILE, 'utf8')
        .split('\n')
        .filter((it) => it !== '')
        .map((it) => JSON.parse(it))
    : [];

/**
 * What `check` finds for properties of a series.
 * @param {string} series
 * @param {string} kernel
 * @param {string[]} ids
 * @returns {Refuted[]}
 */
function found(series, kernel, ids) {
  const only = ids.flatMap((it) => ['--only', it]);
  const { stdout } = spawnSync(process.execPath, [join(OUT, 'src/cli/main.js'), 'check', series, ...only, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const { claims } = JSON.parse(stdout);
  return claims.flatMap((/** @type {any} */ claim) => {
    const cases = claim.properties
      .filter((/** @type {any} */ it) => it.verdicts[kernel] === 'refuted' && it.counterexample?.kernel === kernel)
      .map((/** @type {any} */ it) => ({ ...it.counterexample, property: it.id }))
      .sort((/** @type {any} */ a, /** @type {any} */ b) => a.events.length - b.events.length);
    if (cases.length === 0) return [];
    const [{ property, scenario, events }] = cases;
    return [{ series, claim: claim.id, property, kernel, scenario, ...numbered(events) }];
  });
}

const { allSeries, seriesKernel } = await load('src/series/registry.js');
const { claimsOf, recorded } = await load('properties/claims.js');
const asked = process.argv.slice(2);
/** @type {Refuted[]} */
const lines = [];
const before = known();
for (const series of allSeries) {
  const { name: kernel } = seriesKernel(series);
  const ids = claimsOf(series.id)
    .flatMap((/** @type {any} */ claim) => claim.properties)
    .filter((/** @type {any} */ it) => it.int64 === undefined && recorded[it.id]?.[kernel] === 'refuted')
    .map((/** @type {any} */ it) => it.id);
  if (ids.length === 0) continue;
  if (asked.length > 0 && !asked.includes(series.id)) {
    lines.push(...before.filter((it) => it.series === series.id));
    continue;
  }
  const own = found(series.id, kernel, ids);
  console.error(`${series.id}: ${ids.length} properties refuted, ${own.length} claims`);
  lines.push(...own);
}
writeFileSync(FILE, lines.map((it) => `${JSON.stringify(it)}\n`).join(''));
