// SPDX-License-Identifier: GPL-2.0-only
/**
 * Every order of the steps of kernel code on several CPUs, tried to the end.
 *
 * Orders that reach the same state are explored once from there on: the same memory, the same waiting stores, and every
 * CPU stopped at the same place having loaded the same. Orders with few switches between CPUs come first.
 */

import { type MemoryOptions, OneOrder, type OrderStep, type Setting, switchesOf } from './one-order.js';

export interface Interleaved {
  /** states that orders came to */
  states: number;
  /** orders played, each from where it leaves one that was played before */
  orders: number;
  /** what memory holds when everybody is done: so many ways it ends */
  ends: number;
  /** whether that is all of them */
  complete: boolean;
  /** most steps of one order */
  stops: number;
  /** orders that ended at something that is not modelled */
  skipped: number;
  /** the order with the fewest switches between CPUs that breaks it; null: it holds */
  broken: Broken | null;
}

/** An order that breaks a litmus test. */
export interface Broken {
  /** for `OneOrder.take`, one after the other */
  moves: number[];
  steps: OrderStep[];
  message: string;
}

export interface InterleaveOptions extends MemoryOptions {
  /** states, at most; 1000000 when absent */
  limit?: number;
  /** the search ends with the first order that breaks it */
  first?: boolean;
  /** every order by itself, also those that come to a state again: slow, for tests of this search */
  unmerged?: boolean;
}

/** The moves of an order, the last one first. */
interface Path {
  move: number;
  before: Path | null;
}

function movesOn(path: Path | null): number[] {
  const moves: number[] = [];
  for (let at = path; at !== null; at = at.before) moves.push(at.move);
  return moves.reverse();
}

/** Every order. */
export function searchOrders(setting: Setting, options: InterleaveOptions = {}): Interleaved {
  const limit = options.limit ?? 1_000_000;
  const found: Interleaved = { states: 0, orders: 0, ends: 0, complete: false, stops: 0, skipped: 0, broken: null };
  const seen = new Set<string>();
  const ends = new Set<string>();
  // paths by how often they switch
  const waiting: (Path | null)[][] = [[null]];
  for (let switches = 0; switches < waiting.length; switches++) {
    const paths = waiting[switches];
    while (paths.length > 0) {
      if (found.states >= limit || (found.broken !== null && options.first === true)) return found;
      const later = (path: Path): void => {
        waiting[switches + 1] ??= [];
        waiting[switches + 1].push(path);
      };
      play(setting, paths.pop() as Path | null, { found, seen: options.unmerged === true ? null : seen, ends }, later);
      found.ends = ends.size;
    }
  }
  found.complete = true;
  return found;
}

interface Search {
  found: Interleaved;
  /** null: states are not told apart */
  seen: Set<string> | null;
  ends: Set<string>;
}

/** Plays a path and goes on from its end without a switch, as long as that leads to something new. */
function play(setting: Setting, path: Path | null, search: Search, later: (path: Path) => void): void {
  const { found, seen } = search;
  const order = new OneOrder(setting);
  found.orders++;
  for (const move of movesOn(path)) order.take(move);
  for (let at = path; ; ) {
    const state = seen === null ? '' : order.state();
    if (seen?.has(state) === true) return;
    seen?.add(state);
    found.states++;
    found.stops = Math.max(found.stops, order.steps.length);
    const moves = order.moves();
    if (moves.length === 0) {
      end(order, movesOn(at), search);
      return;
    }
    const on = moves[0];
    for (let i = 1; i < moves.length; i++) later({ move: moves[i], before: at });
    at = { move: on, before: at };
    order.take(on);
  }
}

function end(order: OneOrder, moves: number[], { found, ends }: Search): void {
  ends.add(order.memory());
  const message = order.verdict();
  if (order.ended !== null && !order.ended.modelled) found.skipped++;
  if (message === null) return;
  if (found.broken !== null && switchesOf(found.broken.steps) <= switchesOf(order.steps)) return;
  found.broken = { moves, steps: order.steps, message };
}
