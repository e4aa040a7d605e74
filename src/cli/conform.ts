// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel conform`: the model held against the kernel's own C code, or against what was recorded from it. */
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { BAD_INPUT, EXIT_STYLES, type ExitStyle, OK, REFUTED, skipped } from '../base/exit-codes.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { plainJson } from '../base/stable-json.js';
import { columns, count, wrap } from '../base/text.js';
import type { HeldReport } from '../conform/held/hold-all.js';
import { callsOfEach, isRelease, NO_SINGLE, PARTS, type Part, type Report } from '../conform/parts.js';
import type { SingleResult } from '../conform/sched/single-functions.js';
import { readMaybeGzipped, refuseExisting, writeNew } from '../loader/files.js';
import { hasSpins, RECORDINGS, traceKind } from '../loader/trace-text.js';
import type { NativeError } from '../native/native-error.js';
import type { Kernel } from '../vmlinux/bind.js';
import { expectLongRun, LONG_RUN_OPERATIONS } from '../workers/long-run.js';
import type { Io } from './io.js';
import { Options } from './options.js';
import { progressTo } from './progress.js';

interface Given {
  readonly tree?: string;
  readonly operations: string;
  readonly seed: string;
  readonly cpus?: string;
  readonly only?: string;
  readonly kernel?: string;
  readonly kvm?: boolean;
  readonly replay?: string;
  readonly record?: string;
  readonly functions?: boolean;
  readonly drift?: boolean;
  readonly held?: string;
  readonly json?: boolean;
  readonly exit: string;
}

/** What was asked for, checked. */
interface Asked {
  readonly tree?: string;
  /** the model's kernel, where one was named */
  readonly kernel?: string;
  readonly invocation: string;
  readonly operations: number;
  readonly seed: number;
  /** one run each */
  readonly cpus: readonly number[];
  readonly parts: readonly Part[];
  readonly json: boolean;
  readonly exit: ExitStyle;
}

const ALL_CPUS = [1, 2, 4, 8];

const EXAMPLES = `
Examples:
  kvmodel conform                      the model against linux-source-6.12
  kvmodel conform --tree ~/linux --operations 10000000
  kvmodel conform --only lapic         local APICs alone
  kvmodel conform --only machine       guests on scheduler, KVM and APICs, in one process
  kvmodel conform --functions          function by function
  kvmodel conform --drift --tree ~/linux
  kvmodel conform --record out.jsonl.gz --cpus 2
  kvmodel conform --replay out.jsonl.gz      (no tree, no compiler)
  kvmodel conform --kvm                      (needs /dev/kvm)
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('conform')
    .option('--tree <path>', 'kernel tree; the installed linux-source-6.12 otherwise')
    .option('--operations <n>', 'random operations to execute on both, of each part', '100000')
    .option('--seed <n>', 'first sequence; the next has the next number', '1')
    .option('--cpus <n>', '1 to 8; 1, 2, 4 and 8 in turn when left out')
    .option(
      '--only <part>',
      'scheduler; lapic: the local APICs; machine: these, KVM and guests in one; all when left out',
    )
    .option('--kernel <name>', "the model's kernel; the release nearest to the tree otherwise")
    .option('--functions', 'calls and covered lines, function by function')
    .option('--drift', 'which mirrored functions differ in the tree')
    .option('--held <names>', 'only functions of KVM, each alone: these, or all')
    .option('--kvm', "local APICs, beside those of this machine's KVM")
    .option('--replay <file>', 'replay a recording (.jsonl or .jsonl.gz)')
    .option('--record <file>', 'record what the C code does')
    .option('--json', 'one JSON object')
    .option('--exit <style>', 'unix, or kselftest: 4 without tree or compiler', 'unix')
    .addHelpText('after', EXAMPLES)
    .action(async (given: Given) => exit(await conform(io, given)));
}

function askedOf(io: Io, given: Given): Asked {
  const options = new Options();
  const cpus = options.whole('--cpus', given.cpus, 1, 8);
  const asked: Asked = {
    ...defined({ tree: given.tree && resolve(io.cwd, given.tree), kernel: given.kernel }),
    invocation: io.invocation,
    operations: options.whole('--operations', given.operations, 1, 1e12) ?? 1,
    seed: options.whole('--seed', given.seed, 0, 0xffff_ffff) ?? 0,
    cpus: cpus === undefined ? ALL_CPUS : [cpus],
    parts: given.only === undefined ? PARTS : [options.word('--only', given.only, PARTS)],
    json: given.json === true,
    exit: options.word('--exit', given.exit, EXIT_STYLES),
  };
  const all = ['functions', 'drift', 'replay', 'record', 'kvm', 'held'] as const;
  const modes = all.filter((m) => given[m] !== undefined);
  // --drift --record writes the hashes that later trees are compared with.
  if (given.drift === true && given.record !== undefined) modes.pop();
  if (modes.length > 1)
    options.fault(
      `--${modes[1]}`,
      'one of --functions, --drift, --held, --kvm, --replay, --record',
      modes.join(' and '),
    );
  options.done();
  return asked;
}

async function conform(io: Io, given: Given): Promise<number> {
  const asked = askedOf(io, given);
  if (asked.operations >= LONG_RUN_OPERATIONS) expectLongRun();
  if (given.replay !== undefined) return await replayFile(io, given.replay, asked);
  if (given.drift === true) return await drift(io, asked, given.record);
  if (given.record !== undefined) return await record(io, given.record, asked);
  const { kernelByName, nearestRelease, pin } = await import('../series/registry.js');
  const named = given.kernel === undefined ? null : kernelByName(given.kernel);
  if (named !== null && given.held === undefined) {
    const { onlyX86 } = await import('../loader/check-subject.js');
    onlyX86(named, '; with --held, any');
  }
  if (given.kvm === true) return await live(io, named ?? pin, asked);
  const { findTree, installed, packageOf } = await import('../native/find-tree.js');
  const kernel = named ?? nearestRelease((await findTree(asked.tree)).version);
  // WHY of the kernel that was named: its own package, if that is here, is what it is held against.
  const tree = asked.tree ?? (named === null ? null : installed(packageOf(named.name))) ?? undefined;
  const on = { ...asked, ...(tree === undefined ? {} : { tree }) };
  if (given.held !== undefined) return await heldAlone(io, kernel, on, given.held);
  return given.functions === true ? await functions(io, kernel, on) : await differential(io, kernel, on);
}

// ---- differential ------------------------------------------------------------------------------------------------

/** What a part's runs came to. */
interface PartResult {
  readonly native: string;
  /** of the table: what, sequences, operations, differences */
  readonly rows: readonly (readonly [string, number, number, number])[];
  readonly runs: readonly object[];
  /** what is said of the first difference */
  readonly text: readonly string[];
  readonly single: SingleResult;
  /** what is said of a tree of another release */
  readonly otherwise: readonly string[];
}

async function schedulerPart(kernel: Kernel, asked: Asked, report: Report): Promise<PartResult> {
  const { holdScheduler } = await import('../conform/sched/hold.js');
  const { otherReleaseLines, schedulerFinding } = await import('../report/conform-text.js');
  const { mirroredFrom } = await import('../series/registry.js');
  const held = await holdScheduler(kernel, asked, report);
  const { native, runs, found, single } = held;
  return {
    native,
    rows: runs.map(({ cpus, hotplug, sequences, operations, finding }) => {
      return [
        `scheduler, ${count(cpus, 'CPU')}${hotplug ? ', hotplug' : ''}`,
        sequences,
        operations,
        finding === null ? 0 : 1,
      ];
    }),
    runs: found === null ? runs : [...runs, { suspects: found.suspects }],
    text: schedulerFinding(held, asked),
    single,
    // the pin's own tree has some of the later names as well
    otherwise: isRelease(kernel, versionOf(native))
      ? []
      : otherReleaseLines(held, mirroredFrom(kernel, versionOf(native))),
  };
}

const versionOf = (native: string): string => native.split(' ')[0]!;

async function lapicPart(kernel: Kernel, asked: Asked, report: Report): Promise<PartResult> {
  const { holdApics } = await import('../conform/apic/hold.js');
  const { apicFinding } = await import('../report/conform-text.js');
  const held = await holdApics(kernel, asked, report);
  const { native, result, suspects } = held;
  const rows = [['local APICs', result.sequences, result.operations, result.finding === null ? 0 : 1] as const];
  const text = apicFinding(held, asked);
  return { native, rows, runs: [{ ...result, suspects }], text, single: NO_SINGLE, otherwise: [] };
}

async function machinePart(kernel: Kernel, asked: Asked, report: Report): Promise<PartResult> {
  const { holdMachine } = await import('../conform/machine/hold.js');
  const { machineFinding } = await import('../report/conform-text.js');
  const held = await holdMachine(kernel, asked, report);
  const { native, runs } = held;
  const rows = runs.map(({ cpus, sequences, operations, finding }) => {
    return [`machine, ${count(cpus, 'CPU')}`, sequences, operations, finding === null ? 0 : 1] as const;
  });
  return { native, rows, runs, text: machineFinding(held, asked), single: NO_SINGLE, otherwise: [] };
}

const PART = { scheduler: schedulerPart, lapic: lapicPart, machine: machinePart };
const PART_NAMES = { scheduler: 'the scheduler', lapic: 'the local APICs', machine: 'the whole machine' };

/** Whether the model's KVM is that of the pin as well: another release's is, but for what its series has. */
const isWhole = (kernel: Kernel): boolean => kernel.name === 'v6.12.117';

/** A tree of another release may not build as a whole: then that is said, and the rest goes on. Else it is rethrown. */
function notHeldLines(what: string, error: unknown, kernel: Kernel, native: string | undefined): string[] {
  const other = native !== undefined && !`v${native}`.startsWith(`${kernel.name} `);
  const { name, code, message } = error as NativeError;
  if (!other || name !== 'NativeError' || !['compile', 'lacks-header', 'link', 'smoke', 'boot'].includes(code))
    throw error;
  return wrap(`Not held against this tree: ${what}: ${message}`, 80, '  ');
}

async function holdParts(io: Io, kernel: Kernel, asked: Asked): Promise<PartResult[]> {
  const progress = await progressTo(io);
  const total = asked.operations * asked.parts.length;
  const results: PartResult[] = [];
  try {
    for (const [i, part] of asked.parts.entries()) {
      const report: Report = (done, label) =>
        progress.report({ done: i * asked.operations + Math.min(done, asked.operations), total, label });
      // WHY not of other releases: their KVM is the pin's but for what is listed, so that it differs from theirs
      if (part === 'machine' && asked.parts === PARTS && !isWhole(kernel)) continue;
      const held = PART[part](kernel, asked, report);
      const native = results[0]?.native;
      const without = { rows: [], runs: [], text: [], single: NO_SINGLE };
      const lacking = (error: unknown): PartResult => ({
        native: native ?? '',
        ...without,
        otherwise: notHeldLines(PART_NAMES[part], error, kernel, native),
      });
      results.push(await held.catch(lacking));
    }
  } finally {
    progress.stop();
  }
  return results;
}

async function differential(io: Io, kernel: Kernel, asked: Asked): Promise<number> {
  const results = await holdParts(io, kernel, asked);
  const native = results[0]!.native;
  const rows = results.flatMap((r) => r.rows);
  const singles = results.map((r) => r.single).filter((s) => s.calls > 0);
  const sum = (column: 1 | 2 | 3) => rows.reduce((n, row) => n + row[column], 0);
  const otherwise = results.flatMap((r) => r.otherwise);
  const lacking = (error: unknown): null => {
    otherwise.push(...notHeldLines('functions of KVM alone', error, kernel, native));
    return null;
  };
  const whole = asked.parts === PARTS;
  const alone = whole ? await holdAlone(kernel, asked, callsOfEach(asked.operations)).catch(lacking) : null;
  const differing = alone?.rows.filter((row) => row.differing > 0).length ?? 0;
  const differences = sum(3) + singles.reduce((n, s) => n + s.differences.length, 0) + differing;
  const code = codeOf(io, differences, alone, isRelease(kernel, versionOf(native)), asked.exit);
  if (asked.json) {
    const { single } = results[0]!;
    const runs = results.flatMap((r, i) => r.runs.map((run) => ({ part: asked.parts[i], ...run })));
    const held = alone === null ? null : heldJson(alone);
    io.out(plainJson({ model: kernel.name, native, seed: asked.seed, runs, single, held, differences }));
    return code;
  }
  const { singleLines } = await import('../report/conform-text.js');
  const { heldLines } = await import('../report/held-text.js');
  const table = [['', 'sequences', 'operations', 'differences'], ...rows.map((row) => row.map(String))];
  const head = [`${kernel.name} (model) against ${native}`, ...otherwise];
  const lines = [...head, '', ...columns(table, [1, 2, 3]), '', ...singles.flatMap(singleLines)];
  if (alone !== null) lines.push(...heldLines(alone, asked));
  lines.push(
    `${count(sum(1), 'sequence')}, ${count(sum(2), 'operation')}, ${count(differences, 'difference')}, seed ${asked.seed}`,
    ...results.flatMap((r) => r.text),
  );
  io.out(`${lines.join('\n')}\n`);
  return code;
}

// ---- functions alone ---------------------------------------------------------------------------------------------

async function holdAlone(kernel: Kernel, asked: Asked, calls: number, names?: string): Promise<HeldReport> {
  const { findTree } = await import('../native/find-tree.js');
  const { holdAll } = await import('../conform/held/hold-all.js');
  const only = names === undefined || names === 'all' ? undefined : new Set(names.split(','));
  return holdAll(kernel, await findTree(asked.tree), { seed: asked.seed, calls, ...defined({ only }) });
}

const heldJson = ({ rows, left, lackingFields, unbuilt }: HeldReport) => ({ rows, left, lackingFields, unbuilt });

/**
 * The exit code of a comparison. Nothing differing is no success where a part of the model's own release could not be built;
 * a tree of another release has parts that the model does not know, and says so.
 */
function codeOf(io: Io, differences: number, alone: HeldReport | null, sameRelease: boolean, style: ExitStyle): number {
  if (differences > 0) return REFUTED;
  if (alone === null || alone.unbuilt.length === 0 || !sameRelease) return OK;
  io.err(`kvmodel: not held, for it could not be built: functions of KVM on ${alone.unbuilt.join(', ')}\n`);
  return skipped(style, BAD_INPUT);
}

/** Every name of --held has to be one of a function that is held alone. */
async function refuseUnknown(names: string): Promise<void> {
  const { CASES } = await import('../conform/held/compare.js');
  const known = [...new Set(Object.values(CASES).flatMap((list) => list.map((one) => one.as ?? one.name)))].sort();
  const o = new Options();
  for (const name of names === 'all' ? [] : names.split(','))
    if (!known.includes(name))
      o.fault('--held', oneOf('a function that is held alone, or all', name, known), shown(name));
  o.done();
}

async function heldAlone(io: Io, kernel: Kernel, asked: Asked, names: string): Promise<number> {
  await refuseUnknown(names);
  const calls = Math.min(1_000_000, Math.max(20, Math.ceil(asked.operations / 50)));
  const whole = await holdAlone(kernel, asked, calls, names);
  const wanted = new Set(names.split(','));
  const report = { ...whole, left: whole.left.filter((one) => names === 'all' || wanted.has(one.as)) };
  const { heldLines } = await import('../report/held-text.js');
  io.out(asked.json ? plainJson(heldJson(report)) : `${heldLines(report, asked).join('\n')}\n`);
  const differing = report.rows.filter((row) => row.differing > 0).length;
  if (report.rows.length > 0) return codeOf(io, differing, report, true, asked.exit);
  io.err(`kvmodel: --held: nothing was called: the tree lacks ${names}, or it does not compile alone\n`);
  return skipped(asked.exit, BAD_INPUT);
}

// ---- function by function ----------------------------------------------------------------------------------------

async function functions(io: Io, kernel: Kernel, asked: Asked): Promise<number> {
  const { functionTable, isHeld } = await import('../conform/functions-held.js');
  const { functionLines } = await import('../report/conform-text.js');
  const rows = await functionTable(kernel, asked);
  const { seed, operations } = asked;
  if (asked.json) io.out(plainJson({ model: kernel.name, seed, operations, functions: rows }));
  else io.out(`${functionLines(rows, isHeld).join('\n')}\n`);
  return rows.every((row) => row.differing === 0) ? OK : REFUTED;
}

// ---- this machine's KVM ------------------------------------------------------------------------------------------

async function live(io: Io, kernel: Kernel, asked: Asked): Promise<number> {
  const { holdLive, SESSION } = await import('../conform/recording/live-sessions.js');
  const { liveText } = await import('../report/live-text.js');
  const progress = await progressTo(io);
  const total = Math.ceil(asked.operations / SESSION);
  try {
    const result = holdLive(kernel, asked, (done, label) => progress.report({ done, total, label }));
    progress.stop();
    io.out(asked.json ? `${JSON.stringify(result)}\n` : liveText(result, SESSION));
    return result.differences.length === 0 ? OK : REFUTED;
  } finally {
    progress.stop();
  }
}

// ---- drift -------------------------------------------------------------------------------------------------------

async function drift(io: Io, asked: Asked, recordTo?: string): Promise<number> {
  if (recordTo !== undefined) refuseExisting(recordTo, io.cwd);
  const { findTree } = await import('../native/find-tree.js');
  const { driftOf, mirroredHashes, mirrors, PIN, recordedHashes } = await import('../native/mirrors.js');
  const { driftLines } = await import('../report/drift-text.js');
  const tree = await findTree(asked.tree);
  const list = mirrors();
  if (recordTo !== undefined) {
    const hashes = [...mirroredHashes(tree, list)].sort(([a], [b]) => (a < b ? -1 : 1));
    writeNew(recordTo, `${JSON.stringify(Object.fromEntries(hashes), null, 2)}\n`, io.cwd);
    io.out(`${hashes.length} of ${list.length} mirrored functions of ${tree.version} in ${recordTo}\n`);
    return OK;
  }
  const result = driftOf(list, recordedHashes(), mirroredHashes(tree, list));
  if (asked.json) io.out(plainJson({ tree: tree.version, pin: PIN, ...result }));
  else io.out(`${driftLines(list.length, PIN, tree.version, result).join('\n')}\n`);
  return result.changed.length + result.gone.length === 0 ? OK : REFUTED;
}

// ---- recordings --------------------------------------------------------------------------------------------------

/** operations of a recorded sequence */
const RECORDED = 200;

async function record(io: Io, path: string, asked: Asked): Promise<number> {
  refuseExisting(path, io.cwd);
  const { openNativeEngine } = await import('../native/engine.js');
  const { recordVectors } = await import('../conform/recording/record.js');
  const cpus = asked.cpus[0]!;
  const native = await openNativeEngine({ ...asked, cpus });
  try {
    const sequences = Math.max(1, Math.ceil(asked.operations / RECORDED));
    const text = [...recordVectors(native, { sequences, length: RECORDED, seed: asked.seed }), ''].join('\n');
    writeNew(path, path.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text, io.cwd);
    const operations = count(sequences * RECORDED, 'operation');
    io.out(`${count(sequences, 'sequence')}, ${operations} of ${native.name} in ${path}\n`);
  } finally {
    native.close();
  }
  return OK;
}

/** Which of three kinds of recording it is stands in its first lines. */
async function replayFile(io: Io, path: string, asked: Asked): Promise<number> {
  const text = readMaybeGzipped(path, io.cwd, 'a recording, plain or gzipped');
  if (/^\s*\{\s*"hdr"\s*:/.test(text)) return await replayApics(io, path, text, asked);
  if (/^### SCENARIO /m.test(text)) return await replayKvm(io, path, text, asked);
  const kind = traceKind(text);
  if (kind === 'ftrace text' && hasSpins(text)) return await replayKvm(io, path, text, asked);
  if (kind !== null)
    reject(path, 'recording', path, RECORDINGS, kind === 'ftrace text' ? `${kind} without on_spin` : kind);
  return await replayScheduler(io, path, text, asked);
}

/** Of the C code: on the release nearest to the recorded one, unless a kernel was named. */
async function replayScheduler(io: Io, path: string, text: string, asked: Asked): Promise<number> {
  const { readRecording } = await import('../operation/sched.js');
  const { differenceLine, replay, replaySummary } = await import('../conform/recording/replay.js');
  const { modelEngine } = await import('../conform/sched/model-engine.js');
  const { kernelByName, nearestRelease } = await import('../series/registry.js');
  const { sequences, faults } = readRecording(text);
  if (faults.length > 0 || sequences.length === 0) {
    for (const fault of faults.slice(0, 20)) io.err(`kvmodel: ${path}:${fault.line}: ${fault.message}\n`);
    if (faults.length === 0) io.err(`kvmodel: ${path}: expected a recording, found no sequence\n`);
    return BAD_INPUT;
  }
  const model = asked.kernel === undefined ? nearestRelease(sequences[0]!.tree) : kernelByName(asked.kernel);
  const { onlyX86 } = await import('../loader/check-subject.js');
  onlyX86(model, '');
  const result = replay(sequences, (cpus) => modelEngine(model, cpus));
  if (asked.json) io.out(plainJson(result));
  else io.out(`${[...result.differences.map(differenceLine), replaySummary(result)].join('\n')}\n`);
  return result.differences.length === 0 ? OK : REFUTED;
}

/** Of a real KVM's local APICs. */
async function replayApics(io: Io, path: string, text: string, asked: Asked): Promise<number> {
  const { parseLapicTranscript } = await import('../conform/recording/lapic-transcript.js');
  const { replayLapic, replayText } = await import('../conform/recording/lapic-replay.js');
  const sessions = parseLapicTranscript(text, path);
  const progress = await progressTo(io);
  const total = sessions.length;
  const result = replayLapic(sessions, undefined, (done) => progress.report({ done, total, label: 'sessions' }));
  progress.stop();
  io.out(asked.json ? `${JSON.stringify(result)}\n` : replayText(result));
  return result.differences.length === 0 ? OK : REFUTED;
}

/** A trace of a real KVM: which vCPU each kvm_vcpu_on_spin() asked about and yielded to. */
async function replayKvm(io: Io, path: string, text: string, asked: Asked): Promise<number> {
  const { replayKvmTrace } = await import('../conform/recording/kvm-trace.js');
  const { pin } = await import('../series/registry.js');
  const { calls, decisions, differences } = replayKvmTrace(pin, text, path);
  const lines = differences.map((d) => `line ${d.line}: Linux ${d.linux}, model ${d.model}`);
  const summary = `${count(calls, 'call')} of kvm_vcpu_on_spin(), ${count(decisions, 'decision')}, ${count(differences.length, 'difference')}`;
  io.out(asked.json ? plainJson({ calls, decisions, differences }) : `${[...lines, summary].join('\n')}\n`);
  return differences.length === 0 ? OK : REFUTED;
}
