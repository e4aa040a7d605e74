// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel fuzz`: a campaign against a kernel or a series, for as long as it is let. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { INTERRUPTED, OK, REFUTED } from '../base/exit-codes.js';
import { reject } from '../base/faults.js';
import { quoted } from '../base/text.js';
import type { Summary } from '../fuzz/campaign.js';
import { BESIDE } from '../fuzz/input.js';
import type { CorpusDir } from '../loader/corpus-dir.js';
import { type Case, TOKEN_MAX, tokenOf } from '../loader/counterexample.js';
import { looksLikeFile, refuseExisting, writeNew } from '../loader/files.js';
import type { FuzzSubject } from '../loader/fuzz-subject.js';
import type { FuzzShown, ShownFinding } from '../report/fuzz-text.js';
import type { ThreadCrew } from '../workers/fuzz-crew.js';
import { expectLongRun } from '../workers/long-run.js';
import type { BesideSpec, OpenBeside } from './fuzz-beside.js';
import { statusTo } from './fuzz-status.js';
import { type Io, warnOn } from './io.js';
import { Options } from './options.js';
import { type Shard, shardOf } from './shard.js';

const SEED_MAX = 0xffff_ffff;
const JOBS_MAX = 256;

interface Flags {
  events?: string;
  time?: string;
  seed?: string;
  jobs?: string;
  only?: string[];
  corpus?: string;
  minimize?: boolean;
  shard?: string;
  blind?: boolean;
  html?: string;
  lines?: string[];
  tree?: string;
  am?: string[];
  json?: boolean;
}

interface Settings {
  target: string;
  events?: number;
  seconds?: number;
  seed: number;
  jobs: number;
  only: string[];
  corpus?: string;
  minimize: boolean;
  shard?: Shard;
  guided: boolean;
  html?: string;
  lines: string[];
  json: boolean;
}

const gather = (value: string, before: string[] = []): string[] => [...before, ...value.split(',')];

const gatherFile = (value: string, before: string[] = []): string[] => [...before, value];

const EXAMPLES = `
Examples:
  kvmodel fuzz ./my-patch.ts --time 10m --corpus found
  kvmodel fuzz semantics-aware-v2 --events 1000000 --seed 7
  kvmodel fuzz v6.12.117 --only structure --time 8h --corpus /srv/corpus
  kvmodel fuzz v6.19 --events 1000000000 --shard 3/64 --corpus shard-3
  kvmodel fuzz ./my-patch.ts --corpus found --minimize
  kvmodel fuzz --tree ~/linux --time 1h
  kvmodel fuzz ./my-patch.ts --tree ~/linux --am 0001-my.patch --time 1h
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('fuzz')
    .argument('[target]', "a series, ./my-patch.ts, or a kernel; with --tree the tree's own release when absent")
    .option('--events <n>', 'end behind so many; the same seed then gives the same findings')
    .option('--time <t>', 'end after so long: 90, 90s, 10m, 8h; without either it goes on until ^C')
    .option('--seed <n>', 'seed of all chance, 1 when absent')
    .option('--jobs <n>', 'threads, one a CPU when absent; what is found does not depend on it')
    .option('--only <claim>', 'these claims or properties only (repeatable)', gather)
    .option('--corpus <dir>', 'begin with what earlier campaigns kept there, and keep what is new')
    .option('--minimize', 'run that corpus again, keep a small part that shows the same, and end')
    .option('--shard <i/n>', 'part i of n of the campaign, i from 0 (docs/campaigns.md)')
    .option('--blind', 'draw every run anew and look at no branches: what guidance is compared with')
    .option('--html <file>', 'a report with every mirrored function line by line')
    .option('--lines <function>', 'these functions line by line, with what ran (repeatable)', gather)
    .option('--tree <path>', "hold every run that is kept against this kernel tree's C code as well")
    .option('--am <file>', 'with these patches applied to it (repeatable)', gatherFile)
    .option('--json', 'the summary as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (target: string | undefined, flags: Flags) => exit(await fuzzed(target, flags, io)));
}

/** `90`, `90s`, `10m`, `8h`: seconds. */
function secondsOf(text: string, o: Options): number | undefined {
  const [, digits, unit] = /^(\d+)([smh]?)$/.exec(text) ?? [];
  const seconds = Number(digits) * (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1);
  if (digits !== undefined && seconds >= 1 && seconds <= 31 * 24 * 3600) return seconds;
  o.fault('--time', 'seconds, or minutes or hours as in 10m and 8h', JSON.stringify(text));
  return undefined;
}

async function fuzzed(target: string | undefined, flags: Flags, io: Io): Promise<number> {
  if (flags.tree === undefined && flags.am === undefined) {
    if (target === undefined) reject('command line', 'usage', 'TARGET', 'a series, a .ts file or a kernel', 'nothing');
    return fuzz(settingsOf(target, flags, io), null, io);
  }
  const { openBeside } = await import('./fuzz-beside.js');
  const { NativeError } = await import('../native/native-error.js');
  const { explain } = await import('./exit.js');
  try {
    const spec: BesideSpec = defined({ tree: flags.tree, am: flags.am });
    const opened = await openBeside(spec, target, io);
    try {
      return await fuzz(settingsOf(opened.target, flags, io), opened, io);
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof NativeError) return explain(error, io);
    throw error;
  }
}

function settingsOf(target: string, flags: Flags, io: Io): Settings {
  const o = new Options();
  const events = o.whole('--events', flags.events, 1, Number.MAX_SAFE_INTEGER);
  const seconds = flags.time === undefined ? undefined : secondsOf(flags.time, o);
  const seed = o.whole('--seed', flags.seed, 0, SEED_MAX) ?? 1;
  const jobs = o.whole('--jobs', flags.jobs, 1, JOBS_MAX) ?? availableParallelism();
  if (flags.minimize === true && flags.corpus === undefined) o.fault('--minimize', '--corpus DIR as well', 'it alone');
  const shard = shardOf(flags.shard, io.env, o);
  if (flags.blind === true && (flags.html !== undefined || flags.lines !== undefined))
    o.fault('--blind', 'neither --html nor --lines: nothing is counted then', 'both');
  if (flags.html !== undefined && o.isFine) refuseExisting(flags.html, io.cwd);
  o.done();
  return {
    target,
    seed,
    jobs,
    only: flags.only ?? [],
    lines: flags.lines ?? [],
    minimize: flags.minimize === true,
    guided: flags.blind !== true,
    json: flags.json === true,
    ...defined({ events, seconds, corpus: flags.corpus, shard, html: flags.html }),
  };
}

async function fuzz(settings: Settings, beside: OpenBeside | null, io: Io): Promise<number> {
  const { fuzzSubject } = await import('../loader/fuzz-subject.js');
  const { threadCrew } = await import('../workers/fuzz-crew.js');
  const { CorpusDir } = await import('../loader/corpus-dir.js');
  if ((settings.seconds ?? Number.POSITIVE_INFINITY) > 60 && (settings.events ?? 1e9) > 1e7) expectLongRun();
  const spec = { target: settings.target, cwd: io.cwd, only: settings.only };
  const subject = await fuzzSubject(spec, true, warnOn(io));
  if (subject.properties.length === 0)
    reject('command line', 'usage', '--only', 'a property that can be asked', 'none');
  const dir = settings.corpus === undefined ? null : CorpusDir.open(settings.corpus, io.cwd);
  const checked = new Set(subject.properties.filter((p) => p.int64 === 'checked').map((p) => p.id));
  const crew = threadCrew({
    spec,
    threads: settings.jobs,
    isFile: looksLikeFile(settings.target),
    counted: settings.guided || settings.minimize,
    int64Of: (property) => (checked.has(property) ? 'checked' : 'number'),
  });
  try {
    if (settings.minimize && dir !== null) return await minimize(dir, crew, io);
    return await campaign(settings, subject, dir, crew, beside, io);
  } finally {
    await crew.close();
  }
}

async function campaign(
  settings: Settings,
  subject: FuzzSubject,
  dir: CorpusDir | null,
  crew: ThreadCrew,
  beside: OpenBeside | null,
  io: Io,
): Promise<number> {
  const { runCampaign } = await import('../fuzz/campaign.js');
  const { isLong } = await import('../loader/fuzz-subject.js');
  const { findingText, isNews } = await import('../report/fuzz-text.js');
  const { own, base, patch } = subject;
  const read = dir?.entries() ?? [];
  for (const { file, why } of read.filter((it) => it.entry === null)) io.err(`kvmodel: ${file} is not run: ${why}\n`);
  const shown: ShownFinding[] = [];
  const status = statusTo(io, () => Date.now() / 1000);
  const interrupt = io.onInterrupt?.();
  let summary: Summary;
  try {
    summary = await runCampaign(
      {
        properties: subject.properties.map((p) => p.id),
        seed: settings.seed,
        guided: settings.guided,
        long: new Set(subject.properties.filter(isLong).map((p) => p.id)),
        corpus: read.flatMap(({ entry }) => entry ?? []),
        ...defined({ events: settings.events, shard: settings.shard }),
      },
      crew,
      {
        now: () => Date.now() / 1000,
        progress: status.moment,
        kept: (entry) => dir?.addEntry(entry, own.name, patch),
        found: (finding) => {
          const f = shownOf(finding, subject, io);
          shown.push(f);
          const text = findingText(f, base?.name ?? null, shown.length);
          dir?.addFinding(finding.cause, caseOfFinding(finding, subject), `${text}\n`);
          status.say(text);
        },
        ...defined({
          seconds: settings.seconds,
          interrupted: interrupt?.happened,
          beside: beside?.holding(own),
        }),
      },
    );
  } finally {
    status.stop();
    interrupt?.done();
  }
  const all: FuzzShown = {
    kernel: own.name,
    base: base?.name ?? null,
    seed: settings.seed,
    guided: settings.guided,
    summary,
    // counts grew after they were found
    findings: shown.map((f, i) => ({ ...f, seen: summary.findings[i].seen })),
    ...defined({ beside: beside?.held() }),
  };
  await tell(settings, all, dir, crew, io);
  if (summary.stopped === 'interrupted') return (await interrupt?.happened) ?? INTERRUPTED;
  return all.findings.some(isNews) ? REFUTED : OK;
}

async function tell(
  settings: Settings,
  all: FuzzShown,
  dir: CorpusDir | null,
  crew: ThreadCrew,
  io: Io,
): Promise<void> {
  const { fuzzText, fuzzRecord } = await import('../report/fuzz-text.js');
  const { stableJson } = await import('../base/stable-json.js');
  const { shard, html, json } = settings;
  dir?.addCampaign(`${stableJson(fuzzRecord(all, shard === undefined ? '' : `${shard.index}/${shard.of}`), 1)}\n`);
  if (dir?.unwritten != null)
    io.err(
      `kvmodel: ${dir.unwritten.files} files could not be written to ${dir.path} (${dir.unwritten.why}); what is there is whole\n`,
    );
  if (html !== undefined) await writeHtml(html, all, await crew.sites(), io);
  io.out(json ? `${stableJson(jsonOf(all), 2)}\n` : fuzzText(all));
  if (settings.lines.length > 0) await tellLines(settings.lines, all, await crew.sites(), io);
}

type Finding = import('../fuzz/finding.js').Finding;

function caseOfFinding({ property, scenario, events, onBase }: Finding, subject: FuzzSubject): Case {
  const { own, base, patch, properties } = subject;
  const int64 = properties.find((p) => p.id === property)?.int64;
  const against = base === null || onBase ? undefined : base.name;
  return { kernel: own.name, property, scenario, events, ...defined({ against, patch, int64 }) };
}

function shownOf(finding: Summary['findings'][number], subject: FuzzSubject, io: Io): ShownFinding {
  const { token } = tokens(finding, subject);
  const says =
    finding.property === BESIDE
      ? 'the model does what the C code of the tree does'
      : (subject.properties.find((p) => p.id === finding.property)?.says ?? '');
  return {
    ...finding,
    says,
    isBeside: finding.property === BESIDE,
    replay: token === null ? `(too long for a token; see its file)` : `${io.invocation} replay ${token}`,
    ...defined({ recorded: subject.recordedOf(finding.property) }),
  };
}

function tokens(finding: Finding, subject: FuzzSubject): { token: string | null } {
  const token = tokenOf(caseOfFinding(finding, subject));
  return { token: token.length <= TOKEN_MAX ? token : null };
}

function jsonOf({ kernel, base, seed, summary, findings, beside }: FuzzShown): Record<string, unknown> {
  const { runs, events, notModelled, curve, stopped } = summary;
  return {
    schema: 'kvmodel-fuzz-1',
    kernel,
    base,
    seed,
    runs,
    events,
    notModelled,
    stopped,
    curve,
    ...defined({ beside }),
    findings: findings.map(
      ({ property, fn, message, scenario, events: list, foundAt, seen, after, onBase, recorded, replay }) => ({
        property,
        function: fn,
        message,
        scenario,
        events: list,
        foundAt,
        seen,
        after,
        onBase,
        isKnown: recorded === 'refuted',
        replay,
      }),
    ),
  };
}

type Sites = Awaited<ReturnType<ThreadCrew['sites']>>;

async function tellLines(names: readonly string[], { summary }: FuzzShown, sites: Sites, io: Io): Promise<void> {
  const { functionText } = await import('../report/function-lines.js');
  const { sourceOf } = await import('../loader/sources.js');
  for (const name of names) {
    const lines = functionText(name, sites, summary.knowledge.branches, (path) => sourceOf(path, io.cwd));
    io.out(`\n${lines.length === 0 ? `no function ${name} was loaded\n` : lines.join('\n')}`);
  }
}

async function writeHtml(
  file: string,
  shown: FuzzShown,
  sites: Awaited<ReturnType<ThreadCrew['sites']>>,
  io: Io,
): Promise<void> {
  const { fuzzHtml } = await import('../report/fuzz-html.js');
  const { sourceOf } = await import('../loader/sources.js');
  writeNew(
    file,
    fuzzHtml(shown, sites, (path) => sourceOf(path, io.cwd)),
    io.cwd,
  );
  io.err(`kvmodel: ${quoted(file)}\n`);
}

/** Runs everything again and takes away what shows nothing that the rest does not. */
async function minimize(dir: CorpusDir, crew: ThreadCrew, io: Io): Promise<number> {
  const { smallCover } = await import('../fuzz/minimize.js');
  const read = dir.entries().filter((it) => it.entry !== null && !it.isFinding && it.file.startsWith('entries/'));
  const ran = await crew.again(read.flatMap(({ entry }) => entry ?? []));
  const items = read.map(({ entry }, i) => {
    const news = ran[i].kept?.news;
    const own = (kind: string, list: readonly (string | number)[]): string[] => list.map((it) => `${kind}${it}`);
    const features =
      news === undefined ? [] : [...own('b', news.branches), ...own('p', news.pairs), ...own('s', news.states)];
    return { features, cost: entry?.events.length ?? 0 };
  });
  const keep = new Set(smallCover(items));
  // what breaks a property now, or does not run here, is not this command's to throw away
  const gone = read.filter((_, i) => !keep.has(i) && ran[i].kept !== null);
  for (const { file } of gone) dir.remove(file);
  const features = new Set(items.flatMap((it) => it.features)).size;
  io.out(
    `${read.length - gone.length} of ${read.length} entries show all ${features} branches, pairs and kinds of state\n`,
  );
  return OK;
}
