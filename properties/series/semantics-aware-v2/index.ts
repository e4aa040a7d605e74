// SPDX-License-Identifier: GPL-2.0-only
/** Every claim of the author of semantics-aware-v2 and every objection of its reviewers, in the order of their numbers. */
import type { Claim, Recorded } from '../../vocabulary.js';
import { orders } from './kvm-orders.js';
import { selection } from './kvm-selection.js';
import { throughput } from './kvm-throughput.js';
import { tracking } from './kvm-tracking.js';
import { recorded as recordedKvm } from './recorded-kvm.js';
import { recorded as recordedScheduler } from './recorded-scheduler.js';
import { bounds } from './sched-bounds.js';
import { fairness } from './sched-fairness.js';
import { objections } from './sched-objections.js';
import { preference } from './sched-preference.js';

const number = (claim: Claim): number => Number(claim.id.replace(/^\D+/, '')) + (claim.id.startsWith('AR') ? 1000 : 0);

/** Objections that compare with what the series does: the base never promised an answer. */
const COMPARISONS = ['AR9', 'AR11'];

/** The author's claims are promises of the series; what a reviewer wants to be true is asked of the base as well. */
const promised = (claim: Claim): Claim =>
  claim.id.startsWith('AR') && !COMPARISONS.includes(claim.id) ? claim : { ...claim, promisedBy: 'semantics-aware-v2' };

export const claims: Claim[] = [
  ...bounds,
  ...preference,
  ...fairness,
  ...objections,
  ...tracking,
  ...selection,
  ...orders,
  ...throughput,
]
  .map(promised)
  .sort((a, b) => number(a) - number(b));

/** Verdicts that were seen, by property and kernel. */
export const recorded: Recorded = { ...recordedScheduler, ...recordedKvm };
