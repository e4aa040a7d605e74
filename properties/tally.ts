// SPDX-License-Identifier: GPL-2.0-only
/** How many claims about a series hold, as its recorded verdicts say. */
import type { Claim, Recorded } from './vocabulary.js';

/** Claims and objections by what came of them; they add up to `claims`. */
export interface Tally {
  claims: number;
  /** every property holds */
  hold: number;
  /** a property is refuted */
  refuted: number;
  /** none is, and what one says can happen was never reached */
  unreachable: number;
  /** none of these, and the case of one was never reached, or it is not recorded */
  vacuous: number;
  /** no model can answer */
  unanswerable: number;
}

/** `kernel` is the name of the kernel that the series makes. */
export function tallyOf(claims: readonly Claim[], recorded: Recorded, kernel: string): Tally {
  const tally: Tally = { claims: 0, hold: 0, refuted: 0, unreachable: 0, vacuous: 0, unanswerable: 0 };
  for (const { properties, unanswerable } of claims) {
    const verdicts = properties.map(({ id }) => recorded[id]?.[kernel]);
    tally.claims++;
    if (unanswerable !== undefined) tally.unanswerable++;
    else if (verdicts.includes('refuted')) tally.refuted++;
    else if (verdicts.includes('unreachable')) tally.unreachable++;
    else if (verdicts.every((verdict) => verdict === 'holds')) tally.hold++;
    else tally.vacuous++;
  }
  return tally;
}

/** The systems whose claims are asked: what they are, and the series that stands for each. */
export const SYSTEMS = [
  ['A', 'semantics-aware-v2', 'yields and candidates that know of IPIs'],
  ['B', 'pvsched-v1', 'guests that say when they are in a hurry'],
  ['C', 'directed-yield-v7', 'directed yield at pause-loop exits'],
  ['D', 'wfx-v6', "control of arm64's WFx traps"],
  ['E', 'preempted-rfc-2020', "arm64's vcpu_is_preempted()"],
] as const;
