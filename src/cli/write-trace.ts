// SPDX-License-Identifier: GPL-2.0-only
/** The tracepoints of a scenario as text, written while it runs: of `run --trace` and `replay --trace`. */
import type { TraceText } from '../report/ftrace.js';
import type { End } from '../report/happenings.js';
import type { RecordedEvent } from '../report/recording.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { Io } from './io.js';

export const TRACE_FORMATS = ['ftrace', 'timehist'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** Lines that are written at once. */
const BLOCK = 1_000;

async function textOf(format: TraceFormat): Promise<TraceText> {
  if (format === 'ftrace') return (await import('../report/ftrace.js')).ftraceText();
  return (await import('../report/timehist.js')).timehistText();
}

/** WHY in blocks, as it happens: a second of sleeps of 1 ns is millions of lines. */
export async function writeTrace(
  kernel: Kernel,
  scenario: Scenario,
  limit: number,
  format: TraceFormat,
  io: Io,
  vm?: string,
): Promise<End> {
  const { traced } = await import('../report/happenings.js');
  const text = await textOf(format);
  let block: string[] = [...text.head];
  const flush = (): void => {
    if (block.length > 0) io.out(`${block.join('\n')}\n`);
    block = [];
  };
  const hit = (recorded: RecordedEvent): void => {
    const line = text.line(recorded);
    if (line !== null && block.push(line) >= BLOCK) flush();
  };
  const end = traced(kernel, scenario, limit, hit, vm);
  flush();
  if (end.died !== null) io.err(`kvmodel: ends here: ${end.died.message}\n`);
  return end;
}
