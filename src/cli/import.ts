// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel import`: a trace of a real kernel as a scenario, and where the model schedules otherwise. */
import { Command } from 'commander';
import { NOT_JUDGED, OK, REFUTED } from '../base/exit-codes.js';
import { count } from '../base/text.js';
import { refuseExisting, writeNew } from '../loader/files.js';
import { columnsOf, type Io, warnOn } from './io.js';
import { importedFrom } from './trace-input.js';

interface Flags {
  kernel?: string;
  output?: string;
  json?: boolean;
}

const EXAMPLES = `
Examples:
  kvmodel import trace.txt
  trace-cmd report -t trace.dat | kvmodel import -
  perf script -F comm,pid,cpu,time,event,trace | kvmodel import - -o run.json
  kvmodel step run.json

Record sched_switch, sched_waking, sched_wakeup, sched_wakeup_new,
sched_stat_runtime, sched_migrate_task, sched_process_fork, sched_process_exit;
kvm:* where guests run. docs/import.md says how a run is rebuilt.
Exit code 1 when a decision differs.
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('import')
    .argument('<trace>', 'text of ftrace, trace-cmd, perf script or Perfetto, plain or gzipped, a trace.dat, or -')
    .option('--kernel <k>', 'held against this kernel, series or ./my-patch.ts; the pin when absent')
    .option('-o, --output <file>', 'the run as a scenario, for run, step and --trace')
    .option('--json', 'what was found as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (trace: string, flags: Flags) => exit(await importTrace(trace, flags, io)));
}

async function importTrace(trace: string, flags: Flags, io: Io): Promise<number> {
  if (flags.output !== undefined) refuseExisting(flags.output, io.cwd);
  const { namedKernel } = await import('../loader/check-subject.js');
  const { pin } = await import('../series/registry.js');
  const kernel = await namedKernel(flags.kernel ?? pin.name, io.cwd, undefined, true, warnOn(io));
  const { recording, imported } = await importedFrom(trace, kernel, io);
  const { stableJson } = await import('../base/stable-json.js');
  if (flags.output !== undefined) {
    writeNew(flags.output, `${stableJson(imported.scenario)}\n`, io.cwd);
    io.err(`kvmodel: ${flags.output}: ${count(imported.scenario.events?.length ?? 0, 'event')}\n`);
  }
  if (flags.json === true) {
    const { scenario: _, ...found } = imported;
    const unused = Object.fromEntries(recording.unused);
    io.out(`${stableJson({ schema: 'kvmodel-import-1', kernel: kernel.name, ...found, unused }, 2)}\n`);
  } else {
    const { importLines } = await import('../import/import-text.js');
    io.out(`${importLines(recording, imported, kernel.name, columnsOf(io)).join('\n')}\n`);
  }
  if (imported.alike !== imported.decisions || imported.timesAlike !== imported.times) return REFUTED;
  return imported.decisions === 0 ? NOT_JUDGED : OK;
}
