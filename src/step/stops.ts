// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where a run stops: at a call of a function, a tracepoint, a write of a field, the event that breaks a property. Going on looks at
 * whole events first, cheaply, and in detail only into those where something of that kind happens.
 */
import { bigintAsText } from '../base/stable-json.js';
import { apply } from '../machine/apply.js';
import type { trace_event } from '../trace/trace-event.js';
import { type AnyFunction, bind, type Kernel } from '../vmlinux/bind.js';
import type { Path, Step } from './detail.js';
import { at, type Expression, isTrue, type Scope } from './expression.js';
import { parametersOf } from './text.js';
import type { Place, Timeline } from './timeline.js';

export type StopKind = 'function' | 'tracepoint' | 'field' | 'property';

export interface Stop {
  readonly id: number;
  readonly kind: StopKind;
  /** the function, the tracepoint, the field as it was named, the property */
  readonly what: string;
  /** of a field */
  readonly path: Path;
  /** of a property: the event that breaks it; -1 when none does */
  readonly event: number;
  readonly when: { text: string; expression: Expression } | null;
  /** gone once it has been hit */
  readonly once: boolean;
  enabled: boolean;
  hits: number;
}

export interface Hit {
  place: Place;
  stops: Stop[];
}

/** Events between two looks at whether somebody wants it to end. */
const BREATH = 2048;

/** Is a write of that field, of what contains it, or of what it contains. */
function touches(path: Path, written: Path): boolean {
  const n = Math.min(path.length, written.length);
  for (let i = 0; i < n; i++) if (path[i] !== written[i]) return false;
  return true;
}

function isKind(stop: Stop, step: Step): boolean {
  switch (stop.kind) {
    case 'function':
      return step.kind === 'call' && step.fn === stop.what;
    case 'tracepoint':
      return step.kind === 'trace' && step.event.event === stop.what;
    case 'field':
      return step.kind === 'write' && touches(stop.path, step.path);
    case 'property':
      return false;
  }
}

/** Arguments of a call by name. */
export function localsOf(kernel: Kernel, step: Extract<Step, { kind: 'call' }> | undefined): Map<string, unknown> {
  if (step === undefined) return new Map();
  const names = parametersOf(kernel, step.fn);
  return new Map(step.args.map((value, i) => [names[i] ?? `arg${i}`, value]));
}

export class Finder {
  constructor(
    private readonly line: Timeline,
    private readonly stops: readonly Stop[],
    /** says true once somebody wants it to end */
    private readonly interrupted: () => boolean,
  ) {}

  /** The first place behind the present one where something stops; null at the end. 'interrupted' when asked to end. */
  async forward(): Promise<Hit | null | 'interrupted'> {
    const { event, step } = this.line.place;
    if (step > 0) {
      const rest = this.hitsIn(event).filter((hit) => hit.place.event > event || hit.place.step > step);
      if (rest.length > 0) return rest[0];
    }
    for await (const candidate of this.candidates(step > 0 ? event + 1 : event, this.reach())) {
      if (candidate === 'interrupted') return candidate;
      const [first] = this.hitsIn(candidate);
      if (first !== undefined) return first;
    }
    return null;
  }

  /** The last place before the present one where something stops. */
  async backward(): Promise<Hit | null | 'interrupted'> {
    const { event, step } = this.line.place;
    const isBefore = ({ place }: Hit): boolean => place.event < event || (place.event === event && place.step < step);
    if (step > 0) {
      const rest = this.hitsIn(event).filter(isBefore);
      if (rest.length > 0) return rest[rest.length - 1];
    }
    for (let to = event; to > 0; ) {
      const from = Math.max(0, to - BREATH);
      const found: number[] = [];
      for await (const candidate of this.candidates(from, to)) {
        if (candidate === 'interrupted') return candidate;
        found.push(candidate);
      }
      for (const candidate of found.reverse()) {
        const hits = this.hitsIn(candidate).filter(isBefore);
        if (hits.length > 0) return hits[hits.length - 1];
      }
      to = from;
    }
    return null;
  }

  /** Events that can be looked into: the one that killed the kernel as well. */
  private reach(): number {
    return Math.min(this.line.events.length, this.line.length + 1);
  }

  /** Every place in the event where something stops, in order. */
  private hitsIn(event: number): Hit[] {
    const hits: Hit[] = [];
    const { line } = this;
    const before = line.place;
    const detail = line.detailAt(event);
    const open: number[] = [];
    for (const [i, step] of detail.steps.entries()) {
      if (step.kind === 'call') open.push(i);
      if (step.kind === 'return') open.pop();
      const there = this.stops.filter((stop) => stop.enabled && isKind(stop, step));
      if (there.length === 0) continue;
      const place = { event, step: i + 1 };
      const held = there.filter((stop) => this.holds(stop, place, detail.steps[open[open.length - 1]]));
      if (held.length > 0) hits.push({ place: this.normal(place), stops: held });
    }
    const broken = this.stops.filter((stop) => stop.enabled && stop.kind === 'property' && stop.event === event);
    if (broken.length > 0) hits.push({ place: this.normal({ event, step: Number.MAX_SAFE_INTEGER }), stops: broken });
    line.go(before);
    return hits;
  }

  private normal(place: Place): Place {
    this.line.go(place);
    return this.line.place;
  }

  /** Its condition, looked at where it stops. What cannot be said there does not hold. */
  private holds(stop: Stop, place: Place, call: Step | undefined): boolean {
    if (stop.when === null) return true;
    this.line.go(place);
    const { kernel, machine } = this.line;
    const locals = localsOf(kernel, call?.kind === 'call' ? call : undefined);
    const scope: Scope = { m: machine, kernel, locals };
    try {
      return isTrue(stop.when.expression, scope);
    } catch {
      return false;
    }
  }

  /** Events `from` to `to` in which something of the kind happens, found by running them. */
  private async *candidates(from: number, to: number): AsyncGenerator<number | 'interrupted'> {
    const { line } = this;
    const stops = this.stops.filter((stop) => stop.enabled);
    if (stops.length === 0 || from >= to) return;
    const place = line.place;
    const m = line.copyBefore(Math.min(from, line.length));
    line.go(place);
    let seen = false;
    const kernel = calling(line.kernel, new Set(namesOf(stops, 'function')), () => {
      seen = true;
    });
    const tracepoints = new Set(namesOf(stops, 'tracepoint'));
    const hears = (hit: trace_event): void => {
      if (tracepoints.has(hit.event)) seen = true;
    };
    const wrote = (): void => {
      seen = true;
    };
    const paths = stops.filter(({ kind }) => kind === 'field').map(({ path }) => path);
    // a number tells of each write; a record or a list is looked at when the event is over
    const records = paths.filter((path) => typeof at(m, path) === 'object');
    const forget = paths.filter((path) => !records.includes(path)).map((path) => tellWrites(m, path, wrote));
    const looks = (): string[] => records.map((path) => JSON.stringify(at(m, path), bigintAsText));
    let looked = looks();
    const k = bind(kernel, m, hears);
    for (let event = from; event < to; event++) {
      seen = stops.some((stop) => stop.kind === 'property' && stop.event === event);
      try {
        apply(k, line.events[event]);
      } catch {
        // where the kernel dies is looked at in detail
        seen = true;
      }
      if (records.length > 0) {
        const now = looks();
        seen ||= now.some((text, i) => text !== looked[i]);
        looked = now;
      }
      if (seen) yield event;
      if (event >= line.length) break;
      if (event % BREATH !== 0) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.interrupted()) {
        yield 'interrupted';
        return;
      }
    }
    for (const it of forget) it();
  }
}

const namesOf = (stops: readonly Stop[], kind: StopKind): string[] =>
  stops.filter((stop) => stop.kind === kind).map((stop) => stop.what);

/** The kernel with those functions telling that they are called. */
function calling(kernel: Kernel, names: ReadonlySet<string>, called: () => void): Kernel {
  const own: Record<string, AnyFunction> = {};
  for (const name of names) {
    const original = kernel.table[name];
    if (original === undefined) continue;
    own[name] = function told(...args: unknown[]) {
      called();
      return original.apply(this, args);
    };
  }
  return { ...kernel, table: Object.freeze({ ...kernel.table, ...own }) };
}

/** Tells of every write of the field, on a machine of one's own; returns what ends that. */
function tellWrites(m: object, path: Path, wrote: () => void): () => void {
  const owner = at(m as never, path.slice(0, -1));
  const member = path[path.length - 1];
  if (typeof owner !== 'object' || owner === null || !Object.hasOwn(owner, member)) return () => undefined;
  const record = owner as Record<string | number, unknown>;
  let value = record[member];
  Object.defineProperty(record, member, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set: (next: unknown) => {
      if (next !== value) wrote();
      value = next;
    },
  });
  return () =>
    void Object.defineProperty(record, member, { configurable: true, enumerable: true, writable: true, value });
}
