// SPDX-License-Identifier: GPL-2.0-only
/** Every claim of the authors of pvsched-v1 and every objection of its reviewers, in the order of their numbers. */
import type { Claim } from '../../vocabulary.js';
import { guestScheduler } from './guest-scheduler.js';
import { latency } from './latency.js';
import { objections } from './objections.js';
import { requests } from './requests.js';
import { statuses } from './status.js';

export { recorded } from './recorded.js';

const number = ({ id }: Claim): number => Number(id.replace(/^\D+/, '')) + (id.startsWith('BR') ? 1000 : 0);

/** Promises of v3, which is not here. */
const later: Claim[] = [
  { id: 'B9', words: 'boosted time is bounded by budgets (v3)', properties: [], unanswerable: 'a claim of v3' },
  {
    id: 'B10',
    words: 'a guest with hooks on another host is unchanged (v3)',
    properties: [],
    unanswerable: 'a claim of v3',
  },
  {
    id: 'B16',
    words: 'boosted time in a window is limits and recovery (v3)',
    properties: [],
    unanswerable: 'a claim of v3',
  },
];

/** The authors' claims are promises of the series; what a reviewer wants to be true is asked of the base as well. */
export const claims: Claim[] = [...latency, ...requests, ...statuses, ...guestScheduler, ...later]
  .map((claim): Claim => ({ ...claim, promisedBy: 'pvsched-v1' }))
  .concat(objections)
  .sort((a, b) => number(a) - number(b));
