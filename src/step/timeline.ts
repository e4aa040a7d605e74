// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run, and a place in it. A place is an event's number and how many of its steps have been made (detail.ts): step 0 is between
 * the events. There is a place behind the last event; where the kernel died it is inside the event that killed it.
 */
import { cloneMachine } from '../machine/clone.js';
import { History } from '../machine/history.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Kernel } from '../vmlinux/bind.js';
import { type Detail, deathOf, detailOf, framesAt, machineAt, type Step } from './detail.js';

export interface Place {
  event: number;
  step: number;
}

export class Timeline {
  private readonly history: History;
  /** the event that killed the kernel, and of what */
  private death: { event: number; words: string } | null = null;
  private at: Place = { event: 0, step: 0 };
  private looked: { event: number; detail: Detail } | null = null;
  private shown: { event: number; step: number; m: machine } | null = null;

  /** all of them; those that come one by one as far as they have come */
  readonly events: readonly MachineEvent[];
  private readonly next: (m: machine, n: number) => MachineEvent | null;
  private readonly made: MachineEvent[] = [];
  private whole = false;

  /**
   * `start` stays as it is; the place is the beginning. `events` are given, or come one by one as long as there are any: then the
   * machine that they are asked of has to be left as it is. `first`: so many are run at once, the rest as it is asked for.
   */
  constructor(
    readonly kernel: Kernel,
    private readonly start: machine,
    events: readonly MachineEvent[] | ((m: machine, n: number) => MachineEvent | null),
    private readonly first = Number.POSITIVE_INFINITY,
  ) {
    this.history = new History(kernel, start);
    this.next = typeof events === 'function' ? events : (_, n) => events[n] ?? null;
    this.events = typeof events === 'function' ? this.made : events;
    this.grow(first);
  }

  /** Run to its end, or to its death. */
  get isWhole(): boolean {
    return this.whole;
  }

  /** Runs `most` more events; the place stays. */
  grow(most: number): void {
    if (this.whole || most <= 0) return;
    this.history.seek(this.length);
    for (let i = 0; i < most && !this.whole; i++) this.runNext();
  }

  private runNext(): void {
    const { history, made } = this;
    const event = this.next(history.machine, history.length);
    if (event === null) {
      this.whole = true;
      return;
    }
    try {
      history.run(event);
      // the one that is kept, not one more like it
      if (this.events === made) made.push(history.lastEvent ?? event);
    } catch (thrown) {
      this.whole = true;
      this.death = { event: history.length, words: deathOf(thrown) };
      if (this.events === made) made.push(event);
    }
  }

  /** Events that can be stood behind. */
  get length(): number {
    return this.history.length;
  }

  get place(): Place {
    return { ...this.at };
  }

  /** What the kernel died of, once the place is behind all that it did. */
  get died(): string | null {
    return this.death !== null && this.isLast() ? this.death.words : null;
  }

  /** What the kernel dies of at the end; null when it lives. */
  get deathWords(): string | null {
    return this.death?.words ?? null;
  }

  /** Is there an event to look into? */
  private get isInside(): boolean {
    return this.at.event < this.length + (this.death === null ? 0 : 1);
  }

  /** The present event in detail; null behind the last. */
  get detail(): Detail | null {
    return this.isInside ? this.detailAt(this.at.event) : null;
  }

  detailAt(event: number): Detail {
    if (this.looked?.event !== event)
      this.looked = { event, detail: detailOf(this.kernel, this.machineBefore(event), this.events[event]) };
    return this.looked.detail;
  }

  /** The machine before an event: read it, and do not keep it. */
  machineBefore(event: number): machine {
    this.history.seek(event);
    return this.history.machine;
  }

  /** The machine here: read, never changed. */
  get machine(): machine {
    const { event, step } = this.at;
    if (step === 0) return this.machineBefore(event);
    if (this.shown?.event !== event || this.shown.step !== step)
      this.shown = { event, step, m: machineAt(this.machineBefore(event), this.detailAt(event), step) };
    return this.shown.m;
  }

  /** A machine of one's own, before an event. */
  copyBefore(event: number): machine {
    return cloneMachine(this.machineBefore(event));
  }

  /** The step that was made last; null between events. */
  get lastStep(): Step | null {
    const { step } = this.at;
    return step === 0 ? null : (this.detail?.steps[step - 1] ?? null);
  }

  /** Calls that the place is inside of, outermost first, with the index of each `call`. */
  get frames(): { call: number; step: Extract<Step, { kind: 'call' }> }[] {
    const detail = this.at.step === 0 ? null : this.detail;
    if (detail === null) return [];
    return framesAt(detail, this.at.step).map((call) => ({
      call,
      step: detail.steps[call] as Extract<Step, { kind: 'call' }>,
    }));
  }

  /** Goes to a place as near as there is. */
  go({ event, step }: Place): void {
    // one more: whether there is anything behind it
    if (event >= this.length) this.grow(event - this.length + 1);
    const last = this.length;
    if (event < 0) this.at = { event: 0, step: 0 };
    else if (event > last || (event === last && this.death === null)) this.at = this.end();
    else this.at = this.normal(event, step);
  }

  /** Behind all steps of an event is before the next. */
  private normal(event: number, step: number): Place {
    if (step <= 0) return { event, step: 0 };
    const most = this.detailAt(event).steps.length;
    if (step < most) return { event, step };
    return event < this.length ? { event: event + 1, step: 0 } : { event, step: most };
  }

  private end(): Place {
    return this.death === null ? { event: this.length, step: 0 } : this.normal(this.length, Number.POSITIVE_INFINITY);
  }

  isFirst(): boolean {
    return this.at.event === 0 && this.at.step === 0;
  }

  isLast(): boolean {
    const { event, step } = this.end();
    return this.at.event === event && this.at.step === step;
  }

  /** The place one step on; the same at the end. */
  after(place: Place): Place {
    if (place.event >= this.length && this.death === null) return place;
    const { steps } = this.detailAt(place.event);
    // an event that did nothing is one step
    if (steps.length === 0) return this.normal(place.event + 1, 0);
    return this.normal(place.event, Math.min(place.step + 1, steps.length));
  }

  /** The place one step back; the same at the beginning. */
  before(place: Place): Place {
    if (place.step > 0) return { event: place.event, step: place.step - 1 };
    if (place.event === 0) return place;
    const { steps } = this.detailAt(place.event - 1);
    return { event: place.event - 1, step: Math.max(0, steps.length - 1) };
  }

  /** The same beginning with other events; the place is the beginning. */
  with(events: readonly MachineEvent[]): Timeline {
    return new Timeline(this.kernel, this.start, events, this.first);
  }
}
