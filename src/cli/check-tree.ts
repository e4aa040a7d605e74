// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel check --tree PATH (--am FILE | --against PATH2)`: the kernel's own C code before and after a patch. */
import { spawnSync } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { inWidth, wrap } from '../base/text.js';
import type { PatchCheck, PropertyRow, ReachedLine } from '../conform/sched/patch-check.js';
import { readText } from '../loader/files.js';
import type { KernelTree } from '../native/find-tree.js';
import { isSkip, NativeError } from '../native/native-error.js';
import { type AddedLine, addedLines, applySeries, readSeries } from '../native/patch.js';
import { operationLines, operationText } from '../report/operation-lines.js';
import type { ExitStyle } from '../report/verdicts.js';
import { BAD_INPUT, BISECT_SKIP, KSFT_SKIP, OK, REFUTED } from './exit.js';
import type { Io } from './io.js';

export interface TreeFlags {
  readonly tree?: string;
  /** a mailbox or patch */
  readonly am?: string;
  /** another tree */
  readonly against?: string;
  readonly operations: number;
  readonly seed: number;
  readonly cpus: number;
  readonly format: 'text' | 'json' | 'mail';
  readonly style: ExitStyle;
}

/** One comparison: the base, and what is held against it. */
interface Step {
  readonly subject: string;
  readonly tree: KernelTree;
  readonly added: readonly AddedLine[];
}

interface Judged extends Step {
  readonly check: PatchCheck;
}

/** Lines that differ between the schedulers of two trees, as if a patch had added them. */
function linesBetween(a: string, b: string): AddedLine[] {
  const dirs = [resolve(a, 'kernel/sched'), resolve(b, 'kernel/sched')];
  const done = spawnSync('git', ['diff', '--no-index', '--no-color', ...dirs], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const prefix = `${resolve(b).replace(/^\//, '')}/`;
  return addedLines(done.stdout ?? '')
    .filter((line) => line.file.startsWith(prefix))
    .map((line) => ({ ...line, file: line.file.slice(prefix.length) }));
}

async function stepsOf(io: Io, base: KernelTree, flags: TreeFlags): Promise<Step[]> {
  if (flags.am !== undefined) {
    const series = readSeries(readText(flags.am, io.cwd, 'a patch or mailbox'), basename(flags.am));
    return applySeries(base, series);
  }
  const { findTree } = await import('../native/find-tree.js');
  const tree = await findTree(resolve(io.cwd, flags.against!));
  return [{ subject: `${tree.version} in ${flags.against}`, tree, added: linesBetween(base.dir, tree.dir) }];
}

const isWorse = (row: PropertyRow) => row.base.verdict === 'holds' && row.patched.verdict === 'refuted';
const isDead = (line: ReachedLine) => line.count === 0;
const died = (check: PatchCheck) => check.ending !== null;

/** Refuted: a property that the base has, a new report of UBSan's, or the death of the kernel. */
export const isRefuted = (check: PatchCheck): boolean =>
  check.properties.some(isWorse) || check.reports.length > 0 || died(check);

// ---- text ----------------------------------------------------------------------------------------------------------

function lockstepLines(check: PatchCheck): string[] {
  const { finding, operations, sequences } = check.lockstep;
  if (finding === null)
    return [`Lock-step: no observable difference in ${operations} operations (${sequences} sequences)`];
  const { op, field, left, right } = finding.difference;
  return [
    `Lock-step: differs after operation ${op} (${operationText(finding.ops[op]!)}):`,
    ...wrap(`  ${field}: ${left} before, ${right} with the patch`, 80, '    '),
    `  shrunk from ${finding.original} operations (${finding.kind}, seed ${finding.seed}):`,
    ...operationLines(finding.ops),
  ];
}

function propertyLines(check: PatchCheck): string[] {
  const rows = check.properties.flatMap((row) => {
    const verdicts = `${inWidth(row.id, 11)} ${inWidth(row.base.verdict, 8)} ${inWidth(row.patched.verdict, 8)}`;
    const evidence =
      row.base.evidence === row.patched.evidence
        ? row.patched.evidence
        : `${row.patched.evidence} (before: ${row.base.evidence})`;
    return wrap(`${verdicts} ${evidence}`, 80, ' '.repeat(30));
  });
  return [`${inWidth('property', 11)} ${inWidth('before', 8)} ${inWidth('patched', 8)} evidence`, ...rows];
}

function addedTextLines(check: PatchCheck): string[] {
  const code = check.added.filter((line) => line.count !== null);
  if (code.length === 0) return ['Added lines: none that make code'];
  const dead = code.filter(isDead).length;
  return [
    `Added lines that make code: ${code.length}, never executed: ${dead}`,
    ...code.map((line) => {
      const count = isDead(line) ? 'NEVER' : String(line.count);
      return `${count.padStart(9)}  ${line.file}:${line.line}: ${line.text.trim()}`.slice(0, 80);
    }),
  ];
}

function reportLines(check: PatchCheck): string[] {
  if (check.reports.length === 0) return ['UBSan: nothing that the base does not do'];
  return check.reports.flatMap(({ report: r, text, ops }) => [
    `UBSan: ${r.file}:${r.line}:${r.column}: ${r.left} ${r.kind} ${r.right} does not fit (${r.type}), ${r.count} times`,
    `  ${text}`,
    ...operationLines(ops),
  ]);
}

function textOf(base: KernelTree, judged: readonly Judged[]): string {
  const lines = [`${base.version} (C code) before and after ${judged.length} step${judged.length === 1 ? '' : 's'}`];
  for (const [i, { subject, check }] of judged.entries()) {
    lines.push('', ...wrap(`${i + 1}/${judged.length} ${subject}`, 80, '    '), '');
    lines.push(...lockstepLines(check), '', ...propertyLines(check), '', ...addedTextLines(check), '');
    lines.push(...reportLines(check));
    if (check.ending !== null) {
      const { kind, what, stack } = check.ending;
      lines.push('', `The kernel dies: ${kind}, ${what}`, ...stack.slice(0, 8).map((frame) => `    ${frame}`));
    }
  }
  return `${lines.join('\n')}\n`;
}

// ---- mail ----------------------------------------------------------------------------------------------------------

function questions(check: PatchCheck): string[] {
  const asked: string[] = [];
  for (const row of check.properties.filter(isWorse)) {
    asked.push(
      `Is it intended that "${row.says}" no longer holds? ${row.patched.evidence}; before: ${row.base.evidence}.`,
    );
  }
  for (const { report: r, text } of check.reports) {
    asked.push(
      `${r.file}:${r.line} (${text}): can ${r.left} ${r.kind} ${r.right} overflow? UBSan saw it ${r.count} times.`,
    );
  }
  const dead = check.added.filter(isDead);
  if (dead.length > 0) {
    const places = dead
      .slice(0, 6)
      .map((line) => `${line.file}:${line.line}`)
      .join(', ');
    asked.push(
      `When are these lines reached? No operation tried here executes them: ${places}${dead.length > 6 ? ', ...' : ''}`,
    );
  }
  if (check.ending !== null)
    asked.push(`Can this oops? ${check.ending.kind}: ${check.ending.what} in ${check.ending.stack[0] ?? '?'}`);
  return asked;
}

function mailOf(base: KernelTree, judged: readonly Judged[]): string {
  const lines = wrap(
    `I ran the scheduler's C code of ${base.version} with and without this in user space, on the same random operations:`,
    78,
  );
  for (const { subject, check } of judged) {
    const list = questions(check);
    lines.push('', ...wrap(`> ${subject}`, 78, '> '), '');
    if (list.length === 0) lines.push('No question from me: nothing got worse, and every added line was executed.');
    for (const question of list) lines.push(...wrap(`- ${question}`, 78, '  '));
    const { finding, operations } = check.lockstep;
    lines.push('');
    if (finding === null) lines.push(...wrap(`No observable difference in ${operations} operations.`, 78));
    else lines.push('The shortest sequence that tells the two apart:', ...operationLines(finding.ops));
  }
  return `${lines.join('\n')}\n`;
}

// ---- the command -----------------------------------------------------------------------------------------------------

function refuse(io: Io, error: NativeError, style: ExitStyle): number {
  io.err(`kvmodel: ${error.message}\n`);
  for (const line of error.details.slice(0, 20)) if (!error.message.includes(line)) io.err(`  ${line}\n`);
  if (style === 'bisect') return BISECT_SKIP;
  return style === 'kselftest' && (isSkip(error) || error.code === 'not-a-tree') ? KSFT_SKIP : BAD_INPUT;
}

/** Runs the comparison and prints it; returns the exit code. */
export async function checkTree(io: Io, flags: TreeFlags): Promise<number> {
  try {
    const { findTree } = await import('../native/find-tree.js');
    const { checkPatch } = await import('../conform/sched/patch-check.js');
    const base = await findTree(flags.tree === undefined ? undefined : resolve(io.cwd, flags.tree));
    const judged: Judged[] = [];
    for (const step of await stepsOf(io, base, flags)) {
      const progress = (what: string) => io.err(`kvmodel: ${step.subject}: ${what}\n`);
      judged.push({ ...step, check: await checkPatch(base, step.tree, step.added, { ...flags, progress }) });
    }
    if (flags.format === 'json') {
      const value = {
        base: base.version,
        seed: flags.seed,
        steps: judged.map(({ subject, check }) => ({ subject, ...check })),
      };
      io.out(`${JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? x.toString() : x), 1)}\n`);
    } else io.out(flags.format === 'mail' ? mailOf(base, judged) : textOf(base, judged));
    return judged.some(({ check }) => isRefuted(check)) ? REFUTED : OK;
  } catch (error) {
    if (error instanceof NativeError) return refuse(io, error, flags.style);
    throw error;
  }
}
