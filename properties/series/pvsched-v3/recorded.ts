// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts as seen with the default seed and number of runs; docs/properties.md says why. */
import type { Recorded, Verdict } from '../../vocabulary.js';
import { BASE, PIN, SERIES } from './monitors.js';

/** The same on v6.19 and on the pin. */
const on = (base: Verdict, series: Verdict): Record<string, Verdict> => ({
  [BASE]: base,
  [SERIES]: series,
  [PIN]: base,
  [`${PIN}+pvsched-v3`]: series,
});

export const recorded: Recorded = {
  'B9.1': on('vacuous', 'holds'),
  'B9.2': on('vacuous', 'holds'),
  'B9.3': on('vacuous', 'holds'),
  'B9.4': on('vacuous', 'refuted'),
  'B9.5': on('vacuous', 'holds'),
  'B10.1': on('vacuous', 'holds'),
  'B16.1': on('vacuous', 'holds'),
  'B16.2': on('vacuous', 'holds'),
  'B18.1': on('refuted', 'refuted'),
  'B18.2': on('refuted', 'refuted'),
  'B18.3': on('refuted', 'refuted'),
  'B18.4': on('refuted', 'holds'),
  'B19.1': on('vacuous', 'holds'),
  'B19.2': on('vacuous', 'refuted'),
  'B19.3': on('vacuous', 'holds'),
  'B20.1': on('vacuous', 'holds'),
  'B20.2': on('vacuous', 'refuted'),
  'B20.3': on('vacuous', 'refuted'),
  'B21.1': on('vacuous', 'holds'),
  'B21.2': on('vacuous', 'holds'),
  'B22.1': on('vacuous', 'holds'),
  'B23.1': on('vacuous', 'holds'),
  'B23.2': on('vacuous', 'holds'),
  'BR1.2': on('vacuous', 'refuted'),
  'BR4.3': on('vacuous', 'refuted'),
  'BR4.4': on('vacuous', 'holds'),
  'BR11.8': on('holds', 'refuted'),
  'BR11.9': on('holds', 'holds'),
  'BR11.10': on('holds', 'holds'),
};
