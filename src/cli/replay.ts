// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel replay`: a counterexample once more, event by event, and whether it still is one. */
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { OK, REFUTED } from '../base/exit-codes.js';
import { reject, shown } from '../base/faults.js';
import { wrap } from '../base/text.js';
import type { Case } from '../loader/counterexample.js';
import { guardKernelLoops } from '../workers/guard.js';
import { checkKnobs, readCase } from './cases.js';
import { columnsOf, type Io, warnOn } from './io.js';
import { Options } from './options.js';
import { TRACE_FORMATS, TRACE_HELP, type TraceFormat, writeTrace } from './write-trace.js';

interface Flags {
  kernel?: string;
  against?: string;
  all?: boolean;
  json?: boolean;
  trace?: string;
  output?: string;
  force?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel replay k1.AbCd...
  kvmodel replay found/A6.1.json --all
  kvmodel replay k1.AbCd... --kernel v6.19
  kvmodel replay k1.AbCd... --trace ftrace > trace.txt
  kvmodel replay k1.AbCd... --kernel ./my-patch.ts --against v6.12.117
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('replay')
    .argument('<what>', 'a token (k1...), a file of a counterexample, or - for standard input')
    .option('--kernel <k>', 'replay on this kernel, series or ./my-patch.ts instead')
    .option('--against <k>', 'show what this kernel does differently')
    .option('--trace <format>', TRACE_HELP)
    .option('-o, --output <file>', 'with --trace: where it goes; standard output when absent')
    .option('--force', 'overwrite that file')
    .option('--all', 'every change of every event')
    .option('--json', 'scenario, events and transcript as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string, flags: Flags) => exit(await replay(what, flags, io)));
}

/** How it is told: as a trace, when one is asked for. */
function formatOf(flags: Flags): TraceFormat | undefined {
  const o = new Options();
  const format = flags.trace === undefined ? undefined : o.word('--trace', flags.trace, TRACE_FORMATS);
  for (const other of ['json', 'all', 'against'] as const)
    if (format !== undefined && flags[other] !== undefined) o.fault(`--${other}`, 'no --trace', `--trace=${format}`);
  if (flags.output !== undefined && format === undefined) o.fault('-o', '--trace as well', '-o alone');
  o.done();
  return format;
}

type Kernel = import('../vmlinux/bind.js').Kernel;

async function replay(what: string, flags: Flags, io: Io): Promise<number> {
  const format = formatOf(flags);
  const c = await readCase(what, io);
  if (c.patch !== undefined) guardKernelLoops();
  // WHY first: the 64-bit integers of this process are settled by whoever loads them.
  const { chooseInt64 } = await import('../lib/int64-choice.js');
  if (c.int64 === 'checked') chooseInt64('checked');
  const { namedKernel, propertyById } = await import('../loader/check-subject.js');
  const { transcriptOf } = await import('../explore/transcript.js');
  const { machineEngine } = await import('../explore/machine-engine.js');
  const { pin } = await import('../series/registry.js');

  const kernel = await namedKernel(flags.kernel ?? c.kernel, io.cwd, c.patch, true, warnOn(io));
  const other = flags.against ?? (flags.kernel === undefined ? c.against : undefined);
  const against = other === undefined ? undefined : await namedKernel(other, io.cwd, c.patch);
  if (against !== undefined && against.name === kernel.name)
    reject('command line', 'usage', '--against', 'another kernel', shown(against.name));
  await checkKnobs(c, [kernel, ...(against === undefined ? [] : [against])], io);
  const sides = against === undefined ? [kernel] : [against, kernel];
  if (format !== undefined) {
    const to = { format, ...defined({ file: flags.output, force: flags.force }) };
    await writeTrace(kernel, { ...c.scenario, events: [...c.events] }, Number.POSITIVE_INFINITY, to, io);
    const asked = await propertyById(c, io.cwd);
    return asked !== undefined && (await judged(c, kernel, asked)) !== null ? REFUTED : OK;
  }
  const steps = transcriptOf(machineEngine, pin, sides, c.scenario, c.events);
  const property = await propertyById(c, io.cwd);
  const failure = property === undefined ? null : await judged(c, kernel, property);
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    const { scenario, events } = c;
    const out = { kernel: kernel.name, property: c.property, scenario, events, transcript: steps, failure };
    io.out(`${stableJson(out, 2)}\n`);
  } else {
    const { transcript } = await import('../report/transcript.js');
    const { namesOf } = await import('../report/names.js');
    const kernels = sides.map((k) => k.name);
    const shownLines = flags.all === true ? 0 : 8;
    const { machineLines } = await import('../report/machine-text.js');
    const machine = [...machineLines(c.scenario, columnsOf(io)), ''];
    const legend = kernels.length > 1 ? [...machine, `- ${kernels[0]}`, `+ ${kernels[1]}`] : machine;
    const lines = transcript(steps, { width: columnsOf(io), kernels, names: namesOf(c.scenario), shown: shownLines });
    io.out(`${[...legend, ...lines, '', ...verdict(c, kernel.name, property, failure)].join('\n')}\n`);
  }
  return failure === null ? OK : REFUTED;
}

type Property = import('../../properties/vocabulary.js').Property;
type Failure = import('../explore/case.js').Failure;

/** Asks the property of this one run; null when it is not broken. */
async function judged(c: Case, kernel: Kernel, property: Property): Promise<Failure | null> {
  const { runCase } = await import('../explore/case.js');
  const { machineEngine } = await import('../explore/machine-engine.js');
  const { scenario, events } = c;
  const input = { engine: machineEngine, kernel, scenario, property, course: { events } };
  // as check asks a patch in a file: what the kernel keeps, it has to keep right
  return runCase(input).failure ?? (c.patch === undefined ? null : runCase({ ...input, witness: true }).failure);
}

/** Why the property was not asked. */
function notAsked(c: Case): string {
  const where = c.patch === undefined ? 'this kvmodel' : `kvmodel or, here, ${c.patch}`;
  return `${c.property} is no property of ${where}; it was not asked.`;
}

function verdict(c: Case, kernel: string, property: Property | undefined, failure: Failure | null): string[] {
  if (property === undefined) return wrap(notAsked(c), 80);
  const head = wrap(`${property.id}  ${property.word}: ${property.says}`, 80, '    ');
  if (failure === null) return [...head, ...wrap(`    not refuted by these events on ${kernel}`, 80, '    ')];
  const at = failure.index < 0 ? '' : ` at event ${failure.index}`;
  return [...head, ...wrap(`    refuted on ${kernel}${at}: ${failure.message}`, 80, '    ')];
}
