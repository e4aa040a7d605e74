// SPDX-License-Identifier: GPL-2.0-only
/**
 * A recording as the text of /sys/kernel/tracing/trace, for tools that read it: `task-pid [cpu] flags ts: event: fields`.
 *
 * Times have nine decimals, as trace-cmd report -t prints them. Of the flags none is modelled: they are dots.
 */
import { printed } from './print-formats.js';
import { commOf, type RecordedEvent } from './recording.js';

const HEAD = [
  '# tracer: nop',
  '#',
  '#                                _-----=> irqs-off/BH-disabled',
  '#                               / _----=> need-resched',
  '#                              | / _---=> hardirq/softirq',
  '#                              || / _--=> preempt-depth',
  '#                              ||| / _-=> migrate-disable',
  '#                              |||| /     delay',
  '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
  '#              | |         |   |||||     |         |',
];

/** A trace as text, written as it happens. */
export interface TraceText {
  head: readonly string[];
  /** null for an event that has no line */
  line(recorded: RecordedEvent): string | null;
}

export const ftraceText = (): TraceText => ({
  head: HEAD,
  line({ event, comm, pid }) {
    const task = `${commOf(comm, pid).padStart(16)}-${String(pid).padEnd(7)}`;
    const cpu = `[${String(event.cpu).padStart(3, '0')}]`;
    return `${task} ${cpu} ..... ${seconds(event.ts)}: ${event.event}: ${printed(event)}`;
  },
});

/** Decimal ns as seconds with nine decimals. */
export function seconds(ns: string): string {
  const digits = ns.padStart(10, '0');
  return `${digits.slice(0, -9).padStart(5)}.${digits.slice(-9)}`;
}
