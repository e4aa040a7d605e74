// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts on the scheduler's half as seen with the default seed and number of runs; docs/properties.md says why. */
import type { Recorded, Verdict } from '../../vocabulary.js';

const BASE = 'v6.19-rc1';
const SERIES = 'v6.19-rc1+semantics-aware-v2';
const PRE_FORFEIT = 'v6.19-rc1+pre-forfeit';
const ALTERNATIVE_1 = 'v6.19-rc1+yield-hierarchy';
const ALTERNATIVE_2 = 'v6.19-rc1+yield-hierarchy-weighted';

const on = (base: Verdict, series: Verdict): Record<string, Verdict> => ({ [BASE]: base, [SERIES]: series });

/** Also before forfeit on yield, and with the two alternatives of the review. */
const onAll = (
  base: Verdict,
  series: Verdict,
  before: Verdict,
  first: Verdict,
  second: Verdict,
): Record<string, Verdict> => ({
  ...on(base, series),
  [PRE_FORFEIT]: before,
  [ALTERNATIVE_1]: first,
  [ALTERNATIVE_2]: second,
});

export const recorded: Recorded = {
  'A1.1': on('vacuous', 'holds'),
  'A1.2': on('holds', 'holds'),
  'A1.3': on('holds', 'refuted'),
  'A2.1': onAll('refuted', 'holds', 'refuted', 'refuted', 'refuted'),
  'A2.2': onAll('refuted', 'holds', 'refuted', 'refuted', 'refuted'),
  'A2.3': onAll('unreachable', 'holds', 'unreachable', 'unreachable', 'unreachable'),
  'A2.4': onAll('refuted', 'holds', 'refuted', 'refuted', 'refuted'),
  'A2.5': on('refuted', 'refuted'),
  'A3.1': on('holds', 'holds'),
  'A3.2': on('holds', 'holds'),
  'A3.3': on('holds', 'refuted'),
  'A4.1': on('vacuous', 'holds'),
  'A4.2': on('vacuous', 'refuted'),
  'A4.3': on('vacuous', 'holds'),
  'A4.4': on('vacuous', 'holds'),
  'A5.1': on('vacuous', 'holds'),
  'A5.2': on('holds', 'holds'),
  'A5.3': on('unreachable', 'unreachable'),
  'A5.4': on('vacuous', 'refuted'),
  'A6.1': on('unreachable', 'unreachable'),
  'A6.2': on('vacuous', 'holds'),
  'A7.1': on('vacuous', 'holds'),
  'A7.2': on('vacuous', 'refuted'),
  'A7.3': on('vacuous', 'refuted'),
  'A8.1': onAll('vacuous', 'holds', 'vacuous', 'vacuous', 'vacuous'),
  'A8.2': onAll('refuted', 'holds', 'refuted', 'refuted', 'refuted'),
  'A15.1': on('vacuous', 'refuted'),
  'A15.2': on('vacuous', 'refuted'),
  'A19.1': on('vacuous', 'holds'),
  'A19.2': on('holds', 'holds'),
  'A20.1': on('vacuous', 'holds'),
  'A22.1': on('vacuous', 'holds'),
  'A22.2': on('holds', 'holds'),
  'A23.1': on('holds', 'holds'),
  'A24.1': on('holds', 'refuted'),
  'A24.2': on('holds', 'holds'),
  'A25.1': on('holds', 'holds'),
  'A25.2': on('unreachable', 'unreachable'),
  'AR4.1': onAll('holds', 'holds', 'refuted', 'holds', 'holds'),
  'AR4.2': onAll('holds', 'holds', 'refuted', 'holds', 'holds'),
  'AR6.1': onAll('holds', 'refuted', 'holds', 'holds', 'refuted'),
  'AR6.2': onAll('holds', 'refuted', 'refuted', 'holds', 'refuted'),
  'AR7.1': onAll('refuted', 'refuted', 'refuted', 'holds', 'holds'),
  'AR7.2': onAll('refuted', 'refuted', 'refuted', 'refuted', 'refuted'),
  'AR7.3': onAll('refuted', 'refuted', 'refuted', 'refuted', 'refuted'),
  'AR8.1': on('holds', 'refuted'),
  'AR9.1': onAll('holds', 'refuted', 'holds', 'refuted', 'refuted'),
  'AR9.2': onAll('refuted', 'refuted', 'holds', 'refuted', 'refuted'),
  'AR10.1': on('holds', 'holds'),
  'AR11.1': onAll('holds', 'refuted', 'holds', 'refuted', 'holds'),
  'AR11.2': onAll('refuted', 'refuted', 'refuted', 'refuted', 'holds'),
  'AR12.1': on('refuted', 'refuted'),
  'AR12.2': on('holds', 'holds'),
  'AR14.1': onAll('holds', 'refuted', 'holds', 'refuted', 'holds'),
  'AR14.2': onAll('holds', 'refuted', 'holds', 'holds', 'holds'),
};
