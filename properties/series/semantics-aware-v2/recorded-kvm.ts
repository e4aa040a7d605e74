// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts on the KVM half as seen with the default seed and number of runs; docs/properties.md says why. */
import type { Recorded, Verdict } from '../../vocabulary.js';

const BASE = 'v6.19-rc1';
const SERIES = 'v6.19-rc1+semantics-aware-v2';

const on = (base: Verdict, series: Verdict): Record<string, Verdict> => ({ [BASE]: base, [SERIES]: series });

export const recorded: Recorded = {
  'A9.1': on('vacuous', 'holds'),
  'A9.2': on('vacuous', 'holds'),
  'A11.1': on('vacuous', 'holds'),
  'A11.2': on('vacuous', 'holds'),
  'A12.1': on('vacuous', 'refuted'),
  'A12.2': on('vacuous', 'refuted'),
  'A12.3': on('vacuous', 'holds'),
  'A12.4': on('vacuous', 'refuted'),
  'A13.1': on('refuted', 'refuted'),
  'A13.2': on('refuted', 'holds'),
  'A13.3': on('refuted', 'refuted'),
  'A13.4': on('refuted', 'refuted'),
  'A13.5': on('unreachable', 'holds'),
  'A13.6': on('unreachable', 'holds'),
  'A14.1': on('holds', 'refuted'),
  'A14.2': on('holds', 'refuted'),
  'A14.3': on('holds', 'refuted'),
  'A14.4': on('holds', 'refuted'),
  'A14.5': on('unreachable', 'holds'),
  'A16.1': on('vacuous', 'refuted'),
  'A16.2': on('vacuous', 'holds'),
  'A17.1': on('vacuous', 'holds'),
  'A17.2': on('vacuous', 'refuted'),
  'A17.3': on('vacuous', 'refuted'),
  'A17.4': on('vacuous', 'refuted'),
  'A18.1': on('holds', 'refuted'),
  'A18.2': on('vacuous', 'holds'),
  'A18.3': on('vacuous', 'refuted'),
  'A18.4': on('holds', 'holds'),
  'A18.5': on('holds', 'holds'),
  'A21.1': on('holds', 'holds'),
  'A21.2': on('holds', 'holds'),
  'A21.3': on('holds', 'holds'),
  'A21.4': on('holds', 'holds'),
  'A21.5': on('holds', 'holds'),
  'A21.6': on('holds', 'refuted'),
  'A21.7': on('unreachable', 'unreachable'),
  'A21.8': on('unreachable', 'holds'),
  'A21.9': on('unreachable', 'holds'),
  'AR3.1': on('holds', 'holds'),
  'AR3.2': on('holds', 'holds'),
  'AR3.3': on('refuted', 'refuted'),
  'AR13.1': on('vacuous', 'holds'),
  'AR13.2': on('vacuous', 'refuted'),
  'AR13.3': on('vacuous', 'refuted'),
  'AR13.4': on('vacuous', 'refuted'),
  'AR13.5': on('unreachable', 'unreachable'),
  'AR15.1': on('vacuous', 'refuted'),
};
