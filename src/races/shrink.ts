// SPDX-License-Identifier: GPL-2.0-only
/**
 * A case that fails in some order, made smaller as long as it fails in the same way in some order: fewer operations,
 * fewer vCPUs and CPUs, fewer flags; in the end, if they can all be tried, the order with the fewest switches.
 */

import { seedRng } from '../machine/rng.js';
import { type Broken, searchOrders } from './every-order.js';
import type { Setting } from './one-order.js';
import { playOrder, randomOrder } from './random-order.js';
import { caseText, hasTarget, type RaceCase } from './world.js';

/** A case and an order in which it fails. */
export interface Failing {
  race: RaceCase;
  broken: Broken;
}

export interface ShrinkLimits {
  /** random orders that a smaller case gets to fail in */
  orders: number;
  /** states of the search for an order with few switches */
  states: number;
}

export const SHRINK_LIMITS: ShrinkLimits = { orders: 100, states: 20_000 };

/** What went wrong, without the details: a smaller case must do the same. */
export function kindOf(message: string): string {
  return message.split(/[:;]/)[0];
}

/** `setting` makes a case into something whose orders can be tried. */
export function shrinkCase(
  from: Failing,
  setting: (c: RaceCase) => Setting,
  limits: ShrinkLimits = SHRINK_LIMITS,
): Failing {
  const kind = kindOf(from.broken.message);
  const tried = new Set([caseText(from.race)]);
  let best = from;
  for (let smaller: Failing | null = best; smaller !== null; ) {
    best = smaller;
    smaller = null;
    for (const race of smallerCases(best.race)) {
      const text = caseText(race);
      if (tried.has(text)) continue;
      tried.add(text);
      const broken = failsAs(kind, setting(race), best.broken.moves, limits.orders);
      if (broken === null) continue;
      smaller = { race, broken };
      break;
    }
  }
  return { race: best.race, broken: fewestSwitches(best, kind, setting(best.race), limits.states) };
}

function failsAs(kind: string, setting: Setting, moves: readonly number[], orders: number): Broken | null {
  const fails = (broken: Broken | null): boolean => broken !== null && kindOf(broken.message) === kind;
  const alike = playOrder(setting, moves);
  if (fails(alike.broken)) return alike.broken;
  const chance = { rng: seedRng(1) };
  for (let i = 0; i < orders; i++) {
    const { broken } = randomOrder(setting, chance);
    if (fails(broken)) return broken;
  }
  return null;
}

/** Smaller cases, those with most left out first. */
function* smallerCases(c: RaceCase): Generator<RaceCase> {
  for (let i = 0; i < c.programs.length; i++) {
    const less = withoutVcpu(c, i);
    if (less !== null) yield less;
  }
  for (let i = 0; i < c.programs.length; i++) {
    if (c.programs[i].length > 1) yield withProgram(c, i, []);
  }
  if (c.cpus < c.programs.length && c.programs.length <= 4) yield { ...c, cpus: c.programs.length };
  for (let i = 0; i < c.programs.length; i++) {
    for (let at = 0; at < c.programs[i].length; at++)
      yield withProgram(
        c,
        i,
        c.programs[i].filter((_op, j) => j !== at),
      );
  }
  for (const flag of c.flags) yield { ...c, flags: c.flags.filter((it) => it !== flag) };
  // one receiver in place of all
  for (let i = 0; i < c.programs.length; i++) {
    for (let at = 0; at < c.programs[i].length; at++) {
      const op = c.programs[i][at];
      if (op.op !== 'all') continue;
      for (let to = 0; to < c.programs.length; to++) {
        if (to === i) continue;
        yield withProgram(
          c,
          i,
          c.programs[i].map((it, j) => (j === at ? { op: 'ipi', to, vector: op.vector } : it)),
        );
      }
    }
  }
}

function withProgram(c: RaceCase, vcpu: number, program: RaceCase['programs'][number]): RaceCase {
  return { ...c, programs: c.programs.map((it, i) => (i === vcpu ? program : it)) };
}

/** The case without a vCPU, and without what the others do to it; null when too little would be left. */
function withoutVcpu(c: RaceCase, vcpu: number): RaceCase | null {
  if (c.programs.length <= 2) return null;
  const programs = c.programs
    .filter((_, i) => i !== vcpu)
    .map((ops) =>
      ops
        .filter((op) => !hasTarget(op.op) || op.to !== vcpu)
        .map((op) => (op.to > vcpu ? { ...op, to: op.to - 1 } : op)),
    );
  return { ...c, cpus: Math.min(c.cpus, programs.length), programs };
}

function fewestSwitches(best: Failing, kind: string, setting: Setting, limit: number): Broken {
  const { broken } = searchOrders(setting, { limit, first: true });
  return broken !== null && kindOf(broken.message) === kind ? broken : best.broken;
}
