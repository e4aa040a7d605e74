// SPDX-License-Identifier: GPL-2.0-only
/**
 * A recording as the text of /sys/kernel/tracing/trace, for tools that read it: `task-pid [cpu] flags ts: event: k=v`.
 *
 * Times have nine decimals, as trace-cmd report -t prints them. Of the flags none is modelled: they are dots.
 */
import type { trace_event } from '../trace/trace-event.js';
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

/** The lines, head first. */
export function ftraceLines(events: readonly RecordedEvent[]): string[] {
  return [
    ...HEAD,
    ...events.map(({ event, comm, pid }) => {
      const task = `${commOf(comm, pid).padStart(16)}-${String(pid).padEnd(7)}`;
      const cpu = `[${String(event.cpu).padStart(3, '0')}]`;
      return `${task} ${cpu} ..... ${seconds(event.ts)}: ${event.event}: ${printed(event)}`;
    }),
  ];
}

/** Decimal ns as seconds with nine decimals. */
export function seconds(ns: string): string {
  const digits = ns.padStart(10, '0');
  return `${digits.slice(0, -9).padStart(5)}.${digits.slice(-9)}`;
}

/** The event's fields as its print format has them. */
export function printed(event: trace_event): string {
  const fields = Object.entries(event.fields).map(([k, v]) => `${k}=${value(event, k, v)}`);
  if (event.event !== 'sched_switch') return fields.join(' ');
  const next = fields.findIndex((f) => f.startsWith('next_'));
  return [...fields.slice(0, next), '==>', ...fields.slice(next)].join(' ');
}

function value(event: trace_event, field: string, v: string | number | boolean): string {
  if (field === 'target_cpu') return String(v).padStart(3, '0');
  if (field === 'runtime' && event.event === 'sched_stat_runtime') return `${v} [ns]`;
  return String(v);
}
