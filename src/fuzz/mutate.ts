// SPDX-License-Identifier: GPL-2.0-only
/**
 * Runs made from runs that are worth it: events left out, repeated, exchanged, moved to another CPU or task, times stretched to
 * where code compares, tails drawn anew, two runs joined. Pure: the same draws give the same run.
 */
import type { Draws } from '../explore/draws.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { Draft, Entry } from './input.js';

type Item = MachineEvent | number;

export interface Around {
  /** lengths of time that code compares with */
  advances: readonly number[];
  /** another run of the same world, to join with */
  other: Entry;
  /** scenarios of the world: more and fewer tasks, CPUs, groups, other knobs and start states */
  scenarios: readonly Scenario[];
  /** events of a run, at most */
  length: number;
}

type Mutation = (items: Item[], draws: Draws, around: Around) => Item[];

const words = (draws: Draws, n: number): number[] => Array.from({ length: n }, () => draws.word());

/** [from, to) inside a list, at most `most` long */
function stretch(items: readonly Item[], draws: Draws, most: number): [number, number] {
  const from = draws.below(items.length);
  return [from, Math.min(items.length, from + 1 + draws.below(most))];
}

/** What comes after is drawn anew: what is new lies behind what was new. */
const drawTail: Mutation = (items, draws, { length }) => {
  const keep = draws.below(4) === 0 ? draws.below(items.length + 1) : items.length;
  return [...items.slice(0, keep), ...words(draws, 1 + draws.below(Math.max(2, Math.min(40, length - keep))))];
};

const insert: Mutation = (items, draws) => {
  const at = draws.below(items.length + 1);
  return [...items.slice(0, at), ...words(draws, 1 + draws.below(4)), ...items.slice(at)];
};

const remove: Mutation = (items, draws) => {
  const [from, to] = stretch(items, draws, 6);
  return [...items.slice(0, from), ...items.slice(to)];
};

const repeat: Mutation = (items, draws) => {
  const [from, to] = stretch(items, draws, 6);
  const times = 1 + draws.below(4);
  const again = Array.from({ length: times }, () => items.slice(from, to)).flat();
  return [...items.slice(0, to), ...again, ...items.slice(to)];
};

const exchange: Mutation = (items, draws) => {
  const out = [...items];
  const i = draws.below(items.length);
  const j = draws.below(2) === 0 ? Math.min(items.length - 1, i + 1) : draws.below(items.length);
  [out[i], out[j]] = [out[j], out[i]];
  return out;
};

const join: Mutation = (items, draws, { other }) => {
  const head = items.slice(0, 1 + draws.below(items.length));
  return [...head, ...other.events.slice(draws.below(other.events.length))];
};

/** Every time that passes, or one of them, becomes one that code compares with. */
const retime: Mutation = (items, draws, { advances }) => {
  const all = draws.below(4) === 0;
  const ns = draws.of(advances);
  const at = items.flatMap((it, i) => (typeof it !== 'number' && it.ev === 'advance' ? [i] : []));
  if (at.length === 0) return [...items, { ev: 'advance', ns }];
  const one = draws.of(at);
  return items.map((it, i) => (at.includes(i) && (all || i === one) ? { ev: 'advance', ns } : it));
};

/** An event happens elsewhere, or to somebody else. */
const move: Mutation = (items, draws, { scenarios }) => {
  const cpus = Math.max(...scenarios.map((it) => it.cpus));
  const i = draws.below(items.length);
  const it = items[i];
  if (typeof it === 'number') return items.map((word, j) => (j === i ? draws.word() : word));
  const moved = { ...it } as Record<string, unknown>;
  if ('task' in it && draws.below(2) === 0) moved['task'] = Math.max(0, it.task + draws.of([-2, -1, 1, 2]));
  else if ('cpu' in it) moved['cpu'] = draws.below(cpus);
  else if ('vcpu' in it) moved['vcpu'] = draws.below(4);
  return items.map((was, j) => (j === i ? (moved as MachineEvent) : was));
};

const MUTATIONS: readonly Mutation[] = [
  ...[drawTail, drawTail, drawTail, insert, insert, remove],
  ...[repeat, exchange, join, retime, move],
];

/** A run near that one. At most `around.length` events. */
export function mutated(entry: Entry, draws: Draws, around: Around): Draft {
  let items: Item[] = entry.events;
  for (let n = 1 + draws.below(3); n > 0; n--) {
    items = items.length === 0 ? words(draws, 8) : draws.of(MUTATIONS)(items, draws, around);
  }
  const scenario = draws.below(6) === 0 ? draws.of(around.scenarios) : entry.scenario;
  return { scenario, items: items.slice(0, around.length) };
}
