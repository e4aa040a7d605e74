// SPDX-License-Identifier: GPL-2.0-only
/** Which claims and objections are asked of which proposal for vcpu_is_preempted() on arm64: all of all. */
import type { Claim } from '../../vocabulary.js';
import { promises } from './claims.js';
import { objections } from './objections.js';

export { recorded } from './recorded.js';

export const versions: readonly string[] = [
  ...['preempted-rfc-2020', 'preempted-gated', 'preempted-not-blocking', 'preempted-2021'],
  ...['preempted-zengruan-v1', 'preempted-zengruan-v2', 'preempted-zengruan-v3'],
  ...['preempted-usama-rfc', 'preempted-usama-v2', 'preempted-usama-v3', 'preempted-openeuler'],
];

/** The claims of every proposal and every objection. What each is asked of is what was there before as well. */
export const claims: readonly Claim[] = [...promises, ...objections];
