// SPDX-License-Identifier: GPL-2.0-only
/** A whole trace: its events in order of time, and everything that is wrong with it, with its line. */
import { happeningOf, type TraceEvent } from './events.js';
import { parseLine, type TraceLine } from './trace-line.js';

/** Something about the recording that whoever reads the result has to know. */
export interface Note {
  /** 1-based; null for the whole */
  line: number | null;
  kind: 'unreadable' | 'lost' | 'clock' | 'order' | 'missing' | 'limit';
  says: string;
}

export interface Recording {
  events: TraceEvent[];
  notes: Note[];
  /** events that are there and not used, by name */
  unused: ReadonlyMap<string, number>;
  /** CPUs of the machine: as the head says, or as many as events name */
  cpus: number;
  /** lines in which events were lost, by CPU; null: on any */
  lost: { line: number; cpu: number | null }[];
  /** lines of events in the file, used or not */
  lines: number;
}

/** Beyond it a step of the clock is none that a queue of events explains. */
const STEP_NS = 1_000_000_000;
/** Events of any kind; a second of a busy machine has a million. */
const EVENTS_MAX = 4_000_000;
const CPUS_MAX = 64;

/** Reads the text of a trace. Never throws. */
export function readTrace(text: string): Recording {
  const notes: Note[] = [];
  const unused = new Map<string, number>();
  const lost: Recording['lost'] = [];
  const lines: TraceLine[] = [];
  let headCpus = 0;
  let number = 0;
  const isPage = /^\ufeff?\s*<(?:!doctype html|html)/i.test(text);
  if (isPage) notes.push({ line: 1, kind: 'unreadable', says: 'a page: lines outside of its trace are passed over' });
  for (const raw of text.replace(/^\ufeff/, '').split('\n')) {
    number++;
    const found = /#P:(\d{1,5})\b|^cpus=(\d{1,5})\s*$/.exec(raw.slice(0, 200));
    if (found !== null) headCpus = Math.max(headCpus, Number(found[1] ?? found[2]));
    const parsed = parseLine(raw, number);
    if (parsed.kind === 'none' || (isPage && parsed.kind === 'unreadable')) continue;
    if (parsed.kind === 'unreadable') {
      notes.push({ line: number, kind: 'unreadable', says: parsed.why });
    } else if (parsed.kind === 'lost') {
      lost.push({ line: number, cpu: parsed.cpu });
      const what = parsed.events === null ? 'events' : `${parsed.events} events`;
      notes.push({
        line: number,
        kind: 'lost',
        says: `${what} lost${parsed.cpu === null ? '' : ` on CPU ${parsed.cpu}`}`,
      });
    } else if (lines.length >= EVENTS_MAX) {
      notes.push({ line: number, kind: 'limit', says: `the first ${EVENTS_MAX} events are read` });
      break;
    } else lines.push(parsed.line);
  }
  // dots throughout: whoever printed it knows none, as a model does
  if (lines.every(({ flags }) => flags === null || /^\.*$/.test(flags))) for (const line of lines) line.flags = null;
  const timed = inOrder(lines, notes);
  const events: TraceEvent[] = [];
  let most = 0;
  for (const { line, at } of timed) {
    const happening = happeningOf(line);
    if (happening === null) unused.set(line.event, (unused.get(line.event) ?? 0) + 1);
    else if (typeof happening === 'string') notes.push({ line: line.number, kind: 'unreadable', says: happening });
    else if (!namesCpus(happening)) notes.push({ line: line.number, kind: 'unreadable', says: 'a CPU from 64 on' });
    else {
      events.push({ line, at, cpu: line.cpu, ...flagsOf(line.flags), ...happening });
      most = Math.max(most, line.cpu + 1, 'to' in happening ? happening.to + 1 : 0, targetOf(happening) + 1);
    }
  }
  const cpus = Math.max(most, Math.min(headCpus, CPUS_MAX), 1);
  return { events, notes, unused, cpus, lost, lines: lines.length };
}

const targetOf = (h: object): number => (h as { target?: number | null }).target ?? -1;
const namesCpus = (h: object): boolean => targetOf(h) < CPUS_MAX && ((h as { to?: number }).to ?? 0) < CPUS_MAX;

/** `dN.2.`: irqs-off, need-resched, hardirq/softirq, preempt-depth, migrate-disable. */
function flagsOf(flags: string | null): { resched: boolean | null; hardirq: boolean | null } {
  if (flags === null || flags.length < 4 || !/^[dDbB.X][NnpPlLbB.]/.test(flags))
    return { resched: null, hardirq: null };
  return { resched: /^.[NnbBlL]/.test(flags), hardirq: /^..[hHzZ]/.test(flags) };
}

/** Times since the first line, ns. A clock that steps goes on from where it was; CPUs written one behind the other are merged. */
function inOrder(lines: readonly TraceLine[], notes: Note[]): { line: TraceLine; at: number }[] {
  if (lines.length === 0) return [];
  const base = lines[0].seconds;
  const raw = (line: TraceLine): number => (line.seconds - base) * 1_000_000_000 + line.ns;
  const shift = new Map<number, number>();
  const last = new Map<number, number>();
  const out: { line: TraceLine; at: number }[] = [];
  for (const line of lines) {
    const before = last.get(line.cpu);
    let at = raw(line) + (shift.get(line.cpu) ?? 0);
    if (before !== undefined && at < before) {
      const back = before - at;
      const kind = back >= STEP_NS ? 'clock' : 'order';
      const what = kind === 'clock' ? 'the clock goes back by' : 'out of order by';
      notes.push({ line: line.number, kind, says: `${what} ${back} ns on CPU ${line.cpu}` });
      if (kind === 'clock') shift.set(line.cpu, (shift.get(line.cpu) ?? 0) + back);
      at = before;
    }
    last.set(line.cpu, at);
    out.push({ line, at });
  }
  const mixed = out.findIndex((it, i) => i > 0 && it.at < out[i - 1].at);
  if (mixed >= 0) {
    notes.push({ line: out[mixed].line.number, kind: 'order', says: 'CPUs are not merged by time: sorted' });
    out.sort((a, b) => a.at - b.at);
  }
  const first = out[0].at;
  return out.map(({ line, at }) => ({ line, at: at - first }));
}
