// SPDX-License-Identifier: GPL-2.0-only
/**
 * Makes an example small: fewer events, rounder numbers, fewer tasks, VMs, groups and CPUs.
 *
 * Works on the events themselves, after fast-check: a number out of a run means something else when one before it
 * is gone, an event stays what it is.
 */

import type { Property } from '../../properties/vocabulary.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import { runCase } from './case.js';
import type { Engine } from './engine.js';
import type { Example } from './random.js';
import { smallerScenarios } from './shrink-scenario.js';

export interface ShrinkInput {
  engine: Engine;
  kernel: Kernel;
  property: Property;
  witness?: boolean;
  /** what a smaller example has to be besides */
  still?(scenario: Scenario, events: readonly MachineEvent[]): boolean;
}

/** Executions at most; about 0.2 s of short runs. */
const BUDGET = 4_000;

/** What kind of failure it is: shrinking must not slip from one to another. */
function kindOf(message: string): string {
  const known = /^(kernel BUG \([^)]*\) in \S+|WARN_ON\(\)|machine:)/.exec(message);
  return known === null ? 'property' : known[1];
}

class Shrinker {
  private left: number;
  /** programs decide anew in every smaller scenario; the events there are do not matter */
  anew = false;
  readonly kind: string;

  constructor(
    private readonly input: ShrinkInput,
    public best: Example,
    private readonly isFailure: boolean,
  ) {
    this.kind = kindOf(best.message);
    this.left = input.property.given.shrinks ?? BUDGET;
  }

  /** True, and the new best, when the example still shows what it showed. */
  accept(scenario: Scenario, events: readonly MachineEvent[]): boolean {
    if (this.left <= 0) return false;
    const { engine, kernel, property, witness, still } = this.input;
    // long runs are dear
    this.left -= 1 + (events.length >> 5);
    const stopAtReach = !this.isFailure;
    const course = this.anew ? { numbers: new Uint32Array() } : { events };
    const result = runCase({ engine, kernel, scenario, course, property, stopAtReach, witness: witness === true });
    const message = this.isFailure ? result.failure?.message : result.reached > 0 ? result.reachedWhat : undefined;
    if (message === undefined || (this.isFailure && kindOf(message) !== this.kind)) return false;
    if (still?.(scenario, result.events) === false) return false;
    this.best = { ...this.best, scenario, events: result.events, message };
    return true;
  }

  boot(scenario: Scenario): machine | null {
    try {
      return this.input.engine.boot(this.input.kernel, scenario);
    } catch {
      return null; // a smaller scenario may be an illegal one
    }
  }

  kept(scenario: Scenario): boolean {
    return this.input.property.given.keep?.(scenario) ?? true;
  }

  /** Programs decide what happens, so a scenario alone says what its run is. */
  get byPrograms(): boolean {
    return Object.values(this.input.property.given.weights).every((weight) => weight === 0);
  }

  get exhausted(): boolean {
    return this.left <= 0;
  }
}

/** The smallest example near the given one that still fails (or reaches). */
export function shrinkCase(input: ShrinkInput, found: Example, isFailure: boolean): Example {
  const shrinker = new Shrinker(input, found, isFailure);
  // WHY first: it cuts what comes after, and an example that does not repeat would be a mistake of ours.
  if (!shrinker.accept(found.scenario, found.events)) {
    throw new Error(`${input.property.id}: an example does not repeat; the run depends on something hidden`);
  }
  const { whole } = input.property.given;
  if (shrinker.byPrograms || whole === true) {
    shrinker.anew = true;
    shrinkScenario(shrinker);
    shrinker.anew = false;
    if (whole === true) return shrinker.best;
  }
  for (;;) {
    const before = JSON.stringify([shrinker.best.scenario, shrinker.best.events]);
    dropEvents(shrinker);
    joinAdvances(shrinker);
    roundNumbers(shrinker);
    shrinkScenario(shrinker);
    const after = JSON.stringify([shrinker.best.scenario, shrinker.best.events]);
    if (after === before || shrinker.exhausted) return shrinker.best;
  }
}

/** Zeller's ddmin, chunks from the end. */
function dropEvents(s: Shrinker): void {
  for (let size = s.best.events.length >> 1 || 1; size >= 1; size = size >> 1) {
    let end = s.best.events.length;
    while (end > 0) {
      const { scenario, events } = s.best;
      const start = Math.max(0, end - size);
      const rest = [...events.slice(0, start), ...events.slice(end)];
      s.accept(scenario, rest);
      end = Math.min(start, s.best.events.length);
    }
  }
}

/** Two stretches of time in a row become one. */
function joinAdvances(s: Shrinker): void {
  for (let i = s.best.events.length - 2; i >= 0; i--) {
    const { scenario, events } = s.best;
    const [a, b] = [events[i], events[i + 1]];
    if (a?.ev !== 'advance' || b?.ev !== 'advance') continue;
    const joined: MachineEvent = { ev: 'advance', ns: a.ns + b.ns };
    s.accept(scenario, [...events.slice(0, i), joined, ...events.slice(i + 2)]);
  }
}

/** Simpler events, most wanted first. */
function simpler(event: MachineEvent): MachineEvent[] {
  const out: MachineEvent[] = [];
  switch (event.ev) {
    case 'advance': {
      for (let unit = 1; unit < event.ns; unit *= 10) out.push({ ev: 'advance', ns: unit });
      for (let unit = 1_000_000; unit >= 1_000; unit /= 10) {
        const round = Math.floor(event.ns / unit) * unit;
        if (round > 0 && round < event.ns) out.push({ ev: 'advance', ns: round });
      }
      break;
    }
    case 'nice':
      if (event.nice !== 0) out.push({ ...event, nice: Math.sign(event.nice) }, { ...event, nice: event.nice >> 1 });
      break;
    case 'setattr':
      if (event.nice !== 0) out.push({ ...event, nice: 0 });
      if (event.slice !== 0) out.push({ ...event, slice: 0 });
      if (event.priority > 1) out.push({ ...event, priority: 1 });
      break;
    case 'shares':
      if (event.shares !== 1024) out.push({ ...event, shares: 1024 });
      break;
    case 'mmio_write':
    case 'set_lapic':
    case 'wrmsr':
      if (event.value !== 0) out.push({ ...event, value: 0 });
      break;
    case 'write_icr': {
      // fixed, physical, no shorthand
      const plain = { ...event, low: 0x4000 | (event.low & 0xff) };
      if (plain.low !== event.low) out.push(plain, { ...event, low: (event.low & ~0xff) | 0x31 });
      if (event.low !== 0x4031) out.push({ ...event, low: 0x4031 });
      break;
    }
    case 'ipi':
      if (event.vector !== 0x31) out.push({ ...event, vector: 0x31 });
      break;
    default:
  }
  return out;
}

function roundNumbers(s: Shrinker): void {
  for (let i = 0; i < s.best.events.length; i++) {
    for (const event of simpler(s.best.events[i])) {
      const { scenario, events } = s.best;
      if (s.accept(scenario, [...events.slice(0, i), event, ...events.slice(i + 1)])) break;
    }
  }
}

function shrinkScenario(s: Shrinker): void {
  for (let again = true; again && !s.exhausted; ) {
    again = false;
    const m = s.boot(s.best.scenario);
    if (m === null) return;
    for (const smaller of smallerScenarios(s.best.scenario)) {
      if (!s.kept(smaller)) continue;
      const n = s.boot(smaller);
      if (n === null) continue;
      const events = s.best.events.flatMap((event) => translated(event, m, n));
      if (!s.accept(smaller, events)) continue;
      again = true;
      break;
    }
  }
}

/** The event as the smaller machine knows it; nothing when it was about something that is gone. */
function translated(event: MachineEvent, from: machine, to: machine): MachineEvent[] {
  const out = { ...event };
  if ('cpu' in out && out.cpu >= to.rq.length) return [];
  if ('target' in out && out.target >= to.rq.length) return [];
  if ('task' in out) {
    const comm = from.task[out.task]?.comm;
    out.task = to.task.findIndex((task) => task.comm === comm);
    if (out.task < 0) return [];
  }
  if ('group' in out) {
    const name = from.groupNames[out.group];
    out.group = to.groupNames.indexOf(name);
    if (out.group < 0) return [];
  }
  return [out];
}
