// SPDX-License-Identifier: GPL-2.0-only
import type { Recorded, Verdict } from '../../vocabulary.js';

export { claims } from './claims.js';

const SERIES = 'v2.6.38+directed-yield-v7';

/** v2.6.38, the series up to each patch, and the release. */
const on = (base: Verdict, one: Verdict, two: Verdict, three: Verdict, series: Verdict, release: Verdict) => ({
  'v2.6.38': base,
  [`${SERIES}~1`]: one,
  [`${SERIES}~2`]: two,
  [`${SERIES}~3`]: three,
  [SERIES]: series,
  'v2.6.39': release,
});

/** Verdicts that were seen, by property and kernel. */
export const recorded: Recorded = {
  'C1.1': on('refuted', 'refuted', 'refuted', 'refuted', 'holds', 'holds'),
  'C2.1': on('refuted', 'refuted', 'refuted', 'refuted', 'holds', 'holds'),
  'C3.1': on('vacuous', 'vacuous', 'vacuous', 'holds', 'holds', 'holds'),
  'C3.2': on('vacuous', 'vacuous', 'vacuous', 'holds', 'holds', 'holds'),
  'C4.1': on('vacuous', 'vacuous', 'vacuous', 'holds', 'holds', 'holds'),
  'C4.2': on('refuted', 'refuted', 'refuted', 'refuted', 'holds', 'holds'),
  'C7.1': on('vacuous', 'vacuous', 'vacuous', 'refuted', 'refuted', 'holds'),
  'C8.1': on('vacuous', 'vacuous', 'vacuous', 'vacuous', 'refuted', 'refuted'),
  'C8.2': on('vacuous', 'vacuous', 'vacuous', 'vacuous', 'holds', 'holds'),
};
