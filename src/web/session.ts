// SPDX-License-Identifier: GPL-2.0-only
/** What the page steps through: the stepper that the terminal has as well, tracks, and the changes that somebody made to the run. */
import { boot } from '../machine/boot.js';
import { knobFaults } from '../machine/knobs.js';
import type { machine } from '../machine/state.js';
import { cpuOf } from '../report/event-text.js';
import { followingEvent } from '../report/happenings.js';
import { namedScenario } from '../scenario/catalogue.js';
import type { MachineEvent } from '../scenario/events.js';
import { checkEvents } from '../scenario/read-scenario.js';
import { kernelByName } from '../series/registry.js';
import { machineAt } from '../step/detail.js';
import type { PageTarget } from '../step/page-data.js';
import { type Outside, Stepper } from '../step/stepper.js';
import type { Stop } from '../step/stops.js';
import { pathText } from '../step/text.js';
import { Timeline } from '../step/timeline.js';
import type { Kernel } from '../vmlinux/bind.js';
import { firstOther } from './call-tree.js';
import { type Change, changesOf, changesSoFar, differencesOf } from './changes.js';
import { type Edit, edited, fingerprint, type Link } from './link.js';
import { brokenAt } from './properties.js';
import { type Carried, carriedSources } from './sources.js';
import { Tracks } from './tracks.js';

/** Events that are run before the first picture. */
const FIRST = 500;
/** Events that are run on in one go. */
const STRETCH = 64;

/** Events between two looks at whether somebody wants it to end. */
const BREATH = 32;

export class Session {
  readonly stepper: Stepper;
  /** the run as it was opened */
  readonly original: readonly MachineEvent[];
  /** that end at the limit although more would happen */
  more = false;
  edits: readonly Edit[] = [];
  /** by the last command */
  said = '';
  tracks: Tracks;
  /** of the kernel beside */
  otherTracks: Tracks | null;
  private readonly start: machine;
  private readonly boot: machine | null;
  private readonly stop = { asked: false };
  private changed: { event: number; changes: Change[] } | null = null;

  constructor(
    readonly target: PageTarget,
    readonly kernel: Kernel,
    readonly other: Kernel | null,
    readonly carried: Carried,
  ) {
    const { scenario, events, limit } = target;
    this.start = boot(kernel, scenario);
    const line = new Timeline(
      kernel,
      this.start,
      events ??
        ((m, n) => {
          const event = followingEvent(scenario, m, n);
          this.more = n >= limit && event !== null;
          return this.more ? null : event;
        }),
      FIRST,
    );
    this.original = line.events;
    this.boot = other === null ? null : boot(other, scenario);
    const beside = other === null || this.boot === null ? null : new Timeline(other, this.boot, this.original, FIRST);
    this.stepper = new Stepper(line, beside, scenario, this.outside());
    this.tracks = this.newTracks();
    this.otherTracks = this.newOtherTracks();
  }

  private outside(): Outside {
    return {
      sources: carriedSources(this.carried),
      brokenAt: async (id, events) => (this.target.property === id ? brokenAt(this.target, this.kernel, events) : null),
      cSource: async () => null,
      save: () => '',
      interrupted: () => this.stop.asked,
    };
  }

  private newTracks(): Tracks {
    return new Tracks(this.kernel, this.start, this.stepper.line);
  }

  private newOtherTracks(): Tracks | null {
    const { other } = this.stepper;
    return other === null || this.boot === null ? null : new Tracks(other.kernel, this.boot, other);
  }

  /** All events run, and recorded. */
  get isWhole(): boolean {
    const { line, other } = this.stepper;
    return line.isWhole && other?.isWhole !== false && this.tracks.isWhole && this.otherTracks?.isWhole !== false;
  }

  /** Runs and records on for some ms; the place stays. */
  grow(ms: number): void {
    const { line, other } = this.stepper;
    const until = performance.now() + ms;
    while (!this.isWhole && performance.now() < until) {
      line.grow(STRETCH);
      other?.grow(STRETCH);
      this.tracks.record(STRETCH);
      this.otherTracks?.record(STRETCH);
    }
  }

  /** Runs it to the end, with room for somebody to interrupt. */
  private async wholeRun(): Promise<void> {
    const { line, other } = this.stepper;
    while (!(line.isWhole && other?.isWhole !== false) && !this.stop.asked) {
      line.grow(STRETCH * BREATH);
      other?.grow(STRETCH * BREATH);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  get line(): Timeline {
    return this.stepper.line;
  }

  interrupt(): void {
    this.stop.asked = true;
  }

  /** Until something stops it; says what did. */
  async continue(back: boolean): Promise<string> {
    this.stop.asked = false;
    if (!back) await this.wholeRun();
    if (this.stop.asked) return 'Interrupted.';
    return (await this.stepper.continue(back)).join(', ');
  }

  /** To the next call of a function, hit of a tracepoint, write of a field, or event that reads so. Says where it is not. */
  async find(text: string, back: boolean): Promise<string> {
    const { stepper } = this;
    const stop = this.stopFor(text);
    if (stop === null) {
      this.stop.asked = false;
      if (!back) await this.wholeRun();
      return this.findEvent(text, back);
    }
    const kept = [...stepper.stops];
    stepper.stops.splice(0, stepper.stops.length, stop);
    const { place } = this.line;
    const said = await this.continue(back);
    stepper.stops.splice(0, stepper.stops.length, ...kept);
    if (stop.hits > 0 || said === 'Interrupted.') return said.replace(/^\w+ \d+: /, '');
    stepper.go(place);
    return `${text}: not ${back ? 'before' : 'behind'} here`;
  }

  private stopFor(text: string): Stop | null {
    const made = { id: 0, path: [], event: -1, when: null, once: false, enabled: true, hits: 0 };
    const { kernel } = this.line;
    if (kernel.table[text] !== undefined) return { ...made, kind: 'function', what: text };
    if (kernel.table[`trace_${text}`] !== undefined) return { ...made, kind: 'tracepoint', what: text };
    if (!/[[.]|->/.test(text)) return null;
    try {
      const { path } = this.stepper.evaluate(text);
      return path === null ? null : { ...made, kind: 'field', what: text, path };
    } catch {
      return null;
    }
  }

  private findEvent(text: string, back: boolean): string {
    const { event, step } = this.line.place;
    const { length } = this.line.events;
    const by = back ? -1 : 1;
    for (let i = back && step > 0 ? event : event + by; i >= 0 && i < length; i += by) {
      if (!this.stepper.eventLine(i).includes(text)) continue;
      this.stepper.go({ event: i, step: 0 });
      return `event ${i}`;
    }
    return `${text}: not ${back ? 'before' : 'behind'} here`;
  }

  /** To the next event behind which a field differs between the two kernels that did not before it. */
  async nextDifference(back: boolean): Promise<string> {
    const { stepper, line } = this;
    const { other } = stepper;
    if (other === null) return 'one kernel: choose another to hold it against';
    this.stop.asked = false;
    await this.wholeRun();
    const from = line.place;
    const last = Math.min(line.length, other.length);
    const fields = (i: number): string[] =>
      differencesOf(other.machineBefore(i), line.machineBefore(i)).map(({ path }) => pathText(path));
    for (let i = from.event + (back ? -1 : 1); i >= 1 && i <= last && !this.stop.asked; i += back ? -1 : 1) {
      const known = new Set(fields(i - 1));
      const found = fields(i).find((field) => !known.has(field));
      if (found !== undefined) {
        stepper.go({ event: i, step: 0 });
        return `from here on ${found} differs`;
      }
      if (i % BREATH === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    stepper.go(from);
    return `no new difference ${back ? 'before' : 'behind'} here`;
  }

  /* ---- marks ---- */

  /** the position from which on two kernels differ, and the event that breaks the run's property; -1 for none or not known yet */
  parted = -1;
  broken = -1;

  /** Finds both out; takes a run or two. */
  async findMarks(): Promise<void> {
    const { line, target, kernel } = this;
    this.parted = this.stepper.parting?.behind ?? -1;
    this.broken = brokenAt(target, kernel, line.events) ?? -1;
  }

  get marks(): { at: number; words: string }[] {
    return [
      ...(this.parted < 0 ? [] : [{ at: this.parted, words: 'differs' }]),
      ...(this.broken < 0 ? [] : [{ at: this.broken, words: `breaks ${this.target.property ?? ''}` }]),
    ];
  }

  /** Idle tasks. */
  get idle(): ReadonlySet<number> {
    return new Set(this.start.rq.map(({ idle }) => idle));
  }

  /** The CPU that the present event is on. */
  get presentCpu(): number {
    const { events, place, machine } = this.line;
    const event = events[place.event];
    return (event === undefined ? null : cpuOf(event)) ?? machine.cpu;
  }

  /* ---- the kernel beside ---- */

  private parts: { event: number; at: number } | null = null;

  /** The first step of the present event that the two kernels make otherwise; -1 for none, null where there is one kernel or no event. */
  get partsAt(): number | null {
    const { line, other } = this.stepper;
    const { event } = line.place;
    if (other === null || event >= Math.min(line.length, other.length)) return null;
    if (this.parts?.event !== event)
      this.parts = { event, at: firstOther(line.detailAt(event), other.detailAt(event)) };
    return this.parts.at;
  }

  /** Steps that the other kernel has made where this one stands: as many, as long as both make the same; it waits where they part. */
  get otherStep(): number {
    const { line, other } = this.stepper;
    const { event, step } = line.place;
    const parts = step === 0 ? null : this.partsAt;
    if (other === null || parts === null) return 0;
    const most = other.detailAt(event).steps.length;
    return Math.min(most, parts < 0 || step <= parts ? step : parts + 1);
  }

  /** The other kernel's machine there; null where it is dead, or there is none. */
  get otherMachine(): machine | null {
    const { other, line } = this.stepper;
    const { event } = line.place;
    if (other === null) return null;
    if (event > other.length) other.grow(event - other.length);
    if (event > other.length) return null;
    const step = this.otherStep;
    return step === 0 ? other.machineBefore(event) : machineAt(other.machineBefore(event), other.detailAt(event), step);
  }

  /* ---- other events ---- */

  toggle(event: number): void {
    const last = this.edits[this.edits.length - 1];
    if (last !== undefined && 'in' in last && last.in === event) this.become(this.edits.slice(0, -1));
    else this.become([...this.edits, { out: event }]);
  }

  /** Takes another event here; what followed follows it. */
  take(event: MachineEvent): void {
    const at = this.line.place.event;
    this.become([...this.edits, { in: at, event }]);
    this.stepper.go({ event: at + 1, step: 0 });
  }

  /** The run as it was opened with these changes; says which do not fit. */
  become(edits: readonly Edit[]): string[] {
    const { events, faults } = edited(this.original, edits);
    this.edits = edits;
    this.stepper.become(events);
    this.tracks = this.newTracks();
    this.otherTracks = this.newOtherTracks();
    this.parts = null;
    this.changed = null;
    this.parted = -1;
    this.broken = -1;
    return faults;
  }

  /* ---- looking ---- */

  /** What the present event has changed so far; between events, what the one before changed. */
  get changes(): Change[] {
    const { place, detail, kernel, events } = this.line;
    if (place.step > 0) {
      const after = this.line.machine;
      return detail === null ? [] : changesSoFar(detail, place.step, this.line.copyBefore(place.event), after);
    }
    if (place.event === 0) return [];
    if (this.changed?.event !== place.event) {
      const before = this.line.copyBefore(place.event - 1);
      this.changed = { event: place.event, changes: changesOf(kernel, before, events[place.event - 1]) };
    }
    return this.changed.changes;
  }

  /** As a link names it. */
  get linked(): Omit<Link, 'view'> {
    const { target, edits, kernel, other } = this;
    return {
      target: linkName(target),
      kernel: kernel.name,
      against: other?.name ?? null,
      seed: target.scenario.seed ?? null,
      edits,
      place: this.line.place,
    };
  }
}

/** Scenarios of the catalogue by name, every other run by what it is. */
export function linkName({ scenario, events }: PageTarget): string {
  const known = scenario.name === undefined ? undefined : namedScenario(scenario.name);
  if (known !== undefined && JSON.stringify(known) === JSON.stringify(scenario)) return scenario.name ?? '';
  return `=${fingerprint([scenario, events])}`;
}

/** Opens a run, where a link says so at its place. `missing`: what the link says and the page cannot do. */
export function open(target: PageTarget, link: Link | null, carried: Carried): { session: Session; missing: string[] } {
  const missing: string[] = [];
  const kernel = known(link?.kernel, target.kernel, missing);
  const wanted = link === null ? (target.against ?? null) : link.against;
  let other = wanted === null ? null : known(wanted, '', missing);
  if (other?.name === kernel?.name) other = null;
  if (kernel === null) throw new Error(`no kernel ${target.kernel}`);
  const faults = knobFaults(other === null ? [kernel] : [kernel, other], target.scenario);
  if (faults.length > 0)
    throw new Error(faults.map((it) => `${it.place}: expected ${it.expected}, got ${it.got}`).join('; '));
  const session = new Session(target, kernel, other, carried);
  if (link === null) return { session, missing };
  const seed = target.scenario.seed ?? null;
  if (link.seed !== seed)
    missing.push(`it was made with seed ${link.seed ?? 'none'}; the scenario has ${seed ?? 'none'}`);
  missing.push(...session.become(checked(link.edits, missing)));
  session.stepper.go(link.place);
  const { place } = session.line;
  if (place.event !== link.place.event || place.step !== link.place.step)
    missing.push(`it stands at event ${link.place.event}, step ${link.place.step}, where this run has nothing`);
  return { session, missing };
}

function known(name: string | undefined, instead: string, missing: string[]): Kernel | null {
  for (const it of [name, instead]) {
    if (it === undefined || it === '') continue;
    try {
      return kernelByName(it);
    } catch {
      missing.push(`it names the kernel ${it}, which this page lacks`);
    }
  }
  return null;
}

/** Events that come from a link are looked at as those from a file are. */
function checked(edits: readonly Edit[], missing: string[]): Edit[] {
  return edits.filter((edit) => {
    if ('out' in edit) return true;
    try {
      checkEvents([edit.event], 'link');
      return true;
    } catch {
      missing.push(`it puts in an event that is none: ${JSON.stringify(edit.event)}`);
      return false;
    }
  });
}
