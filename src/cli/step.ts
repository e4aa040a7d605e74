// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel step`: a run gone through forwards and backwards, in a terminal or by a script. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { BadInput, reject, shown } from '../base/faults.js';
import { count, wrap } from '../base/text.js';
import { type Case, caseFile, looksLikeToken } from '../loader/counterexample.js';
import { readText, writeNew } from '../loader/files.js';
import { namedScenario } from '../scenario/catalogue.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Outside } from '../step/stepper.js';
import type { Kernel } from '../vmlinux/bind.js';
import { guardKernelLoops } from '../workers/guard.js';
import { checkKnobs, readCase } from './cases.js';
import { columnsOf, type Io, warnOn } from './io.js';
import { Options } from './options.js';
import { scenarioOf } from './run.js';
import { scripted, typed } from './step-input.js';

const EVENTS = 10_000;
/** A line of code: it stays as it is. */
const SOURCE = /^[ >] +\d+ {2}/;

interface Flags {
  kernel?: string;
  against?: string;
  events?: string;
  command: string[];
}

const EXAMPLES = `
Examples:
  kvmodel step two-spinners
  kvmodel step k1.AbCd... --against v6.12.117
  kvmodel step found/A6.1.json -x commands.txt
  printf 'break yield_to\\ncontinue\\nbt\\n' | kvmodel step two-spinners

Commands are gdb's and rr's: step, next, finish, continue, reverse-step,
break FUNC if EXPR, watch FIELD, print EXPR, bt, info rq, seek N; help lists all.
`;

export function define(io: Io, exit: (code: number) => void): Command {
  const collect = (file: string, files: string[]): string[] => [...files, file];
  return new Command('step')
    .argument('<target>', 'a scenario (name or JSON file), a token (k1...), a file of a counterexample, or a trace')
    .option('--kernel <k>', "on this kernel, series or ./my-patch.ts; the counterexample's, or the pin, when absent")
    .option('--against <k>', 'beside this kernel: says where the two part')
    .option('--events <n>', `of a scenario whose programs run: events at most, ${EVENTS} when absent`)
    .option('-x, --command <file>', 'commands from a file, one a line, instead of a terminal (repeatable)', collect, [])
    .addHelpText('after', EXAMPLES)
    .action(async (target: string, flags: Flags) => exit(await step(target, flags, io)));
}

interface Target {
  scenario: Scenario;
  /** what a counterexample says; a scenario's are found by running it */
  events: MachineEvent[] | null;
  case: Case | null;
}

async function targetOf(name: string, io: Io): Promise<Target> {
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

async function step(name: string, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const limit = o.whole('--events', flags.events, 1, 10_000_000) ?? EVENTS;
  o.done();
  const scripts = flags.command.map((file) => readText(file, io.cwd, 'commands of step'));
  const target = await targetOf(name, io);
  if (target.case?.patch !== undefined) guardKernelLoops();
  // WHY first: the 64-bit integers of this process are settled by whoever loads them.
  const { chooseInt64 } = await import('../lib/int64-choice.js');
  if (target.case?.int64 === 'checked') chooseInt64('checked');
  const { kernel, other } = await kernelsOf(target, flags, io);
  const { events, more } = await eventsOf(target, kernel, limit);
  if (more) io.err(`kvmodel: the first ${count(limit, 'event')}; --events N takes more\n`);

  const { boot } = await import('../machine/boot.js');
  const { Timeline } = await import('../step/timeline.js');
  const { Stepper } = await import('../step/stepper.js');
  const { scenario } = target;
  const line = new Timeline(kernel, boot(kernel, scenario), events);
  const beside = other === null ? null : new Timeline(other, boot(other, scenario), events);
  const stop = { asked: false };
  const stepper = new Stepper(line, beside, scenario, await outsideOf(target, kernel, stop, io));
  const say = (lines: readonly string[]): void =>
    io.out(
      lines
        .flatMap((it) => (SOURCE.test(it) ? [it] : wrap(it, columnsOf(io), '    ')))
        .map(
          (it) => `${it}
`,
        )
        .join(''),
    );
  say([
    `${kernel.name}${other === null ? '' : ` beside ${other.name}`}: ${count(events.length, 'event')}`,
    ...stepper.where(),
  ]);
  if (scripts.length > 0) await scripted(stepper, scripts.join('\n'), say);
  else if (io.terminal === undefined) await scripted(stepper, await io.stdin(), say);
  else await typed(stepper, io, io.terminal, stop, say);
  return OK;
}

async function kernelsOf(target: Target, flags: Flags, io: Io): Promise<{ kernel: Kernel; other: Kernel | null }> {
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

async function eventsOf(
  { scenario, events }: Target,
  kernel: Kernel,
  limit: number,
): Promise<{ events: MachineEvent[]; more: boolean }> {
  if (events !== null) return { events, more: false };
  const { happenings } = await import('../report/happenings.js');
  return happenings(kernel, scenario, limit);
}

async function outsideOf(target: Target, kernel: Kernel, stop: { asked: boolean }, io: Io): Promise<Outside> {
  const { case: c, scenario } = target;
  return {
    async brokenAt(id, events) {
      // WHY no other: a property is about runs of its own world, and may say anything of this one
      if (c === null || c.property !== id) return null;
      const { propertyById } = await import('../loader/check-subject.js');
      const { runCase } = await import('../explore/case.js');
      const { machineEngine } = await import('../explore/machine-engine.js');
      const property = await propertyById(c, io.cwd);
      if (property === undefined) return null;
      const { failure } = runCase({ engine: machineEngine, kernel, scenario, property, course: { events } });
      return failure === null ? -1 : Math.max(0, failure.index);
    },
    async cSource(fn) {
      const { cSourceOf } = await import('../native/c-source.js');
      return cSourceOf(fn, kernel.name);
    },
    save(file, events) {
      const base = c ?? { property: 'none', scenario, kernel: kernel.name };
      writeNew(file, caseFile({ ...base, kernel: kernel.name, scenario, events: [...events] }), io.cwd);
      return `${file}: ${count(events.length, 'event')}`;
    },
    interrupted: () => stop.asked,
  };
}
