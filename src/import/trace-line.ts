// SPDX-License-Identifier: GPL-2.0-only
/**
 * One line of a trace: what /sys/kernel/tracing/trace, `trace-cmd report`, Perfetto's ftrace export and `perf script` print.
 *
 *   comm-pid  (tgid) [cpu] flags  seconds.fraction: event: fields        ftrace, trace-cmd, Perfetto
 *   comm pid/tid     [cpu]        seconds.fraction: sched:event: fields  perf
 */

/** A line as it stands; the time is not joined yet, so that an uptime of months stays exact. */
export interface TraceLine {
  /** 1-based, in the file */
  number: number;
  cpu: number;
  pid: number;
  comm: string;
  /** null where there is no such column */
  flags: string | null;
  /** whole seconds, and ns of the rest */
  seconds: number;
  ns: number;
  /** digits behind the point: 6 are microseconds */
  digits: number;
  event: string;
  /** what follows the event's name */
  text: string;
}

export type Parsed =
  | { kind: 'event'; line: TraceLine }
  /** comment, header, empty */
  | { kind: 'none' }
  | { kind: 'lost'; cpu: number | null; events: number | null }
  | { kind: 'unreadable'; why: string };

/** A line of a trace is shorter; what is longer is none, and matching it would take time. */
const LINE_MAX = 8192;
/** CPUs that a machine of the model may have */
const CPUS_MAX = 64;

const HEAD = /^(.{0,64}?)\s*\[(\d{1,5})\]\s+/;
const WHEN = /^(?:([^\s:]{1,12})\s+)?(\d{1,12})[.,](\d{1,9}):\s+/;
const CLOCK = /^(?:\S{1,12}\s+)?\d{1,20}:\s/;
const EVENT = /^(?:([\w-]+):)?([A-Za-z_]\w*):(?:\s|$)/;
/** perf prints irq flags before the CPU, and leaves the comm out where it is told so */
const OWNER = [
  /^\s*(.*)-(\d+)\s*(?:\(\s*[-\d]+\s*\))?$/,
  /^\s*(.*\S)\s+(?:\d+\/)?(\d+)(?:\s+[dDbBX.][\w.]{3,4})?$/,
  /^\s*()(?:\d+\/)?(\d+)$/,
];
/** as a mail quotes it */
const QUOTED = /^(?:> ?)+/;
const LOST = /\bLOST (\d+)? ?EVENTS\b|\[(?:lost )?(\d+) events?(?: lost| dropped)?\]|EVENTS DROPPED/i;
const LOST_CPU = /CPU:?\s*(\d+)/i;

/** A line of the file. Never throws. */
export function parseLine(raw: string, number: number): Parsed {
  if (raw.length > LINE_MAX) return { kind: 'unreadable', why: `a line of ${raw.length} characters` };
  const text = raw.replace(/\r$/, '').replace(QUOTED, '');
  if (LOST.test(text) && !text.includes('sched_')) return lost(text);
  if (/^\s*(?:#|$)/.test(text) || /^cpus=\d+$/.test(text) || /^version = /.test(text)) return { kind: 'none' };
  if (/^\s+[0-9a-f]{6,16} \S/.test(text) || /^\s+=> /.test(text)) return { kind: 'none' }; // a stack
  const head = HEAD.exec(text);
  if (head === null) return { kind: 'unreadable', why: 'no line of a trace: [CPU] is missing' };
  const owner = ownerOf(head[1]);
  if (owner === null) return { kind: 'unreadable', why: 'no task and pid before [CPU]' };
  const cpu = Number(head[2]);
  if (cpu >= CPUS_MAX) return { kind: 'unreadable', why: `CPU ${cpu}: a machine has ${CPUS_MAX} at most` };
  const rest = text.slice(head[0].length);
  const when = WHEN.exec(rest);
  if (when === null) {
    const why = CLOCK.test(rest)
      ? 'a time in ticks of a counter: record with a clock in seconds (local, global, mono or boot)'
      : 'no time in seconds behind [CPU]';
    return { kind: 'unreadable', why };
  }
  const named = EVENT.exec(rest.slice(when[0].length).replace(/^\d+ +(?=[\w-]+:)/, ''));
  if (named === null) return { kind: 'unreadable', why: 'no event behind the time' };
  const body = rest.slice(rest.indexOf(named[0], when[0].length) + named[0].length);
  return {
    kind: 'event',
    line: {
      number,
      cpu,
      ...owner,
      flags: when[1] ?? null,
      seconds: Number(when[2]),
      ns: Number(when[3].padEnd(9, '0')),
      digits: when[3].length,
      event: named[2],
      text: body.trim(),
    },
  };
}

function ownerOf(text: string): { comm: string; pid: number } | null {
  for (const form of OWNER) {
    const found = form.exec(text);
    if (found !== null) return { comm: found[1].trim(), pid: Number(found[2]) };
  }
  return null;
}

function lost(text: string): Parsed {
  const found = LOST.exec(text);
  const cpu = LOST_CPU.exec(text);
  const events = found?.[1] ?? found?.[2];
  return {
    kind: 'lost',
    cpu: cpu === null ? null : Number(cpu[1]),
    events: events === undefined ? null : Number(events),
  };
}

/** Fields by the kernel's names, in any order: a value ends where the next `name=` begins, so that a comm may hold spaces. */
export function fieldsOf(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  const names = [...text.matchAll(/(?:^|[\s,{(])([A-Za-z_]\w*)=/g)];
  names.forEach((found, i) => {
    const from = found.index + found[0].length;
    const to = names[i + 1]?.index ?? text.length;
    const value = text
      .slice(from, to)
      .replace(/\s*==>\s*$/, '')
      .replace(/\s*\[ns\]\s*$/, '')
      .trim();
    out[found[1]] ??= value.replace(/^"(.*)"$/, '$1');
  });
  return out;
}
