// SPDX-License-Identifier: GPL-2.0-only
/**
 * A statechart's config as a lookup table: the drivers read this, XState's transition() is its witness in a test.
 *
 * WHY: transition() costs tens of microseconds, a lookup a few nanoseconds; that both agree is a property.
 */

/** The part of an XState config that lives use: flat states, each with targets by event. */
export interface LifeConfig<State extends string, Event extends string> {
  id: string;
  initial: State;
  states: {
    readonly [S in State]: {
      readonly on: { readonly [E in Event]?: State };
      readonly meta?: { may: readonly string[] };
    };
  };
}

export interface LifeTable<State extends string, Event extends string> {
  readonly initial: State;
  readonly states: readonly State[];
  /** The next state; null when the event is not legal there. */
  next(state: State, event: Event): State | null;
  /** What the machine may do in that state: the event kinds named in the state's `meta.may`. */
  may(state: State): readonly string[];
}

export function lifeTable<State extends string, Event extends string>(
  config: LifeConfig<State, Event>,
): LifeTable<State, Event> {
  const states = Object.keys(config.states) as State[];
  return {
    initial: config.initial,
    states,
    next: (state, event) => config.states[state].on[event] ?? null,
    may: (state) => config.states[state].meta?.may ?? [],
  };
}
