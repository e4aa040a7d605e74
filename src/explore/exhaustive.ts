// SPDX-License-Identifier: GPL-2.0-only
/** A property asked of every order of a small menu of events: `explore` with a machine and a monitor in it. */

import type { Property, Scope } from '../../properties/vocabulary.js';
import { defined } from '../base/defined.js';
import { fingerprint } from '../machine/fingerprint.js';
import type { Kernel } from '../vmlinux/bind.js';
import { type CaseResult, runCase } from './case.js';
import type { Engine } from './engine.js';
import { explore, type Found } from './explore.js';
import type { Example } from './random.js';

export interface ExhaustiveResult extends Omit<Found, 'hit'> {
  /** how often the interesting case was reached, over all paths */
  reached: number;
  failure: Example | null;
  witness: Example | null;
  /** paths that ended at a branch that is not modelled, and the first such branch */
  notModelled: number;
  notModelledWhat: string;
}

export interface ExhaustiveInput {
  engine: Engine;
  kernel: Kernel;
  property: Property;
  scope: Scope;
  /** states at most */
  states: number;
  witness?: boolean;
  stop?: () => boolean;
}

/**
 * Searches a property's scope. Paths are merged only where machine *and* monitor are alike, so a monitor that does
 * not show its notes is asked about every path.
 */
export function runExhaustive(input: ExhaustiveInput): ExhaustiveResult {
  const { engine, kernel, property, scope } = input;
  const sometimes = property.word === 'sometimes';
  const merge = property.watch(scope.scenario).notes !== undefined;
  let reached = 0;
  let notModelled = 0;
  let notModelledWhat = '';
  let last: CaseResult | null = null;

  const found = explore({
    moves: scope.menu.length,
    depth: scope.depth,
    states: input.states,
    merge,
    ...defined({ stop: input.stop }),
    play(path) {
      const events = path.map((move) => scope.menu[move]);
      const witness = input.witness === true;
      const scenario = scope.scenario;
      const result = runCase({
        engine,
        kernel,
        scenario,
        course: { events },
        property,
        witness,
        lastMustBeLegal: true,
      });
      last = result;
      if (result.idle) return { at: null, hit: false, idle: true };
      reached += result.reachedLast;
      if (result.notModelled !== null) {
        if (notModelled++ === 0) notModelledWhat = result.notModelled;
        return { at: null, hit: false, idle: false };
      }
      const hit = sometimes ? result.reached > 0 || result.failure !== null : result.failure !== null;
      if (result.died && !hit) return { at: null, hit, idle: false };
      return { at: fingerprint(result.m, result.notes), hit, idle: false };
    },
  });
  const { hit, ...counts } = found;
  const example = hit === null || last === null ? null : exampleOf(scope, last);
  const isFailure = (last as CaseResult | null)?.failure !== null;
  const failure = isFailure ? example : null;
  const seen = isFailure ? null : example;
  return { ...counts, reached, failure, witness: seen, notModelled, notModelledWhat };
}

function exampleOf(scope: Scope, result: CaseResult): Example {
  const message = result.failure?.message ?? result.reachedWhat;
  return { scenario: scope.scenario, events: result.events, message, foundAt: result.events.length };
}
