// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel list`: what there is to check, to run and to ask. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { wrap } from '../base/text.js';
import type { Io } from './io.js';
import { Options } from './options.js';

const PARTS = ['series', 'claims', 'verdicts', 'scenarios', 'kernels', 'knobs'] as const;
type Part = (typeof PARTS)[number];

const EXAMPLES = `
Examples:
  kvmodel list
  kvmodel list claims
  kvmodel list knobs --json
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('list')
    .argument('[what]', `${PARTS.join(', ')}; all when absent`)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string | undefined, flags: { json?: boolean }) =>
      exit(await list(what, flags.json === true, io)),
    );
}

/** Rows of each part: what is typed on a command line, and what it is. */
type Rows = [name: string, says: string][];

async function rowsOf(part: Part): Promise<Rows> {
  if (part === 'scenarios') {
    const { everyScenario } = await import('../scenario/catalogue.js');
    return everyScenario.map((s) => [s.name, s.says]);
  }
  const { allSeries, pin } = await import('../series/registry.js');
  const patches = allSeries.filter((s) => s.release !== true);
  if (part === 'series') return patches.map((s) => [s.id, `${s.base}: ${s.title}`]);
  if (part === 'kernels') {
    const releases = allSeries.filter((s) => s.release === true).map((s): [string, string] => [s.id, s.title]);
    const [first] = patches;
    const made: Rows = [
      [`${first.base}+${first.id}`, 'a kernel with a series on it; the id of the series alone will do'],
      [`${first.base}+${first.id}~2`, 'with its first two patches'],
    ];
    return [[pin.name, 'the pin, mirrored function by function'], ...releases, ...made];
  }
  if (part === 'knobs') return knobRows();
  if (part === 'verdicts') return verdictRows();
  return (await claimRows()).map(({ id, of, words }) => [id, `${of}: ${words}`]);
}

/** Each claim, and of what it is claimed. */
async function claimRows(): Promise<{ id: string; of: string; words: string }[]> {
  const { claimsOf, families, familiesOfArm64, familiesOfS390 } = await import('../../properties/claims.js');
  const { allSeries } = await import('../series/registry.js');
  const every = families.map((c) => ({ ...c, of: 'every kernel' }));
  const arm64 = familiesOfArm64.map((c) => ({ ...c, of: 'every kernel for arm64' }));
  const s390 = familiesOfS390.map((c) => ({ ...c, of: 'every kernel for s390' }));
  return [...every, ...arm64, ...s390, ...allSeries.flatMap((s) => claimsOf(s.id).map((c) => ({ ...c, of: s.id })))];
}

/** The claims for a reader: one that several series make stands once, below the names of all that make it. */
async function claimLines(): Promise<string[]> {
  const makers = new Map<string, { id: string; words: string; of: string[] }>();
  for (const { id, of, words } of await claimRows()) {
    const claim = makers.get(`${id} ${words}`) ?? { id, words, of: [] };
    claim.of.push(of);
    makers.set(`${id} ${words}`, claim);
  }
  const groups = new Map<string, Rows>();
  for (const { id, words, of } of makers.values()) {
    const heading = of.join(', ');
    groups.set(heading, [...(groups.get(heading) ?? []), [id, words]]);
  }
  return [...groups].flatMap(([heading, rows]) => [...wrap(`  ${heading}`, 80, '  '), ...table(rows, '    ')]);
}

function table(rows: Rows, margin: string): string[] {
  const w = Math.max(0, ...rows.map(([name]) => name.length));
  const hang = ' '.repeat(margin.length + w + 2);
  return rows.flatMap(([name, says]) => wrap(`${margin}${name.padEnd(w)}  ${says}`, 80, hang));
}

/** What came of the claims about the systems that are asked, as recorded. */
async function verdictRows(): Promise<Rows> {
  const { claimsOf, recorded } = await import('../../properties/claims.js');
  const { SYSTEMS, tallyOf } = await import('../../properties/tally.js');
  const { findSeries, seriesKernel } = await import('../series/registry.js');
  return SYSTEMS.flatMap(([, id]): Rows => {
    const series = findSeries(id);
    if (series === null) return [];
    const t = tallyOf(claimsOf(id), recorded, seriesKernel(series).name);
    const parts = [
      `${t.hold} hold`,
      `${t.refuted} refuted`,
      `${t.unreachable} unreachable`,
      `${t.vacuous} not reached`,
    ];
    return [[id, `${t.claims} claims and objections: ${parts.join(', ')}, ${t.unanswerable} unanswerable`]];
  });
}

/** Everything that `features`, `knobs` and knob events take: the pin's, then what each series brings. */
async function knobRows(): Promise<Rows> {
  const { knobMenu } = await import('../machine/knobs.js');
  const { allSeries, pin, seriesKernel } = await import('../series/registry.js');
  const rows = new Map<string, string>();
  const range = (max: number): string => (max === 1 ? '0 or 1' : `0 to ${max}`);
  for (const { name, kind, max } of knobMenu([pin])) rows.set(name, `${kind}, ${range(max)}`);
  for (const series of allSeries) {
    for (const { name, kind, max } of knobMenu([seriesKernel(series)]))
      if (!rows.has(name)) rows.set(name, `${kind} of ${series.id}, ${range(max)}`);
  }
  return [...rows];
}

async function list(what: string | undefined, json: boolean, io: Io): Promise<number> {
  const o = new Options();
  const parts = what === undefined ? PARTS : [o.word('WHAT', what, PARTS)];
  o.done();
  const found: Record<string, Rows> = {};
  for (const part of parts) found[part] = await rowsOf(part);
  if (json) {
    const { stableJson } = await import('../base/stable-json.js');
    const named = Object.fromEntries(
      Object.entries(found).map(([part, rows]) => [part, rows.map(([name, says]) => ({ name, says }))]),
    );
    io.out(`${stableJson(named, 2)}\n`);
    return OK;
  }
  const claims = parts.includes('claims') ? await claimLines() : [];
  const lines = parts.flatMap((part) => [part, ...(part === 'claims' ? claims : table(found[part], '  ')), '']);
  io.out(`${lines.slice(0, -1).join('\n')}\n`);
  return OK;
}
