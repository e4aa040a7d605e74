// SPDX-License-Identifier: GPL-2.0-only
/** Counterexamples as commands are given them. */
import { BadInput, reject } from '../base/faults.js';
import { type Case, looksLikeToken, readCaseFile, readToken } from '../loader/counterexample.js';
import { readText } from '../loader/files.js';
import { traceKind } from '../loader/trace-text.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { Io } from './io.js';

/** A counterexample by its token or file, or from standard input. */
export async function readCase(what: string, io: Io): Promise<Case> {
  if (what.trim() === '')
    reject('command line', 'usage', 'WHAT', 'a token, a file, or - for standard input', 'nothing');
  if (looksLikeToken(what)) return readToken(what);
  const text = what === '-' ? await io.stdin() : readText(what, io.cwd, 'a counterexample');
  const kind = traceKind(text);
  if (kind !== null)
    reject(
      what,
      'counterexample',
      what,
      'a token or a file of check --out; a trace is read by import, run and step',
      kind,
    );
  const first = text.trim();
  return looksLikeToken(first) ? readToken(first) : readCaseFile(text, what);
}

/** Throws BadInput for knobs that neither the kernels it is replayed on have, nor those it was found on. */
export async function checkKnobs(c: Case, sides: readonly Kernel[], io: Io): Promise<void> {
  const { namedKernel } = await import('../loader/check-subject.js');
  const { knobEventFaults, knobFaults } = await import('../machine/knobs.js');
  const named = [c.kernel, ...(c.against === undefined ? [] : [c.against])];
  // where it was found may be gone, and another kernel was asked for
  const found = await Promise.allSettled(named.map((name) => namedKernel(name, io.cwd, c.patch)));
  const kernels = [...sides, ...found.flatMap((f) => (f.status === 'fulfilled' ? [f.value] : []))];
  const faults = [...knobFaults(kernels, c.scenario, 'scenario.'), ...knobEventFaults(kernels, c.events, 'events')];
  if (faults.length > 0) throw new BadInput('counterexample', faults);
}
