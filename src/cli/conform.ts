// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel conform`: the model held against the kernel's own C code, or against what was recorded from it. */

import { resolve } from 'node:path';
import { Command } from 'commander';
import { oneOf, shown } from '../base/faults.js';
import { columns, count, wrap } from '../base/text.js';
import type { FunctionRow } from '../conform/functions-held.js';
import type { HeldReport } from '../conform/held/hold-all.js';
import type { Finding } from '../conform/sched/differ.js';
import type { SingleDifference, SingleResult } from '../conform/sched/single-functions.js';
import type { LineCoverage } from '../native/coverage.js';
import type { NativeEngine } from '../native/engine.js';
import type { NativeError } from '../native/native-error.js';
import { operationLines, operationText } from '../report/operation-lines.js';
import type { ExitStyle } from '../report/verdicts.js';
import type { Kernel } from '../vmlinux/bind.js';
import { expectLongRun, LONG_RUN_OPERATIONS } from '../workers/long-run.js';
import { type Asked, againLine, json, PARTS, type Part } from './conform-asked.js';
import { heldLines } from './conform-held.js';
import { drift, record, replayFile } from './conform-recordings.js';
import { BAD_INPUT, BISECT_SKIP, KSFT_SKIP, OK, REFUTED } from './exit.js';
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

const LENGTH = 300;
const ALL_CPUS = [1, 2, 4, 8];

const EXAMPLES = `
Examples:
  kvmodel conform                      the model against linux-source-6.12
  kvmodel conform --tree ~/linux --operations 10000000
  kvmodel conform --only lapic         local APICs alone
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
    .option('--only <part>', 'scheduler, or lapic: the local APICs; all when left out')
    .option('--kernel <name>', "the model's kernel; the release nearest to the tree otherwise")
    .option('--functions', 'calls and covered lines, function by function')
    .option('--drift', 'which mirrored functions read otherwise in the tree')
    .option('--held <names>', 'only functions of KVM, each alone: these, or all')
    .option('--kvm', "local APICs, beside those of this machine's KVM")
    .option('--replay <file>', 'replay a recording (.jsonl or .jsonl.gz)')
    .option('--record <file>', 'record what the C code does')
    .option('--json', 'one JSON object')
    .option('--exit <style>', 'unix, or kselftest: 4 without tree or compiler', 'unix')
    .addHelpText('after', EXAMPLES)
    .action(async (given: Given) => exit(await conform(io, given)));
}

async function conform(io: Io, given: Given): Promise<number> {
  const options = new Options();
  const cpus = options.whole('--cpus', given.cpus, 1, 8);
  const asked: Asked = {
    ...(given.tree === undefined ? {} : { tree: resolve(io.cwd, given.tree) }),
    ...(given.kernel === undefined ? {} : { kernel: given.kernel }),
    invocation: io.invocation,
    operations: options.whole('--operations', given.operations, 1, 1e12) ?? 1,
    seed: options.whole('--seed', given.seed, 0, 0xffff_ffff) ?? 0,
    cpus: cpus === undefined ? ALL_CPUS : [cpus],
    parts: given.only === undefined ? PARTS : [options.word('--only', given.only, PARTS)],
    json: given.json === true,
    exit: options.word('--exit', given.exit, ['unix', 'kselftest', 'bisect'] as const),
  };
  const modes = (['functions', 'drift', 'replay', 'record', 'kvm', 'held'] as const).filter(
    (m) => given[m] !== undefined,
  );
  // --drift --record writes the hashes that later trees are compared with.
  if (given.drift === true && given.record !== undefined) modes.pop();
  if (modes.length > 1)
    options.fault(
      `--${modes[1]}`,
      'one of --functions, --drift, --held, --kvm, --replay, --record',
      modes.join(' and '),
    );
  options.done();
  if (asked.operations >= LONG_RUN_OPERATIONS) expectLongRun();
  try {
    if (given.replay !== undefined) return await replayFile(io, given.replay, asked, given.kernel);
    if (given.drift === true) return await drift(io, asked, given.record);
    if (given.record !== undefined) return await record(io, given.record, asked);
    const { kernelByName, nearestRelease, pin } = await import('../series/registry.js');
    const named = given.kernel === undefined ? null : kernelByName(given.kernel);
    if (given.kvm === true) {
      const { conformKvm } = await import('./conform-kvm.js');
      return await conformKvm(io, named ?? pin, asked);
    }
    const { findTree } = await import('../native/find-tree.js');
    const kernel = named ?? nearestRelease((await findTree(asked.tree)).version);
    if (given.held !== undefined) return await heldAlone(io, kernel, asked, given.held);
    return given.functions === true ? await functions(io, kernel, asked) : await differential(io, kernel, asked);
  } catch (error) {
    return await sayNative(io, error, asked.exit);
  }
}

/** The native engine's refusals: one sentence, then the tool's own words. */
async function sayNative(io: Io, error: unknown, style: ExitStyle): Promise<number> {
  const { isSkip, NativeError: Refusal } = await import('../native/native-error.js');
  if (!(error instanceof Refusal)) throw error;
  const { message, details, code } = error as NativeError;
  io.err(`kvmodel: ${message}\n`);
  for (const line of details.slice(0, 20)) if (!message.includes(line)) io.err(`  ${line}\n`);
  if (style === 'bisect') return BISECT_SKIP;
  if (style === 'kselftest' && (isSkip(error) || code === 'not-a-tree' || code === 'tree-too-old')) return KSFT_SKIP;
  return BAD_INPUT;
}

// ---- differential ------------------------------------------------------------------------------------------------

function findingLines(finding: Finding, cpus: number, suspects: readonly string[], asked: Asked): string[] {
  const { difference: d, ops } = finding;
  const from = suspects.length === 0 ? 'unknown' : suspects.slice(0, 6).join(', ');
  return [
    '',
    `Difference: ${d.field} after operation ${d.op} (${operationText(ops[d.op]!)})`,
    `  model   ${d.left}`,
    `  C code  ${d.right}`,
    ...wrap(`  probably from: ${from}`, 80, '    '),
    '',
    `Sequence (${finding.kind}, seed ${finding.seed}, ${count(cpus, 'CPU')}), shrunk from ${finding.original} operations:`,
    ...operationLines(ops),
    '',
    againLine(asked, `--cpus ${cpus}`, finding.seed),
  ];
}

const generation = { length: LENGTH, maxTasks: 64 } as const;

/** Calls of each function that is held alone beside so many operations. */
const callsOfEach = (operations: number) => Math.min(20_000, Math.max(20, Math.ceil(operations / 500)));

/** Calls of each single function beside so many operations. */
const callsFor = (operations: number) => Math.min(20_000, Math.max(100, Math.ceil(operations / 50)));

function singleLines(d: SingleDifference): string[] {
  const operands = Object.entries(d.operands).map(([name, value]) => `${name} ${value}`);
  return [
    `  ${d.name}(): ${d.field}: model ${d.model}, C code ${d.native}`,
    ...wrap(`    ${operands.join(', ')}`, 80, '    '),
  ];
}

/** What to know about a tree that is not the model's release. */
function otherwiseLines(kernel: Kernel, native: NativeEngine): string[] {
  const { other_names: names, absent } = native.schema;
  const renamed = names.flatMap((column, i) => (i % 2 === 0 ? [`${column} is its ${names[i + 1]}`] : []));
  // The pin's own tree has some of the later names, too: nothing to say.
  if (isRelease(kernel, native.tree.version)) return [];
  return [
    ...wrap(
      'Not the same release: what the two do differently shows as a difference. conform --drift lists what reads otherwise.',
      80,
      '',
    ),
    ...(renamed.length === 0 ? [] : wrap(`Compared under other names: ${renamed.join(', ')}`, 80, '  ')),
    ...(absent.length === 0 ? [] : wrap(`Not in this tree, not compared: ${absent.join(', ')}`, 80, '  ')),
  ];
}

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

const NO_SINGLE: SingleResult = { functions: 0, calls: 0, absent: [], differences: [] };

type Report = (done: number, label: string) => void;

async function schedulerPart(kernel: Kernel, asked: Asked, report: Report): Promise<PartResult> {
  const { compareSingleFunctions } = await import('../conform/sched/single-functions.js');
  const { xorshift32 } = await import('../conform/sched/generate.js');
  const [{ openNativeEngine }, differ, { suspectsOf }] = await Promise.all([
    import('../native/engine.js'),
    import('../conform/sched/differ.js'),
    import('../conform/sched/suspects.js'),
  ]);
  const rows: [string, number, number, number][] = [];
  const runs: object[] = [];
  const each = Math.ceil(asked.operations / asked.cpus.length);
  let [done, name] = [0, ''];
  let text: string[] = [];
  let single = NO_SINGLE;
  let otherwise: string[] = [];
  for (const cpus of asked.cpus) {
    const native = await openNativeEngine({ ...asked, cpus });
    name = native.name;
    otherwise = otherwiseLines(kernel, native);
    const model = differ.modelLockstep(kernel, cpus);
    const result = differ.differential(model, differ.nativeLockstep(native), differ.namedBy(native), {
      ...generation,
      cpus,
      seed: asked.seed,
      operations: each,
      progress: (n) => report(done + n, `operations, ${cpus} CPUs`),
    });
    done += result.operations;
    const found = result.finding === null ? 0 : 1;
    rows.push([`scheduler, ${count(cpus, 'CPU')}`, result.sequences, result.operations, found]);
    runs.push({ cpus, ...result });
    if (single.calls === 0) {
      single = compareSingleFunctions(kernel, native, xorshift32(asked.seed), callsFor(asked.operations));
    }
    native.close();
    if (result.finding === null) continue;
    const counting = await openNativeEngine({ ...asked, cpus, variant: 'cov' });
    const { ops, difference } = result.finding;
    const suspects = suspectsOf(kernel, cpus, counting, ops, difference);
    counting.close();
    text = findingLines(result.finding, cpus, suspects, asked);
    runs.push({ suspects });
    break;
  }
  return { native: name, rows, runs, text, single, otherwise };
}

async function lapicPart(kernel: Kernel, asked: Asked, report: Report): Promise<PartResult> {
  const { apicFindingLines, conformApic } = await import('./conform-apic.js');
  const part = await conformApic(kernel, asked, (n) => report(n, 'operations, local APICs'));
  const { native, result, suspects } = part;
  const rows = [['local APICs', result.sequences, result.operations, result.finding === null ? 0 : 1] as const];
  const text = await apicFindingLines(part, asked);
  return { native, rows, runs: [{ ...result, suspects }], text, single: NO_SINGLE, otherwise: [] };
}

/** A tree of another release may not build as a whole: then that is said, and the rest goes on. Else it is rethrown. */
function notHeldLines(what: string, error: unknown, kernel: Kernel, native: string | undefined): string[] {
  const other = native !== undefined && !`v${native}`.startsWith(`${kernel.name} `);
  const { name, code, message } = error as NativeError;
  if (!other || name !== 'NativeError' || !['compile', 'link', 'smoke', 'boot'].includes(code)) throw error;
  return wrap(`Not held against this tree: ${what}: ${message}`, 80, '  ');
}

async function differential(io: Io, kernel: Kernel, asked: Asked): Promise<number> {
  const progress = await progressTo(io);
  const total = asked.operations * asked.parts.length;
  const results: PartResult[] = [];
  try {
    for (const [i, part] of asked.parts.entries()) {
      const report: Report = (done, label) =>
        progress.report({ done: i * asked.operations + Math.min(done, asked.operations), total, label });
      const held = part === 'scheduler' ? schedulerPart(kernel, asked, report) : lapicPart(kernel, asked, report);
      const native = results[0]?.native;
      const without = { rows: [], runs: [], text: [], single: NO_SINGLE };
      const lacking = (error: unknown): PartResult => ({
        native: native ?? '',
        ...without,
        otherwise: notHeldLines('the local APICs', error, kernel, native),
      });
      results.push(await held.catch(lacking));
    }
  } finally {
    progress.stop();
  }
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
  const code = codeOf(io, differences, alone, isRelease(kernel, native.split(' ')[0]!), asked.exit);
  if (asked.json) {
    const { single } = results[0]!;
    const runs = results.flatMap((r, i) => r.runs.map((run) => ({ part: asked.parts[i], ...run })));
    const held = alone === null ? null : heldJson(alone);
    io.out(json({ model: kernel.name, native, seed: asked.seed, runs, single, held, differences }));
    return code;
  }
  const table = [['', 'sequences', 'operations', 'differences'], ...rows.map((row) => row.map(String))];
  const head = [`${kernel.name} (model) against ${native}`, ...otherwise];
  const lines = [...head, '', ...columns(table, [1, 2, 3]), ''];
  for (const { functions, calls, absent, differences: found } of singles) {
    lines.push(
      `${count(functions, 'function')} on extreme operands: ${count(calls, 'call')}, ${count(found.length, 'difference')}`,
      ...(absent.length === 0 ? [] : wrap(`not in this tree: ${absent.join(', ')}`, 80, '  ')),
      ...found.flatMap(singleLines),
    );
  }
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
  const only = names === undefined || names === 'all' ? {} : { only: new Set(names.split(',')) };
  return holdAll(kernel, await findTree(asked.tree), { seed: asked.seed, calls, ...only });
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
  return style === 'kselftest' ? KSFT_SKIP : style === 'bisect' ? BISECT_SKIP : BAD_INPUT;
}

const isRelease = (kernel: Kernel, version: string): boolean =>
  version.replace(/\.0(?=-|$)/, '') === kernel.name.slice(1);

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
  io.out(asked.json ? json(heldJson(report)) : `${heldLines(report, asked).join('\n')}\n`);
  const differing = report.rows.filter((row) => row.differing > 0).length;
  if (report.rows.length > 0) return codeOf(io, differing, report, true, asked.exit);
  io.err(`kvmodel: --held: nothing was called: the tree lacks ${names}, or it does not compile alone\n`);
  return asked.exit === 'kselftest' ? KSFT_SKIP : asked.exit === 'bisect' ? BISECT_SKIP : BAD_INPUT;
}

// ---- function by function ----------------------------------------------------------------------------------------

interface Calls {
  readonly calls: ReadonlyMap<string, number>;
  readonly coverage: LineCoverage;
  readonly suspects: readonly string[];
}

async function schedulerCalls(asked: Asked, kernel: Kernel): Promise<Calls> {
  const { openNativeEngine } = await import('../native/engine.js');
  const differ = await import('../conform/sched/differ.js');
  const { countingKernel } = await import('../conform/count-calls.js');
  const { generateSequence, KINDS, xorshift32 } = await import('../conform/sched/generate.js');
  const { suspectsOf } = await import('../conform/sched/suspects.js');
  const counts = { active: false, calls: new Map<string, number>() };
  const counted = countingKernel(kernel, counts);
  const coverages = [];
  const suspects: string[] = [];
  for (const cpus of asked.cpus) {
    const counting = await openNativeEngine({ ...asked, cpus, variant: 'cov' });
    const model = differ.modelLockstep(counted, cpus, {
      before: () => {
        counts.active = true;
      },
      after: () => {
        counts.active = false;
      },
    });
    const native = await openNativeEngine({ ...asked, cpus });
    const lockstep = differ.nativeLockstep(native);
    for (let [n, seed] = [0, asked.seed]; n < asked.operations / asked.cpus.length; seed++) {
      const kind = KINDS[seed % KINDS.length]!;
      const { setup, ops } = generateSequence(xorshift32(seed), kind, { ...generation, cpus });
      const all = [...setup, ...ops];
      const difference = differ.compareRuns(model.run(all), lockstep.run(all), differ.namedBy(native));
      counts.active = false;
      if (difference !== null)
        suspects.push(...suspectsOf(kernel, cpus, null, all.slice(0, difference.op + 1), difference).slice(0, 1));
      counting.reset();
      counting.run(all, 'return');
      n += all.length;
    }
    coverages.push(counting.coverage());
    counting.close();
    native.close();
  }
  const { addCoverage } = await import('../native/coverage.js');
  return { calls: counts.calls, coverage: addCoverage(coverages), suspects };
}

/** Which files each part holds. */
const FILES_OF: Readonly<Record<Part, RegExp>> = {
  scheduler: /^(kernel|lib|include)\//,
  lapic: /^arch\/x86\//,
};

/** What the local APICs' engine replaces by its own: nothing of it is held. */
const STOOD_IN = /\/(trace\.h|kvm-x86-ops\.h|cpuid\.c|i8259\.c|msr\.h|smm\.h)$/;

async function functionTable(asked: Asked, kernel: Kernel): Promise<FunctionRow[]> {
  const { functionRows, withHeld } = await import('../conform/functions-held.js');
  const { mirrors } = await import('../native/mirrors.js');
  const { apicFunctions } = await import('./conform-apic.js');
  const rows: FunctionRow[] = [];
  for (const part of asked.parts) {
    const held = await (part === 'scheduler' ? schedulerCalls(asked, kernel) : apicFunctions(kernel, asked)).catch(
      (error): Calls => {
        if (part === 'scheduler' || asked.parts !== PARTS || asked.tree === undefined) throw error;
        return { calls: new Map(), coverage: { lines: new Map(), functions: new Map() }, suspects: [] };
      },
    );
    const mirrored = mirrors().filter(({ file }) => FILES_OF[part].test(file));
    const found = functionRows(mirrored, held.calls, held.coverage, held.suspects);
    rows.push(...found.map((row) => (part === 'lapic' && STOOD_IN.test(row.file) ? { ...row, modelCalls: 0 } : row)));
  }
  if (asked.parts !== PARTS) return rows;
  const rest = mirrors().filter(({ file }) => PARTS.every((part) => !FILES_OF[part].test(file)));
  rows.push(...functionRows(rest, new Map(), { lines: new Map(), functions: new Map() }));
  const alone = await holdAlone(kernel, asked, callsOfEach(asked.operations));
  return withHeld(rows, alone.rows, alone.coverage);
}

async function functions(io: Io, kernel: Kernel, asked: Asked): Promise<number> {
  const { isHeld } = await import('../conform/functions-held.js');
  const rows = await functionTable(asked, kernel);
  const held = rows.filter(isHeld);
  const sum = (of: (row: FunctionRow) => number) => rows.reduce((n, row) => n + of(row), 0);
  const differing = sum((row) => row.differing);
  if (asked.json) {
    io.out(json({ model: kernel.name, seed: asked.seed, operations: asked.operations, functions: rows }));
    return differing === 0 ? OK : REFUTED;
  }
  const lines: string[] = [];
  for (const file of new Set(held.map((row) => row.file))) {
    const table = held
      .filter((row) => row.file === file)
      .map((r) => [r.name, String(r.modelCalls), String(r.cCalls), String(r.differing), `${r.covered}/${r.lines}`]);
    const head = ['function', 'model calls', 'C calls', 'differ', 'C lines'];
    lines.push(file, ...columns([head, ...table], [1, 2, 3, 4]).map((line) => `  ${line}`), '');
  }
  const reached = `${sum((r) => r.covered)} of ${sum((r) => r.lines)} lines of mirrored C`;
  lines.push(
    `${held.length} of ${rows.length} mirrored functions called on both sides, ${reached}, ${differing} differing`,
  );
  const rest = rows.filter((row) => !isHeld(row));
  if (rest.length > 0) lines.push('', 'Not held against C by these operations:');
  for (const file of new Set(rest.map((row) => row.file))) {
    const names = rest.filter((row) => row.file === file).map((row) => row.name);
    lines.push(...wrap(`  ${file}: ${names.join(', ')}`, 80, '    '));
  }
  io.out(`${lines.join('\n')}\n`);
  return differing === 0 ? OK : REFUTED;
}
