// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel check --tree PATH (--am FILE | --against PATH2)`: the kernel's own C code before and after a patch. */
import { spawnSync } from 'node:child_process';
import { basename, resolve } from 'node:path';
import { readText } from '../loader/files.js';
import type { KernelTree } from '../native/find-tree.js';
import { isSkip, NativeError } from '../native/native-error.js';
import { type AddedLine, addedLines, applySeries, readSeries } from '../native/patch.js';
import { patchMail } from '../report/patch-mail.js';
import { patchText } from '../report/patch-text.js';
import { isRefuted, type Judged } from '../report/patch-verdict.js';
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
      judged.push({
        subject: step.subject,
        check: await checkPatch(base, step.tree, step.added, { ...flags, progress }),
      });
    }
    if (flags.format === 'json') {
      const value = {
        base: base.version,
        seed: flags.seed,
        steps: judged.map(({ subject, check }) => ({ subject, ...check })),
      };
      io.out(`${JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? x.toString() : x), 1)}\n`);
    } else io.out(flags.format === 'mail' ? patchMail(base.version, judged) : patchText(base.version, judged));
    return judged.some(({ check }) => isRefuted(check)) ? REFUTED : OK;
  } catch (error) {
    if (error instanceof NativeError) return refuse(io, error, flags.style);
    throw error;
  }
}
