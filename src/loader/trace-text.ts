// SPDX-License-Identifier: GPL-2.0-only
/** A trace where a recording or a counterexample was expected: told from it, so that what is accepted can be said. */

const HEAD = 200;
const IS_EVENT = /^\s*\S.*[-\s/]\d+\s+(?:\([^)]*\)\s*)?\[\d+\]\s+(?:\S+\s+)?\d+[.,]\d+:\s+(?:\w+:)?\w+:/;

/** What kind of trace the text is, in words; null when it is none. */
export function traceKind(text: string): string | null {
  if (text.startsWith('\x17\bDtracing')) return 'a trace.dat of trace-cmd';
  if (text.startsWith('PERFILE2')) return 'a perf.data';
  const lines = text.slice(0, 1 << 16).split('\n', HEAD);
  const isTrace = lines.some((line) => /^# tracer: /.test(line) || IS_EVENT.test(line));
  return isTrace ? 'ftrace text' : null;
}

/** Of a trace, the part that can be replayed: calls of kvm_vcpu_on_spin(), from kprobes. */
export const hasSpins = (text: string): boolean => text.includes(': on_spin: ');

/** Every kind of recording that `conform --replay` takes. */
export const RECORDINGS =
  'a recording of the scheduler (conform --record), one of local APICs (its first line has {"hdr":), or ftrace text with the ' +
  'kprobes on_spin, sched_in, sched_out ... of docs/conform.md';
