// SPDX-License-Identifier: GPL-2.0-only
/** What pvsched-v3 promises, and what was objected to before it, in the order of their numbers. */
import type { Claim } from '../../vocabulary.js';
import { budgets } from './budgets.js';
import { objections } from './objections.js';
import { pages } from './pages.js';
import { requests } from './requests.js';

export { recorded } from './recorded.js';

const number = ({ id }: Claim): number => Number(id.slice(1));

/** The promises, then the objections. */
export const claims: Claim[] = [...budgets, ...requests, ...pages]
  .map((claim): Claim => ({ ...claim, promisedBy: 'pvsched-v3' }))
  .sort((a, b) => number(a) - number(b))
  .concat(objections);
