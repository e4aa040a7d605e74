// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel bisect`: which patch of a series changes the verdict on a claim. */
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { OK } from '../base/exit-codes.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { columns, wrap } from '../base/text.js';
import { VERSION } from '../base/version.js';
import { looksLikeFile } from '../loader/files.js';
import type { Io } from './io.js';
import { Options } from './options.js';

interface Flags {
  runs?: string;
  seed?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel bisect A6 semantics-aware-v2
  kvmodel bisect starvation.1 ./my-patches.ts --runs 1000
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('bisect')
    .argument('<claim>', 'a claim or property: A12, A12.1')
    .argument('<series>', 'a series, or ./my-patches.ts')
    .option('--runs <n>', 'random runs for each kernel')
    .option('--seed <n>', 'seed of all chance, 1 when absent')
    .option('--json', 'the steps as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (claim: string, series: string, flags: Flags) => exit(await bisect(claim, series, flags, io)));
}

async function bisect(claim: string, name: string, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const runs = o.whole('--runs', flags.runs, 1, 100_000_000);
  const seed = o.whole('--seed', flags.seed, 0, 0xffff_ffff);
  o.done();
  const { seriesOf, subjectOfSpec } = await import('../loader/check-subject.js');
  const { bisectClaim } = await import('../explore/bisect.js');
  const { machineEngine } = await import('../explore/machine-engine.js');
  const { progressTo } = await import('./progress.js');
  const { askerFor } = await import('../workers/asker-for.js');
  const spec = { series: name, cwd: io.cwd, prefixes: true };
  const subject = await subjectOfSpec(spec);
  const known = subject.claims.flatMap((c) => [c.id, ...c.properties.map((p) => p.id)]);
  if (!known.includes(claim))
    reject('command line', 'unknown-claim', 'CLAIM', oneOf('a claim or property', claim, known), shown(claim));

  const asker = await askerFor(spec, false);
  const progress = await progressTo(io);
  try {
    const isFile = looksLikeFile(name);
    const settings = { witness: isFile, steer: isFile, ...defined({ runs, seed }) };
    const tools = {
      engine: machineEngine,
      asker,
      version: VERSION,
      replayCommand: () => '',
      progress: progress.report,
    };
    const result = await bisectClaim(subject, claim, settings, tools);
    progress.stop();
    if (flags.json === true) {
      const { stableJson } = await import('../base/stable-json.js');
      io.out(`${stableJson(result, 2)}\n`);
      return OK;
    }
    const { series } = await seriesOf(name, io.cwd, false);
    const subjects = ['(base)', ...series.patches.map((p) => p.subject)];
    const rows = result.steps.map((s) => [String(s.patches), s.verdict, subjects[s.patches] ?? '']);
    const lines = columns([['patches', claim, 'last patch'], ...rows], [0]).map((line) => line.slice(0, 80));
    const [first] = result.changesAt;
    const found =
      first === undefined
        ? `No patch of ${series.id} changes the verdict on ${claim}.`
        : `Patch ${first} changes the verdict on ${claim} first: ${subjects[first]}`;
    io.out(`${[...lines, '', ...wrap(found, 80, '  ')].join('\n')}\n`);
    return OK;
  } finally {
    progress.stop();
    await asker.close();
  }
}
