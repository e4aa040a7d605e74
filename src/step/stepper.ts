// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run that somebody goes through: the place, what stops it, what is shown at each stop. Commands (commands.ts) are words for what
 * is here; a terminal and a page use the same.
 */
import { count } from '../base/text.js';
import { sub, toBigInt } from '../lib/types.js';
import { differenceBetween } from '../machine/difference.js';
import type { machine } from '../machine/state.js';
import { eventText } from '../report/event-text.js';
import { type Names, namesOf } from '../report/names.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { type Expression, evaluate, type Found, parseExpression, type Scope } from './expression.js';
import type { ScreenState } from './screen.js';
import { type Sources, sourceLines } from './source.js';
import { Finder, localsOf, type Stop } from './stops.js';
import { callText, isBookkeeping, nameOf, recordLines, stepLine, valueText } from './text.js';
import type { Place, Timeline } from './timeline.js';

/** What a stepper cannot know by itself. */
export interface Outside {
  /** where the text of functions is kept */
  readonly sources: Sources;
  /** the event that breaks the property on this run: -1 for none; null for a property that the run is not about */
  brokenAt(property: string, events: readonly MachineEvent[]): Promise<number | null>;
  /** the tree's own C of a function: `file:line`, and its lines; null without a tree */
  cSource(fn: string): Promise<{ place: string; lines: string[] } | null>;
  /** keeps the run as a file; returns what was written */
  save(file: string, events: readonly MachineEvent[]): string;
  interrupted(): boolean;
}

/** Where two kernels part: behind so many events, in that field. */
export interface Parting {
  behind: number;
  words: string;
}

/** A fault of whoever typed, in words. */
export class CommandFault extends Error {}

const CONTEXT = 4;

export class Stepper {
  readonly stops: Stop[] = [];
  readonly displays: { id: number; text: string; expression: Expression }[] = [];
  readonly checkpoints: { id: number; place: Place }[] = [];
  /** the full-screen view; null where there is no terminal to draw it on */
  screen: ScreenState | null = null;
  readonly names: Names;
  /** of the frames, 0 is the innermost */
  frame = 0;
  private nextId = 1;

  constructor(
    public line: Timeline,
    /** the same events on another kernel */
    public other: Timeline | null,
    readonly scenario: Scenario,
    readonly outside: Outside,
  ) {
    this.names = namesOf(scenario);
  }

  newId(): number {
    return this.nextId++;
  }

  /* ---- going ---- */

  go(place: Place): void {
    this.frame = 0;
    this.line.go(place);
  }

  /** One step, to whatever comes next. What the machine only keeps books by is passed over. */
  step(back: boolean): boolean {
    const from = this.line.place;
    do {
      const { place } = this.line;
      this.go(back ? this.line.before(place) : this.line.after(place));
      if (same(place, this.line.place)) break;
    } while (this.isNothing());
    return !same(from, this.line.place);
  }

  private isNothing(): boolean {
    const { lastStep } = this.line;
    return lastStep !== null && isBookkeeping(lastStep);
  }

  /** The next step on this level: calls in between are run as a whole. Between events: a whole event. */
  next(back: boolean): boolean {
    const { line } = this;
    const from = line.place;
    if (from.step === 0) {
      this.go(back ? { event: from.event - 1, step: 0 } : { event: from.event + 1, step: 0 });
      return !same(from, line.place);
    }
    const depth = line.frames.length;
    while (this.step(back) && line.place.step !== 0 && line.frames.length > depth);
    return !same(from, line.place);
  }

  /** Until the selected call returns; backwards to before it. Outside of every call: to the end or beginning of the event. */
  finish(back: boolean): boolean {
    const { line } = this;
    const from = line.place;
    const { frames } = line;
    const frame = frames[frames.length - 1 - this.frame];
    if (from.step === 0) return this.next(back);
    if (frame === undefined) this.go({ event: from.event, step: back ? 0 : Number.MAX_SAFE_INTEGER });
    else if (back) this.go({ event: from.event, step: frame.call });
    else {
      const steps = line.detail?.steps ?? [];
      const end = steps.findIndex((it) => it.kind === 'return' && it.call === frame.call);
      this.go({ event: from.event, step: end < 0 ? Number.MAX_SAFE_INTEGER : end + 1 });
    }
    return !same(from, line.place);
  }

  /** Until something stops it, or the end. Says what stopped it. */
  async continue(back: boolean): Promise<string[]> {
    const finder = new Finder(this.line, this.stops, () => this.outside.interrupted());
    const hit = back ? await finder.backward() : await finder.forward();
    if (hit === 'interrupted') return ['Interrupted.'];
    if (hit === null) {
      this.go(back ? { event: 0, step: 0 } : { event: Number.MAX_SAFE_INTEGER, step: 0 });
      return [back ? 'The beginning of the run.' : 'The end of the run.'];
    }
    this.go(hit.place);
    for (const stop of hit.stops) {
      stop.hits++;
      if (stop.once) this.stops.splice(this.stops.indexOf(stop), 1);
    }
    return hit.stops.map((stop) => `${stop.kind === 'field' ? 'Watchpoint' : 'Breakpoint'} ${stop.id}: ${stop.what}`);
  }

  /* ---- looking ---- */

  get scope(): Scope {
    const { frames, kernel, machine } = this.line;
    const frame = frames[frames.length - 1 - this.frame];
    return { m: machine, kernel, locals: localsOf(kernel, frame?.step) };
  }

  /** Throws ExpressionFault. */
  evaluate(text: string): Found {
    return evaluate(parseExpression(text), this.scope);
  }

  /** `vruntime = 1003000000`, a record member by member. */
  printed(text: string): string[] {
    const { value, path } = this.evaluate(text);
    const m = this.line.machine;
    const name = path === null ? '' : nameOf(m, path);
    if (typeof value !== 'object' || value === null) return [`${text} = ${valueText(value, path, m)}`];
    const [first, ...rest] = recordLines(value, path, m);
    return [`${text}${name === '' ? '' : ` (${name})`} = ${first}`, ...rest];
  }

  ns(m: machine = this.line.machine): bigint {
    return toBigInt(sub(m.sched_clock, m.bootClock));
  }

  eventLine(i: number): string {
    const { events } = this.line;
    const text = i < events.length ? eventText(events[i], this.names) : '(end)';
    const cpu = i < events.length && 'cpu' in events[i] ? `  cpu ${(events[i] as { cpu: number }).cpu}` : '';
    return `#${i}  ${text}${cpu}`;
  }

  /** Where it stands: the event, the last step, the source line. */
  where(): string[] {
    const { line } = this;
    const { event, step } = line.place;
    const { died, lastStep, detail } = line;
    const of = `event ${event} of ${line.events.length}`;
    const head =
      step === 0
        ? `${of}, ${this.ns()} ns: ${event < line.events.length ? `before ${this.eventLine(event)}` : 'the end'}`
        : `${of}, step ${step} of ${detail?.steps.length ?? 0}, ${this.ns()} ns: in ${this.eventLine(event)}`;
    const lines = [head];
    if (lastStep !== null) lines.push(stepLine(lastStep, line.kernel, line.machine), ...this.sourceLine());
    if (died !== null) lines.push(died);
    lines.push(...this.partingLines());
    for (const { id, text } of this.displays) lines.push(...this.displayed(id, text));
    return lines;
  }

  private displayed(id: number, text: string): string[] {
    try {
      return this.printed(text).map((it, i) => (i === 0 ? `${id}: ${it}` : it));
    } catch (thrown) {
      return [`${id}: ${text}: ${(thrown as Error).message}`];
    }
  }

  private sourceLine(): string[] {
    const { sources } = this.outside;
    const place = sources.placeOf(this.line.lastStep?.at.text ?? '');
    if (place === null) return [];
    const [text = ''] = sourceLines(sources, place, 0, 0);
    return [`${place.shown}:${place.line}  ${text.replace(/^> *\d+ */, '')}`];
  }

  /** The mirrored source around the line that made the last step, or of the selected frame's call. */
  source(): string[] {
    const { frames, lastStep } = this.line;
    const inner = frames.length - this.frame;
    const at = this.frame === 0 ? lastStep?.at : frames[inner]?.step.at;
    const { sources } = this.outside;
    const place = sources.placeOf(at?.text ?? '');
    if (place === null) throw new CommandFault('no source here: step into an event first');
    return [place.shown, ...sourceLines(sources, place, CONTEXT, CONTEXT + 1)];
  }

  backtrace(): string[] {
    const { frames, kernel, machine } = this.line;
    if (frames.length === 0)
      return ['No call is open: the place is between events, or in the machine around the kernel.'];
    return [...frames].reverse().map(({ step }, i) => {
      const place = this.outside.sources.placeOf(step.at.text);
      const from = place === null ? '' : `  called at ${place.shown}:${place.line}`;
      return `${i === this.frame ? '*' : ' '} #${i}  ${callText(step, kernel, machine)}${from}`;
    });
  }

  /* ---- two kernels ---- */

  private parted: Parting | null | undefined;

  /** Where the two kernels' machines differ first; null where they do not, or there is one kernel. */
  get parting(): Parting | null {
    if (this.parted !== undefined) return this.parted;
    const { other, line } = this;
    this.parted = null;
    if (other === null) return null;
    const { place } = line;
    for (let behind = 0; behind <= Math.min(line.length, other.length) && this.parted === null; behind++)
      this.parted = this.differenceAt(behind);
    if (this.parted === null && line.length !== other.length)
      this.parted = { behind: Math.min(line.length, other.length), words: 'one of the kernels dies in the next event' };
    line.go(place);
    return this.parted;
  }

  /** What differs first in the machines behind so many events; null for nothing, or one kernel. The place moves there. */
  differenceAt(behind: number): Parting | null {
    const { other, line } = this;
    if (other === null || behind > Math.min(line.length, other.length)) return null;
    const here = line.machineBefore(behind);
    // what is set is no difference yet
    const { sched_feat, knobs = {} } = here;
    const found = differenceBetween({ ...other.machineBefore(behind), sched_feat, knobs }, here);
    if (found === null) return null;
    return { behind, words: `${found.field}: ${found.left} on ${other.kernel.name}, ${found.right} here` };
  }

  /** Told where it is reached. */
  private partingLines(): string[] {
    const { event, step } = this.line.place;
    if (this.other === null || step !== 0 || this.parting?.behind !== event) return [];
    return ['The kernels differ from here on:', `  ${this.parting.words}`];
  }

  /* ---- other events ---- */

  /** Other events from the beginning; the place stays as far as it can. Says how many there are. */
  become(events: readonly MachineEvent[]): string {
    const { event } = this.line.place;
    this.line = this.line.with(events);
    if (this.other !== null) this.other = this.other.with(events);
    this.parted = undefined;
    this.go({ event: Math.min(event, events.length), step: 0 });
    return count(events.length, 'event');
  }
}

const same = (a: Place, b: Place): boolean => a.event === b.event && a.step === b.step;
