// SPDX-License-Identifier: GPL-2.0-only
/** What is said when a command cannot do what it was asked, and the exit code for it. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BAD_INPUT, type ExitStyle, failed, OUR_FAULT, REFUTED, skipped } from '../base/exit-codes.js';
import { BadInput, type Fault } from '../base/faults.js';
import { ascii, count, wrap } from '../base/text.js';
import { isSkip, NativeError } from '../native/native-error.js';
import type { Io } from './io.js';

/** Faults carried by any of our errors that mean bad input, or null. */
function faultsOf(error: unknown): { input: string; faults: readonly Fault[] } | null {
  if (error instanceof BadInput) return error;
  if (error instanceof Error && error.name === 'SeriesError') {
    const e = error as Error & { series: string; faults: readonly Fault[] };
    return { input: `series ${e.series}`, faults: e.faults };
  }
  return null;
}

/** All faults, one a line: `place: expected this, got that`. */
export function faultLines(input: string, faults: readonly Fault[]): string[] {
  return [
    `kvmodel: ${input}: ${count(faults.length, 'fault')}`,
    ...faults.flatMap((f) => wrap(`  ${f.place}: expected ${f.expected}, got ${f.got}`, 80, '      ')),
  ].map(ascii);
}

const OURS = fileURLToPath(new URL('../..', import.meta.url));

/** `file:line:column` of the innermost call in a file that is not ours: a user's patch. */
function outsideFrame(stack: string, cwd: string): string | null {
  for (const [, url, line, column] of stack.matchAll(/(?:\(|at )((?:file:\/\/)?\/[^():\n]+):(\d+):(\d+)\)?$/gm)) {
    const path = url.startsWith('file:') ? fileURLToPath(url) : url;
    if (path.startsWith(OURS) || path.includes('/node_modules/')) continue;
    return `${relative(cwd, path)}:${line}:${column}`;
  }
  return null;
}

/** There is no native engine: one sentence, then the tool's own words. */
function refused(error: NativeError, io: Io, style: ExitStyle): number {
  io.err(`kvmodel: ${error.message}\n`);
  for (const line of error.details.slice(0, 40)) if (!error.message.includes(line)) io.err(`  ${line}\n`);
  const nothing = isSkip(error) || error.code === 'not-a-tree' || error.code === 'tree-too-old';
  return nothing ? skipped(style, BAD_INPUT) : failed(style, BAD_INPUT);
}

/** Of the disk, wherever it was noticed: nothing was wrong with what was asked. */
const DISK: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'it is read-only',
};

/** What the disk refused, or null. */
function diskRefusal(error: unknown): string | null {
  const { code = '', path } = error as NodeJS.ErrnoException;
  const why = DISK[code];
  if (why === undefined) return null;
  return `${path ?? 'a file'} cannot be written (${code}: ${why}); TMPDIR and XDG_CACHE_HOME name other places`;
}

/** Says what went wrong on stderr and returns the exit code for it. */
export function explain(error: unknown, io: Io, style: ExitStyle = 'unix'): number {
  const bad = faultsOf(error);
  if (bad !== null) {
    io.err(`${faultLines(bad.input, bad.faults).join('\n')}\n`);
    return failed(style, BAD_INPUT);
  }
  if (error instanceof NativeError) return refused(error, io, style);
  const e = error instanceof Error ? error : new Error(String(error));
  const refusal = diskRefusal(e);
  if (refusal !== null) {
    io.err(`kvmodel: ${ascii(refusal)}\n`);
    return failed(style, BAD_INPUT);
  }
  if (e.name === 'KernelBug') {
    // in the middle of a run it is a line of the transcript
    io.out(`${wrap(`dies at boot: ${ascii(e.message)}`, 80, '  ').join('\n')}\n`);
    return failed(style, REFUTED);
  }
  const theirs = outsideFrame(e.stack ?? '', io.cwd);
  if (theirs !== null) {
    const fault = { code: 'threw', place: theirs, expected: 'code that runs', got: `${e.name}: ${e.message}` };
    io.err(`${faultLines(theirs.replace(/:\d+:\d+$/, ''), [fault]).join('\n')}\n`);
    return failed(style, BAD_INPUT);
  }
  if (e.name === 'NotModelled') {
    io.err(
      `kvmodel: ${ascii(e.message)}\nLinux continues here and the model does not: docs/FIDELITY.md says what is missing.\n`,
    );
    return failed(style, OUR_FAULT);
  }
  io.err(`kvmodel: ${e.name}: ${ascii(e.message)}\n`);
  io.err('This is a bug in kvmodel, not in your input. KVMODEL_DEBUG=1 shows where.\n');
  if (io.env['KVMODEL_DEBUG'] === '1') io.err(`${e.stack}\n`);
  return failed(style, OUR_FAULT);
}
