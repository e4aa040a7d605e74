// SPDX-License-Identifier: GPL-2.0-only
/** Verdicts that were seen, by property and kernel. On the base nobody runs a governor. */
import type { Recorded, Verdict } from '../../vocabulary.js';

const on = (base: Verdict, series: Verdict): Record<string, Verdict> => ({
  'v6.19': base,
  'v6.19+steal-governor': series,
});

export const recorded: Recorded = {
  'F1.1': on('vacuous', 'holds'),
  'F2.1': on('vacuous', 'holds'),
  'F3.1': on('vacuous', 'holds'),
  'F3.2': on('vacuous', 'refuted'),
  'F4.1': on('holds', 'refuted'),
  'F5.1': on('vacuous', 'holds'),
  'F5.2': on('vacuous', 'refuted'),
  'F6.1': on('vacuous', 'holds'),
  'F7.1': on('vacuous', 'holds'),
};
