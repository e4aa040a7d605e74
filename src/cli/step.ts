// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel step`: a run gone through forwards and backwards, in a terminal or by a script. */
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { OK } from '../base/exit-codes.js';
import { count, wrap } from '../base/text.js';
import { caseFile } from '../loader/counterexample.js';
import { readText, writeNew } from '../loader/files.js';
import type { Outside } from '../step/stepper.js';
import type { Kernel } from '../vmlinux/bind.js';
import { guardKernelLoops } from '../workers/guard.js';
import { columnsOf, type Io } from './io.js';
import { Options } from './options.js';
import { sourceFiles } from './source-files.js';
import { scripted, typed } from './step-input.js';
import { eventsOf, kernelsOf, STEP_EVENTS, type Target, targetOf } from './step-target.js';
import { TRACE_FORMATS, TRACE_HELP, type TraceFormat, writeTrace } from './write-trace.js';

/** A line of code: it stays as it is. */
const SOURCE = /^[ >] +\d+ {2}/;

interface Flags {
  kernel?: string;
  against?: string;
  events?: string;
  command: string[];
  tui?: boolean;
  trace?: string;
  output?: string;
  force?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel step two-spinners
  kvmodel step k1.AbCd... --against v6.12.117
  kvmodel step found/A6.1.json -x commands.txt
  kvmodel step two-spinners --trace function_graph
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
    .option('--events <n>', `of a scenario whose programs run: events at most, ${STEP_EVENTS} when absent`)
    .option('-x, --command <file>', 'commands from a file, one a line, instead of a terminal (repeatable)', collect, [])
    .option('--tui', 'begin with the full-screen view (tui enable)')
    .option('--trace <format>', `${TRACE_HELP}: of the run, instead of stepping`)
    .option('-o, --output <file>', 'with --trace: where it goes; standard output when absent')
    .option('--force', 'an existing file is overwritten')
    .addHelpText('after', EXAMPLES)
    .action(async (target: string, flags: Flags) => exit(await step(target, flags, io)));
}

/** A trace of the whole run in place of steps; of one kernel. */
function formatOf(flags: Flags, o: Options): TraceFormat | undefined {
  const format = flags.trace === undefined ? undefined : o.word('--trace', flags.trace, TRACE_FORMATS);
  const steps = { '--against': flags.against, '--tui': flags.tui, '-x': flags.command[0] };
  for (const [flag, value] of Object.entries(steps))
    if (format !== undefined && value !== undefined) o.fault(flag, 'no --trace', `--trace=${format}`);
  for (const [flag, value] of Object.entries({ '-o': flags.output, '--force': flags.force }))
    if (format === undefined && value !== undefined) o.fault(flag, '--trace as well', `${flag} alone`);
  return format;
}

async function step(name: string, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const limit = o.whole('--events', flags.events, 1, 10_000_000) ?? STEP_EVENTS;
  if (flags.tui === true && flags.command.length > 0) o.fault('--tui', 'no -x', '-x as well');
  else if (flags.tui === true && io.terminal === undefined) o.fault('--tui', 'a terminal for input and output', 'none');
  const format = formatOf(flags, o);
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

  if (format !== undefined) {
    const to = { format, ...defined({ file: flags.output, force: flags.force }) };
    await writeTrace(kernel, { ...target.scenario, events: [...events] }, Number.POSITIVE_INFINITY, to, io);
    return OK;
  }
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
        .map((it) => `${it}\n`)
        .join(''),
    );
  say([
    `${kernel.name}${other === null ? '' : ` beside ${other.name}`}: ${count(events.length, 'event')}`,
    ...stepper.where(),
  ]);
  if (scripts.length > 0) await scripted(stepper, scripts.join('\n'), say);
  else if (io.terminal === undefined) await scripted(stepper, await io.stdin(), say);
  else await typed(stepper, io, io.terminal, stop, say, flags.tui === true);
  return OK;
}

async function outsideOf(target: Target, kernel: Kernel, stop: { asked: boolean }, io: Io): Promise<Outside> {
  const { case: c, scenario } = target;
  return {
    sources: sourceFiles,
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
