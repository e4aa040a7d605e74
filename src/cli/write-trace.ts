// SPDX-License-Identifier: GPL-2.0-only
/** A run as a trace, written while it happens: of `run --trace` and `replay --trace`. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { oneOf, reject } from '../base/faults.js';
import type { TraceText } from '../report/ftrace.js';
import type { End, Watcher } from '../report/happenings.js';
import type { RecordedEvent } from '../report/recording.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { Io } from './io.js';

export const TRACE_FORMATS = ['ftrace', 'function_graph', 'timehist', 'perfetto', 'trace.dat', 'json'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** What follows --trace in a help. */
export const TRACE_HELP =
  'a trace instead of a transcript: ftrace, function_graph, timehist, perfetto, trace.dat or json';

export interface TraceTo {
  format: TraceFormat;
  /** standard output when absent, which takes text alone */
  file?: string;
  /** an existing file may be overwritten */
  force?: boolean;
}

/** Lines that are written at once. */
const BLOCK = 1_000;
const BYTES = 1 << 16;

/** Where it goes. */
interface Sink {
  lines(lines: readonly string[]): void;
  bytes(bytes: Uint8Array): void;
  close(): void;
}

function sinkOf({ format, file, force }: TraceTo, io: Io): Sink {
  if (file === undefined) {
    if (format === 'perfetto' || format === 'trace.dat')
      reject('command line', 'usage', `--trace ${format}`, '-o FILE as well', 'no file');
    return { lines: (lines) => io.out(`${lines.join('\n')}\n`), bytes: () => undefined, close: () => undefined };
  }
  const path = resolve(io.cwd, file);
  let fd: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    fd = openSync(path, force === true ? 'w' : 'wx');
  } catch (e) {
    const there = (e as NodeJS.ErrnoException).code === 'EEXIST';
    reject(
      file,
      'file',
      '-o',
      'a place for a new file',
      there ? 'a file that exists (--force overwrites it)' : (e as Error).message,
    );
  }
  let waiting: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (size > 0) writeSync(fd, Buffer.concat(waiting));
    waiting = [];
    size = 0;
  };
  const bytes = (more: Uint8Array): void => {
    waiting.push(more);
    size += more.length;
    if (size >= BYTES) flush();
  };
  return {
    lines: (lines) => bytes(Buffer.from(`${lines.join('\n')}\n`)),
    bytes,
    close() {
      flush();
      closeSync(fd);
    },
  };
}

async function textOf(format: 'ftrace' | 'timehist' | 'json'): Promise<TraceText> {
  if (format === 'json') return (await import('../report/trace-json.js')).jsonTrace();
  if (format === 'ftrace') return (await import('../report/ftrace.js')).ftraceText();
  return (await import('../report/timehist.js')).timehistText();
}

/** WHY in blocks, as it happens: a second of sleeps of 1 ns is millions of lines. */
async function watcherOf(
  kernel: Kernel,
  { format }: TraceTo,
  sink: Sink,
  vm?: string,
): Promise<Watcher & { flush(): void }> {
  let block: string[] = [];
  const flush = (): void => {
    if (block.length > 0) sink.lines(block);
    block = [];
  };
  const put = (lines: readonly string[]): void => {
    block.push(...lines);
    if (block.length >= BLOCK) flush();
  };
  if (format === 'perfetto') {
    const { PerfettoTrace } = await import('../report/perfetto.js');
    const trace = new PerfettoTrace(kernel, sink.bytes);
    return {
      begin: (m) => trace.begin(m),
      hit: (recorded) => trace.hit(recorded),
      after: (m) => trace.after(m),
      end: (m) => trace.end(m),
      flush,
    };
  }
  if (format === 'trace.dat') {
    const { TraceDat } = await import('../report/trace-dat.js');
    const trace = new TraceDat(kernel.name, vm);
    return {
      begin: (m) => trace.begin(m),
      hit: (recorded) => trace.hit(recorded),
      end: () => sink.bytes(trace.file()),
      flush,
    };
  }
  if (format === 'function_graph') {
    const { GRAPH_HEAD, graphLines } = await import('../step/function-graph.js');
    put(GRAPH_HEAD);
    return { before: (m, event) => put(graphLines(kernel, m, event)), flush };
  }
  const text = await textOf(format);
  put(text.head);
  const hit = (recorded: RecordedEvent): void => {
    const line = text.line(recorded);
    if (line !== null) put([line]);
  };
  return { hit, flush };
}

export async function writeTrace(
  kernel: Kernel,
  scenario: Scenario,
  limit: number,
  to: TraceTo,
  io: Io,
  vm?: string,
): Promise<End> {
  if (vm !== undefined && ['perfetto', 'function_graph'].includes(to.format))
    reject(
      'command line',
      'usage',
      '--vm',
      `${oneOf('ftrace, timehist, trace.dat or json', to.format, ['ftrace', 'timehist', 'trace.dat', 'json'])}`,
      to.format,
    );
  const { traced } = await import('../report/happenings.js');
  const sink = sinkOf(to, io);
  const watcher = await watcherOf(kernel, to, sink, vm);
  const end = traced(kernel, scenario, limit, watcher, vm);
  watcher.flush();
  sink.close();
  if (end.died !== null) io.err(`kvmodel: ends here: ${end.died.message}\n`);
  return end;
}
