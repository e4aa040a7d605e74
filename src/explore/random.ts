// SPDX-License-Identifier: GPL-2.0-only
/** A property asked at random: fast-check draws scenarios and runs, and shrinks them; then the events are shrunk. */
import { check, property as fcProperty, tuple } from 'fast-check';
import type { Property } from '../../properties/vocabulary.js';
import { hashText } from '../machine/rng.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Kernel } from '../vmlinux/bind.js';
import { type CaseResult, runCase } from './case.js';
import type { Engine } from './engine.js';
import { packedRun } from './packed.js';
import { shrinkCase } from './shrink.js';

/** A run that shows something: a failure, or for `sometimes` the thing itself. */
export interface Example {
  scenario: Scenario;
  events: MachineEvent[];
  message: string;
  /** events it had when it was found */
  foundAt: number;
}

export interface RandomResult {
  /** runs made, without those of shrinking */
  runs: number;
  /** events applied in them */
  events: number;
  /** how often the interesting case was reached in them */
  reached: number;
  /** runs that ended at a branch that is not modelled, and the first such branch */
  notModelled: number;
  notModelledWhat: string;
  /** what refutes the property */
  failure: Example | null;
  /** for `sometimes`: what reaches it */
  witness: Example | null;
}

export interface RandomInput {
  engine: Engine;
  kernel: Kernel;
  property: Property;
  /** any 32-bit number; every property draws from a seed of its own derived from it */
  seed: number;
  runs: number;
  /** events in all runs together, at most; no limit when absent */
  events?: number;
  witness?: boolean;
  /** no more runs once it says true; then the same seed may give other bytes */
  stop?: () => boolean;
  /** leave examples as they were found */
  unshrunk?: boolean;
}

/** Executions that fast-check's own shrinking may take; the pass on concrete events does the fine work. */
const SHRINKS = 150;
/** ... and events in them: runs that programs make may be long. */
const SHRINK_EVENTS = 100_000;

/** The seed a property's runs are drawn from. The same for every kernel, so that all are asked the same. */
export function seedOf(seed: number, property: Property): number {
  return hashText(property.id, seed) | 0;
}

/** Asks. The same input gives the same result, bit for bit. */
export function runRandom(input: RandomInput): RandomResult {
  const { engine, kernel, property } = input;
  const sometimes = property.word === 'sometimes';
  const found = new Found();
  let broken: { error: unknown } | null = null;
  const predicate = ([scenario, numbers]: [Scenario, Uint32Array]): boolean => {
    if (found.exhausted(input)) return true;
    const course = { numbers };
    const witness = input.witness === true;
    try {
      const result = runCase({ engine, kernel, scenario, course, property, witness, stopAtReach: sometimes });
      return !found.take(scenario, result, sometimes);
    } catch (error) {
      broken ??= { error };
      throw error;
    }
  };
  const arbitrary = tuple(property.given.scenario, packedRun(property.given.length));
  const endOnFailure = input.unshrunk === true;
  check(fcProperty(arbitrary, predicate), { seed: seedOf(input.seed, property), numRuns: input.runs, endOnFailure });
  // WHY: fast-check takes an exception for a failure of the property; it is a mistake of ours
  if (broken !== null) throw (broken as { error: unknown }).error;
  return found.result(input);
}

/** Keeps count, and the smallest example so far. */
class Found {
  private runs = 0;
  private events = 0;
  private reached = 0;
  private notModelled = 0;
  private notModelledWhat = '';
  private shrinks = 0;
  private shrinkEvents = 0;
  private best: (Example & { isFailure: boolean }) | null = null;

  exhausted({ events, stop }: RandomInput): boolean {
    if (this.best !== null) return this.shrinks++ >= SHRINKS || this.shrinkEvents >= SHRINK_EVENTS;
    return this.events >= (events ?? Number.POSITIVE_INFINITY) || stop?.() === true;
  }

  /** True when the run shows something. */
  take(scenario: Scenario, result: CaseResult, sometimes: boolean): boolean {
    const { failure, events } = result;
    if (this.best !== null) this.shrinkEvents += events.length;
    else {
      this.runs++;
      this.events += events.length;
      this.reached += result.reached;
      if (result.notModelled !== null && this.notModelled++ === 0) this.notModelledWhat = result.notModelled;
    }
    const reached = sometimes && result.reached > 0;
    if (failure === null && !reached) return false;
    const isFailure = !reached;
    if (this.best !== null && this.best.isFailure !== isFailure) return false;
    const message = failure?.message ?? result.reachedWhat;
    const foundAt = this.best?.foundAt ?? events.length;
    this.best = { scenario, events: [...events], message, foundAt, isFailure };
    return true;
  }

  result(input: RandomInput): RandomResult {
    const { runs, events, reached, notModelled, notModelledWhat, best } = this;
    const counts = { runs, events, reached, notModelled, notModelledWhat };
    if (best === null) return { ...counts, failure: null, witness: null };
    const { isFailure, ...found } = best;
    const example = input.unshrunk === true ? found : shrinkCase(input, found, isFailure);
    return { ...counts, failure: isFailure ? example : null, witness: isFailure ? null : example };
  }
}
