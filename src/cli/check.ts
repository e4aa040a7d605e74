// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel check`: every claim of a series asked of base and series, and a report. */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { EXIT_STYLES, type ExitStyle, INTERRUPTED } from '../base/exit-codes.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { count, quoted } from '../base/text.js';
import { VERSION } from '../base/version.js';
import { idsOf, questionsOf, type Subject, selected } from '../explore/subject.js';
import { looksLikeFile, newFolderFault, refuseExisting, writeNew } from '../loader/files.js';
import { isApicSequence, readApicSequence } from '../operation/apic-text.js';
import { readSequence } from '../operation/sched-text.js';
import type { CheckReport } from '../report/check-report.js';
import { expectLongRun, LONG_RUN_SECONDS } from '../workers/long-run.js';
import type { TreeFlags } from './check-tree.js';
import { BARE } from './invocation.js';
import { columnsOf, type Io, warnOn } from './io.js';
import { Options } from './options.js';

const SEED_MAX = 0xffff_ffff;
const FORMATS = ['json', 'mail', 'ktap', 'junit'] as const;
type Format = (typeof FORMATS)[number] | 'text';

interface Flags {
  tree?: string;
  am?: string[];
  operations?: string;
  claims?: string;
  config?: string[];
  cpus?: string;
  reverse?: boolean;
  sequence?: string;
  knob?: string[];
  against?: string;
  only?: string[];
  runs?: string;
  seed?: string;
  time?: string;
  prefixes?: boolean;
  witness?: boolean;
  out?: string;
  html?: string;
  exit: string;
  all?: boolean;
  json?: boolean;
  mail?: boolean;
  ktap?: boolean;
  junit?: boolean;
}

/** The flags once they are known to be right. */
interface Settings {
  series: string;
  against?: string;
  only: string[];
  runs?: number;
  seed?: number;
  timeSeconds?: number;
  prefixes: boolean;
  witness: boolean;
  steer: boolean;
  out?: string;
  html?: string;
  all: boolean;
  format: Format;
  style: ExitStyle;
}

const gatherFiles = (value: string, before: string[] = []): string[] => [...before, value];
const gather = (value: string, before: string[] = []): string[] => [...before, ...value.split(',')];

const EXAMPLES = `
Examples:
  kvmodel check semantics-aware-v2
  kvmodel check ./my-patch.ts --only starvation,fairness.1
  kvmodel check ./my-patch.ts --mail --seed 7
  kvmodel check semantics-aware-v2 --prefixes --only A6
  kvmodel check ./my-patch.ts --time 600 --out found
  kvmodel check --am 0001-my.patch
  kvmodel check --am 0001-my.patch --claims families
  kvmodel check --am 0001-my.patch --sequence 'FORK; FORK; SCHEDULE; YIELD'
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('check')
    .argument('[series]', 'a series, or a file with your own patch: ./my-patch.ts')
    .option('--tree <path>', "instead of a series, a kernel tree's own C code ...")
    .option(
      '--am <file>',
      '... before and after this patch, mailbox or directory (repeatable, - is stdin)',
      gatherFiles,
    )
    .option('--reverse', 'the tree has the patches of --am: take them out, the last first')
    .option('--config <name=y|n|value>', 'a Kconfig option of the trees (repeatable)', gatherFiles)
    .option('--knob <name=value>', 'a SCHED_FEAT or variable that the patch adds (repeatable)', gatherFiles)
    .option('--operations <n>', 'random operations on both trees', '20000')
    .option('--claims <file>', "ask a file's claims, or `families`, of machines with guests in C, before and after")
    .option('--sequence <ops>', 'replay these operations, of CPUs or local APICs, on both trees')
    .option('--cpus <n>', 'CPUs of the two trees, 1 to 8', '4')
    .option('--against <other>', 'compare with this series, kernel, file or tree as well')
    .option('--only <claim>', 'these claims or properties only: A12, A12.1 (repeatable)', gather)
    .option('--runs <n>', 'random runs for each property and kernel')
    .option('--seed <n>', 'seed of all chance, 1 when absent')
    .option('--time <s>', 'try new seeds for so many seconds')
    .option('--prefixes', 'ask the first patch, the first two ... as well')
    .option('--witness', "recompute every invariant after each event (slow); a file's series is asked so anyway")
    .option('--no-witness', 'leave that out')
    .option('--all', 'every transcript; more than three are only listed otherwise')
    .option('--out <dir>', 'write each counterexample, and the whole report, to a new directory')
    .option('--html <file>', 'write the table as a page too, each counterexample to be stepped through')
    .option('--json', 'the report as JSON (docs/json.md)')
    .option('--mail', 'as plain text to paste into a reply, 78 columns')
    .option('--ktap', 'as KTAP version 1')
    .option('--junit', 'as JUnit XML')
    .option('--exit <style>', 'exit codes: unix, kselftest (4 skip) or bisect (125 skip)', 'unix')
    .addHelpText('after', EXAMPLES)
    .action(async (series: string | undefined, flags: Flags) => {
      refuseMixture(series, flags);
      if (series === undefined && (flags.tree !== undefined || flags.am !== undefined)) {
        const { checkTree } = await import('./check-tree.js');
        return exit(await checkTree(io, treeFlagsOf(flags)));
      }
      if (series === undefined)
        reject('command line', 'usage', 'check', 'a series, or --tree with --am or --against', 'neither');
      return exit(await check(settingsOf(series, flags, io), io));
    });
}

const ONLY_SERIES = ['only', 'runs', 'time', 'prefixes', 'witness', 'all', 'out', 'html'] as const;
const IS_PATCH = /\.(?:patch|diff|mbox|mbx|eml)$/;

/** A series and a tree are checked by different means: what belongs to one is not left aside in silence for the other. */
function refuseMixture(series: string | undefined, flags: Flags): void {
  const o = new Options();
  const isTree = flags.tree !== undefined || flags.am !== undefined;
  if (series !== undefined && IS_PATCH.test(series) && !isTree)
    o.fault('SERIES', `a series, or --am ${series} for a patch in C`, shown(series));
  if (series !== undefined && isTree) {
    const option = flags.am === undefined ? '--tree' : '--am';
    o.fault('SERIES', `a series or ${option}, not both`, `${shown(series)} and ${option}`);
  }
  if (series !== undefined && flags.claims !== undefined)
    o.fault('--claims', '--am FILE: a series in TypeScript brings its own', 'it');
  if (series !== undefined && flags.config !== undefined)
    o.fault('--config', 'a patch in C: a series in TypeScript has no Kconfig', 'it');
  if (series !== undefined && flags.knob !== undefined)
    o.fault('--knob', "a patch in C: a series' knobs are set in scenarios", 'it');
  if (series !== undefined && flags.reverse === true)
    o.fault('--reverse', '--am FILE: a series in TypeScript is its own list of patches', 'it');
  if (series !== undefined && flags.sequence !== undefined)
    o.fault('--sequence', 'a patch in C: counterexamples of a series are replayed by kvmodel replay', 'it');
  if (series === undefined && isTree) {
    for (const name of ONLY_SERIES)
      if (flags[name] !== undefined) o.fault(`--${name}`, 'a series: with --tree it does nothing', 'it');
  }
  o.done();
}

/** Of a check on trees. */
function treeFlagsOf(flags: Flags): TreeFlags {
  const o = new Options();
  const operations = o.whole('--operations', flags.operations, 1, 1e12) ?? 20_000;
  const cpus = o.whole('--cpus', flags.cpus, 1, 8) ?? 4;
  const seed = o.whole('--seed', flags.seed, 0, SEED_MAX) ?? 1;
  const style = o.word('--exit', flags.exit, EXIT_STYLES);
  if ((flags.am === undefined) === (flags.against === undefined))
    o.fault('--tree', 'one of --am FILE and --against PATH', 'both or neither');
  const formats = FORMATS.filter((f) => flags[f] === true);
  o.oneOf(formats.map((f) => `--${f}`));
  const { sequence: text } = flags;
  const apic = text !== undefined && isApicSequence(text) ? readApicSequence(text, '--sequence') : undefined;
  const sequence = text === undefined || apic !== undefined ? undefined : readSequence(text, '--sequence', cpus);
  for (const { place, expected, got } of (apic ?? sequence)?.faults ?? []) o.fault(place, expected, got);
  if (text !== undefined && formats.some((f) => f !== 'json'))
    o.fault(`--${formats[0]}`, 'text or --json of a sequence', `--${formats[0]}`);
  const config: Record<string, string> = {};
  for (const given of flags.config ?? []) {
    const [, name, value] = /^(?:CONFIG_)?([A-Z0-9_]+)=(y|n|m|-?\d+|0x[0-9a-fA-F]+|"[^"]*")$/.exec(given) ?? [];
    if (name === undefined || value === undefined) o.fault('--config', 'NAME=y, NAME=n or NAME=VALUE', shown(given));
    else config[name] = value.replace(/^"(.*)"$/, '$1');
  }
  let knobs: Record<string, string> | undefined;
  for (const given of flags.knob ?? []) {
    const [, name, value] = /^(\w+)=([\w\s()*/+-]+)$/.exec(given) ?? [];
    if (name === undefined || value === undefined) o.fault('--knob', 'NAME=VALUE', shown(given));
    else knobs = { ...knobs, [name]: value };
  }
  if (flags.knob !== undefined && flags.am === undefined)
    o.fault('--knob', 'a patch of --am that adds it', '--against');
  if (flags.reverse === true && flags.am === undefined)
    o.fault('--reverse', '--am FILE, whose patches are taken out', '--against');
  if (flags.config !== undefined && flags.against !== undefined)
    o.fault('--config', 'it with --am; --against compares trees as they are', 'both');
  o.done();
  return {
    operations,
    config,
    cpus,
    seed,
    style,
    format: formats[0] ?? 'text',
    ...defined({
      sequence: sequence?.ops,
      apicSequence: apic?.ops,
      knobs,
      tree: flags.tree,
      am: flags.am,
      reverse: flags.reverse,
      claims: flags.claims,
      against: flags.against,
    }),
  };
}

function settingsOf(series: string, flags: Flags, io: Io): Settings {
  const o = new Options();
  const formats = FORMATS.filter((f) => flags[f] === true);
  o.oneOf(formats.map((f) => `--${f}`));
  const runs = o.whole('--runs', flags.runs, 1, 100_000_000);
  const seed = o.whole('--seed', flags.seed, 0, SEED_MAX);
  const timeSeconds = o.whole('--time', flags.time, 1, 7 * 24 * 3600);
  const style = o.word('--exit', flags.exit, EXIT_STYLES);
  // WHY now: what cannot be written is to be known before minutes of work
  if (flags.out !== undefined && o.isFine) {
    const fault = newFolderFault(flags.out, io.cwd);
    if (fault !== null) o.fault('--out', fault.expected, fault.got);
  }
  if (flags.html !== undefined && o.isFine) refuseExisting(flags.html, io.cwd);
  o.done();
  return {
    series,
    only: flags.only ?? [],
    prefixes: flags.prefixes === true,
    witness: flags.witness ?? looksLikeFile(series),
    steer: looksLikeFile(series),
    all: flags.all === true,
    format: formats[0] ?? 'text',
    style,
    ...defined({ against: flags.against, out: flags.out, html: flags.html, runs, seed, timeSeconds }),
  };
}

async function check(settings: Settings, io: Io): Promise<number> {
  const { subjectOfSpec } = await import('../loader/check-subject.js');
  const { runCheck } = await import('../explore/check.js');
  const { machineEngine } = await import('../explore/machine-engine.js');
  const { progressTo } = await import('./progress.js');
  const { replayCommands } = await import('../loader/replay-command.js');
  const { askerFor } = await import('../workers/asker-for.js');
  const { exitCode } = await import('../report/verdicts.js');

  if ((settings.timeSeconds ?? 0) >= LONG_RUN_SECONDS) expectLongRun();
  const { against, prefixes } = settings;
  const spec = { series: settings.series, cwd: io.cwd, prefixes, ...defined({ against }) };
  const subject = await subjectOfSpec(spec, true, warnOn(io));
  checkOnly(settings.only, subject);
  // branches are counted where everything is asked, for it takes time
  const asker = await askerFor(spec, settings.only.length === 0, subject.kernels[0].name);
  io.err(`kvmodel: ${beforehand(settings, subject)}\n`);
  // a mail is read where another kvmodel is, or none
  const command = settings.format === 'mail' ? BARE : io.invocation;
  const progress = await progressTo(io);
  const interrupt = io.onInterrupt?.();
  let report: CheckReport;
  try {
    report = await runCheck(subject, checkSettings(settings), {
      engine: machineEngine,
      asker,
      version: VERSION,
      replayCommand: replayCommands(subject, settings, { cwd: io.cwd, command }),
      progress: progress.report,
      now: () => Date.now() / 1000,
      ...defined({ interrupted: interrupt?.happened }),
    });
  } finally {
    progress.stop();
    interrupt?.done();
    await asker.close();
  }
  io.out(await printed(report, settings, io, false));
  if (settings.out !== undefined)
    writeNew(`${settings.out}/report.txt`, await printed(report, { ...settings, format: 'text' }, io, true), io.cwd);
  if (settings.html !== undefined) {
    const { pageVerdicts } = await import('../report/page-verdicts.js');
    const { pageWith } = await import('./page-file.js');
    writeNew(settings.html, pageWith({ target: null, verdicts: pageVerdicts(report) }).html, io.cwd);
  }
  if (report.partial === null) return exitCode(report, settings.style);
  return (await interrupt?.happened) ?? INTERRUPTED;
}

/** s that a property and kernel take on one thread, shrinking and measures aside, on a machine of today */
const QUESTION_SECONDS = 0.25;

/** What is going to happen, and about how long. */
function beforehand(settings: Settings, subject: Subject): string {
  const properties = selected(questionsOf(subject), settings.only).reduce((sum, c) => sum + c.properties.length, 0);
  const kernels = subject.kernels.length;
  const what = `${count(properties, 'property', 'properties')} on ${count(kernels, 'kernel')}`;
  if (settings.timeSeconds !== undefined) return `${what}, for ${settings.timeSeconds} s`;
  const runs = settings.runs === undefined ? 1 : Math.max(0.1, settings.runs / 200);
  const threads = Math.min(8, availableParallelism());
  const aside = settings.only.length === 0 ? 8 : 1;
  const seconds = Math.ceil((properties * kernels * QUESTION_SECONDS * runs + aside) / threads) + 1;
  return `${what}, about ${seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`}; ^C reports what is known by then`;
}

function checkSettings(settings: Settings): Parameters<typeof import('../explore/check.js').runCheck>[1] {
  const { only, runs, seed, timeSeconds, witness, steer } = settings;
  return { only, witness, steer, ...defined({ runs, seed, timeSeconds }) };
}

/** Every id of --only has to be known. */
function checkOnly(only: readonly string[], subject: Subject): void {
  const known = idsOf(subject);
  const o = new Options();
  for (const id of only) if (!known.includes(id)) o.fault('--only', oneOf('a claim or property', id, known), shown(id));
  o.done();
}

async function printed(report: CheckReport, settings: Settings, io: Io, whole: boolean): Promise<string> {
  switch (settings.format) {
    case 'json':
      return (await import('../report/json.js')).reportJson(report);
    case 'mail':
      return (await import('../report/mail.js')).reportMail(report);
    case 'ktap':
      return (await import('../report/ktap.js')).reportKtap(report);
    case 'junit':
      return (await import('../report/junit.js')).reportJunit(report);
    case 'text': {
      const { reportText } = await import('../report/report-text.js');
      const all = whole || settings.all || settings.only.length > 0;
      const command = `${io.invocation} check ${quoted(settings.series)}`;
      return reportText(report, { width: columnsOf(io), all, command });
    }
  }
}
