// SPDX-License-Identifier: GPL-2.0-only
/**
 * `kvmodel scoreboard`: every bug that Linux once had and every planted fault put back, and the standing properties alone asked:
 * in the order of `check`, by campaigns with and without guidance, and exhaustively where a property has a scope.
 */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { columns, count } from '../base/text.js';
import type { Score } from '../fuzz/score.js';
import type { Io } from './io.js';
import { Options } from './options.js';

interface Flags {
  seeds?: string;
  events?: string;
  jobs?: string;
  only?: string[];
  json?: boolean;
}

interface Settings {
  seeds: number;
  events: number;
  jobs: number;
  only: string[];
  json: boolean;
}

/** How one way of asking did, over all seeds. */
interface Way {
  /** times that it was noticed */
  found: number;
  /** medians; null where most seeds did not notice it */
  events: number | null;
  seconds: number | null;
  length: number | null;
  /** by which property, of the first seed that noticed it */
  by: string;
}

interface Row {
  target: string;
  check: Way;
  guided: Way;
  blind: Way;
  explore: Way;
}

const WAYS = ['check', 'guided', 'blind', 'explore'] as const;
const STATES = 4000;
const gather = (value: string, before: string[] = []): string[] => [...before, ...value.split(',')];

const EXAMPLES = `
Examples:
  kvmodel scoreboard
  kvmodel scoreboard --only revert- --seeds 3 --events 20000
  kvmodel scoreboard --only fault:lapic --json
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('scoreboard')
    .option('--only <prefix>', 'targets that begin so: revert-, mutant-, fault: (repeatable)', gather)
    .option('--seeds <n>', 'seeds, of which the median counts; 5 when absent')
    .option('--events <n>', 'events after which one gives up, 60000 when absent')
    .option('--jobs <n>', 'targets at once, one a CPU when absent')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => exit(await scoreboard(settingsOf(flags), io)));
}

function settingsOf(flags: Flags): Settings {
  const o = new Options();
  const seeds = o.whole('--seeds', flags.seeds, 1, 99) ?? 5;
  const events = o.whole('--events', flags.events, 100, 1e9) ?? 60_000;
  const jobs = o.whole('--jobs', flags.jobs, 1, 256) ?? availableParallelism();
  o.done();
  return { seeds, events, jobs, only: flags.only ?? [], json: flags.json === true };
}

async function scoreboard(settings: Settings, io: Io): Promise<number> {
  const { plantedFaults } = await import('../loader/fuzz-subject.js');
  const { historic } = await import('../series/historic/index.js');
  const { only } = settings;
  const targets = [...historic.map(({ id }) => id), ...plantedFaults()].filter(
    (it) => only.length === 0 || only.some((prefix) => it.startsWith(prefix)),
  );
  const rows: Row[] = [];
  const queue = [...targets.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [i, target] = next;
      rows[i] = await rowOf(target, settings, io);
      io.err(`kvmodel: ${rows.filter((it) => it !== undefined).length} of ${targets.length}: ${target}\n`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.jobs, targets.length) }, worker));
  const { stableJson } = await import('../base/stable-json.js');
  io.out(settings.json ? `${stableJson({ schema: 'kvmodel-scoreboard-1', rows }, 2)}\n` : text(rows, settings));
  return OK;
}

async function rowOf(target: string, { seeds, events }: Settings, io: Io): Promise<Row> {
  const { fuzzSubject, isLong } = await import('../loader/fuzz-subject.js');
  const { threadCrew } = await import('../workers/fuzz-crew.js');
  const { runCampaign } = await import('../fuzz/campaign.js');
  const spec = { target, cwd: io.cwd, only: [] };
  const subject = await fuzzSubject(spec, false);
  const checked = new Set(subject.properties.filter((p) => p.int64 === 'checked').map((p) => p.id));
  const crew = threadCrew({
    spec,
    threads: 1,
    isFile: false,
    counted: true,
    int64Of: (property) => (checked.has(property) ? 'checked' : 'number'),
  });
  const properties = subject.properties.map((p) => p.id);
  const long = new Set(subject.properties.filter(isLong).map((p) => p.id));
  const campaign = async (seed: number, guided: boolean): Promise<Score> => {
    await crew.forget();
    const enough = (f: { onBase: boolean }): boolean => !f.onBase;
    const found = await runCampaign({ properties, long, seed, guided, events, enough }, crew);
    const first = found.findings.find(enough);
    if (first === undefined) return { noticed: null, events: found.events };
    return {
      noticed: { property: first.property, events: first.after, length: first.events.length },
      events: first.after,
    };
  };
  try {
    // WHY first: what is loaded and compiled once has no part in the seconds
    await crew.explore(1);
    return {
      target,
      check: await over(seeds, (seed) => crew.check(seed, events)),
      guided: await over(seeds, (seed) => campaign(seed, true)),
      blind: await over(seeds, (seed) => campaign(seed, false)),
      explore: await over(1, () => crew.explore(STATES)),
    };
  } finally {
    await crew.close();
  }
}

async function over(seeds: number, ask: (seed: number) => Promise<Score>): Promise<Way> {
  const { medianOf } = await import('../fuzz/score.js');
  const scores: Score[] = [];
  const seconds: (number | null)[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const began = Date.now();
    const score = await ask(seed);
    scores.push(score);
    seconds.push(score.noticed === null ? null : (Date.now() - began) / 1000);
  }
  return {
    found: scores.filter(({ noticed }) => noticed !== null).length,
    events: medianOf(scores.map(({ noticed }) => noticed?.events ?? null)),
    seconds: medianOf(seconds),
    length: medianOf(scores.map(({ noticed }) => noticed?.length ?? null)),
    by: scores.find(({ noticed }) => noticed !== null)?.noticed?.property ?? '',
  };
}

function text(rows: readonly Row[], { seeds, events }: Settings): string {
  const cell = ({ events: n, found }: Way): string =>
    n === null ? (found > 0 ? `${found}/${seeds}` : '-') : String(n);
  const lines = columns(
    [
      ['put back', 'by', 'check', 'guided', 'blind', 'explore', 'left', 's'],
      ...rows.map((row) => [
        row.target,
        row.guided.by || row.check.by || row.blind.by || row.explore.by || '-',
        ...WAYS.map((way) => cell(row[way])),
        String(row.guided.length ?? row.check.length ?? row.explore.length ?? '-'),
        String(row.guided.seconds ?? row.check.seconds ?? '-'),
      ]),
    ],
    [2, 3, 4, 5, 6, 7],
  );
  return `${[...lines, '', ...sums(rows, events, seeds)].join('\n')}\n`;
}

/** Medians over all rows; a row that is not found counts as later than any. */
function sums(rows: readonly Row[], events: number, seeds: number): string[] {
  const median = (way: (typeof WAYS)[number]): string => {
    const sorted = rows.map((row) => row[way].events ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1];
    return middle === undefined || !Number.isFinite(middle) ? `more than ${events}` : String(middle);
  };
  const found = (ways: readonly (typeof WAYS)[number][]): number =>
    rows.filter((row) => ways.some((way) => row[way].found > 0)).length;
  const both = rows.filter((row) => row.guided.events !== null && row.blind.events !== null);
  const sooner = both.filter((row) => (row.guided.events as number) < (row.blind.events as number)).length;
  const later = both.filter((row) => (row.guided.events as number) > (row.blind.events as number)).length;
  return [
    `${found(WAYS)} of ${rows.length} noticed by a standing property; ${WAYS.map((way) => `${way} ${found([way])}`).join(', ')}.`,
    `Events until it was noticed, median of ${count(seeds, 'seed')} and of all rows: ${WAYS.slice(0, 3)
      .map((way) => `${way} ${median(way)}`)
      .join(', ')}.`,
    `Guided is sooner than blind in ${sooner} rows, later in ${later}, the same in ${both.length - sooner - later}.`,
  ];
}
