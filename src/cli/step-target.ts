// SPDX-License-Identifier: GPL-2.0-only
/** What is stepped through: a scenario or a counterexample, on which kernels; the same for terminal and page. */
import { BadInput, reject, shown } from '../base/faults.js';
import { type Case, looksLikeToken } from '../loader/counterexample.js';
import { readText } from '../loader/files.js';
import { namedScenario } from '../scenario/catalogue.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import { checkKnobs, readCase } from './cases.js';
import { type Io, warnOn } from './io.js';
import { scenarioOf } from './run.js';

/** Of a scenario whose programs run, when nobody says how many. */
export const STEP_EVENTS = 10_000;

/** What somebody steps through. */
export interface Target {
  scenario: Scenario;
  /** what a counterexample says; a scenario's are found by running it */
  events: MachineEvent[] | null;
  case: Case | null;
}

export async function targetOf(name: string, io: Io): Promise<Target> {
  const isFile = namedScenario(name) === undefined && /[\\/.]/.test(name);
  const { isTraceFile } = await import('./trace-input.js');
  const isCase = looksLikeToken(name) || (isFile && !isTraceFile(name, io) && isCaseFile(name, io));
  if (!isCase) {
    const scenario = await scenarioOf(name, io);
    return { scenario, events: scenario.events === undefined ? null : [...scenario.events], case: null };
  }
  const c = await readCase(name, io);
  return { scenario: c.scenario, events: c.events, case: c };
}

/** A counterexample and not a scenario: it says so itself. */
function isCaseFile(name: string, io: Io): boolean {
  const text = readText(name, io.cwd, 'a scenario or a counterexample');
  return /"schema"\s*:\s*"kvmodel-counterexample/.test(text) || looksLikeToken(text.trim());
}

/** The kernel that it runs on, and the one beside it. Throws BadInput: unknown ones, the same twice, knobs that neither has. */
export async function kernelsOf(
  target: Target,
  flags: { kernel?: string; against?: string },
  io: Io,
): Promise<{ kernel: Kernel; other: Kernel | null }> {
  const { namedKernel } = await import('../loader/check-subject.js');
  const { pinOf } = await import('../series/registry.js');
  const { case: c, scenario } = target;
  const kernel = await namedKernel(
    flags.kernel ?? c?.kernel ?? pinOf(scenario.arch).name,
    io.cwd,
    c?.patch,
    true,
    warnOn(io),
  );
  const against = flags.against ?? (flags.kernel === undefined ? c?.against : undefined);
  const other = against === undefined ? null : await namedKernel(against, io.cwd, c?.patch);
  if (other !== null && other.name === kernel.name)
    reject('command line', 'usage', '--against', 'another kernel', shown(other.name));
  const sides = other === null ? [kernel] : [kernel, other];
  if (c !== null) await checkKnobs(c, sides, io);
  else {
    const { knobFaults } = await import('../machine/knobs.js');
    const faults = knobFaults(sides, scenario);
    if (faults.length > 0) throw new BadInput('scenario', faults);
  }
  return { kernel, other };
}

/** Its events: those that are given, or what happens when it runs, `limit` at most. */
export async function eventsOf(
  { scenario, events }: Target,
  kernel: Kernel,
  limit: number,
): Promise<{ events: MachineEvent[]; more: boolean }> {
  if (events !== null) return { events, more: false };
  const { happenings } = await import('../report/happenings.js');
  return happenings(kernel, scenario, limit);
}
