// SPDX-License-Identifier: GPL-2.0-only
/** What a campaign runs: events on a scenario, in the world of one property. */
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';

/** In place of a property: a run in which the model and C differ. */
export const BESIDE = 'conform';

/** A run that is kept because it showed something new. */
export interface Entry {
  /** the property in whose world it runs, and which was asked of it */
  property: string;
  scenario: Scenario;
  events: MachineEvent[];
}

/** What one run showed that nothing had shown before. */
export interface News {
  /** branches of mirrored code, `src/sched/fair.ts:182` by number */
  branches: string[];
  /** pairs of functions entered one after the other, hashed to 16 bits */
  pairs: number[];
  /** states of the machine, as `abstractState` sees them, hashed to 16 bits */
  states: number[];
}

export interface KeptEntry extends Entry {
  news: News;
  /** how near it came to breaking the property; null where the property does not say, or no nearer than before */
  nearest: number | null;
  /** it enters a function that the series brings, and few did in that world */
  isThere?: boolean;
}

/** What is to be run: events as they are, numbers become events in the state that they find. */
export interface Draft {
  scenario: Scenario;
  /** null: programs decide */
  items: (MachineEvent | number)[] | null;
}

/** A property broken in a run, as it was seen. */
export interface Raw {
  property: string;
  scenario: Scenario;
  events: MachineEvent[];
  message: string;
  /** broken in the same way, as far as can be told before shrinking */
  key: string;
  /** times it was seen */
  seen: number;
  /** events of the lane before it was seen first */
  after: number;
}
