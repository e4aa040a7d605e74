// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel check --tree PATH (--am FILE | --against PATH2)`: the kernel's own C code before and after a patch. */
import { basename, resolve } from 'node:path';
import type { Claim } from '../../properties/vocabulary.js';
import { type ExitStyle, NOT_JUDGED, OK, REFUTED, skipped } from '../base/exit-codes.js';
import { bigintAsText } from '../base/stable-json.js';
import { count, quoted, wrap } from '../base/text.js';
import type { PatchStep, StepCheck } from '../conform/patch/judge-step.js';
import { readPatch, readPatches } from '../loader/patches.js';
import type { KernelTree } from '../native/find-tree.js';
import { FEATURE_NAMES } from '../native/format.js';
import { type MailedPatch, readSeries } from '../native/mailbox.js';
import { NativeError } from '../native/native-error.js';
import { addedLinesOf, applySeries, configuredTree } from '../native/patch.js';
import { reversedDiff } from '../native/reverse-diff.js';
import { hunksBetween } from '../native/tree-diff.js';
import type { ApicOperation } from '../operation/apic.js';
import type { Operation } from '../operation/sched.js';
import { patchMail } from '../report/patch-mail.js';
import { patchText } from '../report/patch-text.js';
import { type Judged, notJudgedText, type PatchVerdict, verdictOf } from '../report/patch-verdict.js';
import type { ReplayedPart } from '../report/replayed-text.js';
import { explain } from './exit.js';
import { BARE } from './invocation.js';
import { type Io, warnOn } from './io.js';

export interface TreeFlags {
  readonly tree?: string;
  /** mailboxes, patches or directories of them, in their order; `-` is standard input */
  readonly am?: readonly string[];
  /** the patches are in the tree, and are taken out one by one, the last first */
  readonly reverse?: boolean;
  /** another tree */
  readonly against?: string;
  /** Kconfig options that the user sets, by name without CONFIG_ */
  readonly config?: Readonly<Record<string, string>>;
  readonly operations: number;
  readonly seed: number;
  readonly cpus: number;
  readonly format: 'text' | 'json' | 'mail' | 'ktap' | 'junit';
  /** knobs that the patches add, set otherwise than they set them */
  readonly knobs?: Readonly<Record<string, string>>;
  /** a file with claims, or `families`: asked of machines in C */
  readonly claims?: string;
  /** instead of a check: these operations on both trees */
  readonly sequence?: readonly Operation[];
  /** likewise, of local APICs */
  readonly apicSequence?: readonly ApicOperation[];
  readonly style: ExitStyle;
}

/** The steps with knobs set; the last step has those of all before it. */
async function withKnobs(steps: readonly PatchStep[], values: Readonly<Record<string, string>>): Promise<PatchStep[]> {
  const { knobsSet } = await import('../conform/patch/patch-knobs.js');
  const set: PatchStep[] = [];
  const found = new Set<string>();
  for (const step of steps) {
    const { tree, names } = await knobsSet(step.tree, step.added, values);
    for (const name of names) found.add(name);
    set.push({ ...step, tree });
  }
  const unknown = Object.keys(values).filter((name) => !found.has(name));
  if (unknown.length > 0) {
    const what = 'a SCHED_FEAT or a variable outside of functions that the patches add';
    throw new NativeError('patch', `--knob: expected ${what}, got ${unknown.join(', ')}`);
  }
  return set;
}

async function stepsOf(io: Io, base: KernelTree, flags: TreeFlags): Promise<PatchStep[]> {
  const steps = await appliedSteps(io, base, flags);
  return flags.knobs === undefined ? steps : withKnobs(steps, flags.knobs);
}

async function appliedSteps(io: Io, base: KernelTree, flags: TreeFlags): Promise<PatchStep[]> {
  const { compiledFiles } = await import('../conform/patch/judge-step.js');
  if (flags.am !== undefined) {
    const series: MailedPatch[] = [];
    for (const file of flags.am.flatMap((path) => readPatches(path, io.cwd))) {
      const bytes = file === '-' ? Buffer.from(await io.stdin()) : readPatch(file, io.cwd);
      series.push(...readSeries(bytes, file === '-' ? 'standard input' : basename(file)));
    }
    const set = flags.config ?? {};
    const configured = await configuredTree(base, set);
    const undone = ({ subject, diff }: MailedPatch) => ({ subject: `Revert "${subject}"`, diff: reversedDiff(diff) });
    const asked = flags.reverse === true ? series.reverse().map(undone) : series;
    const steps = await applySeries(base, asked, () => compiledFiles(base), set);
    return steps.map((step) => ({ ...step, base: configured }));
  }
  const { findTree } = await import('../native/find-tree.js');
  const tree = await findTree(resolve(io.cwd, flags.against!));
  const hunks = hunksBetween(base, tree);
  const subject = `${tree.version} in ${flags.against}; compared where something here is compiled, not elsewhere`;
  return [{ subject, options: [], base, previous: base, tree, hunks, leftOut: [], added: addedLinesOf(hunks) }];
}

function exitOf(verdict: PatchVerdict, style: ExitStyle): number {
  if (verdict === 'nothing refuted') return OK;
  if (verdict === 'refuted') return REFUTED;
  return skipped(style, NOT_JUDGED);
}

function jsonOf(base: KernelTree, judged: readonly Judged[], flags: TreeFlags): string {
  const value = {
    base: base.version,
    seed: flags.seed,
    verdict: verdictOf(judged),
    notJudged: notJudgedText(judged),
    steps: judged.map(({ subject, check }) => ({ subject, ...check })),
  };
  return `${JSON.stringify(value, plain, 1)}\n`;
}

/** The command that repeats a sequence on the same trees, but for the sequence and its CPUs. */
function againOf(io: Io, flags: TreeFlags): string {
  const options = [
    ...(flags.tree === undefined ? [] : ['--tree', flags.tree]),
    ...(flags.am ?? []).flatMap((file) => ['--am', file]),
    ...(flags.reverse === true ? ['--reverse'] : []),
    ...(flags.against === undefined ? [] : ['--against', flags.against]),
    ...Object.entries(flags.config ?? {}).flatMap(([name, value]) => ['--config', `${name}=${value}`]),
    ...Object.entries(flags.knobs ?? {}).flatMap(([name, value]) => ['--knob', `${name}=${value}`]),
  ];
  const command = flags.format === 'mail' ? BARE : io.invocation;
  return [command, 'check', ...options.map(quoted)].join(' ');
}

/** One sequence on the trees of every step. */
async function replaySequence(io: Io, base: KernelTree, flags: TreeFlags): Promise<number> {
  const { sequence, apicSequence } = flags;
  const { replayApics } = await import('../conform/patch/replay-apics.js');
  const { replayStep } = await import('../conform/patch/replay-step.js');
  const { isReplayRefuted, replayedText } = await import('../report/replayed-text.js');
  const replayed: ReplayedPart[] = [];
  for (const { subject, base: before, tree } of await stepsOf(io, base, flags)) {
    const onCpus = () => replayStep(before, tree, sequence ?? [], flags.cpus);
    replayed.push({
      subject,
      step: await (apicSequence === undefined ? onCpus() : replayApics(before, tree, apicSequence)),
    });
  }
  if (flags.format === 'json') io.out(`${JSON.stringify({ base: base.version, steps: replayed }, plain, 1)}\n`);
  else io.out(replayedText(base.version, replayed, FEATURE_NAMES));
  return replayed.some(isReplayRefuted) ? REFUTED : OK;
}

/** `coverage` is for counting, not for reading. */
const plain = (key: string, x: unknown): unknown => (key === 'coverage' ? undefined : bigintAsText(key, x));

async function printed(io: Io, base: KernelTree, judged: readonly Judged[], flags: TreeFlags): Promise<string> {
  const about = { again: againOf(io, flags), features: FEATURE_NAMES, cpus: flags.cpus };
  switch (flags.format) {
    case 'json':
      return jsonOf(base, judged, flags);
    case 'mail':
      return patchMail(base.version, judged, about);
    case 'ktap':
      return (await import('../report/patch-harness.js')).patchKtap(base.version, judged, flags.seed);
    case 'junit':
      return (await import('../report/patch-harness.js')).patchJunit(base.version, judged);
    case 'text':
      return patchText(base.version, judged, about);
  }
}

/** How far a check has come. */
export interface Progress {
  readonly judged: Judged[];
  /** patches in all; 0 until they are applied */
  asked: number;
  /** the one that is at work, and its parts that were begun */
  subject: string | null;
  parts: string[];
}

/** Events that each property is asked in, on each tree. */
const CLAIM_EVENTS = 4000;

/** What `--claims` names; none when it is absent. */
async function claimsAsked(io: Io, { claims }: TreeFlags): Promise<readonly Claim[]> {
  if (claims === undefined) return [];
  if (claims === 'families') return (await import('../../properties/claims.js')).families;
  const { loadSeriesFile } = await import('../loader/series-file.js');
  return (await loadSeriesFile(claims, io.cwd, true, warnOn(io))).claims;
}

async function judgeAll(io: Io, base: KernelTree, flags: TreeFlags, state: Progress): Promise<void> {
  const { judgeStep } = await import('../conform/patch/judge-step.js');
  const claims = await claimsAsked(io, flags);
  const steps = await stepsOf(io, base, flags);
  state.asked = steps.length;
  for (const step of steps) {
    state.subject = step.subject;
    state.parts = [];
    const progress = (what: string) => {
      state.parts.push(what);
      io.err(`kvmodel: ${step.subject}: ${what}\n`);
    };
    const check = await judgeStep(step, { ...flags, progress });
    state.judged.push({ subject: step.subject, check: await withClaims(step, check, claims, { ...flags, progress }) });
  }
}

/** The step's check, and the claims where there are any and code has changed. */
async function withClaims(
  { base, tree, hunks }: PatchStep,
  check: StepCheck,
  claims: readonly Claim[],
  { seed, progress }: { seed: number; progress: (what: string) => void },
): Promise<StepCheck> {
  if (claims.length === 0 || hunks.length === 0 || check.hunks.every(({ status }) => status === 'no code'))
    return check;
  const { askMachines } = await import('./machine-claims.js');
  return { ...check, claims: await askMachines(base, tree, { claims, seed, events: CLAIM_EVENTS, progress }) };
}

/** `INTERRUPTED: 1 of 3 patches judged; "sched: ..." was at UBSan, after lock-step, properties` */
export function interruptedText({ judged, asked, subject, parts }: Progress): string {
  if (subject === null) return 'INTERRUPTED: while the patches were applied; none is judged';
  const [at = 'its build', ...before] = [...parts].reverse();
  const after = before.length === 0 ? '' : `, after ${before.reverse().join(', ')}`;
  return `INTERRUPTED: ${judged.length} of ${count(asked, 'patch', 'patches')} judged; "${subject}" was at ${at}${after}, and nothing here is about it`;
}

/** What is known when somebody has enough: never as if it were all. */
async function printedPartial(io: Io, base: KernelTree, state: Progress, flags: TreeFlags): Promise<string> {
  const said = interruptedText(state);
  if (flags.format === 'json') {
    const { judged, asked, subject } = state;
    const whole = JSON.parse(jsonOf(base, judged, flags)) as object;
    return `${JSON.stringify({ ...whole, partial: { judged: judged.length, asked, at: subject } }, null, 1)}\n`;
  }
  const report = state.judged.length === 0 ? '' : await printed(io, base, state.judged, flags);
  if (flags.format === 'ktap') return `${report === '' ? 'KTAP version 1\n1..0\n' : report}# ${said}\n`;
  if (flags.format === 'junit')
    return `${report === '' ? '<testsuites/>\n' : report}<!-- ${said.replaceAll('--', '- -')} -->\n`;
  const lines = `${wrap(said, 80, '  ').join('\n')}\n`;
  return report === '' ? lines : `${lines}\n${report}\n${lines}`;
}

/** Runs the comparison and prints it; returns the exit code. */
export async function checkTree(io: Io, flags: TreeFlags): Promise<number> {
  try {
    const { findTree } = await import('../native/find-tree.js');
    const base = await findTree(flags.tree === undefined ? undefined : resolve(io.cwd, flags.tree));
    if ((flags.sequence ?? flags.apicSequence) !== undefined) return await replaySequence(io, base, flags);
    const interrupt = io.onInterrupt?.();
    const state: Progress = { judged: [], asked: 0, subject: null, parts: [] };
    const whole = judgeAll(io, base, flags, state).then(() => null);
    const signal = await Promise.race([whole, ...(interrupt === undefined ? [] : [interrupt.happened])]);
    interrupt?.done();
    if (signal === null) {
      io.out(await printed(io, base, state.judged, flags));
      return exitOf(verdictOf(state.judged), flags.style);
    }
    // what it is at goes on until the process ends, and its end is nobody's concern
    whole.catch(() => undefined);
    io.out(await printedPartial(io, base, state, flags));
    io.leave?.(signal);
    return signal;
  } catch (error) {
    if (error instanceof NativeError) return explain(error, io, flags.style);
    throw error;
  }
}
