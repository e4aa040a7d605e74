// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel run`: a scenario on a kernel, told event by event or as a trace. */
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { OK } from '../base/exit-codes.js';
import { BadInput, oneOf, reject, shown } from '../base/faults.js';
import { count } from '../base/text.js';
import { readText } from '../loader/files.js';
import { everyScenario, namedScenario } from '../scenario/catalogue.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { columnsOf, type Io, warnOn } from './io.js';
import { Options } from './options.js';
import { TRACE_FORMATS, TRACE_HELP, writeTrace } from './write-trace.js';

const EVENTS = 100;
const TRACED_EVENTS = 1_000_000;

interface Flags {
  kernel?: string;
  against?: string;
  events?: string;
  trace?: string;
  output?: string;
  force?: boolean;
  vm?: string;
  all?: boolean;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel run two-spinners
  kvmodel run nice-mix --kernel v6.19-rc1 --against v6.12.117
  kvmodel run ./machine.json --trace ftrace > trace.txt
  kvmodel run two-spinners --trace perfetto -o two-spinners.pftrace
  echo '{"cpus":1,"tasks":[{"comm":"a"},{"comm":"b"}]}' | kvmodel run -
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('run')
    .argument(
      '<scenario>',
      'a name of `kvmodel list scenarios`, a JSON file, a trace of a real kernel, or - for standard input',
    )
    .option('--kernel <k>', 'on this kernel, series or ./my-patch.ts; the pin of its architecture when absent')
    .option('--against <k>', 'show what this kernel does differently')
    .option('--events <n>', `events at most, ${EVENTS} when absent; all that happen in the time with --trace`)
    .option('--trace <format>', TRACE_HELP)
    .option('-o, --output <file>', 'with --trace: where it goes; standard output when absent')
    .option('--force', 'overwrite that file')
    .option(
      '--vm <name>',
      "with --trace: of the kernel that runs in this VM, whose CPUs are vCPUs; the host's when absent",
    )
    .option('--all', 'every change of every event')
    .option('--json', 'scenario, events and transcript as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: Flags) => exit(await run(name, flags, io)));
}

/** The imported run when the file is a trace of a real kernel; null when it is anything else. */
async function scenarioOfTrace(name: string, io: Io): Promise<Scenario | null> {
  const { importedFrom, isTraceFile } = await import('./trace-input.js');
  if (!isTraceFile(name, io)) return null;
  const { pin } = await import('../series/registry.js');
  return (await importedFrom(name, pin, io)).imported.scenario;
}

/** By its name, from a file, or from standard input. */
export async function scenarioOf(name: string, io: Io): Promise<Scenario> {
  const named = namedScenario(name);
  if (named !== undefined) return named;
  const { readScenario } = await import('../scenario/read-scenario.js');
  const isFile = name !== '-' && /[\\/.]/.test(name);
  const traced = isFile ? await scenarioOfTrace(name, io) : null;
  if (traced !== null) return traced;
  if (name === '-') return readScenario(await io.stdin(), 'standard input');
  if (isFile) return readScenario(readText(name, io.cwd, 'a scenario as JSON'), name);
  const names = everyScenario.map((s) => s.name);
  reject('command line', 'unknown-scenario', 'SCENARIO', oneOf('a scenario, or a JSON file', name, names), shown(name));
}

async function run(name: string, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const format = flags.trace === undefined ? undefined : o.word('--trace', flags.trace, TRACE_FORMATS);
  // a transcript is laid out as a whole, a trace written as it happens
  const limit = o.whole('--events', flags.events, 1, format === undefined ? 100_000 : 100_000_000);
  if (format !== undefined && flags.json === true) o.fault('--json', 'no --trace', `--trace=${format}`);
  if (format !== undefined && flags.against !== undefined) o.fault('--against', 'no --trace', `--trace=${format}`);
  if (flags.vm !== undefined && format === undefined) o.fault('--vm', '--trace as well', '--vm alone');
  if (flags.output !== undefined && format === undefined) o.fault('-o', '--trace as well', '-o alone');
  o.done();
  const scenario = await scenarioOf(name, io);
  const { vm } = flags;
  if (vm !== undefined && scenario.vms?.find((it) => it.name === vm)?.kernel === undefined)
    reject('command line', 'usage', '--vm', 'a VM of the scenario whose guest runs a kernel', vm);
  const { namedKernel } = await import('../loader/check-subject.js');
  const { pinOf } = await import('../series/registry.js');
  const kernel = await namedKernel(flags.kernel ?? pinOf(scenario.arch).name, io.cwd, undefined, true, warnOn(io));
  const { knobFaults } = await import('../machine/knobs.js');
  const beside = flags.against === undefined ? [] : [await namedKernel(flags.against, io.cwd)];
  const faults = knobFaults([kernel, ...beside], scenario);
  if (faults.length > 0) throw new BadInput(`scenario ${name}`, faults);
  if (format !== undefined) {
    const most = limit ?? TRACED_EVENTS;
    const to = { format, ...defined({ file: flags.output, force: flags.force }) };
    const { more } = await writeTrace(kernel, scenario, most, to, io, vm);
    if (more) io.err(`kvmodel: stopped after ${count(most, 'event')}; --events N traces more\n`);
    return OK;
  }
  const { happenings } = await import('../report/happenings.js');
  const { events, more } = happenings(kernel, scenario, limit ?? EVENTS);
  await tell(scenario, events, kernel.name, flags, io);
  if (more && flags.json !== true) io.out(`(more happens; --events N prints more than ${events.length})\n`);
  return OK;
}

async function tell(
  scenario: Scenario,
  events: readonly MachineEvent[],
  kernel: string,
  flags: Flags,
  io: Io,
): Promise<void> {
  const { namedKernel } = await import('../loader/check-subject.js');
  const { transcriptOf } = await import('../explore/transcript.js');
  const { machineEngine } = await import('../explore/machine-engine.js');
  const { pin } = await import('../series/registry.js');
  const { isQuiet, transcript } = await import('../report/transcript.js');
  const { namesOf } = await import('../report/names.js');
  const own = await namedKernel(flags.kernel ?? kernel, io.cwd);
  const sides = flags.against === undefined ? [own] : [await namedKernel(flags.against, io.cwd), own];
  const kernels = sides.map((k) => k.name);
  const steps = transcriptOf(machineEngine, pin, sides, scenario, events);
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    io.out(`${stableJson({ schema: 'kvmodel-run-1', kernels, scenario, events, transcript: steps }, 2)}\n`);
    return;
  }
  const shownLines = flags.all === true ? 0 : 6;
  const lines = transcript(steps, {
    width: columnsOf(io),
    kernels,
    names: namesOf(scenario),
    shown: shownLines,
    quiet: flags.all !== true,
  });
  const { machineLines } = await import('../report/machine-text.js');
  const legend = kernels.length > 1 ? [`- ${kernels[0]}`, `+ ${kernels[1]}`] : [kernels[0]];
  const quiet = flags.all === true ? 0 : steps.filter((step) => isQuiet(step, kernels)).length;
  const left = quiet === 0 ? [] : [`(${count(quiet, 'event')} without effect left out; --all prints them)`];
  io.out(`${[...legend, ...machineLines(scenario, columnsOf(io)), '', ...lines, ...left].join('\n')}\n`);
}
