// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts as seen with the default seed and number of runs; docs/properties.md says why. */
import type { Recorded, Verdict } from '../../vocabulary.js';
import { BASE, ON_CFS, SERIES } from './monitors.js';

/** On the release that it was made for, where that differs. */
type OnCfs = [base: Verdict, series: Verdict];

const on = (base: Verdict, series: Verdict, onCfs: OnCfs = [base, series]): Record<string, Verdict> => ({
  [BASE]: base,
  [SERIES]: series,
  [ON_CFS]: onCfs[0],
  [`${ON_CFS}+pvsched-v1`]: onCfs[1],
});

export const recorded: Recorded = {
  'B1.1': on('refuted', 'holds'),
  'B1.2': on('refuted', 'holds'),
  'B1.3': on('unreachable', 'holds'),
  'B1.4': on('refuted', 'refuted'),
  'B2.1': on('vacuous', 'holds'),
  'B2.2': on('vacuous', 'holds'),
  'B2.3': on('vacuous', 'holds'),
  'B3.1': on('vacuous', 'holds'),
  'B3.2': on('vacuous', 'refuted'),
  'B3.3': on('vacuous', 'refuted'),
  'B4.1': on('holds', 'holds'),
  'B4.2': on('holds', 'holds'),
  'B5.1': on('vacuous', 'holds'),
  'B5.2': on('vacuous', 'refuted'),
  'B5.3': on('vacuous', 'refuted'),
  'B6.1': on('vacuous', 'holds'),
  'B6.2': on('vacuous', 'refuted'),
  'B6.3': on('vacuous', 'refuted'),
  'B7.1': on('holds', 'holds'),
  'B7.2': on('holds', 'holds'),
  'B8.1': on('vacuous', 'refuted'),
  'B8.2': on('vacuous', 'refuted'),
  'B11.1': on('vacuous', 'refuted'),
  'B11.2': on('vacuous', 'refuted'),
  'B11.3': on('vacuous', 'holds'),
  'B12.1': on('vacuous', 'refuted'),
  'B12.2': on('vacuous', 'refuted'),
  'B13.1': on('vacuous', 'holds'),
  'B13.2': on('vacuous', 'holds'),
  'B14.1': on('vacuous', 'holds'),
  'B14.2': on('vacuous', 'holds'),
  'B14.3': on('vacuous', 'holds'),
  'B15.1': on('vacuous', 'holds'),
  'B15.2': on('holds', 'holds'),
  'B17.1': on('holds', 'holds'),
  'B17.2': on('holds', 'holds', ['vacuous', 'vacuous']),
  'B17.3': on('holds', 'holds', ['vacuous', 'vacuous']),
  'B17.4': on('holds', 'holds'),
  'BR1.1': on('holds', 'refuted'),
  'BR2.1': on('vacuous', 'refuted'),
  'BR4.1': on('vacuous', 'refuted'),
  'BR4.2': on('vacuous', 'refuted'),
  'BR7.1': on('vacuous', 'refuted'),
  'BR7.2': on('vacuous', 'refuted'),
  'BR10.1': on('vacuous', 'holds', ['vacuous', 'refuted']),
  'BR11.1': on('holds', 'refuted'),
  'BR11.2': on('holds', 'refuted'),
  'BR11.3': on('holds', 'holds', ['holds', 'refuted']),
  'BR11.4': on('holds', 'holds'),
  'BR11.5': on('holds', 'refuted'),
  'BR11.6': on('holds', 'holds'),
  'BR11.7': on('holds', 'refuted'),
};
