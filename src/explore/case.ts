// SPDX-License-Identifier: GPL-2.0-only
/** One run of one machine under one monitor: what happened, and what the monitor said. */

import type { Monitor, Property, Step } from '../../properties/vocabulary.js';
import { KernelBug, NotModelled } from '../lib/bug.js';
import { listenInt64 } from '../lib/int64-checked.js';
import { s64_diff, s64_toNumber } from '../lib/types.js';
import { isOurs } from '../machine/exception.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { freshMachine } from './boot-cache.js';
import { Decoder } from './decode.js';
import type { Engine } from './engine.js';
import { announcing, probedKernel } from './probes.js';

export interface Failure {
  /** of the event at which it was seen */
  index: number;
  /** what was expected and what was seen */
  message: string;
}

/** What shall happen: an explicit list, numbers to be decoded on the way, or both mixed, of which illegal events are left out. */
export type Course =
  | { events: readonly MachineEvent[] }
  | { numbers: Uint32Array }
  | { items: readonly (MachineEvent | number)[] };

export interface CaseInput {
  engine: Engine;
  kernel: Kernel;
  scenario: Scenario;
  course: Course;
  property: Property;
  /** recompute every invariant after each event; slow */
  witness?: boolean;
  /** stop at the first reach (for the shortest witness) instead of counting them */
  stopAtReach?: boolean;
  /** told when the machine has booted; a run may begin again with tracepoints on, and then this is told again */
  began?(): void;
  /** told after each event */
  observe?(m: machine, index: number): void;
  /** the last event is tried only where it is legal and changes something; `idle` tells */
  lastMustBeLegal?: boolean;
}

export interface CaseResult {
  /** as applied, up to where the run stopped */
  events: MachineEvent[];
  /** the first one stops the run */
  failure: Failure | null;
  reached: number;
  /** ... at the last event */
  reachedLast: number;
  /** the last event was not legal, so it was left out */
  idle: boolean;
  /** what `reach` was told first */
  reachedWhat: string;
  /** why the run ended early: a branch that is not modelled */
  notModelled: string | null;
  /** the kernel died and the monitor had asked for it */
  died: boolean;
  /** after the last event */
  m: machine;
  /** the monitor's notes after the last event; undefined when it has none to show */
  notes: unknown;
  /** how near the property came to being broken, as it says; infinite where it says nothing */
  nearest: number;
}

/** Thrown to start a run again with tracepoints on, because somebody looked at them. */
const needTraces = Symbol('traces');

/** The one Step of a run, moved from event to event. */
class CaseStep implements Step {
  index = -1;
  event!: MachineEvent;
  failure: Failure | null = null;
  reached = 0;
  reachedBefore = 0;
  reachedWhat = '';
  nearest = Number.POSITIVE_INFINITY;

  constructor(
    readonly m: machine,
    readonly kernel: vmlinux_x86,
    readonly recorded: trace_event[],
    readonly ofGuests: trace_event[],
    readonly tracing: boolean,
  ) {}

  get traces(): readonly trace_event[] {
    if (!this.tracing) throw needTraces;
    return this.recorded;
  }

  get guestTraces(): readonly trace_event[] {
    if (!this.tracing) throw needTraces;
    return this.ofGuests;
  }

  fail(message: string): void {
    if (this.failure === null) this.failure = { index: this.index, message };
  }

  near(left: number): void {
    if (left < this.nearest) this.nearest = left;
  }

  reach(what = ''): void {
    if (this.reached++ === 0) this.reachedWhat = what;
  }
}

/** Properties whose monitors look at tracepoints: known after the first run that did. */
const traced = new WeakSet<Property>();

/**
 * Runs one case. A failure, KernelBug, NotModelled, the end of the course or of the world's length stops it.
 *
 * KernelBug and WARN_ON() fail the property unless its monitor asks for them; an exception of any other kind is a
 * mistake of ours or of the property's and goes through.
 */
export function runCase(input: CaseInput): CaseResult {
  const tracing = traced.has(input.property);
  try {
    return runOnce(input, tracing);
  } catch (thrown) {
    if (thrown !== needTraces || tracing) throw thrown;
    // WHY: recording tracepoints that nobody reads would cost as much as the run itself.
    traced.add(input.property);
    return runOnce(input, true);
  }
}

function runOnce(input: CaseInput, tracing: boolean): CaseResult {
  const { engine, scenario, property } = input;
  const monitor = property.watch(scenario);
  const checked = property.int64 === 'checked';
  const kernel = checked ? announcing(input.kernel) : input.kernel;
  const probed = probedKernel(kernel, Object.keys(monitor.probes ?? {}));
  const m = freshMachine(engine, probed.kernel, scenario);
  const recorded: trace_event[] = [];
  const ofGuests: trace_event[] = [];
  const hears = (event: trace_event): void => void (event.vm === undefined ? recorded : ofGuests).push(event);
  const bound = bind(probed.kernel, m, tracing ? hears : null);
  const step = new CaseStep(m, bound, recorded, ofGuests, tracing);
  const run = new Run(input, step, monitor);
  probed.listen(monitor, step);
  input.began?.();
  if (checked) listenInt64((report) => monitor.int64?.(step, report));
  try {
    run.toTheEnd(bound);
  } finally {
    probed.listen(null, null);
    if (checked) listenInt64(null);
  }
  return run.result();
}

class Run {
  private readonly events: MachineEvent[] = [];
  private notModelled: string | null = null;
  private died = false;
  private idle = false;

  constructor(
    private readonly input: CaseInput,
    private readonly step: CaseStep,
    private readonly monitor: Monitor,
  ) {}

  toTheEnd(bound: vmlinux_x86): void {
    for (const event of this.course()) {
      if (this.isIdleLast(event)) return;
      this.events.push(event);
      if (!this.one(bound, event)) return;
    }
    this.monitor.end?.(this.step);
  }

  result(): CaseResult {
    const { events, notModelled, died, idle, step } = this;
    const { failure, reached, reachedWhat, m, nearest } = step;
    const reachedLast = reached - step.reachedBefore;
    const notes = this.monitor.notes?.();
    return { events, failure, reached, reachedLast, idle, reachedWhat, notModelled, died, m, notes, nearest };
  }

  private isIdleLast(event: MachineEvent): boolean {
    const { course, lastMustBeLegal, engine } = this.input;
    if (lastMustBeLegal !== true || !('events' in course)) return false;
    if (this.events.length + 1 < course.events.length) return false;
    this.idle = !engine.legal(this.step.m, event);
    return this.idle;
  }

  /** True when the run goes on. */
  private one(bound: vmlinux_x86, event: MachineEvent): boolean {
    const { step, monitor } = this;
    step.index++;
    step.event = event;
    step.reachedBefore = step.reached;
    step.recorded.length = 0;
    step.ofGuests.length = 0;
    if (!this.watched(() => monitor.before?.(step))) return false;
    const warns = step.m.warns;
    try {
      this.input.engine.apply(bound, event);
    } catch (thrown) {
      return this.stopped(thrown);
    }
    if (step.m.warns !== warns) {
      if (!step.tracing) throw needTraces; // to say where
      if (monitor.warn !== undefined) monitor.warn(step);
      else step.fail(`WARN_ON() at ${this.whereWarned()}`);
    }
    this.input.observe?.(step.m, step.index);
    if (!this.watched(() => monitor.after?.(step))) return false;
    if (this.input.witness === true) {
      const said = this.watched(() => {
        for (const breach of this.input.engine.witness?.(step.m) ?? []) step.fail(`machine: ${breach}`);
      });
      if (!said) return false;
    }
    return step.failure === null && !(this.input.stopAtReach === true && step.reached > 0);
  }

  /** False when a property cannot make sense of what the kernel left of its machine. */
  private watched(look: () => void): boolean {
    try {
      look();
      return true;
    } catch (thrown) {
      if (thrown instanceof KernelBug && thrown.kind === 'soft lockup') {
        // a list that an override made circular, walked by a property
        this.step.fail(`the machine is in no state that can be read: ${thrown.message}`);
        return false;
      }
      // what a user's property throws is for the user to mend
      if (!(thrown instanceof TypeError || thrown instanceof RangeError) || !isOurs(thrown)) throw thrown;
      this.step.fail(`the machine is in no state that can be read: ${thrown.message}`);
      return false;
    }
  }

  private stopped(thrown: unknown): false {
    if (thrown instanceof NotModelled) this.notModelled = thrown.what;
    else if (thrown instanceof KernelBug) {
      this.died = true;
      if (this.monitor.bug !== undefined) this.monitor.bug(this.step, thrown);
      else this.step.fail(thrown.message);
    } else throw thrown;
    return false;
  }

  private whereWarned(): string {
    const { recorded, ofGuests } = this.step;
    const warn = [...recorded, ...ofGuests].find((event) => event.system === 'warn');
    return warn === undefined ? 'an unnamed place' : Object.values(warn.fields).join(' ');
  }

  private *course(): Generator<MachineEvent> {
    const { course, engine, property, scenario } = this.input;
    const m = this.step.m;
    if ('events' in course) {
      yield* course.events;
      return;
    }
    if ('items' in course && course.items.every((it) => typeof it !== 'number')) {
      for (const event of course.items as readonly MachineEvent[]) if (engine.legal(m, event)) yield event;
      return;
    }
    const decoder = new Decoder(property.given, engine, m, scenario);
    if ('items' in course && !decoder.byPrograms) {
      for (const item of course.items) {
        const event = typeof item === 'number' ? decoder.event(m, item) : item;
        if (engine.legal(m, event)) yield event;
      }
      return;
    }
    if ('numbers' in course && !decoder.byPrograms) {
      for (const number of course.numbers) yield decoder.event(m, number);
      return;
    }
    const until = scenario.until ?? Number.POSITIVE_INFINITY;
    for (let i = 0; i < property.given.length; i++) {
      if (s64_toNumber(s64_diff(m.sched_clock, m.bootClock)) >= until) return;
      const event = engine.next(m);
      if (event === null) return;
      yield event;
    }
  }
}
