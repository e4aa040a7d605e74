// SPDX-License-Identifier: GPL-2.0-only
/** Exit codes, and what is said when a command cannot do what it was asked. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadInput, type Fault } from '../base/faults.js';
import { ascii, count, wrap } from '../base/text.js';
import type { ExitStyle } from '../report/verdicts.js';
import type { Io } from './io.js';

/** as recorded, or everything holds */
export const OK = 0;
/** refuted, or not as recorded */
export const REFUTED = 1;
/** usage or bad input */
export const BAD_INPUT = 2;
/** a branch that is not modelled, or a mistake of ours */
export const OUR_FAULT = 3;
/** kselftest: nothing could be judged */
export const KSFT_SKIP = 4;
/** a patch of which something was not compiled or not run, and nothing refuted */
export const NOT_JUDGED = 4;
/** git bisect: this revision cannot be tested */
export const BISECT_SKIP = 125;
/** ended by ^C, as a shell counts signals */
export const INTERRUPTED = 130;

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

/** Says what went wrong on stderr and returns the exit code for it. */
export function explain(error: unknown, io: Io, style: ExitStyle = 'unix'): number {
  const bad = faultsOf(error);
  if (bad !== null) {
    io.err(`${faultLines(bad.input, bad.faults).join('\n')}\n`);
    return style === 'bisect' ? BISECT_SKIP : BAD_INPUT;
  }
  const e = error instanceof Error ? error : new Error(String(error));
  const theirs = outsideFrame(e.stack ?? '', io.cwd);
  if (theirs !== null) {
    const fault = { code: 'threw', place: theirs, expected: 'code that runs', got: `${e.name}: ${e.message}` };
    io.err(`${faultLines(theirs.replace(/:\d+:\d+$/, ''), [fault]).join('\n')}\n`);
    return style === 'bisect' ? BISECT_SKIP : BAD_INPUT;
  }
  if (e.name === 'NotModelled') {
    io.err(
      `kvmodel: ${ascii(e.message)}\nLinux goes on here and the model does not: docs/FIDELITY.md says what is missing.\n`,
    );
    return style === 'bisect' ? BISECT_SKIP : OUR_FAULT;
  }
  io.err(`kvmodel: ${e.name}: ${ascii(e.message)}\n`);
  io.err('This is a mistake of kvmodel, not of yours. KVMODEL_DEBUG=1 shows where.\n');
  if (io.env['KVMODEL_DEBUG'] === '1') io.err(`${e.stack}\n`);
  return style === 'bisect' ? BISECT_SKIP : OUR_FAULT;
}
